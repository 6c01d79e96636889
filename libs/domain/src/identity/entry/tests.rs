//! The table of [`judge`]: policy, what the session did, from where; and the answer.

use uuid::Uuid;

use super::*;
use crate::{ConnectionId, OrgId, applications::api_keys::Networks, identity::authentications::Through};

const NOW: i64 = 1_764_000_000;

fn now() -> Time {
    chrono::DateTime::from_timestamp(NOW, 0).unwrap()
}

fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

/// A password, a second factor: so many seconds ago.
fn own(method: Method, ago: i64) -> Authentication {
    Authentication { method, at: NOW - ago, through: None }
}

/// Through a connection of some organization, in some generation.
fn through(id: u128, generation: i64, ago: i64) -> Authentication {
    let (org, id) = (OrgId::new(Uuid::from_u128(50 + id)), ConnectionId::new(Uuid::from_u128(id)));
    let through = Through { org, id, generation, until: None, multi_factor: false, login: None };
    Authentication { method: Method::Connection, at: NOW - ago, through: Some(through) }
}

fn with(mut done: Authentication, until: Option<i64>, multi_factor: bool) -> Authentication {
    if let Some(through) = &mut done.through {
        (through.until, through.multi_factor) = (until, multi_factor);
    }
    done
}

/// The organization's one connection is 1, in its second generation.
fn policy() -> SignInPolicy {
    let connection = Usable { id: ConnectionId::new(Uuid::from_u128(1)), slug: "okta".parse().unwrap(), generation: 2 };
    SignInPolicy { connections: vec![connection], ..SignInPolicy::default() }
}

fn mfa() -> SignInPolicy {
    SignInPolicy { mfa: Requirement::Required, ..policy() }
}

fn aged(seconds: i64) -> SignInPolicy {
    SignInPolicy { max_age: Some(seconds.try_into().unwrap()), ..policy() }
}

/// Only through the connection, but for user 9.
fn sso() -> SignInPolicy {
    SignInPolicy { sso_required: true, break_glass: vec![user(9)], ..policy() }
}

fn office() -> SignInPolicy {
    SignInPolicy { networks: Networks::parse(["203.0.113.0/24"]).unwrap(), ..policy() }
}

/// The answer in a word or two.
fn told(entry: &Entry) -> String {
    match entry {
        Entry::Enter(Entered { two_factors: false, until: None }) => "enter".to_owned(),
        Entry::Enter(Entered { two_factors: true, until: None }) => "enter with two".to_owned(),
        Entry::Enter(Entered { until: Some(until), .. }) => format!("enter for {}", until - NOW),
        Entry::NetworkNotAllowed => "network".to_owned(),
        Entry::StepUp(StepUp { needs, methods, connections, .. }) => {
            let ways = methods.iter().map(|method| method.as_str().to_owned());
            let ways: Vec<_> = ways.chain(connections.iter().map(|slug| slug.as_ref().to_owned())).collect();
            format!("{}: {}", needs.as_str(), ways.join(" "))
        }
    }
}

struct Case<'a> {
    what: &'a str,
    policy: SignInPolicy,
    did: Vec<Authentication>,
    expected: &'a str,
}

fn case<'a>(what: &'a str, policy: SignInPolicy, did: &[Authentication], expected: &'a str) -> Case<'a> {
    Case { what, policy, did: did.to_vec(), expected }
}

fn judged(policy: &SignInPolicy, did: &[Authentication], user: UserId, is_owner: bool, from: Option<&str>) -> String {
    let did = did.iter().fold(Authentications::default(), |all, one| all.and(*one));
    let from = from.map(|text| text.parse().unwrap());
    told(&judge(policy, &Entering { user, is_owner, did: &did, from, now: now() }))
}

#[test]
fn what_is_enough_for_a_member() {
    let (password, totp) = (own(Method::Password, 60), own(Method::Totp, 50));
    let (recovery, mailed) = (own(Method::RecoveryCode, 50), own(Method::MailCode, 50));
    let (ours, theirs) = (through(1, 2, 60), through(8, 2, 60));
    let trusting = SignInPolicy { mfa_trusts_connection: true, ..mfa() };
    const FIRST: &str = "first_factor: password passkey mail okta";
    const SECOND: &str = "second_factor: totp recovery_code mail_code passkey";
    const STALE: &str = "fresh_first_factor: password passkey mail okta";
    let cases = [
        case("a password where nothing is demanded", SignInPolicy::default(), &[password], "enter"),
        case("one from before times were kept", SignInPolicy::default(), &[own(Method::Password, NOW)], "enter"),
        case("with a second factor", SignInPolicy::default(), &[password, totp], "enter with two"),
        case("nothing that can be read", SignInPolicy::default(), &[], "first_factor: password passkey mail"),
        case("a second factor alone", SignInPolicy::default(), &[totp], "first_factor: password passkey mail"),
        case("the organization's connection", policy(), &[ours], "enter"),
        case("its connection before it was changed", policy(), &[through(1, 1, 60)], FIRST),
        case("T14: another organization's connection", policy(), &[theirs], FIRST),
        case("the same, and a password", policy(), &[theirs, password], "enter"),
        case("a connection that is listed no more", SignInPolicy::default(), &[ours], "first_factor: password passkey mail"),
        case("a connection whose word has run out", policy(), &[with(ours, Some(NOW), false)], FIRST),
        case("a connection whose word still holds", policy(), &[with(ours, Some(NOW + 30), false)], "enter for 30"),
        case("two factors demanded of a password", mfa(), &[password], SECOND),
        case("an authenticator app", mfa(), &[password, totp], "enter with two"),
        case("a recovery code", mfa(), &[password, recovery], "enter with two"),
        case("a mailed code", mfa(), &[password, mailed], "enter with two"),
        case("a passkey, which is both", mfa(), &[own(Method::Passkey, 60)], "enter with two"),
        case("a passkey where nothing is demanded", SignInPolicy::default(), &[own(Method::Passkey, 60)], "enter with two"),
        case("a password after a passkey", mfa(), &[own(Method::Passkey, 60), password], SECOND),
        case("of a connection that says nothing", mfa(), &[ours], SECOND),
        case("of one that says two, and is not trusted", mfa(), &[with(ours, None, true)], SECOND),
        case("of one that says two, and is trusted", trusting.clone(), &[with(ours, None, true)], "enter with two"),
        case(
            "T14: of another organization's that is trusted there",
            trusting.clone(),
            &[with(theirs, None, true), password],
            SECOND,
        ),
        case("of one that is trusted, and says nothing", trusting, &[ours], SECOND),
        case("of a connection, with one of one's own", mfa(), &[ours, totp], "enter with two"),
        case("T14: two factors of which the first does not count", mfa(), &[theirs, totp], FIRST),
        case("a password that is fresh enough", aged(600), &[password], "enter for 540"),
        case("a password that is as old as it may be", aged(600), &[own(Method::Password, 600)], "enter for 0"),
        case("an old one", aged(600), &[own(Method::Password, 601)], STALE),
        case("one of unknown age", aged(31_622_400), &[own(Method::Password, NOW)], STALE),
        case("an old password and a fresh second factor", aged(600), &[own(Method::Password, 601), totp], STALE),
        case("an old password, but a fresh connection", aged(600), &[own(Method::Password, 900), ours], "enter for 540"),
        case("a password where only the connection counts", sso(), &[password], "first_factor: okta"),
        case("with two factors", sso(), &[password, totp], "first_factor: okta"),
        case("the connection where only it counts", sso(), &[ours], "enter"),
        case(
            "it and an app, where two factors are demanded",
            SignInPolicy { sso_required: true, ..mfa() },
            &[ours, totp],
            "enter with two",
        ),
        case(
            "it and a passkey",
            SignInPolicy { sso_required: true, ..mfa() },
            &[ours, own(Method::Passkey, 50)],
            "enter with two",
        ),
        case("a passkey alone", SignInPolicy { sso_required: true, ..mfa() }, &[own(Method::Passkey, 50)], "first_factor: okta"),
    ];
    for Case { what, policy, did, expected } in cases {
        assert_eq!(judged(&policy, &did, user(3), false, None), expected, "{what}");
    }
}

#[test]
fn which_of_ones_own_ways_count() {
    let (password, totp) = (own(Method::Password, 60), own(Method::Totp, 50));
    let (mailed, passkey, by_mail) = (own(Method::MailCode, 50), own(Method::Passkey, 60), own(Method::Mail, 55));
    let only = |names: &[&str], policy: SignInPolicy| SignInPolicy {
        methods: OwnMethods::named(names.iter().copied()).unwrap(),
        ..policy
    };
    const APP: &str = "second_factor: totp recovery_code passkey";
    let cases = [
        case("a password where only passkeys count", only(&["passkey"], policy()), &[password], "first_factor: passkey okta"),
        case("with an app", only(&["passkey"], policy()), &[password, totp], "first_factor: passkey okta"),
        case("a passkey", only(&["passkey"], policy()), &[passkey], "enter with two"),
        case("a passkey where only passwords count", only(&["password"], policy()), &[passkey], "first_factor: password okta"),
        case("a connection counts whatever of one's own does", only(&["passkey"], policy()), &[through(1, 2, 60)], "enter"),
        case("a mailed code that does not confirm", only(&["password", "passkey"], mfa()), &[password, mailed], APP),
        case("an app's, which does", only(&["password", "passkey"], mfa()), &[password, totp], "enter with two"),
        case("behind a connection", only(&["password", "passkey"], mfa()), &[through(1, 2, 60), mailed], APP),
        case(
            "T40: a mail where mails do not count",
            only(&["password", "passkey"], policy()),
            &[by_mail],
            "first_factor: password passkey okta",
        ),
        case("a mail where only mails count", only(&["mail"], policy()), &[by_mail], "enter"),
        case("a password there", only(&["mail"], policy()), &[password], "first_factor: mail okta"),
        case("a mail behind a mail, which are one factor", mfa(), &[by_mail, mailed], APP),
        case("an app behind a mail", mfa(), &[by_mail, totp], "enter with two"),
        case("a mail after a password that was confirmed by one", mfa(), &[password, mailed, by_mail], APP),
        case("a mailed code behind a connection, after a mail", mfa(), &[by_mail, through(1, 2, 52), mailed], "enter with two"),
        case("the same, given with a mail", mfa(), &[by_mail, through(1, 2, 55), mailed], APP),
        case("the same where the connection's word is older", mfa(), &[through(1, 2, 60), by_mail, mailed], APP),
        case("neither mails nor passkeys", only(&["password"], mfa()), &[password], "second_factor: totp recovery_code"),
    ];
    for Case { what, policy, did, expected } in cases {
        assert_eq!(judged(&policy, &did, user(3), false, None), expected, "{what}");
    }
    for (names, code) in [(&[][..], "required"), (&["sms"][..], "unknown_method"), (&["password", "totp"][..], "unknown_method")]
    {
        assert_eq!(OwnMethods::named(names.iter().copied()).unwrap_err().code, code, "{names:?}");
    }
}

#[test]
fn owners_who_may_break_the_glass() {
    let (password, totp) = (own(Method::Password, 60), own(Method::Totp, 50));
    const SECOND: &str = "second_factor: totp recovery_code mail_code passkey";
    let cases = [
        ("with two factors", 9, true, vec![password, totp], "enter with two"),
        ("with one", 9, true, vec![password], SECOND),
        ("with a mail", 9, true, vec![own(Method::Mail, 60)], "second_factor: totp recovery_code passkey"),
        ("who come through the connection", 9, true, vec![through(1, 2, 60)], "enter"),
        ("who are asked again", 9, true, vec![], "first_factor: password passkey mail okta"),
        ("who own it no more", 9, false, vec![password, totp], "first_factor: okta"),
        ("who are not named", 3, true, vec![password, totp], "first_factor: okta"),
    ];
    for (what, who, is_owner, did, expected) in cases {
        assert_eq!(judged(&sso(), &did, user(who), is_owner, None), expected, "{what}");
    }
}

#[test]
fn networks_come_before_everything() {
    let password = [own(Method::Password, 60)];
    for (from, expected) in [
        (Some("203.0.113.9"), "enter"),
        (Some("::ffff:203.0.113.9"), "enter"),
        (Some("203.0.114.9"), "network"),
        (None, "network"),
    ] {
        assert_eq!(judged(&office(), &password, user(3), true, from), expected, "{from:?}");
    }
    assert_eq!(judged(&office(), &[], user(3), true, Some("10.0.0.1")), "network", "whatever else is missing");
}

#[test]
fn what_is_told_names_the_organization_and_the_ways() {
    let org: Slug = "acme".parse().unwrap();
    let did = Authentications::one(own(Method::Password, 601));
    let who = Entering { user: user(3), is_owner: false, did: &did, from: None, now: now() };
    let error = judge(&aged(600), &who).refusal(&org).unwrap();
    let step_up = error.step_up.as_deref().unwrap();
    assert_eq!((error.code, step_up.needs, step_up.max_age), ("step_up_required", "fresh_first_factor", Some(600)));
    assert_eq!((&step_up.organization, step_up.connections.as_slice()), (&org, ["okta".to_owned()].as_slice()));
    let error = judge(&mfa(), &who).refusal(&org).unwrap();
    assert_eq!(error.step_up.map(|step_up| (step_up.needs, step_up.max_age)), Some(("second_factor", None)));
    assert_eq!(judge(&office(), &who).refusal(&org).map(|error| error.code), Some("network_not_allowed"));
    assert!(judge(&office(), &who).is_final() && !judge(&mfa(), &who).is_final());
    assert!(judge(&policy(), &who).refusal(&org).is_none());
}

#[test]
fn a_policy_is_stored_and_one_that_is_not_understood_is_not_overlooked() {
    let all = SignInPolicy { mfa: Requirement::Required, mfa_trusts_connection: true, ..sso() };
    let all = SignInPolicy { networks: office().networks, max_age: aged(600).max_age, ..all };
    let all = SignInPolicy { methods: OwnMethods::named(["mail", "password"]).unwrap(), ..all };
    assert_eq!(SignInPolicy::stored(all.to_text().as_deref()).unwrap(), all);
    assert_eq!((SignInPolicy::default().to_text(), SignInPolicy::stored(None).unwrap()), (None, SignInPolicy::default()));
    for text in [
        r#"{"mfa":"sometimes"}"#,
        r#"{"methods":["sms"]}"#,
        r#"{"methods":[]}"#,
        r#"{"days":["monday"]}"#,
        r#"{"max_age":1}"#,
        "",
    ] {
        assert!(SignInPolicy::stored(Some(text)).is_err(), "{text}");
    }
}

#[test]
fn changes_leave_the_rest() {
    let changes = SignInPolicyChanges { mfa: Some(Requirement::Required), ..SignInPolicyChanges::default() };
    assert_eq!(aged(600).changed(&changes), SignInPolicy { mfa: Requirement::Required, ..aged(600) });
    let changes = SignInPolicyChanges { max_age: crate::Patch::Clear, ..SignInPolicyChanges::default() };
    assert_eq!(aged(600).changed(&changes), policy());
}
