use chrono::TimeDelta;

use super::*;

fn at(second: i64) -> Time {
    Time::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn down() -> Failure {
    Failure::at(Step::Connect, Reason::Unreachable)
}

#[test]
fn what_follows_from_a_reply_is_in_its_numbers() {
    for (step, code, text, remedy) in [
        (Step::Greeting, 421, "4.3.2 shutting down", Remedy::Down),
        (Step::Greeting, 554, "no service for you", Remedy::Broken),
        (Step::Auth, 535, "5.7.8 wrong password", Remedy::Broken),
        (Step::Auth, 454, "4.7.0 later", Remedy::Down),
        (Step::Sender, 553, "5.7.1 not your address", Remedy::Broken),
        (Step::Sender, 452, "full", Remedy::Down),
        (Step::Recipient, 550, "5.1.1 no such user", Remedy::GiveUp),
        (Step::Recipient, 550, "no such user", Remedy::GiveUp),
        (Step::Recipient, 552, "5.2.2 mailbox full", Remedy::GiveUp),
        (Step::Recipient, 550, "5.7.1 relaying denied", Remedy::Elsewhere),
        (Step::Recipient, 554, "policy", Remedy::Elsewhere),
        (Step::Recipient, 450, "4.2.0 greylisted", Remedy::Again),
        (Step::Recipient, 421, "bye", Remedy::Down),
        (Step::Data, 554, "5.6.0 spam", Remedy::Elsewhere),
        (Step::Data, 451, "later", Remedy::Again),
    ] {
        assert_eq!(Failure::refused(step, code, text).remedy(), remedy, "{step:?} {code} {text}");
    }
    for (step, reason, remedy) in [
        (Step::Resolve, Reason::NoAddress, Remedy::Down),
        (Step::Resolve, Reason::AddressNotAllowed, Remedy::Broken),
        (Step::Greeting, Reason::Timeout, Remedy::Down),
        (Step::Greeting, Reason::NotSmtp, Remedy::Down),
        (Step::Tls, Reason::NoStarttls, Remedy::Broken),
        (Step::Certificate, Reason::UnknownIssuer, Remedy::Broken),
        (Step::Auth, Reason::NoMechanism, Remedy::Broken),
        (Step::Data, Reason::Closed, Remedy::Again),
    ] {
        assert_eq!(Failure::at(step, reason).remedy(), remedy, "{step:?} {reason:?}");
    }
}

#[test]
fn a_reply_is_kept_as_numbers() {
    for (text, kept) in [
        ("5.7.8 Username and password not accepted", "535 5.7.8"),
        ("5.7 short", "535"),
        ("5.7.8.9 long", "535"),
        ("3.1.1 no class", "535"),
        ("99999.1.1", "535"),
        ("", "535"),
    ] {
        let reply = Failure::refused(Step::Auth, 535, text).reply.unwrap();
        assert_eq!(reply.to_string(), kept, "{text}");
        assert_eq!(Reply::stored(kept), Some(reply));
    }
    assert_eq!(Reply::stored("none"), None);
}

#[test]
fn a_server_that_stays_down_is_left_alone_for_as_long_as_it_has_failed() {
    let first = Health::default().after_failure(&down(), at(0)).unwrap();
    assert_eq!((first.state(), first.is_tried(at(0))), (State::Unsteady, true));
    let many = first.after_failure(&down(), at(1)).unwrap();
    assert_eq!(many.state(), State::Unsteady, "several mails at once are no reason");
    let failing = many.after_failure(&down(), at(90)).unwrap();
    assert_eq!((failing.state(), failing.down_since), (State::Failing, Some(at(0))));
    assert!(!failing.is_tried(at(389)) && failing.is_tried(at(390)));
    let later = failing.after_failure(&down(), at(1000)).unwrap();
    assert_eq!(later.retry_at, Some(at(2000)));
    assert_eq!(later.after_failure(&down(), at(90_000)).unwrap().retry_at, Some(at(93_600)));
    let back = later.after_success(at(2000)).unwrap();
    assert_eq!(back, Health { last_sent_at: Some(at(2000)), ..Health::default() });
    assert_eq!((back.state(), back.after_success(at(2059))), (State::Working, None));
    assert!(back.after_success(at(2060)).is_some());
}

#[test]
fn settings_that_do_not_work_are_not_waited_for() {
    let wrong = Failure::refused(Step::Auth, 535, "5.7.8 no");
    assert!(Health::default().after_failure(&wrong, at(0)).unwrap().is_failing());
    let about_a_mail = Failure::refused(Step::Recipient, 550, "5.1.1 no such user");
    assert_eq!(Health::default().after_failure(&about_a_mail, at(0)), None);
}

#[test]
fn a_trial_tells_every_step() {
    let took = std::time::Duration::from_millis(3);
    let failure = Failure::refused(Step::Sender, 550, "no");
    let trial =
        Trial { passed: [Step::Resolve, Step::Connect, Step::Greeting].map(|step| (step, took)).into(), failure: Some(failure) };
    let outcomes: Vec<_> = trial.outcomes().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes[..3], [Outcome::Passed(took); 3]);
    assert_eq!(outcomes[3..6], [Outcome::Skipped; 3]);
    assert_eq!(outcomes[6..], [Outcome::Failed(failure), Outcome::NotReached, Outcome::NotReached]);
}

#[test]
fn a_ceiling_covers_what_whoever_chose_the_server_holds() {
    let role = |name: &str, caps: Caps| Role { name: RoleName::stored(name.to_owned()), caps };
    let (owner, admin, member) = (role("owner", Caps::ALL), role("admin", Caps::ALL), role("member", Caps::NONE));
    let settings: Caps = [crate::tenancy::roles::Cap::SettingsManage].into_iter().collect();
    let all = role("everything", Caps::ALL);
    for (ceiling, covered) in [
        (Ceiling::Owner, [true; 4]),
        (Ceiling::Admin, [false, true, true, true]),
        (Ceiling::Caps(Caps::ALL), [false, false, true, true]),
        (Ceiling::Caps(settings), [false, false, true, false]),
    ] {
        let found = [&owner, &admin, &member, &all].map(|role| ceiling.covers(Some(role)));
        assert_eq!(found, covered, "{ceiling:?}");
        assert!(ceiling.covers(None));
        assert_eq!(Ceiling::stored(&ceiling.text()), ceiling);
    }
    assert_eq!(Ceiling::stored("gone"), Ceiling::Caps(Caps::NONE));
}

#[test]
fn a_host_is_what_urls_know_it_as() {
    for (typed, host) in [
        (" SMTP.Example.com ", Some("smtp.example.com")),
        ("smtp.example.com.", Some("smtp.example.com")),
        ("müller.example", Some("xn--mller-kva.example")),
        ("mail", Some("mail")),
        ("192.0.2.1", Some("192.0.2.1")),
        ("2130706433", Some("127.0.0.1")),
        ("0x7f.1", Some("127.0.0.1")),
        ("::1", Some("::1")),
        ("[::1]", Some("::1")),
        ("", None),
        ("smtp.example.com:25", None),
        ("https://smtp.example.com", None),
        ("user@smtp.example.com", None),
        ("a b", None),
        ("a..b", None),
        ("%6cocalhost", None),
        ("x\r\nEHLO y", None),
        ("1.2.3.4.5", None),
    ] {
        assert_eq!(typed.parse::<HostName>().ok().as_ref().map(HostName::as_str), host, "{typed:?}");
    }
}
