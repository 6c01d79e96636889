//! May this session enter this organization? [`judge`] is a pure function of the organization's policy and of what the session did
//! ([`super::authentications`]). It is asked at every use: when somebody signs in, when they switch organizations, when a token is renewed, and
//! with every read and write. What counts is what the session did, not what the account has set up; and the policy of the organization
//! that is entered, not of the one that was signed in to (T14).
//!
//! Whether somebody is a member at all, and whether the organization is active, is decided before.

mod policy;

use std::net::IpAddr;

pub use self::policy::{MaxAge, OwnMethods, Requirement, SignInPolicy, SignInPolicyChanges, Usable};
use super::{
    authentications::{Authentication, Authentications, Method, Through},
    connections::ConnectionSlug,
};
use crate::{
    Error, Time, UserId,
    core::{error::StepUpRequired, value::Slug},
};

/// A member who enters.
#[derive(Clone, Copy, Debug)]
pub struct Entering<'a> {
    /// Who.
    pub user: UserId,
    /// Whether they own the organization.
    pub is_owner: bool,
    /// What their session did.
    pub did: &'a Authentications,
    /// Where they are; `None`: nobody knows.
    pub from: Option<IpAddr>,
    /// When.
    pub now: Time,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// They enter.
    Enter(Entered),
    /// They have to do more first.
    StepUp(StepUp),
    /// Not from that network, whatever they do.
    NetworkNotAllowed,
}

/// How somebody enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Whether there are two factors.
    pub two_factors: bool,
    /// Until when it holds, in Unix seconds; `None`: as long as the session.
    pub until: Option<i64>,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Something that says who they are, and counts here.
    FirstFactor,
    /// The same, more recently.
    FreshFirstFactor,
    /// Something that confirms it.
    SecondFactor,
}

impl Need {
    /// As it is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstFactor => "first_factor",
            Self::FreshFirstFactor => "fresh_first_factor",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// What somebody has to do first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    /// What is missing.
    pub needs: Need,
    /// What of their own would do.
    pub methods: Vec<Method>,
    /// Through which connections they may come.
    pub connections: Vec<ConnectionSlug>,
    /// How old the first factor may be, in seconds.
    pub max_age: Option<i64>,
}

/// Decides.
pub fn judge(policy: &SignInPolicy, who: &Entering<'_>) -> Entry {
    if !policy.networks.allow(who.from) {
        return Entry::NetworkNotAllowed;
    }
    let now = who.now.timestamp();
    let breaks_glass = policy.sso_required && who.is_owner && policy.break_glass.contains(&who.user);
    let own_counts = !policy.sso_required || breaks_glass;
    let holds = |through: &Through| policy.lists(through) && through.until.is_none_or(|until| until > now);
    let says_who = |one: &&Authentication| match &one.through {
        None => one.method.is_first() && own_counts && policy.methods.counts(one.method),
        Some(through) => holds(through),
    };
    // Whoever came by a mail has shown already that they read it: another one confirms nothing.
    let step_up = |needs, by_mail: bool| {
        let methods = match needs {
            Need::SecondFactor if by_mail => [Method::Totp, Method::RecoveryCode, Method::Passkey].as_slice(),
            Need::SecondFactor => [Method::Totp, Method::RecoveryCode, Method::MailCode, Method::Passkey].as_slice(),
            _ if own_counts => [Method::Password, Method::Passkey, Method::Mail].as_slice(),
            _ => [].as_slice(),
        };
        let methods = methods.iter().copied().filter(|method| policy.methods.counts(*method)).collect();
        let connections = match needs {
            Need::SecondFactor => vec![],
            _ => policy.connections.iter().map(|usable| usable.slug.clone()).collect(),
        };
        Entry::StepUp(StepUp { needs, methods, connections, max_age: policy.max_age.map(i64::from) })
    };
    let first = who.did.iter().filter(says_who).max_by_key(|one| one.at);
    let Some(first) = first else { return step_up(Need::FirstFactor, false) };
    let by_mail = who.did.iter().filter(says_who).any(|one| one.method == Method::Mail && one.at >= first.at);
    let stale_at = policy.max_age.map(|age| first.at.saturating_add(age.into()));
    if stale_at.is_some_and(|at| at < now) {
        return step_up(Need::FreshFirstFactor, by_mail);
    }
    // A factor of their own confirms also who came through a provider, where nothing of their own says who they are.
    let confirms = |one: &Authentication| match &one.through {
        None if by_mail && one.method == Method::MailCode => false,
        None => one.method.is_second() && policy.methods.counts(one.method),
        Some(through) => through.multi_factor && policy.mfa_trusts_connection && holds(through),
    };
    let two_factors = who.did.iter().any(confirms);
    // Whoever may come without their organization's provider is worth a second factor (2b).
    let needed = policy.mfa == Requirement::Required || breaks_glass && first.through.is_none();
    if needed && !two_factors {
        return step_up(Need::SecondFactor, by_mail);
    }
    let until = [stale_at, first.through.and_then(|through| through.until)].into_iter().flatten().min();
    Entry::Enter(Entered { two_factors, until })
}

/// What a session did, as far as it says anything in an organization with this policy (`None`: on the platform): no other organization's provider
/// does, and one's word that there were two factors only where it is believed.
pub fn counting(policy: Option<&SignInPolicy>, did: &Authentications) -> Authentications {
    did.counted(|one| match (one.through, policy) {
        (None, _) => Some(*one),
        (Some(through), Some(policy)) if policy.lists(&through) => {
            let multi_factor = through.multi_factor && policy.mfa_trusts_connection;
            Some(Authentication { through: Some(Through { multi_factor, ..through }), ..*one })
        }
        _ => None,
    })
}

impl Entry {
    /// Whether nothing that the person can do now would change it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::NetworkNotAllowed)
    }
    /// Whether a second factor is missing that no mailed code stands in for: one that somebody has on a device.
    pub fn wants_device(&self) -> bool {
        matches!(self, Self::StepUp(step_up) if step_up.needs == Need::SecondFactor && !step_up.methods.contains(&Method::MailCode))
    }
    /// What who does not enter the organization is told; `None`: they do.
    pub fn refusal(&self, org: &Slug) -> Option<Error> {
        match self {
            Self::Enter(_) => None,
            Self::NetworkNotAllowed => Some(Error::forbidden(
                "network_not_allowed",
                "This organization may not be entered from this network. Try from another, or ask one of its administrators.",
            )),
            Self::StepUp(step_up) => Some(step_up.refusal(org)),
        }
    }
}

impl StepUp {
    fn refusal(&self, org: &Slug) -> Error {
        let message = match self.needs {
            Need::FirstFactor => "This organization wants another way to sign in: see `step_up`.",
            Need::FreshFirstFactor => "You signed in too long ago for this organization. Sign in to it again.",
            Need::SecondFactor => "This organization wants a second factor. Sign in to it again, and give one.",
        };
        Error::asking(
            message,
            StepUpRequired {
                organization: org.clone(),
                needs: self.needs.as_str(),
                methods: self.methods.iter().map(|method| method.as_str()).collect(),
                connections: self.connections.iter().map(|slug| slug.as_ref().to_owned()).collect(),
                max_age: self.max_age.filter(|_| self.needs == Need::FreshFirstFactor),
            },
        )
    }
}

#[cfg(test)]
mod tests;
