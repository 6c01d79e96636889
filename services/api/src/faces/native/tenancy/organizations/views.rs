//! How an organization is shown.

use domain::tenancy::organizations::{Organization, OrganizationView};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::tiers::TierResponse;
use crate::http::wire::time;

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "org_019ab2c3d4e57f008000000000000001", "slug": "acme", "name": "Acme Inc.", "owner_user_id": "usr_019ab2c3d4e57f008000000000000002", "status": "active", "tier_id": "tier_free", "max_services": null, "max_users": null, "approved_by": null, "approved_at": null, "rejected_by": null, "rejected_at": null, "rejection_reason": null, "custom_domain": null, "domain_verified": false, "brand_logo_url": null, "brand_primary_color": null, "feature_overrides": null, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(crate) struct OrganizationResponse {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub owner_user_id: String,
    pub status: String,
    pub tier_id: Option<String>,
    pub max_services: Option<i64>,
    pub max_users: Option<i64>,
    pub approved_by: Option<String>,
    pub approved_at: Option<String>,
    pub rejected_by: Option<String>,
    pub rejected_at: Option<String>,
    pub rejection_reason: Option<String>,
    pub custom_domain: Option<String>,
    pub domain_verified: bool,
    pub brand_logo_url: Option<String>,
    pub brand_primary_color: Option<String>,
    pub feature_overrides: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

impl From<Organization> for OrganizationResponse {
    fn from(o: Organization) -> Self {
        Self {
            id: o.id.to_string(),
            slug: o.slug.into_string(),
            name: o.name.into_string(),
            owner_user_id: o.owner_user_id.to_string(),
            status: o.status.as_str().to_owned(),
            tier_id: Some(o.tier_id),
            max_services: o.max_services,
            max_users: o.max_users,
            approved_by: o.approved_by.map(|id| id.to_string()),
            approved_at: o.approved_at.map(time),
            rejected_by: o.rejected_by.map(|id| id.to_string()),
            rejected_at: o.rejected_at.map(time),
            rejection_reason: o.rejection_reason,
            custom_domain: o.custom_domain,
            domain_verified: o.domain_verified,
            brand_logo_url: o.brand_logo_url,
            brand_primary_color: o.brand_primary_color,
            feature_overrides: o.feature_overrides,
            created_at: time(o.created_at),
            updated_at: time(o.updated_at),
        }
    }
}

/// An organization with its counts and tier.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationDetails {
    /// The organization.
    pub organization: OrganizationResponse,
    /// How many members.
    pub membership_count: i64,
    /// How many services.
    pub service_count: i64,
    /// What it pays for.
    pub tier: TierResponse,
}

impl From<OrganizationView> for OrganizationDetails {
    fn from(v: OrganizationView) -> Self {
        Self { organization: v.organization.into(), membership_count: v.members, service_count: v.services, tier: v.tier.into() }
    }
}
