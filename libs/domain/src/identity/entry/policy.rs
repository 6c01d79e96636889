//! How the people of an organization have to sign in.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    ConnectionId, UserId,
    applications::api_keys::Networks,
    core::value::{BadValue, Patch, bad},
    identity::{authentications::Through, connections::ConnectionSlug},
};

/// Whether something is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// It is not.
    #[default]
    Off,
    /// Nobody enters without.
    Required,
}

impl Requirement {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Required => "required",
        }
    }
}

impl FromStr for Requirement {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "off" => Ok(Self::Off),
            "required" => Ok(Self::Required),
            _ => bad("unknown_requirement", "Use off or required."),
        }
    }
}

/// How old a sign-in may be, in seconds: five minutes to 366 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct MaxAge(i64);

impl TryFrom<i64> for MaxAge {
    type Error = BadValue;
    fn try_from(seconds: i64) -> Result<Self, BadValue> {
        match seconds {
            300..=31_622_400 => Ok(Self(seconds)),
            _ => bad("out_of_range", "Use a whole number of seconds from 300 to 31622400."),
        }
    }
}

impl From<MaxAge> for i64 {
    fn from(age: MaxAge) -> Self {
        age.0
    }
}

/// A connection of the organization through which people may come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usable {
    /// Which.
    pub id: ConnectionId,
    /// Its name.
    pub slug: ConnectionSlug,
    /// What came through an earlier generation does not count.
    pub generation: i64,
}

/// How the people of an organization have to sign in. The default demands nothing: their own password will do.
///
/// It is stored as JSON; what a program does not know of a newer one's policy, it must not overlook, so it cannot be read then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInPolicy {
    /// Whether only the organization's connections count.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sso_required: bool,
    /// Owners who may come without, with two factors of their own: for the day the provider is away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<UserId>,
    /// Whether two factors are demanded.
    pub mfa: Requirement,
    /// Whether a connection's word that there were two is believed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mfa_trusts_connection: bool,
    /// How old the first factor may be; `None`: as old as the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<MaxAge>,
    /// From where; none: from everywhere.
    pub networks: Networks,
    /// Through which connections people may come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<Usable>,
}

/// Changes of a policy.
#[derive(Clone, Debug, Default)]
pub struct SignInPolicyChanges {
    /// Whether two factors are demanded; `None`: stays.
    pub mfa: Option<Requirement>,
    /// How old the first factor may be.
    pub max_age: Patch<MaxAge>,
    /// From where; `None`: stays.
    pub networks: Option<Networks>,
    /// Whether only the organization's connections count; `None`: stays.
    pub sso_required: Option<bool>,
    /// Owners who may come without; `None`: stays.
    pub break_glass: Option<Vec<UserId>>,
    /// Whether a connection's word that there were two factors is believed; `None`: stays.
    pub mfa_trusts_connection: Option<bool>,
}

impl SignInPolicy {
    /// The policy of an organization by its stored text; null is the default.
    pub fn stored(text: Option<&str>) -> Result<Self, serde_json::Error> {
        text.map_or_else(|| Ok(Self::default()), serde_json::from_str)
    }
    /// What to store: nothing for the default.
    pub fn to_text(&self) -> Option<String> {
        let text = || serde_json::to_string(self).unwrap_or_else(|_| unreachable!("it has no keys but texts"));
        (*self != Self::default()).then(text)
    }
    /// With the changes.
    #[must_use]
    pub fn changed(&self, changes: &SignInPolicyChanges) -> Self {
        Self {
            mfa: changes.mfa.unwrap_or(self.mfa),
            max_age: changes.max_age.clone().apply(self.max_age),
            networks: changes.networks.clone().unwrap_or_else(|| self.networks.clone()),
            sso_required: changes.sso_required.unwrap_or(self.sso_required),
            break_glass: changes.break_glass.clone().unwrap_or_else(|| self.break_glass.clone()),
            mfa_trusts_connection: changes.mfa_trusts_connection.unwrap_or(self.mfa_trusts_connection),
            ..self.clone()
        }
    }
    /// Whether it lists the connection, as it was then.
    pub(super) fn lists(&self, through: &Through) -> bool {
        self.connections.iter().any(|usable| (usable.id, usable.generation) == (through.id, through.generation))
    }
}
