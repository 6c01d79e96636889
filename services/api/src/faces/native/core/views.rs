//! The shapes that several answers of the native face share.

use domain::{
    identity::{accounts::User, sessions::TokenPair},
    tenancy::{
        members::{Member, Membership},
        organizations::{Organization, OrganizationView, Tier},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::wire::time;

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "org_019ab2c3d4e57f008000000000000001", "slug": "acme", "name": "Acme Inc.", "owner_user_id": "usr_019ab2c3d4e57f008000000000000002", "status": "active", "tier_id": "tier_free", "max_services": null, "max_users": null, "approved_by": null, "approved_at": null, "rejected_by": null, "rejected_at": null, "rejection_reason": null, "custom_domain": null, "domain_verified": false, "brand_logo_url": null, "brand_primary_color": null, "feature_overrides": null, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct OrganizationResponse {
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
            custom_domain: None,
            domain_verified: false,
            brand_logo_url: None,
            brand_primary_color: None,
            feature_overrides: o.feature_overrides,
            created_at: time(o.created_at),
            updated_at: time(o.updated_at),
        }
    }
}

/// What an organization pays for. `features` is JSON text.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "tier_free", "name": "free", "display_name": "Free", "default_max_services": 2, "default_max_users": 3, "features": "{\"allow_scim\":false}", "price_cents": 0, "currency": "usd", "created_at": "2026-01-01T00:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct TierResponse {
    pub id: String,
    pub name: String,
    pub display_name: String,
    pub default_max_services: i64,
    pub default_max_users: i64,
    pub features: String,
    pub price_cents: i64,
    pub currency: String,
    pub created_at: String,
}

impl From<Tier> for TierResponse {
    fn from(t: Tier) -> Self {
        Self {
            id: t.id,
            name: t.name,
            display_name: t.display_name,
            default_max_services: t.default_max_services,
            default_max_users: t.default_max_users,
            features: t.features,
            price_cents: t.price_cents,
            currency: t.currency,
            created_at: time(t.created_at),
        }
    }
}

/// An organization with its counts and tier.
#[derive(Serialize, ToSchema)]
pub struct OrganizationDetails {
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

/// An account, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "org_id": null, "is_platform_owner": false, "email_verified_at": "2026-11-23T09:00:00.000000Z", "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z", "deleted_at": null}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct UserResponse {
    pub id: String,
    pub email: String,
    /// The organization that manages the account, if one does.
    pub org_id: Option<String>,
    pub is_platform_owner: bool,
    pub email_verified_at: Option<String>,
    pub created_at: String,
    pub updated_at: Option<String>,
    pub deleted_at: Option<String>,
}

impl From<User> for UserResponse {
    fn from(u: User) -> Self {
        Self {
            id: u.id.to_string(),
            email: u.email.into_string(),
            org_id: (u.realm != domain::PLATFORM).then(|| u.realm.to_string()),
            is_platform_owner: u.is_platform_owner,
            email_verified_at: u.email_verified_at.map(time),
            created_at: time(u.created_at),
            updated_at: Some(time(u.updated_at)),
            deleted_at: u.deleted_at.map(time),
        }
    }
}

/// A membership.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "mem_019ab2c3d4e57f008000000000000003", "org_id": "org_019ab2c3d4e57f008000000000000001", "user_id": "usr_019ab2c3d4e57f008000000000000002", "role": "owner", "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct MembershipResponse {
    pub id: String,
    pub org_id: String,
    pub user_id: String,
    pub role: String,
    pub created_at: String,
}

impl From<Membership> for MembershipResponse {
    fn from(m: Membership) -> Self {
        Self {
            id: m.id.to_string(),
            org_id: m.org_id.to_string(),
            user_id: m.user_id.to_string(),
            role: m.role.to_string(),
            created_at: time(m.created_at),
        }
    }
}

/// A member: who, as what.
#[derive(Serialize, ToSchema)]
pub struct MemberResponse {
    /// Who.
    pub user: UserResponse,
    /// As what.
    pub membership: MembershipResponse,
}

impl From<Member> for MemberResponse {
    fn from(m: Member) -> Self {
        Self { user: m.user.into(), membership: m.membership.into() }
    }
}

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJhbGciOiJFUzI1NiJ9.…", "refresh_token": "rt_…", "expires_in": 600}))]
pub struct TokenResponse {
    /// A JWT; send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Works once, for `auth.refreshToken`.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
}

impl From<TokenPair> for TokenResponse {
    fn from(t: TokenPair) -> Self {
        Self { access_token: t.access_token, refresh_token: t.refresh_token, expires_in: t.expires_in }
    }
}

/// A sentence for people.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "Done."}))]
pub struct MessageResponse {
    /// The sentence.
    pub message: &'static str,
}

/// `{ "message": … }`.
pub fn message(message: &'static str) -> actix_web::web::Json<MessageResponse> {
    actix_web::web::Json(MessageResponse { message })
}

/// Where a page stands in its list.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"page": 1, "limit": 50, "total": 1, "total_pages": 1, "has_next": false, "has_prev": false}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct Pagination {
    pub page: u32,
    pub limit: u32,
    pub total: u64,
    pub total_pages: u64,
    pub has_next: bool,
    pub has_prev: bool,
}

impl Pagination {
    /// For a page of a list of `total`.
    pub fn of(page: domain::Page, total: u64) -> Self {
        let total_pages = total.div_ceil(u64::from(page.limit));
        Self {
            page: page.page,
            limit: page.limit,
            total,
            total_pages,
            has_next: u64::from(page.page) < total_pages,
            has_prev: page.page > 1,
        }
    }
}

/// An event name that can be subscribed to or filtered by.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"value": "user.invited", "label": "USER INVITED", "category": "user"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct EventTypeResponse {
    pub value: &'static str,
    pub label: String,
    pub category: &'static str,
}

/// The whole registry.
pub fn event_types() -> Vec<EventTypeResponse> {
    domain::EventName::all()
        .map(|name| EventTypeResponse { value: name.as_str(), label: name.label(), category: name.category() })
        .collect()
}
