//! What platform owners do.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::{App, tenancy::platform::TierChange};
use domain::{UserId, all};
use serde::{Deserialize, Serialize};
use store::{events::audit::AuditRecord, tenancy::platform::ListedOrganization};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::faces::native::core::views::{OrganizationResponse, TierResponse, UserResponse};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    wire::{Body, Field, Query, id, time},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(tiers)
        .service(organizations)
        .service(approve)
        .service(reject)
        .service(suspend)
        .service(activate)
        .service(update_tier);
    config.service(delete).service(promote).service(demote).service(audit_log);
}

/// Every tier, by price.
#[utoipa::path(tag = "platform", operation_id = "platform.getTiers", responses((status = 200, body = [TierResponse])))]
#[get("/api/platform/tiers")]
async fn tiers(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<TierResponse>>> {
    Ok(web::Json(app.list_tiers(&who.caller).await?.into_iter().map(Into::into).collect()))
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
    total: i64,
}

/// Organizations, newest first.
#[utoipa::path(tag = "platform", operation_id = "platform.organizations.list", params(("status" = Option<String>, Query, description = "pending, active, suspended or rejected."), ("tier_id" = Option<String>, Query), ("limit" = Option<i64>, Query, description = "1 to 100; default 50."), ("offset" = Option<i64>, Query, description = "From 0, at most 100,000.")), responses((status = 200, body = PlatformOrganizationsResponse)))]
#[get("/api/platform/organizations")]
async fn organizations(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<PlatformOrganizationsResponse>> {
    let (status, tier) = all((query.parsed("status"), query.text("tier_id")))?;
    let (limit, offset) = query.window()?;
    let (listed, total) = app.platform_organizations(&who.caller, status, tier.as_deref(), offset, limit).await?;
    Ok(web::Json(PlatformOrganizationsResponse { organizations: listed.into_iter().map(Into::into).collect(), total }))
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
#[utoipa::path(tag = "platform", operation_id = "platform.organizations.approve", request_body = ApproveRequest, responses((status = 200, body = OrganizationResponse)))]
#[post("/api/platform/organizations/{org_id}/approve")]
async fn approve(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<String>,
    body: Body<ApproveRequest>,
) -> ApiResult<web::Json<OrganizationResponse>> {
    let (tier,) = all((body.value.tier_id.optional("tier_id"),))?;
    Ok(web::Json(app.approve_organization(&who.caller, id(&path, "organization")?, tier.as_deref()).await?.into()))
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
#[utoipa::path(tag = "platform", operation_id = "platform.organizations.reject", request_body = RejectRequest, responses((status = 200, body = OrganizationResponse)))]
#[post("/api/platform/organizations/{org_id}/reject")]
async fn reject(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<String>,
    body: Body<RejectRequest>,
) -> ApiResult<web::Json<OrganizationResponse>> {
    let (reason,) = all((body.value.reason.required("reason"),))?;
    Ok(web::Json(app.reject_organization(&who.caller, id(&path, "organization")?, &reason).await?.into()))
}

/// Suspend an active organization: refused everywhere, at once.
#[utoipa::path(tag = "platform", operation_id = "platform.organizations.suspend", responses((status = 200, body = OrganizationResponse)))]
#[post("/api/platform/organizations/{org_id}/suspend")]
async fn suspend(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<OrganizationResponse>> {
    Ok(web::Json(app.suspend_organization(&who.caller, id(&path, "organization")?).await?.into()))
}

/// End a suspension.
#[utoipa::path(tag = "platform", operation_id = "platform.organizations.activate", responses((status = 200, body = OrganizationResponse)))]
#[post("/api/platform/organizations/{org_id}/activate")]
async fn activate(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<OrganizationResponse>> {
    Ok(web::Json(app.activate_organization(&who.caller, id(&path, "organization")?).await?.into()))
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
#[utoipa::path(tag = "platform", operation_id = "platform.organizations.updateTier", request_body = UpdateTierRequest, responses((status = 200, body = OrganizationResponse)))]
#[patch("/api/platform/organizations/{org_id}/tier")]
async fn update_tier(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<String>,
    body: Body<UpdateTierRequest>,
) -> ApiResult<web::Json<OrganizationResponse>> {
    let b = body.value;
    let (tier_id, max_services, max_users) =
        all((b.tier_id.required("tier_id"), b.max_services.optional("max_services"), b.max_users.optional("max_users")))?;
    let change = TierChange { tier_id, max_services, max_users };
    Ok(web::Json(app.update_organization_tier(&who.caller, id(&path, "organization")?, &change).await?.into()))
}

/// Delete any organization.
#[utoipa::path(tag = "platform", operation_id = "platform.organizations.delete", responses((status = 204, description = "It is gone.")))]
#[delete("/api/platform/organizations/{org_id}")]
async fn delete(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<HttpResponse> {
    app.platform_delete_organization(&who.caller, id(&path, "organization")?).await?;
    Ok(HttpResponse::NoContent().finish())
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
#[utoipa::path(tag = "platform", operation_id = "platform.promoteOwner", request_body = PromoteRequest, responses((status = 200, body = UserResponse)))]
#[post("/api/platform/owners")]
async fn promote(app: web::Data<App>, who: SignedIn, body: Body<PromoteRequest>) -> ApiResult<web::Json<UserResponse>> {
    let (user,) = all((body.value.user_id.required("user_id"),))?;
    let user: UserId = id(&user, "user")?;
    Ok(web::Json(app.promote_owner(&who.caller, user).await?.into()))
}

/// Take the platform ownership from somebody else.
#[utoipa::path(tag = "platform", operation_id = "platform.demoteOwner", responses((status = 200, body = UserResponse)))]
#[delete("/api/platform/owners/{user_id}")]
async fn demote(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<UserResponse>> {
    Ok(web::Json(app.demote_owner(&who.caller, id(&path, "user")?).await?.into()))
}

/// One record of the platform's log.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "evt_019ab2c3d4e57f008000000000000007", "platform_owner_id": "usr_019ab2c3d4e57f008000000000000002", "action": "suspend_organization", "target_type": "organization", "target_id": "org_019ab2c3d4e57f008000000000000001", "metadata": {"slug": "acme"}, "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct PlatformAuditResponse {
    id: String,
    /// Who did it; null for what nobody signed in did.
    platform_owner_id: Option<String>,
    action: String,
    target_type: String,
    target_id: String,
    #[schema(value_type = Object)]
    metadata: serde_json::Value,
    created_at: String,
}

impl From<AuditRecord> for PlatformAuditResponse {
    fn from(r: AuditRecord) -> Self {
        let metadata = app::events::audit::redacted_metadata(&r);
        Self {
            id: r.id.to_string(),
            platform_owner_id: r.actor_id,
            action: r.action,
            target_type: r.target_type,
            target_id: r.target_id,
            metadata,
            created_at: time(r.created_at),
        }
    }
}

/// A page of the platform's log.
#[derive(Serialize, ToSchema)]
struct PlatformAuditPageResponse {
    logs: Vec<PlatformAuditResponse>,
    total: u64,
}

/// The platform's own log, newest first.
#[utoipa::path(tag = "platform", operation_id = "platform.getAuditLog", params(("action" = Option<String>, Query), ("target_type" = Option<String>, Query), ("target_id" = Option<String>, Query), ("limit" = Option<i64>, Query, description = "1 to 100; default 50."), ("offset" = Option<i64>, Query, description = "From 0, at most 100,000.")), responses((status = 200, body = PlatformAuditPageResponse)))]
#[get("/api/platform/audit-log")]
async fn audit_log(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<PlatformAuditPageResponse>> {
    let (action, target_type, target_id) = all((query.text("action"), query.text("target_type"), query.text("target_id")))?;
    let (limit, offset) = query.window()?;
    let filter = app::events::audit::filter(action.as_deref(), target_type, target_id);
    let (records, total) = app.platform_audit_log(&who.caller, &filter, offset, limit).await?;
    Ok(web::Json(PlatformAuditPageResponse { logs: records.into_iter().map(Into::into).collect(), total }))
}
