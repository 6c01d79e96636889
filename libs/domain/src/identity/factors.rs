//! Second factors: an authenticator app, and recovery codes for the day it is lost. Whoever has enrolled one is always asked for it after their
//! password; who has none gets a mailed code where one is demanded.
//!
//! Guesses at codes are counted for the account, over all networks and restarts (T41): those of sign-ins, where whoever is asked knows the password,
//! and, apart, those of sessions, so that who has one of those only keeps nobody from signing in. After [`A_DAY`] of sign-ins the password counts as
//! known to others: it works no more, until it is set anew by mail. After as many in sessions the session ends that showed the last.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{Time, UserId, core::rate::Limit, core::value::Email};

/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;
/// How long an app that was set up can be confirmed.
pub const SET_UP_LASTS: TimeDelta = TimeDelta::minutes(15);
/// Wrong codes of an account: five at once, then one a minute.
pub const AT_ONCE: Limit = Limit { burst: 5, period: Duration::from_secs(60) };
/// Wrong codes of an account within a day before something ends with them: fifty.
pub const A_DAY: Limit = Limit { burst: 50, period: Duration::from_secs(86_400 / 50) };

/// What somebody typed as a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Six digits.
    Code(String),
    /// A recovery code.
    Recovery(String),
    /// Neither.
    Nonsense,
}

impl Typed {
    /// As people type and copy it.
    pub fn of(text: &str) -> Self {
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        match plain.len() {
            6 if plain.bytes().all(|b| b.is_ascii_digit()) => Self::Code(plain),
            16 if plain.bytes().all(|b| b.is_ascii_alphanumeric()) => Self::Recovery(plain),
            _ => Self::Nonsense,
        }
    }
}

/// What an account has enrolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// When the authenticator app was confirmed; `None`: there is none.
    pub totp_since: Option<Time>,
    /// Recovery codes that are left.
    pub recovery_codes: i64,
}

/// The second factors that somebody has on devices of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnDevices {
    /// An authenticator app that was confirmed.
    pub app: bool,
    /// A passkey.
    pub passkey: bool,
}

/// The platform's accounts and their second factors in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorFigures {
    /// Accounts that are not closed.
    pub users: i64,
    /// Those of them with an authenticator app.
    pub enrolled: i64,
    /// Second factors that were right, on that day.
    pub succeeded: i64,
    /// Those that were wrong.
    pub failed: i64,
}

/// An account at which second factors were guessed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicious {
    /// Whose.
    pub user_id: UserId,
    /// Their address.
    pub email: Email,
    /// Since yesterday.
    pub failed: i64,
    /// Since yesterday.
    pub succeeded: i64,
}

/// So many wrong codes since yesterday are worth a look.
pub const SUSPICIOUS: i64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_told_apart() {
        for (text, typed) in [
            (" 123 456 ", Typed::Code("123456".to_owned())),
            ("123-456", Typed::Code("123456".to_owned())),
            ("abcd-efgh-2345-ijkl", Typed::Recovery("abcdefgh2345ijkl".to_owned())),
            ("12345", Typed::Nonsense),
            ("12345a", Typed::Nonsense),
            ("\u{661}\u{662}\u{663}", Typed::Nonsense),
            ("", Typed::Nonsense),
        ] {
            assert_eq!(Typed::of(text), typed, "{text}");
        }
    }
}
