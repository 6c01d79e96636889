//! A sign-in in a browser, from a client's request to its answer. The row of the flow is its only truth: [`next`] computes what is missing from it,
//! never from where the browser was, so the back button, a reload and two tabs all lead to the same place.

use super::{authentications::Authentications, entry::Entry};
use crate::{
    ConnectionId, Time,
    applications::{authorization_requests::AuthorizationRequest, clients::OrganizationUsage},
    core::id::id,
};

id! {
    /// A sign-in in a browser.
    FlowKind FlowId = "flow"
}

/// How long one may take.
pub const LASTS: chrono::TimeDelta = chrono::TimeDelta::hours(1);
/// How long a request that was pushed waits for its browser (RFC 9126).
pub const PUSHED_LASTS: chrono::TimeDelta = chrono::TimeDelta::seconds(90);
/// How long a code can be exchanged.
pub const CODE_LASTS: chrono::TimeDelta = chrono::TimeDelta::seconds(60);
/// How long after saying who they are somebody may set a second factor up in the same flow.
pub const ENROLS_WITHIN: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
/// Flows of one browser that are open at most; the oldest end.
pub const MOST_OF_A_BROWSER: i64 = 20;

/// Somebody who is signed in in this browser.
#[derive(Clone, Copy, Debug)]
pub struct SignedInHere<'a> {
    /// What their session did.
    pub did: &'a Authentications,
    /// Whether it is known by organizations' word only.
    pub confined: bool,
    /// For the organization of the flow: what its policy says; `None`: they do not belong there.
    pub entry: Option<&'a Entry>,
    /// Whether it is somebody else than the flow is for.
    pub is_another: bool,
    /// Whether they are asked what the client gets of their account: they are no member, and have not allowed it.
    pub is_asked: bool,
    /// Whether they can set a second factor up, where a mailed code does not do for one.
    pub enrolment: Enrolment,
}

/// Whether somebody can set a second factor up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// They have one, and show that first.
    Enrolled,
    /// They have none.
    Possible,
    /// They have none, and are known by an organization's word only, which does not change their account.
    Elsewhere,
}

/// What is known of a flow.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What the client asked for.
    pub request: &'a AuthorizationRequest,
    /// Whether people sign in to an organization there.
    pub usage: OrganizationUsage,
    /// Whether it is known which.
    pub has_organization: bool,
    /// Whether an address was typed.
    pub has_email: bool,
    /// Whether a passkey was asked for, and not given yet.
    pub wants_passkey: bool,
    /// Whether a mailed code was asked for, and not given yet.
    pub wants_mail: bool,
    /// Whether a right password waits for a second factor.
    pub waits: bool,
    /// The connection that was chosen, while nobody was sent there yet.
    pub chosen: Option<ConnectionId>,
    /// Whether somebody came back from a provider who has to show that an account is theirs.
    pub proves: bool,
    /// From when on a session has to have authenticated to count.
    pub fresh_since: Option<Time>,
    /// Who is signed in in this browser.
    pub session: Option<SignedInHere<'a>>,
    /// Whether somebody signed in in this flow, and not before it or in another tab: times do not tell, as both may be within one second.
    pub has_signed_in: bool,
    /// When the flow began.
    pub began: Time,
    /// Now.
    pub now: Time,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Who it is.
    Identify,
    /// Their password.
    Password,
    /// Whichever of the organization's identity providers they come through: nothing else counts there.
    Connections,
    /// To be sent to the identity provider that was chosen.
    Upstream(ConnectionId),
    /// The password of the account that somebody says is theirs who came back from a provider.
    Prove,
    /// A passkey.
    Passkey,
    /// The code that was mailed.
    MailCode,
    /// What confirms it.
    SecondFactor,
    /// To set up what confirms it.
    Enrol,
    /// Which organization.
    Organization,
    /// Whether the client gets what it asks for of their account.
    Consent,
    /// Nothing.
    Done,
    /// There is no way on.
    Refused(Dead),
}

/// Why there is no way on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// They do not belong to the organization.
    NoAccess,
    /// Not from this network.
    Network,
    /// The organization wants them to come through its identity provider.
    OtherWay,
    /// They are known by an organization's word only, and this is not that organization.
    Confined,
    /// The flow is for another account.
    AnotherAccount,
    /// They need a second factor, and set it up with their account's own sign-in.
    Factor,
}

impl Step {
    /// Its name in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Password => "password",
            Self::Connections => "connections",
            Self::Upstream(_) => "upstream",
            Self::Prove => "prove",
            Self::Passkey => "passkey",
            Self::MailCode => "mail_code",
            Self::SecondFactor => "second_factor",
            Self::Enrol => "enrol",
            Self::Organization => "organization",
            Self::Consent => "consent",
            Self::Done => "done",
            Self::Refused(_) => "refused",
        }
    }
}

/// Says what is missing.
pub fn next(facts: &Facts<'_>) -> Step {
    match without_mail(facts) {
        Step::Password | Step::Prove if facts.wants_mail => Step::MailCode,
        step => step,
    }
}

/// What is missing where nobody asked for a mail in place of a password.
fn without_mail(facts: &Facts<'_>) -> Step {
    if facts.wants_passkey {
        return Step::Passkey;
    }
    if facts.waits {
        return Step::SecondFactor;
    }
    if let Some(connection) = facts.chosen {
        return Step::Upstream(connection);
    }
    if facts.proves {
        return Step::Prove;
    }
    let first = if facts.has_email { Step::Password } else { Step::Identify };
    let Some(session) = facts.session.filter(|session| counts(facts, session.did)) else { return first };
    if session.is_another {
        return if facts.has_signed_in { Step::Refused(Dead::AnotherAccount) } else { first };
    }
    if !facts.has_organization {
        return match facts.usage {
            OrganizationUsage::Require => Step::Organization,
            _ if session.confined => Step::Refused(Dead::Confined),
            _ => Step::Done,
        };
    }
    match session.entry {
        Some(Entry::Enter(_)) if session.is_asked => Step::Consent,
        Some(Entry::Enter(_)) => Step::Done,
        Some(Entry::NetworkNotAllowed) => Step::Refused(Dead::Network),
        Some(Entry::StepUp(step_up)) if step_up.methods.is_empty() && step_up.connections.is_empty() => {
            Step::Refused(Dead::OtherWay)
        }
        Some(Entry::StepUp(step_up)) if step_up.methods.is_empty() => Step::Connections,
        Some(entry) if entry.wants_device() => match session.enrolment {
            Enrolment::Possible if facts.has_signed_in && is_recent(facts, session.did) => Step::Enrol,
            Enrolment::Elsewhere if facts.has_signed_in => Step::Refused(Dead::Factor),
            _ => first,
        },
        // The password is asked for again, and the second factor behind it: who comes back to an open browser is not whoever left it.
        Some(Entry::StepUp(_)) => first,
        // Somebody else may want to sign in here.
        None if facts.has_signed_in => Step::Refused(Dead::NoAccess),
        None => first,
    }
}

/// Whether somebody said just now who they are: only then is it they who get a factor.
fn is_recent(facts: &Facts<'_>, did: &Authentications) -> bool {
    did.newest_first().is_some_and(|at| facts.now.timestamp() - at <= ENROLS_WITHIN.num_seconds())
}

/// Whether a session that did this is recent enough.
fn counts(facts: &Facts<'_>, did: &Authentications) -> bool {
    let newest = did.newest_first().unwrap_or(0);
    let aged = facts.request.max_age.map(|age| (facts.now.timestamp() - age).min(facts.began.timestamp()));
    let asked = facts.request.prompt.login.then(|| facts.began.timestamp());
    let again = facts.fresh_since.map(|since| since.timestamp());
    [aged, asked, again].into_iter().flatten().all(|since| newest >= since)
}

#[cfg(test)]
mod tests;
