//! For which organizations a client may have tokens by a grant that is not for all of them.

use actix_web::{HttpResponse, delete, get, put, web};
use app::App;
use domain::{ClientGrantId, OrgId};
use serde::Serialize;
use store::applications::org_client_grants::GrantedOrganization;
use utoipa::ToSchema;

use super::CLIENTS;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::{Named, NamedIn},
    wire::{Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(CLIENTS).add(list, platform_owner()).add(add, platform_owner()).add(remove, platform_owner());
}

/// An organization for which a client may have tokens.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "org_019ab2c3d4e57f008000000000000002", "slug": "acme", "name": "Acme, Inc.", "added_at": "2026-11-23T09:00:00.000000Z"}))]
struct GrantedOrganizationResponse {
    id: String,
    slug: String,
    name: String,
    added_at: String,
}

impl From<GrantedOrganization> for GrantedOrganizationResponse {
    fn from(o: GrantedOrganization) -> Self {
        Self { id: o.id.to_string(), slug: o.slug.to_string(), name: o.name, added_at: time(o.created_at) }
    }
}

/// A page of organizations.
#[derive(Serialize, ToSchema)]
struct GrantedOrganizationsResponse {
    organizations: Vec<GrantedOrganizationResponse>,
    total: i64,
}

/// The organizations that a grant names, the latest first.
#[utoipa::path(
    operation_id = "platform.clientGrants.listOrganizations",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0, at most 100,000."),
    ),
    responses((status = 200, body = GrantedOrganizationsResponse)),
)]
#[get("/api/platform/client-grants/{client_grant_id}/organizations")]
async fn list(
    app: web::Data<App>,
    who: SignedIn<Named<ClientGrantId>>,
    query: Query,
) -> ApiResult<web::Json<GrantedOrganizationsResponse>> {
    let (limit, offset) = query.window()?;
    let (named, total) = app.organizations_of_grant(&who.caller, who.path.0, (offset, limit)).await?;
    Ok(web::Json(GrantedOrganizationsResponse { organizations: named.into_iter().map(Into::into).collect(), total }))
}

/// Let a client have tokens for an organization by a grant: its `organization_usage` is `allow` or `require`.
#[utoipa::path(
    operation_id = "platform.clientGrants.addOrganization",
    responses((status = 204, description = "It may.")),
)]
#[put("/api/platform/client-grants/{client_grant_id}/organizations/{org_id}")]
async fn add(app: web::Data<App>, who: SignedIn<NamedIn<ClientGrantId, OrgId>>) -> ApiResult<HttpResponse> {
    app.add_organization_to_grant(&who.caller, who.path.0, who.path.1).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take that back. APIs that verify tokens by themselves take those that there are until they expire.
#[utoipa::path(
    operation_id = "platform.clientGrants.removeOrganization",
    responses((status = 204, description = "It may no more.")),
)]
#[delete("/api/platform/client-grants/{client_grant_id}/organizations/{org_id}")]
async fn remove(app: web::Data<App>, who: SignedIn<NamedIn<ClientGrantId, OrgId>>) -> ApiResult<HttpResponse> {
    app.remove_organization_from_grant(&who.caller, who.path.0, who.path.1).await?;
    Ok(HttpResponse::NoContent().finish())
}
