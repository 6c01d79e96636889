use super::*;
use crate::core::clock::Clock;

fn now() -> Time {
    crate::core::clock::ManualClock::at("2026-11-29T00:00:00Z".parse().unwrap()).now()
}

fn one(name: &str, from: i64, to: i64) -> Certificate {
    Certificate {
        sha256: name.to_owned(),
        der: String::new(),
        subject: name.to_owned(),
        not_before: now() + TimeDelta::days(from),
        not_after: now() + TimeDelta::days(to),
        by_hand: false,
        gone_at: None,
        warned: None,
    }
}

fn gone(days: i64) -> Certificate {
    Certificate { gone_at: Some(now() - TimeDelta::days(days)), ..one("gone", -10, 10) }
}

#[test]
fn dates_decide_what_it_is_good_for() {
    for (certificate, state) in [
        (one("a", -1, 1), State::Current),
        (one("a", 0, 1), State::Current),
        (one("a", 1, 2), State::Next),
        (one("a", -2, 0), State::Retired),
        (gone(6), State::Current),
        (gone(7), State::Retired),
    ] {
        assert_eq!(certificate.state(now()), state, "{certificate:?}");
    }
}

#[test]
fn new_ones_join_and_vanished_ones_are_used_for_a_week() {
    let by_hand = Certificate { by_hand: true, ..one("hand", -10, -1) };
    let names = |all: &[Certificate]| all.iter().map(|c| (c.sha256.clone(), c.gone_at)).collect::<Vec<_>>();
    let known = [one("old", -10, 10), one("stays", -10, 10), gone(8), by_hand];
    let found = joined(&known, &[one("stays", -10, 10), one("new", 1, 100)], now());
    let expected = [("old", Some(now())), ("stays", None), ("hand", None), ("new", None)];
    assert_eq!(names(&found), expected.map(|(name, at)| (name.to_owned(), at)));
    // It comes back.
    let again = joined(&found, &[one("old", -10, 10)], now() + TimeDelta::days(1));
    assert_eq!(names(&again)[0], ("old".to_owned(), None));
    assert_eq!(names(&again)[1], ("stays".to_owned(), Some(now() + TimeDelta::days(1))));
    let many: Vec<_> = (0..30).map(|n| one(&n.to_string(), -1, 1)).collect();
    assert_eq!(joined(&[], &many, now()).len(), MAX_CERTIFICATES);
}

#[test]
fn the_last_certificate_is_warned_of_three_times() {
    let mut all = vec![one("short", -100, 3), one("long", -100, 61)];
    let mut told = Vec::new();
    for day in 0..62 {
        let at = now() + TimeDelta::days(day);
        if let Some((certificate, days)) = warning_due(&mut all, at) {
            certificate.warned = Some(days);
            told.push((day, certificate.sha256.clone(), days));
        }
    }
    assert_eq!(told, [(1, 60), (31, 30), (54, 7)].map(|(day, left)| (day, "long".to_owned(), left)));
    // Looked at for the first time when it is nearly over: one warning, the nearest.
    assert_eq!(warning_due(&mut [one("late", -100, 5)], now()).map(|(_, days)| days), Some(7));
    assert!(warning_due(&mut [gone(1)], now()).is_none() && warning_due(&mut [], now()).is_none());
}
