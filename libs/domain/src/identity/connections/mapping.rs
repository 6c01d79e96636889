//! What a provider's claims and groups mean in an organization; what the groups come to at a sign-in is in [`effect`].

pub mod effect;

use serde::{Deserialize, Serialize};

use super::values::{line, text};
use crate::{
    core::value::{BadValue, RoleSlug, bad},
    tenancy::{
        roles::{Caps, Role},
        smtp::Ceiling,
    },
};

text! {
    /// The name of a claim, or of a SAML attribute.
    ClaimName = claim;
    /// A group, as the provider names it.
    GroupName = line;
}

fn claim(s: &str) -> Result<(), BadValue> {
    line(s)?;
    if s.len() > 200 { bad("too_long", "Use at most 200 bytes.") } else { Ok(()) }
}

/// Groups that may have roles.
pub const MAX_ROLE_MAPPINGS: usize = 100;

/// Which claim holds what; `None`: the protocol's usual one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// Who somebody is, for ever. Of SAML instead of the NameID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<ClaimName>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<ClaimName>,
    /// The name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ClaimName>,
    /// The groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<ClaimName>,
}

/// Whoever is in a group has a role beside their own, for as long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleMapping {
    /// The group, byte by byte.
    pub group: GroupName,
    /// A custom role. Owners and admins are made by people.
    pub role: RoleSlug,
}

/// What a provider's claims and groups mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// Which claim holds what.
    pub attributes: Attributes,
    /// Which group gives which role.
    pub roles: Vec<RoleMapping>,
}

impl Ceiling {
    /// Whether a role with these capabilities may be given by what whoever holds this chose. Unlike [`Ceiling::covers`] this asks about a
    /// role that is given, not about a person who is let in.
    pub const fn gives(&self, caps: Caps) -> bool {
        match self {
            Self::Owner | Self::Admin => true,
            Self::Caps(held) => held.covers(caps),
        }
    }
    fn is_above(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Owner, _) => true,
            (Self::Admin, other) => *other != Self::Owner,
            (Self::Caps(own), Self::Caps(other)) => own.covers(*other),
            (Self::Caps(_), _) => false,
        }
    }
}

/// What becomes of the ceiling of a connection when it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Whom it speaks for: from now on it gives only what whoever changed that holds.
    Trust,
    /// What groups mean, by somebody who holds every role that is mapped: roles that slept are confirmed.
    Confirmed,
    /// Something else.
    Other,
}

impl Changed {
    /// The ceiling afterwards, of `before`, by whoever holds `own`.
    pub fn ceiling(self, before: &Ceiling, own: &Ceiling) -> Ceiling {
        match self {
            Self::Trust => own.clone(),
            // Whoever holds more than the ceiling raises it; whoever holds less leaves it.
            Self::Confirmed if own.is_above(before) => own.clone(),
            Self::Confirmed | Self::Other => before.clone(),
        }
    }
}

/// The mappings of `after` that were not in `before`, which have to be held by whoever writes them.
pub fn added<'a>(before: &'a [RoleMapping], after: &'a [RoleMapping]) -> impl Iterator<Item = &'a RoleMapping> {
    after.iter().filter(|mapping| !before.contains(mapping))
}

/// Whether a mapped role is given: it exists, and the connection may give it.
pub fn is_awake(ceiling: &Ceiling, role: Option<&Role>) -> bool {
    role.is_some_and(|role| !role.is_privileged() && ceiling.gives(role.caps))
}

#[cfg(test)]
mod tests;
