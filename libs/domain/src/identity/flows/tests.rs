mod asked;

use super::*;
use crate::{
    applications::authorization_requests::{AnswersTo, Prompt, ResponseMode},
    identity::{
        authentications::{Authentication, Method},
        entry::{Entered, Need, StepUp},
    },
};

const CHOSEN: ConnectionId = ConnectionId::new(uuid::Uuid::from_u128(1));

fn at(seconds: i64) -> Time {
    Time::from_timestamp(1_764_000_000 + seconds, 0).unwrap()
}

fn request(prompt: Prompt, max_age: Option<i64>) -> AuthorizationRequest {
    AuthorizationRequest {
        to: AnswersTo { redirect_uri: "https://app.example.com/cb".to_owned(), mode: ResponseMode::Query, state: None },
        scopes: "openid".parse().map(|scope| crate::applications::resource_servers::Scopes::of([scope])).unwrap(),
        audience: None,
        challenge: String::new(),
        dpop_jkt: None,
        nonce: None,
        organization: None,
        connection: None,
        prompt,
        max_age,
        login_hint: None,
        ui_locales: None,
        id_token_hint: None,
        device: None,
        link: None,
        saml: None,
        trial: None,
    }
}

fn password(seconds: i64) -> Authentications {
    Authentications::one(Authentication::own(Method::Password, at(seconds)))
}

fn step_up(methods: Vec<Method>) -> Entry {
    Entry::StepUp(StepUp { needs: Need::SecondFactor, methods, connections: vec![], max_age: None })
}

fn through(connections: &[&str]) -> Entry {
    let connections = connections.iter().map(|slug| slug.parse().unwrap()).collect();
    Entry::StepUp(StepUp { needs: Need::FirstFactor, methods: vec![], connections, max_age: None })
}

/// One row: what is known, and what comes next. The flow began at 0; it is 100.
struct Case<'a> {
    what: &'a str,
    prompt: Prompt,
    max_age: Option<i64>,
    usage: OrganizationUsage,
    organization: bool,
    email: bool,
    waits: bool,
    wants_mail: bool,
    wants_passkey: bool,
    chosen: Option<ConnectionId>,
    proves: bool,
    fresh_since: Option<i64>,
    /// When the session's password was given; in this flow, if that had begun.
    session: Option<i64>,
    /// It was given in another one, at whatever moment.
    in_another: bool,
    confined: bool,
    entry: Option<Entry>,
    is_another: bool,
    is_asked: bool,
    enrolment: Enrolment,
    /// How far the flow is.
    now: i64,
    expected: Step,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            what: "",
            prompt: Prompt::default(),
            max_age: None,
            usage: OrganizationUsage::Allow,
            organization: false,
            email: false,
            waits: false,
            wants_mail: false,
            wants_passkey: false,
            chosen: None,
            proves: false,
            fresh_since: None,
            session: None,
            in_another: false,
            confined: false,
            entry: None,
            is_another: false,
            is_asked: false,
            enrolment: Enrolment::Enrolled,
            now: 100,
            expected: Step::Done,
        }
    }
}

fn check(case: &Case<'_>) {
    let request = request(case.prompt, case.max_age);
    let did = case.session.map(password);
    let session = did.as_ref().map(|did| SignedInHere {
        did,
        confined: case.confined,
        entry: case.entry.as_ref(),
        is_another: case.is_another,
        is_asked: case.is_asked,
        enrolment: case.enrolment,
    });
    let facts = Facts {
        request: &request,
        usage: case.usage,
        has_organization: case.organization,
        has_email: case.email,
        waits: case.waits,
        wants_mail: case.wants_mail,
        wants_passkey: case.wants_passkey,
        chosen: case.chosen,
        proves: case.proves,
        fresh_since: case.fresh_since.map(at),
        session,
        has_signed_in: !case.in_another && case.session.is_some_and(|second| second >= 0),
        began: at(0),
        now: at(case.now),
    };
    assert_eq!(next(&facts), case.expected, "{}", case.what);
}

#[test]
fn what_is_missing_is_computed_from_what_is_known() {
    let enter = || Some(Entry::Enter(Entered { two_factors: false, until: None }));
    let again = Prompt { login: true, ..Prompt::default() };
    let require = OrganizationUsage::Require;
    for case in [
        Case { what: "nobody is known", expected: Step::Identify, ..Case::default() },
        Case { what: "an address was typed", email: true, expected: Step::Password, ..Case::default() },
        Case { what: "a second factor is missing", email: true, waits: true, expected: Step::SecondFactor, ..Case::default() },
        Case {
            what: "a provider was chosen",
            email: true,
            chosen: Some(CHOSEN),
            expected: Step::Upstream(CHOSEN),
            ..Case::default()
        },
        Case {
            what: "chosen while somebody is signed in",
            session: Some(50),
            chosen: Some(CHOSEN),
            expected: Step::Upstream(CHOSEN),
            ..Case::default()
        },
        Case {
            what: "came back, and has to prove it",
            session: Some(50),
            proves: true,
            expected: Step::Prove,
            ..Case::default()
        },
        Case {
            what: "proves it, and a factor is missing",
            proves: true,
            waits: true,
            expected: Step::SecondFactor,
            ..Case::default()
        },
        Case { what: "signed in before", session: Some(-900), ..Case::default() },
        Case { what: "signed in just now", session: Some(50), ..Case::default() },
        Case { what: "asked again", session: Some(-1), prompt: again, expected: Step::Identify, ..Case::default() },
        Case { what: "asked again, and done", session: Some(0), prompt: again, ..Case::default() },
        Case { what: "too old", session: Some(-500), max_age: Some(300), expected: Step::Identify, ..Case::default() },
        Case { what: "not too old", session: Some(-100), max_age: Some(300), ..Case::default() },
        Case { what: "of no age, before", session: Some(-1), max_age: Some(0), expected: Step::Identify, ..Case::default() },
        Case { what: "of no age, in this flow", session: Some(1), max_age: Some(0), ..Case::default() },
        Case {
            what: "somebody else wants in",
            session: Some(20),
            fresh_since: Some(30),
            expected: Step::Identify,
            ..Case::default()
        },
        Case { what: "somebody else is in", session: Some(30), fresh_since: Some(30), ..Case::default() },
        Case {
            what: "an organization is needed",
            usage: require,
            session: Some(50),
            expected: Step::Organization,
            ..Case::default()
        },
        Case {
            what: "it is needed, after the password",
            usage: require,
            email: true,
            expected: Step::Password,
            ..Case::default()
        },
        Case {
            what: "known by an organization's word",
            session: Some(50),
            confined: true,
            expected: Step::Refused(Dead::Confined),
            ..Case::default()
        },
        Case { what: "enters", organization: true, session: Some(-900), entry: enter(), ..Case::default() },
        Case {
            what: "known by its word, and enters",
            organization: true,
            session: Some(-900),
            confined: true,
            entry: enter(),
            ..Case::default()
        },
        Case {
            what: "enters, and has not allowed it",
            organization: true,
            session: Some(-900),
            entry: enter(),
            is_asked: true,
            expected: Step::Consent,
            ..Case::default()
        },
        Case {
            what: "has not allowed it, and has to do more first",
            organization: true,
            session: Some(50),
            entry: Some(step_up(vec![Method::Totp])),
            is_asked: true,
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "enters, but asked again",
            organization: true,
            session: Some(-900),
            entry: enter(),
            prompt: again,
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "not from here",
            organization: true,
            session: Some(50),
            entry: Some(Entry::NetworkNotAllowed),
            expected: Step::Refused(Dead::Network),
            ..Case::default()
        },
        Case {
            what: "has to do more",
            organization: true,
            session: Some(50),
            entry: Some(step_up(vec![Method::Totp])),
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "has to do more, and is known",
            organization: true,
            email: true,
            session: Some(50),
            entry: Some(step_up(vec![Method::Totp])),
            expected: Step::Password,
            ..Case::default()
        },
        Case {
            what: "has no factor, and a mailed code would do",
            organization: true,
            session: Some(50),
            entry: Some(step_up(vec![Method::Totp, Method::MailCode])),
            enrolment: Enrolment::Possible,
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "has no factor",
            organization: true,
            session: Some(50),
            entry: Some(step_up(vec![Method::Totp])),
            enrolment: Enrolment::Possible,
            expected: Step::Enrol,
            ..Case::default()
        },
        Case {
            what: "T25: has no factor, and signed in before",
            organization: true,
            session: Some(-1),
            entry: Some(step_up(vec![Method::Totp])),
            enrolment: Enrolment::Possible,
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "has no factor, and ten minutes",
            organization: true,
            session: Some(50),
            now: 650,
            entry: Some(step_up(vec![Method::Totp])),
            enrolment: Enrolment::Possible,
            expected: Step::Enrol,
            ..Case::default()
        },
        Case {
            what: "T25: has no factor, and took too long",
            organization: true,
            session: Some(50),
            now: 651,
            entry: Some(step_up(vec![Method::Totp])),
            enrolment: Enrolment::Possible,
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "has no factor, and only an organization's word",
            organization: true,
            session: Some(50),
            entry: Some(step_up(vec![Method::Totp])),
            enrolment: Enrolment::Elsewhere,
            expected: Step::Refused(Dead::Factor),
            ..Case::default()
        },
        Case {
            what: "the same, from before",
            organization: true,
            session: Some(-900),
            entry: Some(step_up(vec![Method::Totp])),
            enrolment: Enrolment::Elsewhere,
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "has to come another way",
            organization: true,
            session: Some(50),
            entry: Some(step_up(vec![])),
            expected: Step::Refused(Dead::OtherWay),
            ..Case::default()
        },
        Case {
            what: "has to come through a provider",
            organization: true,
            email: true,
            session: Some(50),
            entry: Some(through(&["okta"])),
            expected: Step::Connections,
            ..Case::default()
        },
        Case {
            what: "does not belong, from before",
            organization: true,
            session: Some(-900),
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "does not belong, from now",
            organization: true,
            session: Some(50),
            expected: Step::Refused(Dead::NoAccess),
            ..Case::default()
        },
        Case {
            what: "no member, who signed in elsewhere in the second in which this flow began: somebody else may want to",
            organization: true,
            session: Some(0),
            in_another: true,
            expected: Step::Identify,
            ..Case::default()
        },
        Case {
            what: "for another account than was here before",
            usage: OrganizationUsage::Deny,
            email: true,
            session: Some(-10),
            is_another: true,
            expected: Step::Password,
            ..Case::default()
        },
        Case {
            what: "for another account than who signs in now, also where that may enter",
            organization: true,
            email: true,
            session: Some(50),
            is_another: true,
            entry: enter(),
            expected: Step::Refused(Dead::AnotherAccount),
            ..Case::default()
        },
    ] {
        check(&case);
    }
}
