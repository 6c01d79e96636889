//! Linking by one's own choice: somebody who has just shown by something of their own who they are (T25) wants to sign in through a provider from now on.
//! Row 2 of the table in docs/behaviour/identity.md.

use super::{attempts::Reason, linking::Known};
use crate::{Time, UserId, identity::authentications::Authentications};

/// How long ago they may have shown who they are.
pub const RECENT: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// What is known when a provider has named somebody.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Whose account the identity is to belong to.
    pub user: UserId,
    /// Who has it.
    pub known: Option<Known>,
    /// Whether somebody with the address that the provider claims was removed from the organization, and nobody has let them back in.
    pub removed: bool,
}

/// Whether the identity may become theirs.
pub fn choose(choice: &Choice) -> Result<(), Reason> {
    match choice.known {
        Some(known) if known.account.user != choice.user => Err(Reason::IdentityTaken),
        Some(known) if known.blocked => Err(Reason::AccessRemoved),
        Some(_) => Ok(()),
        None if choice.removed => Err(Reason::AccessRemoved),
        None => Ok(()),
    }
}

/// Whether who did this, as far as it counts, showed recently enough who they are.
pub fn is_recent(counting: &Authentications, now: Time) -> bool {
    counting.newest_first().is_some_and(|at| at >= (now - RECENT).timestamp())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::identity::{
        authentications::{Authentication, Method},
        federation::linking::Account,
    };

    fn known(n: u128, blocked: bool) -> Option<Known> {
        let user = UserId::new(Uuid::from_u128(n));
        let (managed, closed, member, holds) = (false, false, true, true);
        let account = Account { user, managed, closed, member, holds, operates: false, removed: false, guest: false };
        Some(Known { account, blocked, reprove: true })
    }

    #[test]
    fn an_identity_becomes_nobodys_who_is_not_its_owner() {
        let user = UserId::new(Uuid::from_u128(1));
        for (what, known, removed, expected) in [
            ("nobody has it", None, false, Ok(())),
            ("somebody who was removed has the address", None, true, Err(Reason::AccessRemoved)),
            ("it is theirs", known(1, false), false, Ok(())),
            ("it is theirs, and they were called otherwise once", known(1, false), true, Ok(())),
            ("it is theirs, and their access was removed", known(1, true), false, Err(Reason::AccessRemoved)),
            ("it is somebody else's", known(2, false), false, Err(Reason::IdentityTaken)),
            ("it is somebody else's, whose access was removed", known(2, true), true, Err(Reason::IdentityTaken)),
        ] {
            assert_eq!(choose(&Choice { user, known, removed }), expected, "{what}");
        }
    }

    #[test]
    fn what_was_shown_ten_minutes_ago_is_recent() {
        let at = |seconds| Time::from_timestamp(seconds, 0).unwrap();
        let own = |method, seconds| Authentications::one(Authentication::own(method, at(seconds)));
        assert!(is_recent(&own(Method::Password, 400), at(1000)) && !is_recent(&own(Method::Password, 399), at(1000)));
        assert!(!is_recent(&own(Method::Totp, 1000), at(1000)), "a code alone says not who it is");
        assert!(!is_recent(&Authentications::default(), at(1000)));
    }
}
