//! What ID tokens say beyond what OpenID Connect defines: claims that a client of the platform names, of facts about the person in the organization
//! that they signed in to. Names are URLs, so that none is ever taken for a claim of a standard (RFC 7519, 4.2).

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    core::value::{BadValue, bad},
    tenancy::{
        member_roles::{EffectiveRole, Source},
        roles::Caps,
    },
};

/// How many a client may name.
pub const MOST_CLAIMS: usize = 10;
/// Bytes of a name.
const LONGEST_NAME: usize = 200;
/// Bytes of all of them in one token, as JSON.
pub const LONGEST: usize = 2048;

/// A fact that a claim tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimSource {
    /// The slugs of all roles that somebody has in the organization.
    OrgRoles,
    /// What those allow.
    OrgPermissions,
    /// The organization's slug.
    OrgName,
    /// The organization's name for people.
    OrgDisplayName,
}

impl ClaimSource {
    /// Whether somebody's roles have to be looked up for it.
    pub const fn is_of_roles(self) -> bool {
        matches!(self, Self::OrgRoles | Self::OrgPermissions)
    }
}

impl FromStr for ClaimSource {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "org_roles" => Ok(Self::OrgRoles),
            "org_permissions" => Ok(Self::OrgPermissions),
            "org_name" => Ok(Self::OrgName),
            "org_display_name" => Ok(Self::OrgDisplayName),
            _ => bad("unknown_claim", "Use org_roles, org_permissions, org_name or org_display_name."),
        }
    }
}

/// Claims by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenClaims(BTreeMap<String, ClaimSource>);

impl TokenClaims {
    /// Claims as they were sent.
    pub fn parse(value: &Value) -> Result<Self, BadValue> {
        const RULE: &str =
            "Send an object of names (URLs) and what they tell: {\"https://app.example.com/org_roles\": \"org_roles\"}.";
        let Some(all) = value.as_object() else { return bad("bad_claims", RULE) };
        if all.len() > MOST_CLAIMS {
            return bad("too_many", "A client names at most 10 claims.");
        }
        let one = |(name, source): (&String, &Value)| {
            if !is_a_name(name) {
                return bad("bad_claims", RULE);
            }
            Ok((name.clone(), source.as_str().unwrap_or_default().parse()?))
        };
        all.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Claims the database gave back.
    pub fn stored(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// As the database keeps them; `None`: there are none.
    pub fn kept(&self) -> Option<String> {
        if self.0.is_empty() { None } else { serde_json::to_string(self).ok() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody's roles have to be looked up for them.
    pub fn tell_roles(&self) -> bool {
        self.0.values().any(|source| source.is_of_roles())
    }

    /// What they say. What does not fit into a token is left out, the longest first: an application that hears of no roles gives none.
    pub fn told(&self, facts: &ClaimFacts) -> Map<String, Value> {
        let mut told: Map<_, _> = self.0.iter().map(|(name, source)| (name.clone(), facts.of(*source))).collect();
        while Value::Object(told.clone()).to_string().len() > LONGEST {
            let Some(longest) = told.iter().max_by_key(|(_, value)| value.to_string().len()).map(|(name, _)| name.clone()) else {
                break;
            };
            told.remove(&longest);
        }
        told
    }
}

/// `http` or `https`, with a host.
fn is_a_name(name: &str) -> bool {
    let url = Url::parse(name).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    url.is_some() && name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What claims may tell of somebody in an organization.
#[derive(Clone, Debug)]
pub struct ClaimFacts {
    /// The organization's slug.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What somebody may be there; empty for who is no member.
    pub roles: Vec<EffectiveRole>,
}

impl ClaimFacts {
    fn of(&self, source: ClaimSource) -> Value {
        let awake = || self.roles.iter().filter(|role| role.sources.iter().any(Source::gives));
        match source {
            ClaimSource::OrgRoles => awake().map(|role| role.role.as_str()).collect(),
            ClaimSource::OrgPermissions => awake().map(|role| role.caps).fold(Caps::NONE, Caps::and).names().into(),
            ClaimSource::OrgName => self.slug.as_str().into(),
            ClaimSource::OrgDisplayName => self.name.as_str().into(),
        }
    }
}

#[cfg(test)]
mod tests;
