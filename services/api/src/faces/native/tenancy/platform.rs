//! What platform owners do: see every organization, decide about it ([`lifecycle`]), and choose each other.

mod accounts;
mod audit;
mod factors;
mod figures;
mod impersonation;
mod lifecycle;
mod operations;

use actix_web::{delete, get, post, web};
use app::App;
use domain::{Error, UserId, all};
use serde::{Deserialize, Serialize};
use store::tenancy::platform::ListedOrganization;
use utoipa::ToSchema;

use super::{PLATFORM, organizations::views::OrganizationResponse, tiers::TierResponse};
use crate::faces::native::identity::accounts::UserResponse;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::{Named, PathId},
    wire::{Body, Field, Query},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(PLATFORM).add(organizations, platform_owner()).add(promote, platform_owner()).add(demote, platform_owner());
    routes
        .of(lifecycle::routes)
        .of(audit::routes)
        .of(accounts::routes)
        .of(figures::routes)
        .of(factors::routes)
        .of(operations::routes)
        .of(impersonation::routes);
}

impl PathId for UserId {
    const NOUN: &'static str = "user";
}

/// An organization with its tier and owner.
#[derive(Serialize, ToSchema)]
struct PlatformOrganizationResponse {
    #[serde(flatten)]
    organization: OrganizationResponse,
    tier: TierResponse,
    owner: UserResponse,
}

impl From<ListedOrganization> for PlatformOrganizationResponse {
    fn from(l: ListedOrganization) -> Self {
        Self { organization: l.view.organization.into(), tier: l.view.tier.into(), owner: l.owner.into() }
    }
}

/// A page of organizations.
#[derive(Serialize, ToSchema)]
struct PlatformOrganizationsResponse {
    organizations: Vec<PlatformOrganizationResponse>,
    total: u64,
    /// True: there are more than `total`, and they were not counted. Absent: the total is exact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_minimum: bool,
}

/// Organizations, newest first.
#[utoipa::path(
    operation_id = "platform.organizations.list",
    params(
        ("status" = Option<String>, Query, description = "pending, active, suspended or rejected."),
        ("tier_id" = Option<String>, Query),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0, at most 100,000."),
    ),
    responses((status = 200, body = PlatformOrganizationsResponse)),
)]
#[get("/api/platform/organizations")]
async fn organizations(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<PlatformOrganizationsResponse>> {
    let (status, tier) = all((query.parsed("status"), query.text("tier_id")))?;
    let (limit, offset) = query.window()?;
    let (listed, total) = app.platform_organizations(&who.caller, status, tier.as_deref(), offset, limit).await?;
    Ok(web::Json(PlatformOrganizationsResponse {
        organizations: listed.into_iter().map(Into::into).collect(),
        total: total.n,
        total_is_minimum: total.is_minimum,
    }))
}

/// Who.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"user_id": "usr_019ab2c3d4e57f008000000000000002"}))]
struct PromoteRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    user_id: Field<String>,
}

/// Make somebody a platform owner.
#[utoipa::path(
    operation_id = "platform.promoteOwner",
    request_body = PromoteRequest,
    responses((status = 200, body = UserResponse)),
)]
#[post("/api/platform/owners")]
async fn promote(app: web::Data<App>, who: SignedIn, body: Body<PromoteRequest>) -> ApiResult<web::Json<UserResponse>> {
    let (user,) = all((body.value.user_id.required("user_id"),))?;
    let user: UserId = user.parse().map_err(|_| Error::not_found("user"))?;
    Ok(web::Json(app.promote_owner(&who.caller, user).await?.into()))
}

/// Take the platform ownership from somebody else.
#[utoipa::path(
    operation_id = "platform.demoteOwner",
    responses((status = 200, body = UserResponse)),
)]
#[delete("/api/platform/owners/{user_id}")]
async fn demote(app: web::Data<App>, who: SignedIn<Named<UserId>>) -> ApiResult<web::Json<UserResponse>> {
    Ok(web::Json(app.demote_owner(&who.caller, who.path.0).await?.into()))
}
