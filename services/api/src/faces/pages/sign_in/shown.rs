//! From what a flow misses to the page that asks for it.

use app::identity::flows::{ConfirmedBy, View};
use domain::{
    Error, Kind,
    applications::authorization_requests::OWN_SCOPES,
    identity::{federation::attempts::Reason, flows::Step},
};
use store::identity::federation::Way;

use crate::faces::pages::{
    Action, Choice, CodeProblem, ConsentFacts, ErrorKind, FactorKind, IdentifyProblem, Page, PasswordProblem, Problem, Provider,
    SafeUrl, Trouble, TroubleKind,
};

/// The page of what is missing.
pub(super) fn shown(view: View) -> Page {
    let here = format!("/signin/{}", view.flow.id);
    let action = Action::new(here.clone(), format!("{}.{}", view.step.as_str(), view.flow.sign_ins));
    let other = SafeUrl::own(format!("{here}?somebody_else=1"));
    let (email, passkey, mail) = (view.email, view.offers_passkey, view.offers_mail);
    let missing = view.bad.as_ref().is_some_and(is_missing);
    let seconds = view.bad.as_ref().and_then(waits);
    let reset = SafeUrl::own(format!("{here}/reset"));
    let providers: Vec<_> = view.ways.into_iter().map(provider).collect();
    let trouble = view.flow.trouble.as_ref().map(trouble);
    let bad_password = |bad: Option<Error>| {
        bad.map(|e| match (seconds, e.code) {
            _ if missing => PasswordProblem::Missing,
            (Some(seconds), _) => PasswordProblem::Throttled(seconds),
            (None, "invalid_credentials") => PasswordProblem::Wrong,
            (None, "step_up_required") => PasswordProblem::OtherWay,
            (None, code) => PasswordProblem::Other(Problem { code: code.to_owned(), message: e.message.into_owned() }),
        })
    };
    match view.step {
        Step::Prove => {
            let provider = view.proving.map(|name| name.to_string()).unwrap_or_default();
            Page::Prove { action, email, provider, bad: bad_password(view.bad), mail, reset, other }
        }
        Step::Password => {
            let bad = bad_password(view.bad);
            Page::Password { action, email, bad, reset: Some(reset), other, passkey, mail, providers, trouble }
        }
        Step::Passkey => Page::Passkey { action, options: view.passkey.map(|options| options.to_string()) },
        Step::MailCode => Page::MailCode { action, email, bad: view.bad.as_ref().map(code_problem), other },
        Step::Connections => Page::Connections { action, email, providers, trouble, other },
        Step::SecondFactor => {
            let kind = match view.confirmed_by {
                ConfirmedBy::App => FactorKind::App,
                ConfirmedBy::Mail => FactorKind::Mail,
                ConfirmedBy::Passkey => FactorKind::Passkey,
            };
            let bad = view.bad.as_ref().map(code_problem);
            Page::SecondFactor { action, email, kind, bad, passkey, other }
        }
        Step::Organization if view.choices.is_empty() => {
            Page::Error { kind: ErrorKind::AccountHasNone, reference: None, back: None, other: Some(other) }
        }
        Step::Organization => {
            let choice = |org: store::identity::flows::Entered| Choice { name: org.name, slug: org.slug.to_string() };
            Page::Organizations { action, email, choices: view.choices.into_iter().map(choice).collect(), other }
        }
        Step::Consent => Page::Consent { action, email, asked: asked(&view.flow, view.client), other },
        Step::Identify | Step::Enrol | Step::Upstream(_) | Step::Done | Step::Refused(_) => {
            let bad = view.bad.map(|_| if missing { IdentifyProblem::Missing } else { IdentifyProblem::Malformed });
            Page::Identify { action, email, bad, passkey, providers, trouble }
        }
    }
}

fn is_missing(e: &Error) -> bool {
    e.details.iter().any(|detail| detail.code == "required")
}

/// For how many seconds nothing more is looked at.
fn waits(e: &Error) -> Option<u64> {
    (e.kind == Kind::RateLimited).then(|| u64::from(e.retry_after.unwrap_or(1)))
}

/// Why a code was not taken.
pub(in crate::faces::pages) fn code_problem(e: &Error) -> CodeProblem {
    match waits(e) {
        _ if is_missing(e) => CodeProblem::Missing,
        Some(seconds) => CodeProblem::Throttled(seconds),
        None => CodeProblem::Wrong,
    }
}

/// What a service asks for, as people are told: whatever it asks for, its own program sees the addresses of those who use it.
fn asked(flow: &store::identity::flows::Flow, application: String) -> ConsentFacts {
    let scopes = || flow.request.scopes.iter().map(|scope| scope.as_str());
    ConsentFacts {
        application,
        organization: flow.organization.as_ref().map(|org| org.name.clone()).unwrap_or_default(),
        stays: scopes().any(|scope| scope == "offline_access"),
        own: scopes().filter(|scope| !OWN_SCOPES.contains(scope)).map(str::to_owned).collect(),
    }
}

fn provider(way: Way) -> Provider {
    Provider { name: way.name.to_string(), slug: way.slug.as_str().to_owned() }
}

/// What somebody is told who came back from a provider and is not in: what they can do. Why it is, only whoever looks after the connection sees.
pub(in crate::faces::pages) fn trouble(of: &store::identity::flows::Trouble) -> Trouble {
    let kind = match of.reason {
        Reason::NoAccount => TroubleKind::NoAccount,
        Reason::AccessRemoved | Reason::AccountDeactivated => TroubleKind::Removed,
        Reason::IdentityTaken => TroubleKind::Taken,
        Reason::SeatLimit | Reason::ServiceFull => TroubleKind::Full,
        _ => TroubleKind::Other,
    };
    Trouble { kind, reference: of.attempt.to_string() }
}
