//! API keys of a service: how its own program reaches its users and subscriptions.

use actix_web::{delete, get, post, web};
use app::{
    App,
    applications::service_keys::{IssuedServiceKey, NewServiceKey},
};
use domain::{
    ApiKeyId, all,
    applications::service_keys::{ServiceKey, ServicePermissions},
    authorization::resource::ServiceKeys,
    core::value::{Name, ServiceSlug},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, time},
};

const SERVICE_KEYS: Tag = Tag { name: "service-api-keys", about: "How a service's own program reaches the service API." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SERVICE_KEYS)
        .of_org(create, writing::<ServiceKeys>().idempotent().shows_secret_once())
        .of_org(list, reading::<ServiceKeys>())
        .of_org(get, reading::<ServiceKeys>())
        .of_org(delete, writing::<ServiceKeys>());
}

/// An API key of a service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "apk_019ab2c3d4e57f008000000000000009", "service_id": "svc_019ab2c3d4e57f00800000000000000a", "name": "Backend", "prefix": "sk_Qm9iIGlzb", "permissions": ["read:users"], "last_used_at": "2026-11-23T09:00:00.000000Z", "created_at": "2026-11-23T09:00:00.000000Z", "created_by": "usr_019ab2c3d4e57f008000000000000002"}))]
struct ServiceKeyResponse {
    id: String,
    service_id: String,
    name: String,
    /// The secret: send it in `X-Api-Key`. Only in the answer that makes the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The first characters of the secret, to recognise it by.
    prefix: String,
    permissions: Vec<&'static str>,
    /// To the minute; left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    /// Until when the key works; left out: until it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    created_at: String,
    /// Who made it; it goes on when they leave.
    created_by: String,
}

impl From<ServiceKey> for ServiceKeyResponse {
    fn from(key: ServiceKey) -> Self {
        Self {
            id: key.id.to_string(),
            service_id: key.service_id.to_string(),
            name: key.name.into_string(),
            key: None,
            prefix: key.prefix,
            permissions: key.permissions.names(),
            last_used_at: key.last_used_at.map(time),
            expires_at: key.expires_at.map(time),
            created_at: time(key.created_at),
            created_by: key.created_by.to_string(),
        }
    }
}

impl From<IssuedServiceKey> for ServiceKeyResponse {
    fn from(issued: IssuedServiceKey) -> Self {
        Self { key: Some(issued.secret), ..issued.key.into() }
    }
}

/// All keys of a service.
#[derive(Serialize, ToSchema)]
struct ServiceKeysResponse {
    api_keys: Vec<ServiceKeyResponse>,
    total: usize,
}

/// The keys of a service, by age.
#[utoipa::path(
    operation_id = "services.apiKeys.list",
    responses((status = 200, body = ServiceKeysResponse)),
)]
#[get("/services/{service_slug}/api-keys")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<web::Json<ServiceKeysResponse>> {
    let keys = app.list_service_keys(&who.caller, &who.path.org, &who.path.id).await?;
    let api_keys: Vec<ServiceKeyResponse> = keys.into_iter().map(Into::into).collect();
    Ok(web::Json(ServiceKeysResponse { total: api_keys.len(), api_keys }))
}

/// One key of a service.
#[utoipa::path(
    operation_id = "services.apiKeys.get",
    responses((status = 200, body = ServiceKeyResponse)),
)]
#[get("/services/{service_slug}/api-keys/{service_key_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<(ServiceSlug, ApiKeyId)>>) -> ApiResult<web::Json<ServiceKeyResponse>> {
    let (service, id) = &who.path.id;
    Ok(web::Json(app.get_service_key(&who.caller, &who.path.org, service, *id).await?.into()))
}

/// A new key of a service.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Backend", "permissions": ["read:users", "read:subscriptions"], "expires_in_days": 365}))]
struct CreateServiceKeyRequest {
    /// Unique in the service.
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// Of `read:users`, `write:users`, `read:subscriptions`, `write:subscriptions`, `read:analytics`, `read:service`, `write:service` those
    /// that your own permissions cover.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required)]
    permissions: Field<ServicePermissions>,
    /// For how long it works; default: until it is deleted.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 3650)]
    expires_in_days: Field<i64>,
}

/// Make a key of a service. The answer shows its secret as `key`, this once.
#[utoipa::path(
    operation_id = "services.apiKeys.create",
    request_body = CreateServiceKeyRequest,
    responses((status = 200, body = ServiceKeyResponse)),
)]
#[post("/services/{service_slug}/api-keys")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<ServiceSlug>>,
    body: Body<CreateServiceKeyRequest>,
) -> ApiResult<web::Json<ServiceKeyResponse>> {
    let b = body.value;
    let (name, permissions, days) =
        all((b.name.required("name"), b.permissions.required("permissions"), b.expires_in_days.optional("expires_in_days")))?;
    who.once("services.apiKeys.create", &body.raw);
    let new = NewServiceKey { name, permissions, days };
    Ok(web::Json(app.create_service_key(&who.caller, &who.path.org, &who.path.id, &new).await?.into()))
}

/// Revoke a key of a service: it is refused from its next request on.
#[utoipa::path(operation_id = "services.apiKeys.delete", responses(Done))]
#[delete("/services/{service_slug}/api-keys/{service_key_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<(ServiceSlug, ApiKeyId)>>) -> ApiResult<Done> {
    let (service, id) = &who.path.id;
    app.delete_service_key(&who.caller, &who.path.org, service, *id).await?;
    Ok(Done)
}
