//! Who is this? [`decide`] is a pure function of what the provider said ([`super::asserted`]) and of what is known here. A connection speaks about its
//! organization's people only: a platform account that is no member there is never touched.
//!
//! The rows are those of the table in docs/behaviour/identity.md; the first that fits counts.

use super::attempts::Reason;
use crate::{UserId, core::value::Email};

/// Somebody who has the identity already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Whose it is.
    pub account: Account,
    /// Whether their access was removed since.
    pub blocked: bool,
    /// Whether the connection was changed by somebody who holds less than they do: they prove that it is they.
    pub reprove: bool,
}

/// An account that may be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub user: UserId,
    /// Whether the organization manages it.
    pub managed: bool,
    /// Whether it is closed.
    pub closed: bool,
    /// Whether it is a member.
    pub member: bool,
    /// Whether its membership gives it anything that others have not.
    pub holds: bool,
    /// Whether it operates the platform.
    pub operates: bool,
    /// Whether it was removed from the organization, and nobody has let it back in.
    pub removed: bool,
    /// Whether it may come to the service that is signed in to without being a member: it uses it, or the service takes sign-ups.
    pub guest: bool,
}

/// Where people with addresses of a domain sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// By this connection; `proven`: the organization showed in the DNS that the domain is its own.
    Here {
        /// Whether it did.
        proven: bool,
    },
    /// By another one.
    Elsewhere,
    /// Nowhere in particular, as no domain is led to this connection.
    Nowhere,
    /// Nowhere in particular, but other domains are led to this connection.
    OthersHere,
}

/// What is known.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Who has the identity.
    pub known: Option<Known>,
    /// The address, as the provider claims it.
    pub email: Option<&'a Email>,
    /// Whether the provider vouches for it.
    pub vouched: bool,
    /// Whether it was anything, if there is none.
    pub ambiguous: bool,
    /// The account that has the address: the organization's own before a platform account that is a member.
    pub at_address: Option<Account>,
    /// Where its domain is led.
    pub routed: Routed,
    /// Whether strangers become members.
    pub jit: bool,
    /// Whether the address is invited.
    pub invited: bool,
    /// Whether somebody with the address was removed from the organization, and nobody has let them back in.
    pub removed: bool,
    /// Whether it is a service that is signed in to, and it takes people who are no members.
    pub takes_sign_ups: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is they.
    SignIn(UserId),
    /// It is they, once they show it by something of their own; then the identity is theirs.
    Prove(UserId),
    /// The identity becomes theirs.
    Link(UserId),
    /// It is they, and they become a member again.
    Admit(UserId),
    /// Somebody new, who becomes a member.
    Create,
    /// Somebody new, who uses the service and is no member.
    SignUp,
    /// Nobody.
    Refuse(Reason),
}

/// What a stranger becomes.
enum Place {
    Member,
    User,
}

impl Situation<'_> {
    /// Whether the address is proven to this organization: its provider vouches, and the domain is its own and led here.
    fn is_proven(&self) -> bool {
        self.vouched && self.routed == (Routed::Here { proven: true })
    }

    /// What a stranger becomes, if anything: membership is asked first, so a service's open door never stands in its place.
    fn joins(&self) -> Result<Place, Reason> {
        match (self.email, self.ambiguous) {
            (None, true) => return Err(Reason::EmailAmbiguous),
            (None, false) => return Err(Reason::EmailMissing),
            (Some(_), _) => {}
        }
        if self.removed && !(self.invited && self.is_proven()) {
            return Err(Reason::AccessRemoved);
        }
        match self.routed {
            Routed::Elsewhere | Routed::OthersHere => Err(Reason::EmailDomain),
            _ if self.jit || self.invited && self.is_proven() => Ok(Place::Member),
            _ if self.takes_sign_ups => Ok(Place::User),
            _ => Err(Reason::NoAccount),
        }
    }
}

/// Decides.
pub fn decide(situation: &Situation<'_>) -> Decision {
    match (&situation.known, situation.at_address) {
        (Some(known), _) => of_known(situation, known),
        (None, at_address) => of_stranger(situation, at_address),
    }
}

/// Rows 3 to 7.
fn of_known(situation: &Situation<'_>, known: &Known) -> Decision {
    let account = known.account;
    match () {
        // An invitation is what lets somebody back in.
        () if (known.blocked || account.removed && !account.member) && !(situation.invited && situation.is_proven()) => {
            Decision::Refuse(Reason::AccessRemoved)
        }
        () if account.closed => Decision::Refuse(Reason::AccountDeactivated),
        () if known.reprove && account.member => Decision::Prove(account.user),
        () if account.member => Decision::SignIn(account.user),
        () => match situation.joins() {
            Ok(Place::Member) => Decision::Admit(account.user),
            _ if account.guest => Decision::SignIn(account.user),
            Ok(Place::User) => Decision::Refuse(Reason::NoAccount),
            Err(reason) => Decision::Refuse(reason),
        },
    }
}

/// Rows 3, 4 and 12 to 15.
fn of_stranger(situation: &Situation<'_>, at_address: Option<Account>) -> Decision {
    let Some(account) = at_address else {
        return match situation.joins() {
            Ok(Place::Member) => Decision::Create,
            Ok(Place::User) => Decision::SignUp,
            Err(reason) => Decision::Refuse(reason),
        };
    };
    // One whose domain is led to another provider is not that provider's to speak for.
    let elsewhere = matches!(situation.routed, Routed::Elsewhere | Routed::OthersHere);
    match () {
        () if account.closed && account.managed => Decision::Refuse(Reason::AccountDeactivated),
        () if account.removed && !(situation.invited && situation.is_proven()) => Decision::Refuse(Reason::AccessRemoved),
        () if elsewhere => Decision::Refuse(Reason::EmailDomain),
        () if account.operates => Decision::Refuse(Reason::NoAccount),
        () if account.member && situation.is_proven() && !account.holds => Decision::Link(account.user),
        () if account.member => Decision::Prove(account.user),
        // The organization's own account, which only a service used so far.
        () if account.managed && situation.is_proven() => match situation.joins() {
            Ok(Place::Member) => Decision::Admit(account.user),
            _ if account.guest => Decision::Link(account.user),
            Ok(Place::User) => Decision::Refuse(Reason::NoAccount),
            Err(reason) => Decision::Refuse(reason),
        },
        () => Decision::Refuse(Reason::NoAccount),
    }
}

#[cfg(test)]
mod tests;
