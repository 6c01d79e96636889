use super::*;

const BREAKER: Breaker = Breaker { after_failures: 5, first: TimeDelta::seconds(30) };

fn at(seconds: i64) -> Time {
    "2026-11-23T08:00:00Z".parse::<Time>().unwrap() + TimeDelta::seconds(seconds)
}

fn tried(arrived: bool, second: i64) -> Tried {
    signed(if arrived { Sign::Arrived } else { Sign::Down }, second)
}

fn signed(sign: Sign, second: i64) -> Tried {
    Tried { sign, at: at(second), took: TimeDelta::milliseconds(20), not_before: None }
}

/// A circuit of an endpoint that has answered 2xx before.
fn verified() -> Circuit {
    Circuit { verified_at: Some(at(0)), ..Circuit::default() }
}

/// A circuit that opened at second 5.
fn open() -> Circuit {
    let failures: Vec<_> = (1..=5).map(|second| tried(false, second)).collect();
    verified().after(&failures, BREAKER, at(5), 0.0)
}

#[test]
fn it_opens_after_five_failures_in_a_row_and_not_before() {
    let four: Vec<_> = (1..5).map(|second| tried(false, second)).collect();
    let closed = verified().after(&four, BREAKER, at(4), 0.0);
    assert_eq!((closed.failures, closed.open_until, closed.room(4)), (4, None, 4));
    let opened = closed.after(&[tried(false, 5)], BREAKER, at(5), 0.0);
    assert_eq!((opened.failures, opened.opened, opened.open_until, opened.room(4)), (5, 1, Some(at(35)), 1));
    assert_eq!(opened, open(), "one by one or together");
    let mixed = verified().after(&[four.as_slice(), &[tried(true, 5), tried(false, 6)]].concat(), BREAKER, at(6), 0.0);
    assert_eq!((mixed.failures, mixed.open_until, mixed.failing_since), (1, None, Some(at(6))));
}

#[test]
fn failures_of_what_was_in_flight_do_not_open_it_further() {
    let late = open().after(&[tried(false, 3), tried(false, 4)], BREAKER, at(20), 0.0);
    assert_eq!((late.failures, late.opened, late.open_until), (7, 1, Some(at(35))));
}

#[test]
fn each_failed_probe_doubles_the_wait_up_to_a_bound() {
    let (mut circuit, mut waits, mut now) = (open(), Vec::new(), at(36));
    for _ in 0..7 {
        circuit = circuit.after(&[Tried { at: now, ..tried(false, 0) }], BREAKER, now, 0.0);
        let until = circuit.open_until.unwrap();
        waits.push((until - now).num_seconds());
        now = until;
    }
    assert_eq!(waits, [60, 120, 240, 480, 900, 900, 900]);
    let jittered = circuit.after(&[tried(false, 100_000)], BREAKER, at(100_000), 1.0);
    assert_eq!(jittered.open_until, Some(at(100_990)), "up to a tenth more");
}

#[test]
fn without_a_number_of_failures_it_never_opens() {
    let never = Breaker { after_failures: 0, ..BREAKER };
    let failures: Vec<_> = (1..=50).map(|second| tried(false, second)).collect();
    let circuit = verified().after(&failures, never, at(50), 0.0);
    assert_eq!((circuit.failures, circuit.open_until, circuit.room(4)), (50, None, 4));
}

#[test]
fn one_success_closes_it() {
    let closed = open().after(&[tried(true, 40)], BREAKER, at(40), 0.0);
    assert_eq!(closed, verified());
}

#[test]
fn how_long_it_fails_counts_to_the_last_failure() {
    let failing = open().after(&[tried(false, 86_401)], BREAKER, at(90_000), 0.0);
    assert_eq!((failing.failing_since, failing.failing_seconds), (Some(at(1)), 86_400));
    // A straggler that began earlier takes nothing back.
    assert_eq!(failing.after(&[tried(false, 10)], BREAKER, at(90_001), 0.0).failing_seconds, 86_400);
}

#[test]
fn it_is_slow_as_its_last_answer_was() {
    let slow = Tried { took: TimeDelta::seconds(2), ..tried(true, 1) };
    let circuit = verified().after(&[slow], BREAKER, at(3), 0.0);
    assert!(circuit.slow && circuit.failures == 0);
    assert!(!circuit.after(&[slow, tried(true, 4)], BREAKER, at(4), 0.0).slow);
    assert!(verified().after(&[tried(false, 1)], BREAKER, at(1), 0.0).slow, "no answer is a slow one");
}

#[test]
fn only_signs_that_it_is_down_open_it() {
    for status in [None, Some(429), Some(500), Some(502), Some(503), Some(599)] {
        assert_eq!(Sign::of_failure(status), Sign::Down, "{status:?}");
    }
    for status in [101, 302, 400, 401, 404, 408, 410, 413, 422] {
        assert_eq!(Sign::of_failure(Some(status)), Sign::Refused, "{status}");
    }
    let refused: Vec<_> = (1..=50).map(|second| signed(Sign::Refused, second)).collect();
    let closed = verified().after(&refused, BREAKER, at(50), 0.0);
    assert_eq!((closed.failures, closed.open_until, closed.room(4), closed.slow), (0, None, 4, false));
    assert_eq!((closed.failing_since, closed.failing_seconds), (Some(at(1)), 49), "nothing arrives there all the same");
    // As a probe it neither opens the circuit further nor closes it.
    let probed = open().after(&[signed(Sign::Refused, 40)], BREAKER, at(40), 0.0);
    assert_eq!((probed.opened, probed.open_until, probed.room(4)), (1, Some(at(35)), 1));
    assert_eq!(probed.after(&[tried(false, 41)], BREAKER, at(41), 0.0).open_until, Some(at(101)));
}

#[test]
fn it_is_left_alone_for_as_long_as_it_asks() {
    let asks = Tried { not_before: Some(at(900)), ..tried(false, 1) };
    let asked = verified().after(&[asks], BREAKER, at(1), 0.0);
    assert_eq!((asked.failures, asked.opened, asked.open_until), (1, 0, Some(at(900))));
    // What was in flight, or is opened by it, does not shorten that; what arrived later takes it back.
    let more: Vec<_> = (2..=6).map(|second| tried(false, second)).collect();
    assert_eq!(asked.after(&more, BREAKER, at(6), 0.0).open_until, Some(at(900)));
    let opened = verified().after(&[more.as_slice(), &[asks]].concat(), BREAKER, at(6), 0.0);
    assert_eq!((opened.opened, opened.open_until), (1, Some(at(900))));
    assert_eq!(verified().after(&[asks, tried(true, 2)], BREAKER, at(2), 0.0).open_until, None);
    let unsent = verified().after(&[Tried { not_before: Some(at(900)), ..signed(Sign::Unsent, 1) }], BREAKER, at(1), 0.0);
    assert_eq!(unsent, Circuit { open_until: Some(at(900)), ..verified() });
}

#[test]
fn before_the_first_success_every_answer_counts_and_one_is_in_flight() {
    for sign in [Sign::Refused, Sign::Down] {
        let four: Vec<_> = (1..5).map(|second| signed(sign, second)).collect();
        let closed = Circuit::default().after(&four, BREAKER, at(4), 0.0);
        assert_eq!((closed.failures, closed.open_until, closed.room(4)), (4, None, 1), "{sign:?}");
        let opened = closed.after(&[signed(sign, 5)], BREAKER, at(5), 0.0);
        assert_eq!((opened.failures, opened.open_until), (5, Some(at(35))), "{sign:?}");
        let probed = opened.after(&[signed(sign, 40)], BREAKER, at(40), 0.0);
        assert_eq!((probed.opened, probed.open_until), (2, Some(at(100))), "{sign:?}");
    }
}

#[test]
fn the_first_success_verifies_and_stays() {
    let first = Circuit::default().after(&[signed(Sign::Refused, 1), tried(true, 2)], BREAKER, at(2), 0.0);
    assert_eq!((first.verified_at, first.failures, first.room(4)), (Some(at(2)), 0, 4));
    let refused: Vec<_> = (3..50).map(|second| signed(Sign::Refused, second)).collect();
    let later = first.after(&refused, BREAKER, at(50), 0.0).after(&[tried(true, 60)], BREAKER, at(60), 0.0);
    assert_eq!((later.verified_at, later.opened), (Some(at(2)), 0));
    // In one batch: what was refused after it refuses one event only.
    let mixed = Circuit::default().after(&[&[tried(true, 2)], refused.as_slice()].concat(), BREAKER, at(50), 0.0);
    assert_eq!((mixed.failures, mixed.open_until), (0, None));
}

#[test]
fn probes_change_between_old_and_new_until_something_arrived() {
    let probes = |circuit: Circuit| [1, 2, 3, 4].map(|opened| Circuit { opened, ..circuit }.probe());
    let (old, new) = (Probe::OldestFailed, Probe::LeastFailed);
    assert_eq!(probes(Circuit::default()), [old, new, old, new]);
    assert_eq!(probes(verified()), [old; 4]);
}
