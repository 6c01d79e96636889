//! How the people of an organization have to sign in.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    ConnectionId, UserId,
    applications::api_keys::Networks,
    core::value::{BadValue, Patch, bad},
    identity::{
        authentications::{Method, Through},
        connections::ConnectionSlug,
    },
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

/// Which of people's own ways count in an organization: at least one. Codes of an app, and what stands in for them on the day it is lost, always confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct OwnMethods {
    /// The account's password.
    pub password: bool,
    /// A passkey.
    pub passkey: bool,
    /// What is mailed to the account's address.
    pub mail: bool,
}

impl Default for OwnMethods {
    /// All of them.
    fn default() -> Self {
        Self { password: true, passkey: true, mail: true }
    }
}

impl OwnMethods {
    /// Those of these names.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, BadValue> {
        let mut methods = Self { password: false, passkey: false, mail: false };
        let mut named = false;
        for name in names {
            named = true;
            match name {
                "password" => methods.password = true,
                "passkey" => methods.passkey = true,
                "mail" => methods.mail = true,
                _ => return bad("unknown_method", "Name password, passkey or mail."),
            }
        }
        if named { Ok(methods) } else { bad("required", "Name at least one of password, passkey and mail.") }
    }
    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.password, "password"), (self.passkey, "passkey"), (self.mail, "mail")]
            .into_iter()
            .filter_map(|(counts, name)| counts.then_some(name))
    }
    /// Whether what somebody did by themselves counts.
    pub const fn counts(self, method: Method) -> bool {
        match method {
            Method::Password => self.password,
            Method::Passkey => self.passkey,
            Method::MailCode | Method::Mail => self.mail,
            Method::Totp | Method::RecoveryCode => true,
            Method::Connection => false,
        }
    }
    fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

impl TryFrom<Vec<String>> for OwnMethods {
    type Error = BadValue;
    fn try_from(names: Vec<String>) -> Result<Self, BadValue> {
        Self::named(names.iter().map(String::as_str))
    }
}

impl From<OwnMethods> for Vec<String> {
    fn from(methods: OwnMethods) -> Self {
        methods.names().map(str::to_owned).collect()
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
    /// Which of people's own ways count.
    #[serde(skip_serializing_if = "OwnMethods::is_all")]
    pub methods: OwnMethods,
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
    /// Which of people's own ways count; `None`: stays.
    pub methods: Option<OwnMethods>,
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
            methods: changes.methods.unwrap_or(self.methods),
            mfa: changes.mfa.unwrap_or(self.mfa),
            max_age: changes.max_age.clone().apply(self.max_age),
            networks: changes.networks.clone().unwrap_or_else(|| self.networks.clone()),
            sso_required: changes.sso_required.unwrap_or(self.sso_required),
            break_glass: changes.break_glass.clone().unwrap_or_else(|| self.break_glass.clone()),
            mfa_trusts_connection: changes.mfa_trusts_connection.unwrap_or(self.mfa_trusts_connection),
            ..self.clone()
        }
    }
    /// Whether a mailed code confirms a member where two factors are demanded of them, or none are.
    pub fn mail_confirms(&self, user: UserId) -> bool {
        self.methods.mail || self.mfa == Requirement::Off && !self.break_glass.contains(&user)
    }
    /// Whether a mail says who somebody is: to who has no other way in, it is not offered where the organization's providers alone count.
    pub const fn takes_mail(&self) -> bool {
        self.methods.mail && !self.sso_required
    }
    /// Whether it lists the connection, as it was then.
    pub fn lists(&self, through: &Through) -> bool {
        self.connections.iter().any(|usable| (usable.id, usable.generation) == (through.id, through.generation))
    }
}
