//! OAuth clients of the platform.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::{
    App,
    applications::platform_clients::{ClientChanges, ClientWithSecret, NewClient},
};
use chrono::TimeDelta;
use domain::{
    ClientId, Result, all,
    applications::{
        clients::{ApplicationType, AuthMethod, ClientKeys, OrganizationUsage, PlatformClient, SignInSettings},
        resource_servers::TokenAlg,
        token_claims::TokenClaims,
        uris::{PageUri, RedirectUri},
    },
    core::value::Name,
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
        .add(create, platform_owner().shows_secret_once())
        .add(one, platform_owner())
        .add(update, platform_owner())
        .add(remove, platform_owner())
        .add(rotate, platform_owner().shows_secret_once());
}

impl PathId for ClientId {
    const NOUN: &'static str = "client";
}

/// A client of the platform.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "cli_019ab2c3d4e57f008000000000000021", "client_id": "5f0c8a3b9d7e4f21a6b0c3d4e5f60718", "name": "Billing", "auth_method": "client_secret", "jwks": null, "application_type": "web", "redirect_uris": ["https://app.example.com/callback"], "post_logout_redirect_uris": ["https://app.example.com"], "organization_usage": "require", "id_token_alg": "RS256", "device_flow": false, "backchannel_logout_uri": "https://app.example.com/backchannel-logout", "initiate_login_uri": "https://app.example.com/login", "token_claims": {"https://app.example.com/org_roles": "org_roles"}, "old_secret_until": null, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
pub(super) struct PlatformClientResponse {
    id: String,
    /// What it calls itself in OAuth.
    client_id: String,
    name: String,
    /// `client_secret`, `private_key_jwt` or `none`.
    auth_method: &'static str,
    /// Its public keys: a JWK Set.
    #[schema(value_type = Option<Object>)]
    jwks: Option<serde_json::Value>,
    /// `web` or `native`.
    application_type: &'static str,
    /// Where sign-ins may come back to.
    redirect_uris: Vec<String>,
    /// Where browsers may go after people have signed out.
    post_logout_redirect_uris: Vec<String>,
    /// `deny`, `allow` or `require`: whether people sign in to an organization.
    organization_usage: &'static str,
    /// `RS256` or `ES256`.
    id_token_alg: &'static str,
    /// Whether people sign in for devices of it that have no browser (RFC 8628).
    device_flow: bool,
    /// Where it is told that somebody's session has ended (OpenID Connect Back-Channel Logout).
    backchannel_logout_uri: Option<String>,
    /// Where it begins a sign-in that nobody there asked for (OpenID Connect Core, 4).
    initiate_login_uri: Option<String>,
    /// What its ID tokens tell beside what they always do, by the claims' names.
    #[schema(value_type = BTreeMap<String, String>)]
    token_claims: TokenClaims,
    /// Until when the secret before the last rotation works.
    old_secret_until: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<PlatformClient> for PlatformClientResponse {
    fn from(c: PlatformClient) -> Self {
        Self {
            id: c.id.to_string(),
            client_id: c.client_id,
            name: c.name.to_string(),
            auth_method: c.auth_method.as_str(),
            jwks: c.keys.map(|keys| keys.set().clone()),
            application_type: c.sign_in.application_type.as_str(),
            redirect_uris: c.sign_in.redirect_uris.into_iter().map(Into::into).collect(),
            post_logout_redirect_uris: c.sign_in.post_logout_redirect_uris.into_iter().map(Into::into).collect(),
            organization_usage: c.sign_in.organization_usage.as_str(),
            id_token_alg: c.sign_in.id_token_alg.as_str(),
            device_flow: c.sign_in.device_flow,
            backchannel_logout_uri: c.sign_in.backchannel_logout_uri.map(Into::into),
            initiate_login_uri: c.sign_in.initiate_login_uri.map(Into::into),
            token_claims: c.sign_in.claims,
            old_secret_until: c.old_secret_until.map(time),
            created_at: time(c.created_at),
            updated_at: time(c.updated_at),
        }
    }
}

/// A page of clients.
#[derive(Serialize, ToSchema)]
struct PlatformClientsResponse {
    clients: Vec<PlatformClientResponse>,
    total: i64,
}

/// A client, and its secret if one was made.
#[derive(Serialize, ToSchema)]
struct ClientSecretResponse {
    client: PlatformClientResponse,
    /// What it authenticates with; null: it signs.
    client_secret: Option<String>,
}

impl From<ClientWithSecret> for ClientSecretResponse {
    fn from(made: ClientWithSecret) -> Self {
        Self { client: made.client.into(), client_secret: made.secret }
    }
}

/// The platform's clients, newest first.
#[utoipa::path(
    operation_id = "platform.clients.list",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0, at most 100,000."),
    ),
    responses((status = 200, body = PlatformClientsResponse)),
)]
#[get("/api/platform/clients")]
async fn list(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<PlatformClientsResponse>> {
    let (limit, offset) = query.window()?;
    let (clients, total) = app.platform_clients(&who.caller, offset, limit).await?;
    Ok(web::Json(PlatformClientsResponse { clients: clients.into_iter().map(Into::into).collect(), total }))
}

/// A new client.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Billing", "auth_method": "client_secret", "redirect_uris": ["https://app.example.com/callback"], "organization_usage": "require"}))]
struct CreateClientRequest {
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// `client_secret` (default), `private_key_jwt`, or `none`: a program in people's hands keeps no secret, and gets no tokens for itself.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    auth_method: Field<AuthMethod>,
    /// Of a client that signs: one to ten public keys (RSA from 2048 bits, P-256, Ed25519) as a JWK Set.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    jwks: Field<ClientKeys>,
    #[serde(flatten)]
    sign_in: SignInFields,
}

/// How people sign in at a client.
#[derive(Default, Deserialize, ToSchema)]
struct SignInFields {
    /// `web` (default), or `native`: it is installed, and its port on this machine may differ from what is registered.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    application_type: Field<ApplicationType>,
    /// Where sign-ins may come back to, as exact texts: https; http on this machine; of native ones also a scheme with a dot. Without any, nobody signs
    /// in there.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    redirect_uris: Field<Vec<RedirectUri>>,
    /// Where browsers may go after people have signed out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    post_logout_redirect_uris: Field<Vec<RedirectUri>>,
    /// `deny`: people sign in to no organization; `allow` (default): to the one that the client names; `require`: always, to that one, to the one that
    /// their address belongs to, or to one that they choose.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    organization_usage: Field<OrganizationUsage>,
    /// `RS256` (default) or `ES256`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    id_token_alg: Field<TokenAlg>,
    /// Whether people sign in for devices of it that have no browser (RFC 8628); default false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    device_flow: Field<bool>,
    /// Where it is told that somebody's session has ended (OpenID Connect Back-Channel Logout): https; http on this machine. Null: nowhere.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    backchannel_logout_uri: Field<PageUri>,
    /// Where it begins a sign-in that nobody there asked for (OpenID Connect Core, 4): https; http on this machine. Null: nowhere.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    initiate_login_uri: Field<PageUri>,
    /// What its ID tokens tell beside what they always do, of whoever signs in to an organization: at most ten names, each a URL, with what they tell.
    /// `org_roles` and `org_permissions` are arrays of texts, `org_name` is the organization's slug, `org_display_name` its name.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    token_claims: Field<TokenClaims>,
}

impl SignInFields {
    fn parse(self) -> Result<SignInSettings> {
        let (kind, redirect, leaving, usage, alg, devices, told, begins, claims) = all((
            self.application_type.optional("application_type"),
            self.redirect_uris.optional("redirect_uris"),
            self.post_logout_redirect_uris.optional("post_logout_redirect_uris"),
            self.organization_usage.optional("organization_usage"),
            self.id_token_alg.optional("id_token_alg"),
            self.device_flow.optional("device_flow"),
            self.backchannel_logout_uri.optional("backchannel_logout_uri"),
            self.initiate_login_uri.optional("initiate_login_uri"),
            self.token_claims.optional("token_claims"),
        ))?;
        Ok(SignInSettings {
            application_type: kind.unwrap_or_default(),
            redirect_uris: redirect.unwrap_or_default(),
            post_logout_redirect_uris: leaving.unwrap_or_default(),
            organization_usage: usage.unwrap_or_default(),
            id_token_alg: alg.unwrap_or_default(),
            device_flow: devices.unwrap_or_default(),
            backchannel_logout_uri: told,
            initiate_login_uri: begins,
            claims: claims.unwrap_or_default(),
        })
    }
}

/// Make a client. It may do nothing until it is granted something (`platform.clientGrants.create`).
#[utoipa::path(
    operation_id = "platform.clients.create",
    request_body = CreateClientRequest,
    responses((status = 200, body = ClientSecretResponse)),
)]
#[post("/api/platform/clients")]
async fn create(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<CreateClientRequest>,
) -> ApiResult<web::Json<ClientSecretResponse>> {
    let b = body.value;
    let (name, method, keys) = all((b.name.required("name"), b.auth_method.optional("auth_method"), b.jwks.optional("jwks")))?;
    let new = NewClient { name, auth_method: method.unwrap_or_default(), keys, sign_in: b.sign_in.parse()? };
    Ok(web::Json(app.create_client(&who.caller, &new).await?.into()))
}

/// One client.
#[utoipa::path(operation_id = "platform.clients.get", responses((status = 200, body = PlatformClientResponse)))]
#[get("/api/platform/clients/{oauth_client_id}")]
async fn one(app: web::Data<App>, who: SignedIn<Named<ClientId>>) -> ApiResult<web::Json<PlatformClientResponse>> {
    Ok(web::Json(app.platform_client(&who.caller, who.path.0).await?.into()))
}

/// Changes of a client. What is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Billing of 2027"}))]
struct UpdateClientRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    /// `client_secret`, `private_key_jwt` or `none`. A secret works only with the first, keys only with the second.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    auth_method: Field<AuthMethod>,
    /// Null: none.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    jwks: Field<ClientKeys>,
    #[serde(flatten)]
    sign_in: SignInFields,
}

/// Change a client.
#[utoipa::path(
    operation_id = "platform.clients.update",
    request_body = UpdateClientRequest,
    responses((status = 200, body = PlatformClientResponse)),
)]
#[patch("/api/platform/clients/{oauth_client_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<Named<ClientId>>,
    body: Body<UpdateClientRequest>,
) -> ApiResult<web::Json<PlatformClientResponse>> {
    let b = body.value;
    let f = b.sign_in;
    let (
        name,
        auth_method,
        keys,
        application_type,
        redirect_uris,
        post_logout_redirect_uris,
        organization_usage,
        id_token_alg,
        device_flow,
        backchannel_logout_uri,
        initiate_login_uri,
        claims,
    ) = all((
        b.name.change("name"),
        b.auth_method.change("auth_method"),
        b.jwks.patch("jwks"),
        f.application_type.change("application_type"),
        f.redirect_uris.change("redirect_uris"),
        f.post_logout_redirect_uris.change("post_logout_redirect_uris"),
        f.organization_usage.change("organization_usage"),
        f.id_token_alg.change("id_token_alg"),
        f.device_flow.change("device_flow"),
        f.backchannel_logout_uri.patch("backchannel_logout_uri"),
        f.initiate_login_uri.patch("initiate_login_uri"),
        f.token_claims.change("token_claims"),
    ))?;
    let changes = ClientChanges {
        name,
        auth_method,
        keys,
        application_type,
        redirect_uris,
        post_logout_redirect_uris,
        organization_usage,
        id_token_alg,
        device_flow,
        backchannel_logout_uri,
        initiate_login_uri,
        claims,
    };
    Ok(web::Json(app.update_client(&who.caller, who.path.0, &changes).await?.into()))
}

/// Delete a client, with what it was granted. APIs that verify tokens by themselves take those that it has until they expire.
#[utoipa::path(operation_id = "platform.clients.delete", responses((status = 204, description = "It is gone.")))]
#[delete("/api/platform/clients/{oauth_client_id}")]
async fn remove(app: web::Data<App>, who: SignedIn<Named<ClientId>>) -> ApiResult<HttpResponse> {
    app.delete_client(&who.caller, who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How the secret is rotated.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"grace_seconds": 86400}))]
struct RotateClientRequest {
    /// How long the secret of now works beside the new one: at most 604,800, by default a day. 0: not at all, and no other does.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 604_800)]
    grace_seconds: Field<i64>,
}

/// Give a client another secret.
#[utoipa::path(
    operation_id = "platform.clients.rotateSecret",
    request_body = RotateClientRequest,
    responses((status = 200, body = ClientSecretResponse)),
)]
#[post("/api/platform/clients/{oauth_client_id}/secret/rotate")]
async fn rotate(
    app: web::Data<App>,
    who: SignedIn<Named<ClientId>>,
    body: Body<RotateClientRequest>,
) -> ApiResult<web::Json<ClientSecretResponse>> {
    let (grace,) = all((body.value.grace_seconds.optional("grace_seconds"),))?;
    Ok(web::Json(app.rotate_platform_secret(&who.caller, who.path.0, grace.map(TimeDelta::seconds)).await?.into()))
}
