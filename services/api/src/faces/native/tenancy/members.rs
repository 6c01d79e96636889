//! Members.

use actix_web::{delete, get, patch, post, put, web};
use app::App;
use domain::{all, core::value::Email, tenancy::roles::RoleName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::faces::native::core::views::MemberResponse;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    wire::{Body, Field, Query, id, slug},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(service_access)
        .service(update_service_access)
        .service(list)
        .service(update_role)
        .service(remove)
        .service(remove_by_delete)
        .service(transfer);
}

/// How many seats there are, and why.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"current": 2, "max": 3, "source": "free"}))]
struct SeatsResponse {
    current: i64,
    max: i64,
    /// `custom`, or the tier's name.
    source: String,
}

/// A page of members.
#[derive(Serialize, ToSchema)]
struct MembersResponse {
    members: Vec<MemberResponse>,
    total: i64,
    limit: SeatsResponse,
}

/// A page of members, by the age of the membership. `limit` in the answer is the seat limit.
#[utoipa::path(tag = "members", operation_id = "organizations.members.list", params(("page" = Option<i64>, Query, description = "From 1."), ("limit" = Option<i64>, Query, description = "1 to 100; default 50."), ("role" = Option<String>, Query, description = "Only members with this role.")), responses((status = 200, body = MembersResponse)))]
#[get("/api/organizations/{org_slug}/members")]
async fn list(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<String>,
    query: Query,
) -> ApiResult<web::Json<MembersResponse>> {
    let (role,) = all((query.text("role"),))?;
    let (members, total, seats) = app.list_members(&who.caller, &slug(&path)?, query.page(50)?, role.as_deref()).await?;
    let limit = SeatsResponse { current: seats.current, max: seats.max, source: seats.source };
    Ok(web::Json(MembersResponse { members: members.into_iter().map(Into::into).collect(), total, limit }))
}

/// Another role.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"role": "admin"}))]
struct UpdateRoleRequest {
    /// `owner` (hands the organization over), `admin`, `member`, or a custom role's slug.
    #[serde(default)]
    #[schema(value_type = String, required)]
    role: Field<RoleName>,
}

/// Give a member another role. `owner` hands the organization over: the caller becomes an admin.
#[utoipa::path(tag = "members", operation_id = "organizations.members.updateRole", request_body = UpdateRoleRequest, responses((status = 200, body = MemberResponse)))]
#[patch("/api/organizations/{org_slug}/members/{user_id}")]
async fn update_role(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<(String, String)>,
    body: Body<UpdateRoleRequest>,
) -> ApiResult<web::Json<MemberResponse>> {
    let (role,) = all((body.value.role.required("role"),))?;
    let member = app.update_member_role(&who.caller, &slug(&path.0)?, id(&path.1, "member")?, &role).await?;
    Ok(web::Json(member.into()))
}

/// Remove a member: all their access to this organization ends at once.
#[utoipa::path(tag = "members", operation_id = "organizations.members.remove", responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[post("/api/organizations/{org_slug}/members/{user_id}")]
async fn remove(app: web::Data<App>, who: SignedIn, path: web::Path<(String, String)>) -> ApiResult<web::Json<()>> {
    app.remove_member(&who.caller, &slug(&path.0)?, id(&path.1, "member")?).await?;
    Ok(web::Json(()))
}

/// The same as `POST`, for clients that expect a `DELETE`.
#[utoipa::path(tag = "members", operation_id = "organizations.members.removeByDelete", responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[delete("/api/organizations/{org_slug}/members/{user_id}")]
async fn remove_by_delete(app: web::Data<App>, who: SignedIn, path: web::Path<(String, String)>) -> ApiResult<web::Json<()>> {
    app.remove_member(&who.caller, &slug(&path.0)?, id(&path.1, "member")?).await?;
    Ok(web::Json(()))
}

/// The next owner.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"new_owner_email": "bob@example.com"}))]
struct TransferRequest {
    /// Must belong to a member.
    #[serde(default)]
    #[schema(value_type = String, required)]
    new_owner_email: Field<Email>,
}

/// Hand the organization over to a member; the caller becomes an admin. Never to oneself.
#[utoipa::path(tag = "members", operation_id = "organizations.members.transferOwnership", request_body = TransferRequest, responses((status = 200, body = MemberResponse)))]
#[post("/api/organizations/{org_slug}/transfer-ownership")]
async fn transfer(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<String>,
    body: Body<TransferRequest>,
) -> ApiResult<web::Json<MemberResponse>> {
    let (email,) = all((body.value.new_owner_email.required("new_owner_email"),))?;
    Ok(web::Json(app.transfer_ownership(&who.caller, &slug(&path)?, &email).await?.into()))
}

/// A member's access to one service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"service_id": "svc_019ab2c3d4e57f00800000000000000a", "service_slug": "portal", "service_name": "Portal", "access": "viewer"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ServiceAccessResponse {
    service_id: String,
    service_slug: String,
    service_name: String,
    /// `viewer`, `manager`, or null.
    access: Option<String>,
}

/// A member's access to every service of the organization: none, until organizations have services.
#[utoipa::path(tag = "members", operation_id = "organizations.members.listServiceAccess", responses((status = 200, body = [ServiceAccessResponse])))]
#[get("/api/organizations/{org_slug}/members/{user_id}/service-access")]
async fn service_access(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<(String, String)>,
) -> ApiResult<web::Json<Vec<ServiceAccessResponse>>> {
    app.check_member(&who.caller, &slug(&path.0)?, id(&path.1, "member")?).await?;
    Ok(web::Json(Vec::new()))
}

/// Which access to give to which service.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"grants": []}))]
struct UpdateServiceAccessRequest {
    #[serde(default)]
    #[schema(value_type = Vec<Object>, required)]
    grants: Field<Vec<serde_json::Value>>,
}

/// Change a member's access to services. Every service is unknown until organizations have them.
#[utoipa::path(tag = "members", operation_id = "organizations.members.updateServiceAccess", request_body = UpdateServiceAccessRequest, responses((status = 200, body = [ServiceAccessResponse])))]
#[put("/api/organizations/{org_slug}/members/{user_id}/service-access")]
async fn update_service_access(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<(String, String)>,
    body: Body<UpdateServiceAccessRequest>,
) -> ApiResult<web::Json<Vec<ServiceAccessResponse>>> {
    app.check_member(&who.caller, &slug(&path.0)?, id(&path.1, "member")?).await?;
    let (grants,) = all((body.value.grants.required("grants"),))?;
    if grants.is_empty() { Ok(web::Json(Vec::new())) } else { Err(domain::Error::not_found("service").into()) }
}
