//! The platform as a whole: in numbers, as a job of the worker finds them out, and what its owners may set while it runs.

use serde::{Deserialize, Serialize};

use crate::{OrgId, Time, core::value::Name, core::value::Slug, tenancy::organizations::OrgStatus, tenancy::roles::RoleName};

/// How many organizations are ranked.
pub const RANKED: u64 = 100;

/// What there is on the platform, deleted things left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlatformTotals {
    /// Organizations that wait for approval, …
    pub pending: i64,
    /// … that work, …
    pub active: i64,
    /// … that are suspended, …
    pub suspended: i64,
    /// … and that were rejected.
    pub rejected: i64,
    /// Accounts of every realm.
    pub users: i64,
    /// End users, once for each organization whose services they use.
    pub end_users: i64,
    /// Services.
    pub services: i64,
    /// Sign-ins of the last 24 hours, …
    pub sign_ins_24h: i64,
    /// … and of today and the 29 days before.
    pub sign_ins_30d: i64,
}

impl PlatformTotals {
    /// Organizations in every state.
    pub const fn organizations(&self) -> i64 {
        self.pending + self.active + self.suspended + self.rejected
    }
}

/// A day of the whole platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformDay {
    /// In UTC, as 2026-11-29.
    pub day: String,
    /// Organizations that were founded.
    pub new_organizations: i64,
    /// Accounts that were made.
    pub new_users: i64,
    /// Sign-ins.
    pub sign_ins: i64,
}

/// An organization and how often it was signed in to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    /// Which.
    pub id: OrgId,
    /// Today and the 29 days before.
    pub sign_ins_30d: i64,
}

/// An organization in a list of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationLine {
    /// Identifier.
    pub id: OrgId,
    /// Its name.
    pub name: Name,
    /// Its name in URLs.
    pub slug: Slug,
    /// Whether it can be used.
    pub status: OrgStatus,
    /// When it was founded.
    pub created_at: Time,
    /// Its members.
    pub members: i64,
    /// Its services.
    pub services: i64,
}

/// An organization that somebody is a member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belonging {
    /// Which.
    pub id: OrgId,
    /// Its name.
    pub name: Name,
    /// Its name in URLs.
    pub slug: Slug,
    /// Their role.
    pub role: RoleName,
    /// Since when.
    pub joined_at: Time,
}

/// What holds for organizations that are founded. What is `None` the configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlatformConfig {
    /// Whether new organizations wait for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_approval: Option<bool>,
    /// Their tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_tier_id: Option<String>,
    /// Organizations that one account may own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_organizations_per_user: Option<i64>,
}

/// The most organizations that one account may be allowed.
pub const MOST_ORGANIZATIONS: i64 = 1_000_000;

/// What platform owners set, and what of it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigState {
    /// What holds once it is applied.
    pub prepared: PlatformConfig,
    /// What holds.
    pub applied: PlatformConfig,
    /// When it was prepared; `None`: never.
    pub updated_at: Option<Time>,
    /// When it was applied last; `None`: never.
    pub applied_at: Option<Time>,
}

impl ConfigState {
    /// Whether applying it would change something.
    pub fn is_pending(&self) -> bool {
        self.prepared != self.applied
    }
}
