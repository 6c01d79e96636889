//! The names of events: which there are, which of them can be subscribed to, and what else clients call them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::EMITTED;
use crate::{
    core::value::{BadValue, bad},
    events::samples::Sample,
};

/// Other names that clients use for an action, in audit filters.
const ALIASES: &[(&str, &str)] = &[
    ("organization.deleted", "org.deleted"),
    ("member.role_changed", "user.role_updated"),
    ("member.roles_assigned", "user.roles_assigned"),
    ("member.roles_unassigned", "user.roles_unassigned"),
    ("member.service_access_updated", "user.service_access_updated"),
    ("member.removed", "user.removed"),
    ("member.left", "user.left"),
    ("organization.ownership_transferred", "org.ownership_transferred"),
];

/// A registered event name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct EventName(pub(super) &'static str);

impl EventName {
    /// The dotted name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
    /// Every name that an organization can filter its log by.
    pub fn all() -> impl Iterator<Item = EventName> {
        EMITTED.iter().filter(|name| name.contains('.')).map(|name| EventName(name))
    }
    /// Every name that a webhook can subscribe to: not what happens to log streams, as the contract wants it.
    pub fn subscribable() -> impl Iterator<Item = EventName> {
        Self::all().filter(|name| !name.0.starts_with("siem_config."))
    }
    /// The name upper-cased, with dots and underscores as spaces, as the contract labels it.
    pub fn label(self) -> String {
        self.0.to_uppercase().replace(['.', '_'], " ")
    }
    /// The part before the first dot.
    pub fn category(self) -> &'static str {
        self.0.split('.').next().unwrap_or(self.0)
    }
    /// The registered name that a filter means: itself, or what it is an alias of.
    pub fn canonical(text: &str) -> &str {
        ALIASES.iter().find(|(alias, _)| *alias == text).map_or(text, |(_, name)| name)
    }
}

impl Sample for EventName {
    fn sample(_: &'static str) -> Self {
        Self::all().next().unwrap_or_else(|| unreachable!("the registry is not empty"))
    }
}

impl FromStr for EventName {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match EventName::subscribable().find(|name| name.0 == s) {
            Some(name) => Ok(name),
            None => bad("unknown_event", "Use names that `webhooks.getEventTypes` lists; there is no wildcard."),
        }
    }
}
impl<'de> Deserialize<'de> for EventName {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
