//! What clients of the platform may do at its APIs.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::App;
use domain::{
    ClientGrantId, ClientId, Violation, all,
    applications::{
        client_grants::{ClientGrant, SubjectType},
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
}

impl PathId for ClientGrantId {
    const NOUN: &'static str = "client grant";
}

/// What a client may do at an API.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "cgr_019ab2c3d4e57f008000000000000023", "client": "cli_019ab2c3d4e57f008000000000000021", "client_id": "5f0c8a3b9d7e4f21a6b0c3d4e5f60718", "resource_server": "api_019ab2c3d4e57f008000000000000022", "audience": "https://api.example.com/", "scopes": ["read:orders"], "subject_type": "client", "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
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
    let (client, audience, scopes, subject) = all((
        b.client.required("client"),
        b.audience.required("audience"),
        b.scopes.optional("scopes"),
        b.subject_type.optional("subject_type"),
    ))?;
    let what = (&scopes.unwrap_or_default(), subject.unwrap_or_default());
    Ok(web::Json(app.create_client_grant(&who.caller, client, &audience, what).await?.into()))
}

/// Another set of scopes.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"scopes": ["read:orders", "write:orders"]}))]
struct UpdateClientGrantRequest {
    /// Some that the API defines.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 100, required)]
    scopes: Field<Scopes>,
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
    let (scopes,) = all((body.value.scopes.required("scopes"),))?;
    Ok(web::Json(app.update_client_grant(&who.caller, who.path.0, &scopes).await?.into()))
}

/// Take a grant back. APIs that verify tokens by themselves take those that there are until they expire.
#[utoipa::path(operation_id = "platform.clientGrants.delete", responses((status = 204, description = "It is gone.")))]
#[delete("/api/platform/client-grants/{client_grant_id}")]
async fn remove(app: web::Data<App>, who: SignedIn<Named<ClientGrantId>>) -> ApiResult<HttpResponse> {
    app.delete_client_grant(&who.caller, who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
