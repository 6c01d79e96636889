//! Sign-ins of devices that have no browser (RFC 8628): the device shows a code, somebody types it in a browser, sees what asks and from where, and
//! answers. Who sends somebody a code to type is the attack on this (RFC 10027): so no address carries the code, and the page says where the device is.
//! [`judge`] is a pure function of what a device's question finds.

use serde::{Deserialize, Serialize};

use super::resource_servers::Scopes;
use crate::{
    Time,
    core::value::{BadValue, bad},
};

/// How long a device waits for its answer.
pub const LASTS: chrono::TimeDelta = chrono::TimeDelta::minutes(15);
/// How many seconds it waits between two questions at first, and how many more whenever it did not.
pub const INTERVAL: i32 = 5;
/// The longest that it is told to wait, in seconds.
pub const LONGEST_INTERVAL: i32 = 60;

/// What people type: eight signs of 32 that nobody takes for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCode(String);

const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const LENGTH: usize = 8;

impl UserCode {
    /// One of random bytes.
    pub fn of(random: &[u8; 32]) -> Self {
        Self(random.iter().take(LENGTH).map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect())
    }

    /// What somebody typed: small letters, blanks and hyphens make no difference.
    pub fn typed(text: &str) -> Result<Self, BadValue> {
        let plain: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).take(LENGTH + 1).collect();
        if text.len() <= 100 && plain.len() == LENGTH && plain.bytes().all(|byte| SIGNS.contains(&byte)) {
            return Ok(Self(plain));
        }
        bad("bad_user_code", "The code has eight letters and digits, as the device shows them.")
    }

    /// As a device shows it: with a hyphen in the middle.
    pub fn shown(&self) -> String {
        format!("{}-{}", &self.0[..LENGTH / 2], &self.0[LENGTH / 2..])
    }

    /// What is hashed.
    pub fn plain(&self) -> &str {
        &self.0
    }
}

/// What a device's client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// What for.
    pub scopes: Scopes,
    /// The API that access tokens are to be for, beside our own userinfo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The organization to sign in to, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Whether the device only named its client: nothing else fetches what comes of it, nor that anything else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub native: bool,
}

/// What a question finds.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// When the device asked before.
    pub before: Option<Time>,
    /// How long it was to wait since, in seconds.
    pub interval: i32,
    /// Until when it can be answered.
    pub expires_at: Time,
    /// Whether somebody answered, and approved.
    pub approved: Option<bool>,
    /// Whether it was exchanged for tokens.
    pub used: bool,
}

/// What a device is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nobody has answered yet.
    Wait,
    /// It asked too soon: from now on it waits so many seconds.
    Slower(i32),
    /// Nobody did in time.
    Late,
    /// Somebody said no.
    Denied,
    /// Somebody said yes, and this is the first question since.
    Granted,
    /// It was exchanged before: two hold it.
    Again,
}

/// Judges a question.
pub fn judge(asked: &Asked, now: Time) -> Told {
    let too_soon = asked.before.is_some_and(|before| now < before + chrono::TimeDelta::seconds(asked.interval.into()));
    match asked.approved {
        _ if asked.used => Told::Again,
        _ if now >= asked.expires_at => Told::Late,
        Some(true) => Told::Granted,
        Some(false) => Told::Denied,
        None if too_soon => Told::Slower((asked.interval + INTERVAL).min(LONGEST_INTERVAL)),
        None => Told::Wait,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_a_device_is_told() {
        let at = |seconds| Time::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let asked = |before: Option<i64>, approved, used| Asked {
            before: before.map(at),
            interval: INTERVAL,
            expires_at: at(900),
            approved,
            used,
        };
        for (what, asked, now, told) in [
            ("the first question", asked(None, None, false), 0, Told::Wait),
            ("as it was told", asked(Some(0), None, false), 5, Told::Wait),
            ("too soon", asked(Some(0), None, false), 4, Told::Slower(10)),
            ("much too often", Asked { interval: LONGEST_INTERVAL, ..asked(Some(0), None, false) }, 1, Told::Slower(60)),
            ("at the end", asked(Some(890), None, false), 899, Told::Wait),
            ("after it", asked(Some(890), None, false), 900, Told::Late),
            ("approved", asked(Some(5), Some(true), false), 10, Told::Granted),
            ("approved, asked soon", asked(Some(5), Some(true), false), 6, Told::Granted),
            ("approved, fetched too late", asked(Some(5), Some(true), false), 900, Told::Late),
            ("denied", asked(Some(5), Some(false), false), 10, Told::Denied),
            ("again", asked(Some(5), Some(true), true), 10, Told::Again),
            ("again, much later", asked(Some(5), Some(true), true), 5000, Told::Again),
        ] {
            assert_eq!(judge(&asked, at(now)), told, "{what}");
        }
    }

    #[test]
    fn codes_are_typed_as_people_type() {
        let code =
            UserCode::of(&[0, 7, 8, 31, 32, 64, 255, 13, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(code.shown(), "AHJ9-AA9P");
        for typed in ["AHJ9-AA9P", "ahj9aa9p", " ahj9 aa9p ", "A-H-J-9-A-A-9-P"] {
            assert_eq!(UserCode::typed(typed), Ok(code.clone()), "{typed}");
        }
        for typed in ["", "AHJ9-AA9", "AHJ9-AA9PP", "AHJ9-AA9I", "AHJ0-AA9P", "AHJ9_AA9P", "ÄHJ9-AA9P", &" ".repeat(200)] {
            assert_eq!(UserCode::typed(typed).map_err(|e| e.code), Err("bad_user_code"), "{typed}");
        }
    }
}
