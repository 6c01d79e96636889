//! Passkeys (WebAuthn): keys that a person's device keeps and uses only after it has made sure that it is them. So one is both factors, and there is
//! nothing to guess, to phish or to steal from us. They belong to the platform's host, for ever, and are found by themselves: nobody says who they are
//! before (T40).

use chrono::TimeDelta;

use crate::{
    Time,
    core::{id::id, value::Name},
};

id! {
    /// A person's passkey.
    PasskeyKind PasskeyId = "psk"
}
id! {
    /// A question that a device answers with a passkey, once.
    PasskeyChallengeKind PasskeyChallengeId = "pkc"
}

/// How many somebody may have.
pub const MOST: i64 = 20;
/// How long a challenge can be answered.
pub const CHALLENGE_LASTS: TimeDelta = TimeDelta::minutes(5);
/// Challenges of one account that are open at most; the oldest go.
pub const MOST_CHALLENGES: i64 = 10;

/// A passkey as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Identifier.
    pub id: PasskeyId,
    /// What they call it.
    pub name: Name,
    /// When it was added.
    pub created_at: Time,
    /// When they last signed in with it.
    pub last_used_at: Option<Time>,
}

/// What a challenge is for; an answer to one is none to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// Another passkey of somebody who is signed in.
    Registration,
    /// A sign-in.
    SignIn,
}

impl Ceremony {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::SignIn => "sign_in",
        }
    }
}

/// Whether an account with so many passkeys can spare one: something of its own has to be left to sign in with.
pub const fn can_spare(has_password: bool, passkeys: i64) -> bool {
    has_password || passkeys > 1
}

#[cfg(test)]
mod tests {
    use super::can_spare;

    #[test]
    fn the_last_way_in_stays() {
        for (has_password, passkeys, spares) in [(true, 1, true), (true, 2, true), (false, 2, true), (false, 1, false)] {
            assert_eq!(can_spare(has_password, passkeys), spares, "{has_password} {passkeys}");
        }
    }
}
