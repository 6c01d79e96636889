//! API keys: how a customer's own program acts in its organization. What changes them is in the file beside this one.

mod changes;

use actix_web::{delete, get, web};
use app::{App, applications::api_keys::IssuedKey};
use domain::{ApiKeyId, applications::api_keys::ApiKey, authorization::resource::ApiKeys};
use serde::Serialize;
use utoipa::ToSchema;

use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::time,
};

const API_KEYS: Tag = Tag { name: "api-keys", about: "How an organization's own programs act in it." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(API_KEYS)
        .of_org(changes::create, writing::<ApiKeys>().idempotent().shows_secret_once())
        .of_org(list, reading::<ApiKeys>())
        .of_org(get, reading::<ApiKeys>())
        .of_org(changes::update, writing::<ApiKeys>())
        .of_org(delete, writing::<ApiKeys>())
        .of_org(changes::rotate, writing::<ApiKeys>().idempotent().shows_secret_once());
}

impl PathId for ApiKeyId {
    const NOUN: &'static str = "API key";
}

/// An API key.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "apk_019ab2c3d4e57f008000000000000009", "name": "Deployment", "prefix": "key_Qm9iIGlz", "permissions": ["webhooks.manage"], "allowed_networks": ["203.0.113.0/24"], "last_used_at": "2026-11-23T09:00:00.000000Z", "created_by": "usr_019ab2c3d4e57f008000000000000002", "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
struct ApiKeyResponse {
    id: String,
    name: String,
    /// The first characters of the secret, to recognise it by.
    prefix: String,
    /// The secret: send it in `X-Api-Key`, or as a `Bearer` token. Only in the answer that makes the key or gives it a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    permissions: Vec<&'static str>,
    /// Where the key may be used from; empty: everywhere.
    allowed_networks: Vec<String>,
    /// Until when the key works; left out: until it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Until when the secret before the last rotation works as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_until: Option<String>,
    /// To the minute; left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    /// Who made it; it goes on when they leave.
    created_by: String,
    created_at: String,
    updated_at: String,
}

impl From<ApiKey> for ApiKeyResponse {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.into_string(),
            prefix: key.prefix,
            secret: None,
            permissions: key.caps.names(),
            allowed_networks: key.networks.texts().collect(),
            expires_at: key.expires_at.map(time),
            old_secret_until: key.old_secret_until.map(time),
            last_used_at: key.last_used_at.map(time),
            created_by: key.created_by.to_string(),
            created_at: time(key.created_at),
            updated_at: time(key.updated_at),
        }
    }
}

impl From<IssuedKey> for ApiKeyResponse {
    fn from(issued: IssuedKey) -> Self {
        Self { secret: Some(issued.secret), ..issued.key.into() }
    }
}

/// All keys.
#[derive(Serialize, ToSchema)]
struct ApiKeysResponse {
    api_keys: Vec<ApiKeyResponse>,
    total: usize,
}

/// The keys, by age.
#[utoipa::path(
    operation_id = "organizations.apiKeys.list",
    responses((status = 200, body = ApiKeysResponse)),
)]
#[get("/api-keys")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<ApiKeysResponse>> {
    let api_keys: Vec<ApiKeyResponse> =
        app.list_api_keys(&who.caller, &who.path.org).await?.into_iter().map(Into::into).collect();
    Ok(web::Json(ApiKeysResponse { total: api_keys.len(), api_keys }))
}

/// One key.
#[utoipa::path(
    operation_id = "organizations.apiKeys.get",
    responses((status = 200, body = ApiKeyResponse)),
)]
#[get("/api-keys/{api_key_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<ApiKeyId>>) -> ApiResult<web::Json<ApiKeyResponse>> {
    Ok(web::Json(app.get_api_key(&who.caller, &who.path.org, who.path.id).await?.into()))
}

/// Revoke a key: it is refused from its next request on.
#[utoipa::path(operation_id = "organizations.apiKeys.delete", responses(Done))]
#[delete("/api-keys/{api_key_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<ApiKeyId>>) -> ApiResult<Done> {
    app.delete_api_key(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}
