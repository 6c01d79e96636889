//! People who are no members of an organization, at one of its services. Whoever offers a service registers what they like, so nobody's account is
//! told to a service that they have not allowed it: they are asked when they meet it first, also with a living session, and again when it wants more.

use super::resource_servers::Scopes;
use crate::{ServiceId, Time, core::value::Slug};

/// Consents that are listed at most, the newest first.
pub const LISTED: i64 = 200;

/// What somebody let a service have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// What.
    pub scopes: Scopes,
    /// When they were asked last.
    pub at: Time,
}

/// Somebody who is no member, at a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// Whether they use the service.
    pub uses: bool,
    /// Whether they may begin to: the service takes sign-ups, and their account is the platform's or the organization's own.
    pub may_begin: bool,
    /// What they let it have.
    pub allowed: Option<Allowed>,
}

impl Guest {
    /// Whether they may sign in there.
    pub const fn may_come(&self) -> bool {
        self.uses || self.may_begin
    }

    /// Whether they are asked before the service gets this; `again_since`: they are to be asked again who were not since then.
    pub fn is_asked(&self, wanted: &Scopes, again_since: Option<Time>) -> bool {
        let Some(allowed) = self.allowed.as_ref().filter(|_| self.uses) else { return true };
        let is_enough = wanted.iter().all(|scope| allowed.scopes.iter().any(|known| known == scope));
        !is_enough || again_since.is_some_and(|since| allowed.at < since)
    }
}

/// What somebody let a service have, as they are shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The service.
    pub service: ServiceId,
    /// Its name for people.
    pub service_name: String,
    /// Its client in OAuth.
    pub client_id: String,
    /// Its organization's name in URLs.
    pub organization: Slug,
    /// The same for people.
    pub organization_name: String,
    /// What.
    pub scopes: Scopes,
    /// Since when.
    pub created_at: Time,
    /// When they were asked last.
    pub updated_at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn whoever_is_no_member_is_asked_until_they_have_allowed_all_of_it() {
        let scopes = |text: &str| Scopes::parse(text).unwrap();
        let guest = |uses, may_begin, allowed: Option<&str>| Guest {
            uses,
            may_begin,
            allowed: allowed.map(|text| Allowed { scopes: scopes(text), at: at(100) }),
        };
        // What they are, what is wanted, since when they are to be asked again; whether they may come, and are asked.
        for (what, guest, wanted, again, expected) in [
            ("a stranger", guest(false, false, None), "openid", None, (false, true)),
            ("somebody new", guest(false, true, None), "openid", None, (true, true)),
            ("a user who was added", guest(true, false, None), "openid", None, (true, true)),
            ("one who allowed it", guest(true, false, Some("openid email")), "openid email", None, (true, false)),
            ("one who allowed more", guest(true, false, Some("openid email")), "email", None, (true, false)),
            ("one who is asked for more", guest(true, false, Some("openid email")), "openid offline_access", None, (true, true)),
            ("one who is to be asked again", guest(true, false, Some("openid")), "openid", Some(101), (true, true)),
            ("one who was just asked again", guest(true, false, Some("openid")), "openid", Some(100), (true, false)),
            ("one who was removed", guest(false, true, Some("openid")), "openid", None, (true, true)),
        ] {
            let found = (guest.may_come(), guest.is_asked(&scopes(wanted), again.map(at)));
            assert_eq!(found, expected, "{what}");
        }
    }
}
