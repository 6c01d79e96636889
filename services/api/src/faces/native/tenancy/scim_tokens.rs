//! Tokens with which an organization's directory adds, changes and removes its people.

use actix_web::{delete, get, post, web};
use app::{App, tenancy::scim_tokens::NewScimToken};
use domain::{ScimTokenId, Time, all, authorization::resource::ScimTokens, core::value::Name, tenancy::scim_tokens::ScimToken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::{Body, Field, time},
};

const SCIM_TOKENS: Tag = Tag { name: "scim-tokens", about: "Tokens of an organization's directory." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SCIM_TOKENS)
        .of_org(create, writing::<ScimTokens>().idempotent().shows_secret_once())
        .of_org(list, reading::<ScimTokens>())
        .of_org(revoke, writing::<ScimTokens>())
        .of_org(delete, writing::<ScimTokens>());
}

impl PathId for ScimTokenId {
    const NOUN: &'static str = "SCIM token";
}

/// A token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "tok_019ab2c3d4e57f008000000000000009", "name": "Entra", "prefix": "scim_Qm9iIGlz", "connection_id": null, "active": true, "created_at": "2026-11-23T09:00:00.000000Z", "expires_at": null, "last_used_at": null}))]
struct ScimTokenResponse {
    id: String,
    name: String,
    /// The first characters of the secret, to recognise it by.
    prefix: String,
    /// The `connection_id` of the upstream provider whose people it provisions; null: none.
    connection_id: Option<String>,
    /// Whether it works: it was not revoked and has not expired.
    active: bool,
    created_at: String,
    /// Until when it works; null: until it is revoked.
    expires_at: Option<String>,
    /// To the minute; null: never.
    last_used_at: Option<String>,
}

impl ScimTokenResponse {
    fn of(token: ScimToken, now: Time) -> Self {
        Self {
            active: token.is_active(now),
            id: token.id.to_string(),
            name: token.name.into_string(),
            prefix: token.prefix,
            connection_id: token.connection.map(|slug| slug.as_str().to_owned()),
            created_at: time(token.created_at),
            expires_at: token.expires_at.map(time),
            last_used_at: token.last_used_at.map(time),
        }
    }
}

/// All tokens.
#[derive(Serialize, ToSchema)]
struct ScimTokensResponse {
    tokens: Vec<ScimTokenResponse>,
}

/// A new token with its secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "tok_019ab2c3d4e57f008000000000000009", "name": "Entra", "token": "scim_0000000000000000000000000000000000000000000", "prefix": "scim_00000000", "connection_id": null, "created_at": "2026-11-23T09:00:00.000000Z", "expires_at": null}))]
struct CreatedScimTokenResponse {
    id: String,
    name: String,
    /// The secret: the directory sends it as a `Bearer` token.
    token: String,
    prefix: String,
    /// The `connection_id` of the upstream provider whose people it provisions; null: none.
    connection_id: Option<String>,
    created_at: String,
    expires_at: Option<String>,
}

/// A new token.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Entra", "expires_at": "2027-11-23T09:00:00Z"}))]
struct CreateScimTokenRequest {
    /// For people.
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// Until when it works; default: until it is revoked.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Field<Time>,
    /// The `connection_id`, or the `id`, of an upstream provider of the organization, whose people it provisions; default: none. It ends with
    /// that.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    connection_id: Field<String>,
}

/// Make a token. The answer shows its secret, this once. The organization's tier must include SCIM.
#[utoipa::path(
    operation_id = "organizations.scim.createToken",
    request_body = CreateScimTokenRequest,
    responses((status = 200, body = CreatedScimTokenResponse)),
)]
#[post("/scim-tokens")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateScimTokenRequest>,
) -> ApiResult<web::Json<CreatedScimTokenResponse>> {
    let b = body.value;
    let (name, expires_at, connection) =
        all((b.name.required("name"), b.expires_at.optional("expires_at"), b.connection_id.optional("connection_id")))?;
    who.once("scim.createToken", &body.raw);
    let issued = app.create_scim_token(&who.caller, &who.path.org, &NewScimToken { name, expires_at, connection }).await?;
    Ok(web::Json(CreatedScimTokenResponse {
        id: issued.token.id.to_string(),
        name: issued.token.name.into_string(),
        token: issued.secret,
        prefix: issued.token.prefix,
        connection_id: issued.token.connection.map(|slug| slug.as_str().to_owned()),
        created_at: time(issued.token.created_at),
        expires_at: issued.token.expires_at.map(time),
    }))
}

/// The tokens, by age, with those that were revoked.
#[utoipa::path(
    operation_id = "organizations.scim.listTokens",
    responses((status = 200, body = ScimTokensResponse)),
)]
#[get("/scim-tokens")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<ScimTokensResponse>> {
    let now = app.clock.now();
    let tokens = app.list_scim_tokens(&who.caller, &who.path.org).await?;
    let tokens = tokens.into_iter().map(|token| ScimTokenResponse::of(token, now)).collect();
    Ok(web::Json(ScimTokensResponse { tokens }))
}

/// Revoke a token: it is refused from its next request on, and stays in the list.
#[utoipa::path(operation_id = "organizations.scim.revokeToken", responses(Done))]
#[post("/scim-tokens/{scim_token_id}/revoke")]
async fn revoke(app: web::Data<App>, who: SignedIn<OrgPath<ScimTokenId>>) -> ApiResult<Done> {
    app.revoke_scim_token(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}

/// Delete a token; it works no more, if it did.
#[utoipa::path(operation_id = "organizations.scim.deleteToken", responses(Done))]
#[delete("/scim-tokens/{scim_token_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<ScimTokenId>>) -> ApiResult<Done> {
    app.delete_scim_token(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}
