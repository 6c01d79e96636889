//! A member's access to services. Organizations have none yet.

use actix_web::{get, put, web};
use app::App;
use domain::{all, authorization::resource::Members};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MEMBERS, MemberPath};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, writing},
    path::OrgPath,
    wire::{Body, Field},
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.tag(MEMBERS).add(service_access, writing::<Members>()).add(update_service_access, writing::<Members>());
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
#[utoipa::path(
    operation_id = "organizations.members.listServiceAccess",
    responses((status = 200, body = [ServiceAccessResponse])),
)]
#[get("/api/organizations/{org_slug}/members/{user_id}/service-access")]
async fn service_access(
    app: web::Data<App>,
    who: SignedIn<OrgPath<MemberPath>>,
) -> ApiResult<web::Json<Vec<ServiceAccessResponse>>> {
    app.check_member(&who.caller, &who.path.org, who.path.id.0).await?;
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
#[utoipa::path(
    operation_id = "organizations.members.updateServiceAccess",
    request_body = UpdateServiceAccessRequest,
    responses((status = 200, body = [ServiceAccessResponse])),
)]
#[put("/api/organizations/{org_slug}/members/{user_id}/service-access")]
async fn update_service_access(
    app: web::Data<App>,
    who: SignedIn<OrgPath<MemberPath>>,
    body: Body<UpdateServiceAccessRequest>,
) -> ApiResult<web::Json<Vec<ServiceAccessResponse>>> {
    app.check_member(&who.caller, &who.path.org, who.path.id.0).await?;
    let (grants,) = all((body.value.grants.required("grants"),))?;
    if grants.is_empty() { Ok(web::Json(Vec::new())) } else { Err(domain::Error::not_found("service").into()) }
}
