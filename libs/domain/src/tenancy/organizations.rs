//! Organizations: the customers of the company that runs Tenantry; tenants.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::id::id;
use crate::{
    Time, UserId,
    core::value::{BadValue, Name, Slug, bad},
    tenancy::features::Feature,
};

id! {
    /// An organization: a customer of the SaaS company, a tenant.
    OrgKind OrgId = "org"
}

/// Whether an organization can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrgStatus {
    /// Waits for approval (`organizations.require_approval`).
    Pending,
    /// Works.
    Active,
    /// Refused everywhere, at once.
    Suspended,
    /// Approval was denied.
    Rejected,
}

impl OrgStatus {
    /// The contract's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            OrgStatus::Pending => "pending",
            OrgStatus::Active => "active",
            OrgStatus::Suspended => "suspended",
            OrgStatus::Rejected => "rejected",
        }
    }
}

impl FromStr for OrgStatus {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "pending" => Ok(OrgStatus::Pending),
            "active" => Ok(OrgStatus::Active),
            "suspended" => Ok(OrgStatus::Suspended),
            "rejected" => Ok(OrgStatus::Rejected),
            _ => bad("unknown_status", "Use one of: pending, active, suspended, rejected."),
        }
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Identifier.
    pub id: OrgId,
    /// Unique name in URLs.
    pub slug: Slug,
    /// Name for people.
    pub name: Name,
    /// Its owner (the first one, if there are several).
    pub owner_user_id: UserId,
    /// Whether it can be used.
    pub status: OrgStatus,
    /// Its tier: a fixed id such as `tier_free`.
    pub tier_id: String,
    /// Overrides the tier's number of services.
    pub max_services: Option<i64>,
    /// Overrides the tier's number of seats.
    pub max_users: Option<i64>,
    /// Who approved it.
    pub approved_by: Option<UserId>,
    /// When.
    pub approved_at: Option<Time>,
    /// Who rejected it.
    pub rejected_by: Option<UserId>,
    /// When.
    pub rejected_at: Option<Time>,
    /// Why.
    pub rejection_reason: Option<String>,
    /// Features beyond the tier, as JSON text; only widens.
    pub feature_overrides: Option<String>,
    /// Where its logo was fetched.
    pub brand_logo_url: Option<String>,
    /// Its colour.
    pub brand_primary_color: Option<String>,
    /// Its own host, proven or not.
    pub custom_domain: Option<String>,
    /// Whether it has proven that the host is its own.
    pub domain_verified: bool,
    /// Counts every change of this row: the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What an organization pays for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// A fixed id: `tier_free`.
    pub id: String,
    /// `free`.
    pub name: String,
    /// `Free`.
    pub display_name: String,
    /// Services an organization may have.
    pub default_max_services: i64,
    /// Members an organization may have.
    pub default_max_users: i64,
    /// JSON text, as the contract sends it.
    pub features: String,
    /// Per month.
    pub price_cents: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// When it was made.
    pub created_at: Time,
}

/// An organization as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationView {
    /// The organization.
    pub organization: Organization,
    /// How many members.
    pub members: i64,
    /// How many services.
    pub services: i64,
    /// Its tier.
    pub tier: Tier,
}

/// How many members there are, may be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seats {
    /// Members now.
    pub current: i64,
    /// Members at most.
    pub max: i64,
    /// `custom`, or the tier's name.
    pub source: String,
}

impl OrganizationView {
    /// Whether its tier has a feature, or the platform gave it beyond that.
    pub fn has_feature(&self, feature: Feature) -> bool {
        let has = |text: &str| feature.is_in(text);
        has(&self.tier.features) || self.organization.feature_overrides.as_deref().is_some_and(has)
    }
    /// The seat limit and where it comes from.
    pub fn seats(&self) -> Seats {
        let (max, source) = match self.organization.max_users {
            Some(max) => (max, "custom".to_owned()),
            None => (self.tier.default_max_users, self.tier.name.clone()),
        };
        Seats { current: self.members, max, source }
    }
}
