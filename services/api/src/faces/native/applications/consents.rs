//! What the caller lets services have, where they are no member.

use actix_web::{HttpResponse, delete, get, web};
use app::App;
use domain::{ServiceId, applications::consents::Consent};
use serde::Serialize;
use utoipa::ToSchema;

use crate::faces::native::identity::USER;
use crate::http::{
    context::SignedIn,
    error::{ApiResult, ErrorBody},
    operations::{Routes, signed_in},
    path::{Named, PathId},
    wire::time,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(USER).add(list, signed_in()).add(revoke, signed_in());
}

impl PathId for ServiceId {
    const NOUN: &'static str = "consent";
}

/// What a service gets of the caller's account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"service_id": "svc_019ab2c3d4e57f00800000000000000a", "service_name": "Portal", "client_id": "5f0d9b1c2e3a4d5f6a7b8c9d0e1f2a3b", "org_slug": "acme", "org_name": "Acme", "scopes": ["openid", "email"], "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
struct ConsentResponse {
    service_id: String,
    service_name: String,
    /// What the service's OAuth client is called.
    client_id: String,
    org_slug: String,
    org_name: String,
    scopes: Vec<String>,
    created_at: String,
    /// When it asked last.
    updated_at: String,
}

impl From<Consent> for ConsentResponse {
    fn from(one: Consent) -> Self {
        Self {
            service_id: one.service.to_string(),
            service_name: one.service_name,
            client_id: one.client_id,
            org_slug: one.organization.to_string(),
            org_name: one.organization_name,
            scopes: one.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            created_at: time(one.created_at),
            updated_at: time(one.updated_at),
        }
    }
}

/// What I let services have of whose organization I am no member, newest first; 200 at most.
#[utoipa::path(
    operation_id = "user.consents.list",
    responses((status = 200, body = [ConsentResponse])),
)]
#[get("/api/user/consents")]
async fn list(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<ConsentResponse>>> {
    Ok(web::Json(app.list_consents(&who.caller).await?.into_iter().map(Into::into).collect()))
}

/// Take back what I let a service have: what it holds in my name ends at once, and I am asked anew when I go there.
#[utoipa::path(
    operation_id = "user.consents.revoke",
    responses(
        (status = 204, description = "It has nothing any more."),
        (status = 404, description = "It had nothing.", body = ErrorBody),
    ),
)]
#[delete("/api/user/consents/{service_id}")]
async fn revoke(app: web::Data<App>, who: SignedIn<Named<ServiceId>>) -> ApiResult<HttpResponse> {
    app.take_consent_back(&who.caller, who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
