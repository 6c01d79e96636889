//! What becomes of an organization: approved, rejected, suspended, activated, given another tier, deleted.

use actix_web::{delete, patch, post, web};
use app::{App, tenancy::platform::TierChange};
use domain::{OrgId, all};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::faces::native::{
    core::views::Gone,
    tenancy::{PLATFORM, organizations::views::OrganizationResponse, tiers::FeaturesRequest},
};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::{Named, PathId},
    wire::{Body, Field},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(PLATFORM)
        .add(approve, platform_owner())
        .add(reject, platform_owner())
        .add(suspend, platform_owner())
        .add(activate, platform_owner())
        .add(update_tier, platform_owner())
        .add(update_features, platform_owner())
        .add(delete, platform_owner());
}

impl PathId for OrgId {
    const NOUN: &'static str = "organization";
}

/// Optionally, another tier.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"tier_id": "tier_pro"}))]
struct ApproveRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tier_id: Field<String>,
}

/// Approve a pending organization.
#[utoipa::path(
    operation_id = "platform.organizations.approve",
    request_body = ApproveRequest,
    responses((status = 200, body = OrganizationResponse)),
)]
#[post("/api/platform/organizations/{org_id}/approve")]
async fn approve(
    app: web::Data<App>,
    who: SignedIn<Named<OrgId>>,
    body: Body<ApproveRequest>,
) -> ApiResult<web::Json<OrganizationResponse>> {
    let (tier,) = all((body.value.tier_id.optional("tier_id"),))?;
    Ok(web::Json(app.approve_organization(&who.caller, who.path.0, tier.as_deref()).await?.into()))
}

/// Why.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"reason": "Not a customer of ours."}))]
struct RejectRequest {
    #[serde(default)]
    #[schema(value_type = String, max_length = 1000, required)]
    reason: Field<String>,
}

/// Reject a pending organization.
#[utoipa::path(
    operation_id = "platform.organizations.reject",
    request_body = RejectRequest,
    responses((status = 200, body = OrganizationResponse)),
)]
#[post("/api/platform/organizations/{org_id}/reject")]
async fn reject(
    app: web::Data<App>,
    who: SignedIn<Named<OrgId>>,
    body: Body<RejectRequest>,
) -> ApiResult<web::Json<OrganizationResponse>> {
    let (reason,) = all((body.value.reason.required("reason"),))?;
    Ok(web::Json(app.reject_organization(&who.caller, who.path.0, &reason).await?.into()))
}

/// Suspend an active organization: refused everywhere, at once.
#[utoipa::path(
    operation_id = "platform.organizations.suspend",
    responses((status = 200, body = OrganizationResponse)),
)]
#[post("/api/platform/organizations/{org_id}/suspend")]
async fn suspend(app: web::Data<App>, who: SignedIn<Named<OrgId>>) -> ApiResult<web::Json<OrganizationResponse>> {
    Ok(web::Json(app.suspend_organization(&who.caller, who.path.0).await?.into()))
}

/// End a suspension.
#[utoipa::path(
    operation_id = "platform.organizations.activate",
    responses((status = 200, body = OrganizationResponse)),
)]
#[post("/api/platform/organizations/{org_id}/activate")]
async fn activate(app: web::Data<App>, who: SignedIn<Named<OrgId>>) -> ApiResult<web::Json<OrganizationResponse>> {
    Ok(web::Json(app.activate_organization(&who.caller, who.path.0).await?.into()))
}

/// Another tier, and limits of its own.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"tier_id": "tier_pro", "max_users": 100}))]
struct UpdateTierRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    tier_id: Field<String>,
    /// Missing: the tier's.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    max_services: Field<i64>,
    /// Missing: the tier's.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    max_users: Field<i64>,
}

/// Give an organization another tier and limits.
#[utoipa::path(
    operation_id = "platform.organizations.updateTier",
    request_body = UpdateTierRequest,
    responses((status = 200, body = OrganizationResponse)),
)]
#[patch("/api/platform/organizations/{org_id}/tier")]
async fn update_tier(
    app: web::Data<App>,
    who: SignedIn<Named<OrgId>>,
    body: Body<UpdateTierRequest>,
) -> ApiResult<web::Json<OrganizationResponse>> {
    let b = body.value;
    let (tier_id, max_services, max_users) =
        all((b.tier_id.required("tier_id"), b.max_services.optional("max_services"), b.max_users.optional("max_users")))?;
    let change = TierChange { tier_id, max_services, max_users };
    Ok(web::Json(app.update_organization_tier(&who.caller, who.path.0, &change).await?.into()))
}

/// Give an organization features beyond its tier, or take such back: `false`, and no providers, leave it to the tier again.
#[utoipa::path(
    operation_id = "platform.organizations.updateFeatures",
    request_body = FeaturesRequest,
    responses((status = 200, body = OrganizationResponse)),
)]
#[patch("/api/platform/organizations/{org_id}/features")]
async fn update_features(
    app: web::Data<App>,
    who: SignedIn<Named<OrgId>>,
    body: Body<FeaturesRequest>,
) -> ApiResult<web::Json<OrganizationResponse>> {
    let changes = body.value.changes()?;
    Ok(web::Json(app.update_organization_features(&who.caller, who.path.0, &changes).await?.into()))
}

/// Delete any organization.
#[utoipa::path(operation_id = "platform.organizations.delete", responses(Gone))]
#[delete("/api/platform/organizations/{org_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<Named<OrgId>>) -> ApiResult<Gone> {
    app.platform_delete_organization(&who.caller, who.path.0).await?;
    Ok(Gone)
}
