//! APIs of the platform.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::{
    App,
    applications::resource_servers::{NewResourceServer, ResourceServerChanges},
};
use domain::{
    ResourceServerId, all,
    applications::resource_servers::{Audience, ResourceServer, Scopes, TokenAlg, TokenLife},
    core::value::{Description, Name},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CLIENTS;
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
        .add(one, platform_owner())
        .add(update, platform_owner())
        .add(remove, platform_owner());
}

impl PathId for ResourceServerId {
    const NOUN: &'static str = "API";
}

/// An API that tokens are for.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "api_019ab2c3d4e57f008000000000000022", "audience": "https://api.example.com/", "name": "Orders", "description": null, "scopes": ["read:orders", "write:orders"], "signing_alg": "RS256", "token_lifetime_seconds": 600, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
struct ResourceServerResponse {
    id: String,
    /// `aud` of its tokens.
    audience: String,
    name: String,
    description: Option<String>,
    /// What may be done there.
    scopes: Vec<String>,
    /// `RS256` or `ES256`.
    signing_alg: &'static str,
    token_lifetime_seconds: i64,
    created_at: String,
    updated_at: String,
}

pub(super) fn names(scopes: &Scopes) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}

impl From<ResourceServer> for ResourceServerResponse {
    fn from(r: ResourceServer) -> Self {
        Self {
            id: r.id.to_string(),
            audience: r.audience.to_string(),
            name: r.name.to_string(),
            description: r.description.map(|text| text.to_string()),
            scopes: names(&r.scopes),
            signing_alg: r.alg.as_str(),
            token_lifetime_seconds: r.life.into(),
            created_at: time(r.created_at),
            updated_at: time(r.updated_at),
        }
    }
}

/// A page of APIs.
#[derive(Serialize, ToSchema)]
struct ResourceServersResponse {
    resource_servers: Vec<ResourceServerResponse>,
    total: i64,
}

/// The platform's APIs, newest first.
#[utoipa::path(
    operation_id = "platform.resourceServers.list",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0, at most 100,000."),
    ),
    responses((status = 200, body = ResourceServersResponse)),
)]
#[get("/api/platform/resource-servers")]
async fn list(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<ResourceServersResponse>> {
    let (limit, offset) = query.window()?;
    let (servers, total) = app.resource_servers(&who.caller, offset, limit).await?;
    Ok(web::Json(ResourceServersResponse { resource_servers: servers.into_iter().map(Into::into).collect(), total }))
}

/// A new API.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"audience": "https://api.example.com/", "name": "Orders", "scopes": ["read:orders", "write:orders"], "signing_alg": "RS256", "token_lifetime_seconds": 600}))]
struct CreateResourceServerRequest {
    /// `aud` of its tokens: 1 to 500 visible ASCII characters, none of our own audiences or addresses. It stays.
    #[serde(default)]
    #[schema(value_type = String, max_length = 500, required)]
    audience: Field<Audience>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Field<Description>,
    /// What may be done there; default none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    scopes: Field<Scopes>,
    /// `RS256` (default) or `ES256`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    signing_alg: Field<TokenAlg>,
    /// Default 600.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 86_400)]
    token_lifetime_seconds: Field<TokenLife>,
}

/// Register an API, so that clients can be granted something there.
#[utoipa::path(
    operation_id = "platform.resourceServers.create",
    request_body = CreateResourceServerRequest,
    responses((status = 200, body = ResourceServerResponse)),
)]
#[post("/api/platform/resource-servers")]
async fn create(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<CreateResourceServerRequest>,
) -> ApiResult<web::Json<ResourceServerResponse>> {
    let b = body.value;
    let (audience, name, description, scopes, alg, life) = all((
        b.audience.required("audience"),
        b.name.required("name"),
        b.description.optional("description"),
        b.scopes.optional("scopes"),
        b.signing_alg.optional("signing_alg"),
        b.token_lifetime_seconds.optional("token_lifetime_seconds"),
    ))?;
    let (scopes, alg, life) = (scopes.unwrap_or_default(), alg.unwrap_or_default(), life.unwrap_or_default());
    let new = NewResourceServer { audience, name, description, scopes, alg, life };
    Ok(web::Json(app.create_resource_server(&who.caller, &new).await?.into()))
}

/// One API.
#[utoipa::path(operation_id = "platform.resourceServers.get", responses((status = 200, body = ResourceServerResponse)))]
#[get("/api/platform/resource-servers/{resource_server_id}")]
async fn one(app: web::Data<App>, who: SignedIn<Named<ResourceServerId>>) -> ApiResult<web::Json<ResourceServerResponse>> {
    Ok(web::Json(app.resource_server(&who.caller, who.path.0).await?.into()))
}

/// Changes of an API. What is left out stays; its audience always does.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"scopes": ["read:orders"]}))]
struct UpdateResourceServerRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    /// Null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Field<Description>,
    /// What it defines no more, nobody is granted from now on.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    scopes: Field<Scopes>,
    /// `RS256` or `ES256`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    signing_alg: Field<TokenAlg>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 86_400)]
    token_lifetime_seconds: Field<TokenLife>,
}

/// Change an API.
#[utoipa::path(
    operation_id = "platform.resourceServers.update",
    request_body = UpdateResourceServerRequest,
    responses((status = 200, body = ResourceServerResponse)),
)]
#[patch("/api/platform/resource-servers/{resource_server_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<Named<ResourceServerId>>,
    body: Body<UpdateResourceServerRequest>,
) -> ApiResult<web::Json<ResourceServerResponse>> {
    let b = body.value;
    let (name, description, scopes, alg, life) = all((
        b.name.change("name"),
        b.description.patch("description"),
        b.scopes.change("scopes"),
        b.signing_alg.change("signing_alg"),
        b.token_lifetime_seconds.change("token_lifetime_seconds"),
    ))?;
    let changes = ResourceServerChanges { name, description, scopes, alg, life };
    Ok(web::Json(app.update_resource_server(&who.caller, who.path.0, &changes).await?.into()))
}

/// Delete an API, with what clients were granted there.
#[utoipa::path(operation_id = "platform.resourceServers.delete", responses((status = 204, description = "It is gone.")))]
#[delete("/api/platform/resource-servers/{resource_server_id}")]
async fn remove(app: web::Data<App>, who: SignedIn<Named<ResourceServerId>>) -> ApiResult<HttpResponse> {
    app.delete_resource_server(&who.caller, who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
