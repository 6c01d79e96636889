use super::*;

const ONE: Attempt = Attempt { sent: 1, room: 1, most: 100, suspects: 0, failures: 0 };
const MANY: Attempt = Attempt { sent: 100, room: 100, most: 100, suspects: 0, failures: 0 };

fn status(status: u16) -> Answer {
    Answer::Status { status, wait: None }
}

fn asks(status: u16, seconds: i64) -> Answer {
    Answer::Status { status, wait: Some(TimeDelta::seconds(seconds)) }
}

fn waits(seconds: i64, reason: Reason, status: impl Into<Option<u16>>) -> Next {
    Next::Wait { after: TimeDelta::seconds(seconds), failure: Failure { reason, status: status.into() } }
}

fn goes_on(settled: usize, room: usize) -> Next {
    Next::GoOn { settled, poison: Vec::new(), room, wait: None }
}

/// THE table: what comes back, of what, and what follows.
#[test]
fn every_answer_has_its_consequence() {
    let after = |failures| Attempt { failures, ..MANY };
    let suspects = |suspects| Attempt { suspects, ..ONE };
    let sent = |sent| Attempt { sent, ..MANY };
    let few = Attempt { sent: 3, room: 25, ..MANY };
    for (what, answer, attempt, follows) in [
        ("taken", Answer::Taken, MANY, goes_on(100, 100)),
        ("taken, fewer than there was room for", Answer::Taken, sent(3), goes_on(3, 100)),
        ("taken after it was halved: twice as many come next", Answer::Taken, few, goes_on(3, 50)),
        ("taken, one alone", Answer::Taken, ONE, goes_on(1, 2)),
        ("a batch is refused: half of it", status(400), MANY, Next::Fewer { room: 50 }),
        ("… and again", status(400), sent(3), Next::Fewer { room: 1 }),
        ("a batch is too large: half of it", status(413), MANY, Next::Fewer { room: 50 }),
        ("a batch cannot be processed: half of it", status(422), sent(2), Next::Fewer { room: 1 }),
        ("one alone is refused: is it the record?", status(400), ONE, Next::Suspect(400)),
        ("one alone is too large", status(413), suspects(19), Next::Suspect(413)),
        ("too many in a row: it is not the records", status(400), suspects(20), waits(1, Reason::Refused, 400)),
        ("the key is wrong", status(401), MANY, waits(30, Reason::Unauthorized, 401)),
        ("the key may not", status(403), ONE, waits(30, Reason::Unauthorized, 403)),
        ("… for long", status(403), after(3), waits(240, Reason::Unauthorized, 403)),
        ("… for very long", status(403), after(99), waits(900, Reason::Unauthorized, 403)),
        ("no such path", status(404), MANY, waits(30, Reason::Unexpected, 404)),
        ("no such method", status(405), MANY, waits(30, Reason::Unexpected, 405)),
        ("gone", status(410), MANY, waits(30, Reason::Unexpected, 410)),
        ("elsewhere", status(302), MANY, waits(30, Reason::Redirected, 302)),
        ("it waited too long for us", status(408), MANY, waits(1, Reason::Timeout, 408)),
        ("too many requests", status(429), MANY, waits(1, Reason::Overloaded, 429)),
        ("… and says when", asks(429, 70), MANY, waits(70, Reason::Overloaded, 429)),
        ("… sooner than we would", asks(429, 1), after(4), waits(16, Reason::Overloaded, 429)),
        ("… never", asks(429, 1_000_000), MANY, waits(3600, Reason::Overloaded, 429)),
        ("it fails", status(500), MANY, waits(1, Reason::Failing, 500)),
        ("it is away", status(502), after(1), waits(2, Reason::Failing, 502)),
        ("it is busy and says when", asks(503, 20), MANY, waits(20, Reason::Failing, 503)),
        ("it fails for long", status(503), after(8), waits(256, Reason::Failing, 503)),
        ("it fails for very long", status(503), after(u32::MAX), waits(300, Reason::Failing, 503)),
        ("no answer", Answer::No(Reason::Timeout), MANY, waits(1, Reason::Timeout, None)),
        ("nobody there", Answer::No(Reason::Unreachable), after(5), waits(32, Reason::Unreachable, None)),
        ("no such name", Answer::No(Reason::NoAddress), MANY, waits(30, Reason::NoAddress, None)),
        ("a bad certificate", Answer::No(Reason::Tls), MANY, waits(30, Reason::Tls, None)),
        ("taken and not safe", Answer::No(Reason::NotAcknowledged), MANY, waits(1, Reason::NotAcknowledged, None)),
        ("no key", Answer::No(Reason::NoKey), MANY, waits(30, Reason::NoKey, None)),
    ] {
        assert_eq!(next(answer, attempt, 0.0), follows, "{what}");
    }
}

#[test]
fn items_are_judged_one_by_one() {
    let attempt = Attempt { failures: 4, ..MANY };
    let all = Answer::Items { settled: 100, refused: vec![(7, 400)], rest: None };
    assert_eq!(next(all, attempt, 0.0), Next::GoOn { settled: 100, poison: vec![(7, 400)], room: 100, wait: None });
    let busy = Failure { reason: Reason::Overloaded, status: Some(429) };
    let some = Answer::Items { settled: 9, refused: Vec::new(), rest: Some(429) };
    let wait = Some((TimeDelta::seconds(1), busy));
    assert_eq!(
        next(some, attempt, 0.0),
        Next::GoOn { settled: 9, poison: Vec::new(), room: 100, wait },
        "a success ends the row"
    );
    let none = Answer::Items { settled: 0, refused: Vec::new(), rest: Some(429) };
    let wait = Some((TimeDelta::seconds(16), busy));
    assert_eq!(next(none, attempt, 0.0), Next::GoOn { settled: 0, poison: Vec::new(), room: 100, wait });
}

#[test]
fn what_failed_together_does_not_come_back_together() {
    let Next::Wait { after, .. } = next(status(500), MANY, 1.0) else { panic!("it waits") };
    assert_eq!(after, TimeDelta::milliseconds(1100));
}

#[test]
fn reasons_are_stored_by_their_names() {
    for reason in Reason::ALL {
        assert_eq!(Reason::stored(reason.as_str()), Some(*reason));
    }
    assert_eq!(Reason::stored("of a newer version"), None);
}
