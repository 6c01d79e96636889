//! Making a key, changing it, and giving it another secret.

use actix_web::{patch, post, web};
use app::{
    App,
    applications::api_keys::{ApiKeyChanges, NewApiKey},
};
use domain::{ApiKeyId, Time, all, applications::api_keys::Networks, core::value::Name, tenancy::roles::Caps};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ApiKeyResponse;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Body, Field},
};

/// A new key.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Deployment", "permissions": ["webhooks.manage"], "allowed_networks": ["203.0.113.0/24"]}))]
struct CreateApiKeyRequest {
    /// Unique in the organization.
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// What it may do: of what you hold yourself, everything but handing out roles.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required)]
    permissions: Field<Caps>,
    /// Addresses, or networks in CIDR notation, from which it may be used; default: everywhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    allowed_networks: Field<Networks>,
    /// Until when it works; default: until it is deleted.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Field<Time>,
}

/// Make a key. The answer shows its secret, this once.
#[utoipa::path(
    operation_id = "organizations.apiKeys.create",
    request_body = CreateApiKeyRequest,
    responses((status = 200, body = ApiKeyResponse)),
)]
#[post("/api-keys")]
pub(super) async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateApiKeyRequest>,
) -> ApiResult<web::Json<ApiKeyResponse>> {
    let b = body.value;
    let (name, caps, networks, expires_at) = all((
        b.name.required("name"),
        b.permissions.required("permissions"),
        b.allowed_networks.optional("allowed_networks"),
        b.expires_at.optional("expires_at"),
    ))?;
    who.once("apiKeys.create", &body.raw);
    let new = NewApiKey { name, caps, networks: networks.unwrap_or_default(), expires_at };
    Ok(web::Json(app.create_api_key(&who.caller, &who.path.org, &new).await?.into()))
}

/// Changes of a key.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"permissions": ["webhooks.manage", "audit_logs.view"], "expires_at": null}))]
struct UpdateApiKeyRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    permissions: Field<Caps>,
    /// An empty list: everywhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    allowed_networks: Field<Networks>,
    /// Null: until it is deleted.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Field<Time>,
}

/// Change a key, all of it or nothing. Its holder's next request is judged by the new rules.
#[utoipa::path(
    operation_id = "organizations.apiKeys.update",
    request_body = UpdateApiKeyRequest,
    responses((status = 200, body = ApiKeyResponse)),
)]
#[patch("/api-keys/{api_key_id}")]
pub(super) async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<ApiKeyId>>,
    body: Body<UpdateApiKeyRequest>,
) -> ApiResult<web::Json<ApiKeyResponse>> {
    let b = body.value;
    let (name, caps, networks, expires_at) = all((
        b.name.optional("name"),
        b.permissions.optional("permissions"),
        b.allowed_networks.optional("allowed_networks"),
        b.expires_at.patch("expires_at"),
    ))?;
    let changes = ApiKeyChanges { name, caps, networks, expires_at };
    Ok(web::Json(app.update_api_key(&who.caller, &who.path.org, who.path.id, &changes).await?.into()))
}

/// How a key changes over to a new secret.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"grace_seconds": 3_600}))]
struct RotateApiKeyRequest {
    /// For how long the present secret works beside the new one: a day if left out, at most seven; 0 ends all old ones at once.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 604_800)]
    grace_seconds: Field<i64>,
}

/// Give a key another secret. The answer shows it, this once.
#[utoipa::path(
    operation_id = "organizations.apiKeys.rotate",
    request_body = RotateApiKeyRequest,
    responses((status = 200, body = ApiKeyResponse)),
)]
#[post("/api-keys/{api_key_id}/rotate")]
pub(super) async fn rotate(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<ApiKeyId>>,
    body: Body<RotateApiKeyRequest>,
) -> ApiResult<web::Json<ApiKeyResponse>> {
    let (grace,) = all((body.value.grace_seconds.optional("grace_seconds"),))?;
    who.once("apiKeys.rotate", &body.raw);
    Ok(web::Json(app.rotate_api_key(&who.caller, &who.path.org, who.path.id, grace).await?.into()))
}
