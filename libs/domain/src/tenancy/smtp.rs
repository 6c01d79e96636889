//! An organization's own mail server. Its mails leave through it; through the platform's where it does not take them, and where a mail
//! carries a link into an account that holds more than whoever chose the server: they could read along (T20).

mod failure;
mod health;
mod trial;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    failure::{Failure, Reason, Remedy, Reply, Step},
    health::{Health, State},
    trial::{Outcome, Trial},
};
use crate::{
    OrgId, Time,
    authorization::facts::Authority,
    core::{
        text,
        value::{BadValue, Email, HostName, SenderName, bad},
    },
    tenancy::roles::{Caps, Role, RoleName},
};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// STARTTLS, never skipped.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all: only in networks that the operator named.
    None,
}

impl Security {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }
    /// What is usual at a port.
    pub const fn usual(port: u16) -> Self {
        if port == 465 { Self::Tls } else { Self::Starttls }
    }
}

impl FromStr for Security {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "starttls" => Ok(Self::Starttls),
            "tls" => Ok(Self::Tls),
            "none" => Ok(Self::None),
            _ => bad("unknown_security", "Use one of: starttls, tls, none."),
        }
    }
}

/// A port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(pub u16);

impl TryFrom<i64> for Port {
    type Error = BadValue;
    fn try_from(n: i64) -> Result<Self, BadValue> {
        match u16::try_from(n) {
            Ok(port @ 1..) => Ok(Self(port)),
            _ => bad("out_of_range", "Use a port from 1 to 65535; mail servers usually listen at 587 or 465."),
        }
    }
}

/// A user name at a mail server; empty: nobody signs in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpUser(String);

/// A password at a mail server; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpPassword(String);

fn secret(s: &str, max: usize) -> Result<String, BadValue> {
    match s.len() {
        long if long > max => bad("too_long", format!("Use at most {max} bytes.")),
        _ if !s.chars().all(text::may_be_secret) => {
            bad("bad_characters", "Control characters and unknown characters are not allowed.")
        }
        _ => Ok(s.to_owned()),
    }
}

impl FromStr for SmtpUser {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        secret(s, 320).map(Self)
    }
}

impl FromStr for SmtpPassword {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        secret(s, 1024).map(Self)
    }
}

impl SmtpUser {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A name the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl SmtpPassword {
    /// The text, to be sent.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// A password the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SmtpPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpPassword(…)")
    }
}

/// Where a mail server is and who signs in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name or address.
    pub host: HostName,
    /// Its port.
    pub port: Port,
    /// How the connection is protected.
    pub security: Security,
    /// Who signs in; empty: nobody.
    pub username: SmtpUser,
}

/// Who a mail is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The address.
    pub email: Email,
    /// The name beside it.
    pub name: Option<SenderName>,
}

/// How much may be trusted to a mail server, or a text: as much as whoever chose it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ceiling {
    /// An owner chose it.
    Owner,
    /// An admin did, or who operates the platform.
    Admin,
    /// Somebody, or some program, that holds these.
    Caps(Caps),
}

impl Ceiling {
    /// What whoever acts holds.
    pub fn of(authority: &Authority) -> Self {
        match authority {
            owner if owner.is_owner() => Self::Owner,
            admin if admin.is_privileged() => Self::Admin,
            other => Self::Caps(other.caps()),
        }
    }
    /// Whether a link into the account of a member with this role may be trusted to it. Somebody who is no member holds nothing.
    pub fn covers(&self, role: Option<&Role>) -> bool {
        let Some(role) = role else { return true };
        match self {
            Self::Owner => true,
            Self::Admin => !role.is_owner(),
            Self::Caps(caps) => !role.is_privileged() && caps.covers(role.caps),
        }
    }
    /// As the database keeps it: a built-in role, or names of capabilities.
    pub fn text(&self) -> String {
        match self {
            Self::Owner => RoleName::Owner.as_str().to_owned(),
            Self::Admin => RoleName::Admin.as_str().to_owned(),
            Self::Caps(caps) => caps.names().join(" "),
        }
    }
    /// Reads [`Ceiling::text`]. What is not known any more covers nothing.
    pub fn stored(text: &str) -> Self {
        match RoleName::stored(text.to_owned()) {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            _ => Self::Caps(text.split_whitespace().filter_map(|name| name.parse().ok()).collect()),
        }
    }
}

/// What an organization set, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpSettings {
    /// Whose.
    pub org_id: OrgId,
    /// The server.
    pub server: Server,
    /// Who mails are from.
    pub sender: Sender,
    /// What may be trusted to it.
    pub ceiling: Ceiling,
    /// Another one at every change, so that what comes of an attempt is not taken for another server's.
    pub revision: Uuid,
    /// How it goes.
    pub health: Health,
    /// When they were last changed.
    pub updated_at: Time,
}

#[cfg(test)]
mod tests;
