//! A domain's name, as the DNS knows it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::public_mail;
use crate::core::value::{BadValue, HostName, bad};

/// A domain's name with at least two labels, in lower case, an international one in its ASCII form (`xn--…`). At most 200 characters, so that
/// the record that proves it has room before it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DomainName(String);

const LONGEST: usize = 200;

impl DomainName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A name the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
    /// Whether it is `other`, or a name below it.
    pub fn is_within(&self, other: &str) -> bool {
        self.0.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
    /// Whether everybody can have an address there, so that nobody's organization is known by it.
    pub fn is_public_mail(&self) -> bool {
        public_mail::DOMAINS.iter().any(|public| self.is_within(public))
    }
}

impl FromStr for DomainName {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        const RULE: &str = "Give a domain's name such as auth.example.com, without scheme, port or path.";
        let Ok(host) = s.parse::<HostName>() else { return bad("bad_domain", RULE) };
        let name = host.into_string();
        let label = |label: &str| !label.starts_with('-') && !label.ends_with('-') && !label.contains('_');
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        if is_address || !name.contains('.') || !name.split('.').all(label) {
            return bad("bad_domain", RULE);
        }
        if name.len() > LONGEST {
            return bad("too_long", "Use a name of at most 200 characters, in its ASCII form.");
        }
        Ok(Self(name))
    }
}
impl TryFrom<String> for DomainName {
    type Error = BadValue;
    fn try_from(s: String) -> Result<Self, BadValue> {
        s.parse()
    }
}
impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
