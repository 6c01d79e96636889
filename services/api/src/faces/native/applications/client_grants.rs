//! What clients of the platform may do at its APIs, and for which organizations.

mod organizations;

use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::{
    App,
    applications::client_grants::{GrantChanges, GrantTerms},
};
use domain::{
    ClientGrantId, ClientId, Violation, all,
    applications::{
        client_grants::{ClientGrant, ForOrganizations, SubjectType},
        clients::OrganizationUsage,
        resource_servers::{Audience, Scopes},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CLIENTS, resource_servers::names};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::{Named, PathId},
    wire::{Body, Field, Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(CLIENTS)
        .add(list, platform_owner())
        .add(create, platform_owner())
        .add(update, platform_owner())
        .add(remove, platform_owner());
    routes.of(organizations::routes);
}

impl PathId for ClientGrantId {
    const NOUN: &'static str = "client grant";
}

/// What a client may do at an API.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "cgr_019ab2c3d4e57f008000000000000023", "client": "cli_019ab2c3d4e57f008000000000000021", "client_id": "5f0c8a3b9d7e4f21a6b0c3d4e5f60718", "resource_server": "api_019ab2c3d4e57f008000000000000022", "audience": "https://api.example.com/", "scopes": ["read:orders"], "subject_type": "client", "organization_usage": "allow", "allow_any_organization": false, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
struct ClientGrantResponse {
    id: String,
    /// The client's id.
    client: String,
    /// What it calls itself in OAuth.
    client_id: String,
    /// The API's id.
    resource_server: String,
    audience: String,
    scopes: Vec<String>,
    /// `client`: it does this by itself; `user`: in the name of people who signed in there.
    subject_type: &'static str,
    /// Of `client`: whether its tokens are for an organization: `deny` (none is), `allow` (where it names one) or `require`.
    organization_usage: &'static str,
    /// Whether every organization will do, and not only those at `…/organizations`.
    allow_any_organization: bool,
    created_at: String,
    updated_at: String,
}

impl From<ClientGrant> for ClientGrantResponse {
    fn from(g: ClientGrant) -> Self {
        Self {
            id: g.id.to_string(),
            client: g.client.to_string(),
            client_id: g.client_id,
            resource_server: g.resource_server.to_string(),
            audience: g.audience.to_string(),
            scopes: names(&g.scopes),
            subject_type: g.subject_type.as_str(),
            organization_usage: g.organizations.usage.as_str(),
            allow_any_organization: g.organizations.any,
            created_at: time(g.created_at),
            updated_at: time(g.updated_at),
        }
    }
}

/// A page of grants.
#[derive(Serialize, ToSchema)]
struct ClientGrantsResponse {
    client_grants: Vec<ClientGrantResponse>,
    total: i64,
}

/// What clients may do, newest first.
#[utoipa::path(
    operation_id = "platform.clientGrants.list",
    params(
        ("client" = Option<String>, Query, description = "Only of the client with this id (`cli_…`)."),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0, at most 100,000."),
    ),
    responses((status = 200, body = ClientGrantsResponse)),
)]
#[get("/api/platform/client-grants")]
async fn list(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<ClientGrantsResponse>> {
    let client = query.text("client").and_then(|text| {
        let bad = |_| Violation::new("client", "bad_id", "Send a client's id (cli_…).");
        text.map(|text| text.parse::<ClientId>().map_err(bad)).transpose()
    });
    let (client,) = all((client,))?;
    let (limit, offset) = query.window()?;
    let (grants, total) = app.client_grants(&who.caller, client, (offset, limit)).await?;
    Ok(web::Json(ClientGrantsResponse { client_grants: grants.into_iter().map(Into::into).collect(), total }))
}

/// A new grant.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"client": "cli_019ab2c3d4e57f008000000000000021", "audience": "https://api.example.com/", "scopes": ["read:orders"]}))]
struct CreateClientGrantRequest {
    /// The client's id.
    #[serde(default)]
    #[schema(value_type = String, required)]
    client: Field<ClientId>,
    /// The API, which is registered.
    #[serde(default)]
    #[schema(value_type = String, max_length = 500, required)]
    audience: Field<Audience>,
    /// Some that the API defines; default none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    scopes: Field<Scopes>,
    /// `client` (default): by itself; `user`: in the name of people who signed in there.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    subject_type: Field<SubjectType>,
    #[serde(flatten)]
    organizations: OrganizationFields,
}

/// For which organizations a client may have tokens by itself.
#[derive(Default, Deserialize, ToSchema)]
struct OrganizationFields {
    /// `deny` (default): for none; `allow`: where it names one (`organization` at the token endpoint); `require`: always. Only of `client`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    organization_usage: Field<OrganizationUsage>,
    /// Default false: only for those at `…/organizations`.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_any_organization: Field<bool>,
}

/// Let a client do something at an API.
#[utoipa::path(
    operation_id = "platform.clientGrants.create",
    request_body = CreateClientGrantRequest,
    responses((status = 200, body = ClientGrantResponse)),
)]
#[post("/api/platform/client-grants")]
async fn create(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<CreateClientGrantRequest>,
) -> ApiResult<web::Json<ClientGrantResponse>> {
    let b = body.value;
    let (client, audience, scopes, subject, usage, any) = all((
        b.client.required("client"),
        b.audience.required("audience"),
        b.scopes.optional("scopes"),
        b.subject_type.optional("subject_type"),
        b.organizations.organization_usage.optional("organization_usage"),
        b.organizations.allow_any_organization.optional("allow_any_organization"),
    ))?;
    let none = ForOrganizations::default();
    let organizations = ForOrganizations { usage: usage.unwrap_or(none.usage), any: any.unwrap_or(none.any) };
    let terms = GrantTerms { scopes: scopes.unwrap_or_default(), subject_type: subject.unwrap_or_default(), organizations };
    Ok(web::Json(app.create_client_grant(&who.caller, client, &audience, &terms).await?.into()))
}

/// Changes of a grant. What is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"scopes": ["read:orders", "write:orders"]}))]
struct UpdateClientGrantRequest {
    /// Some that the API defines.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    scopes: Field<Scopes>,
    #[serde(flatten)]
    organizations: OrganizationFields,
}

/// Let a client do something else at an API. Tokens that it has say what they said.
#[utoipa::path(
    operation_id = "platform.clientGrants.update",
    request_body = UpdateClientGrantRequest,
    responses((status = 200, body = ClientGrantResponse)),
)]
#[patch("/api/platform/client-grants/{client_grant_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<Named<ClientGrantId>>,
    body: Body<UpdateClientGrantRequest>,
) -> ApiResult<web::Json<ClientGrantResponse>> {
    let b = body.value;
    let (scopes, organization_usage, any_organization) = all((
        b.scopes.change("scopes"),
        b.organizations.organization_usage.change("organization_usage"),
        b.organizations.allow_any_organization.change("allow_any_organization"),
    ))?;
    let changes = GrantChanges { scopes, organization_usage, any_organization };
    Ok(web::Json(app.update_client_grant(&who.caller, who.path.0, &changes).await?.into()))
}

/// Take a grant back. APIs that verify tokens by themselves take those that there are until they expire.
#[utoipa::path(operation_id = "platform.clientGrants.delete", responses((status = 204, description = "It is gone.")))]
#[delete("/api/platform/client-grants/{client_grant_id}")]
async fn remove(app: web::Data<App>, who: SignedIn<Named<ClientGrantId>>) -> ApiResult<HttpResponse> {
    app.delete_client_grant(&who.caller, who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
