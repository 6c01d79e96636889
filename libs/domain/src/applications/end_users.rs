//! End users: the accounts that use an organization's services.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{
    GrantId, ServiceId, Time, UserId,
    applications::subscriptions::Subscription,
    core::value::{BadValue, Slug, bad},
    identity::{accounts::User, sign_ins::SignIn},
};

/// An account that uses at least one of an organization's services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndUser {
    /// The account.
    pub user: User,
    /// Since when they use a service of the organization, or the one that was asked for.
    pub since: Time,
    /// What they have of the organization's services, oldest first.
    pub subscriptions: Vec<Subscription>,
}

impl EndUser {
    /// The place in a list, newest first, behind this one.
    pub fn place(&self) -> EndUserPlace {
        EndUserPlace { since: self.since, user: self.user.id }
    }
}

/// How many sessions of one person are shown.
pub const SHOWN_SESSIONS: i64 = 100;
/// How many sign-ins of one person are shown.
pub const SHOWN_SIGN_INS: i64 = 20;

/// One end user, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndUserDetail {
    /// Who.
    pub end_user: EndUser,
    /// How many of their sessions can act in the organization or its services now.
    pub session_count: i64,
    /// The newest [`SHOWN_SESSIONS`] of those.
    pub sessions: Vec<EndUserSession>,
    /// The newest [`SHOWN_SIGN_INS`] sign-ins to the organization and its services.
    pub sign_ins: Vec<SignIn>,
}

/// What a session of an end user may do in one organization. It ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndUserSession {
    /// Identifier.
    pub id: GrantId,
    /// The service it is for, with its name; `None`: the organization.
    pub service: Option<(ServiceId, String)>,
    /// The organization.
    pub org_slug: Slug,
    /// From where the person signed in.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When the session ends unless it is renewed.
    pub expires_at: Time,
    /// Until when it can be renewed.
    pub refresh_expires_at: Time,
    /// When it entered the organization.
    pub created_at: Time,
}

/// A place in a list of end users, newest first: behind this one. Its text is for programs: `<microseconds>-<user id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndUserPlace {
    /// Since when they use a service.
    pub since: Time,
    /// Who.
    pub user: UserId,
}

/// The year 9999: both databases order it behind all others.
const LATER_THAN_ANY: Time = match Time::from_timestamp(253_370_764_800, 0) {
    Some(time) => time,
    None => Time::UNIX_EPOCH,
};

impl EndUserPlace {
    /// Before everybody.
    pub const START: Self = Self { since: LATER_THAN_ANY, user: UserId::new(Uuid::max()) };
}

impl fmt::Display for EndUserPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.since.timestamp_micros(), self.user)
    }
}

impl FromStr for EndUserPlace {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let parsed = s.split_once('-').and_then(|(micros, user)| {
            let since = Time::from_timestamp_micros(micros.parse().ok().filter(|n| *n >= 0)?)?;
            Some(Self { since, user: user.parse().ok()? })
        });
        match parsed {
            Some(place) if place.to_string() == s => Ok(place),
            _ => bad("bad_place", "Send `next` of the page before as it was answered."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_text() {
        let place = EndUserPlace { since: "2026-11-29T10:00:00.000001Z".parse().unwrap(), user: UserId::new(Uuid::max()) };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in [
            "",
            "1",
            "-",
            "x-usr_00000000000000000000000000000001",
            "-1-usr_00000000000000000000000000000001",
            "01-usr_00000000000000000000000000000001",
            "9223372036854775807-usr_00000000000000000000000000000001",
            "1-apk_00000000000000000000000000000001",
        ] {
            assert_eq!(text.parse::<EndUserPlace>().unwrap_err().code, "bad_place", "{text}");
        }
    }
}
