//! Tokens for clients.

use actix_web::{HttpRequest, HttpResponse, http::header, post, web};
use app::{
    App,
    applications::{
        client_tokens::{ClientToken, TokenRequest},
        dpop::Shown,
        user_tokens::{CodeRequest, Renewal, TokenExchange, UserTokens},
    },
};
use domain::{Result, applications::client_grants::refuse, applications::resource_servers::Scopes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    OAUTH,
    error::{OAuthErrorBody, OAuthResult},
    parameters::{Parameters, key_proof},
};
use crate::http::{
    context::Anyone,
    operations::{Routes, anybody},
    wire::Raw,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(OAUTH).add(issue, anybody().unlimited());
}

/// A request for a token.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"grant_type": "client_credentials", "client_id": "5f0c…", "client_secret": "cs_…", "audience": "https://api.example.com/", "scope": "read:orders"}))]
#[expect(dead_code, reason = "only describes: `Parameters` reads them")]
struct TokenForm {
    /// `authorization_code`, `refresh_token`, `client_credentials`, `urn:ietf:params:oauth:grant-type:device_code` or
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    grant_type: String,
    /// What the browser came back with.
    code: Option<String>,
    /// Where it came back to.
    redirect_uri: Option<String>,
    /// What the request's `code_challenge` was made of (RFC 7636).
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    /// What a device asks with (RFC 8628).
    device_code: Option<String>,
    /// An access token that this client got for somebody, to be exchanged for one for another organization (RFC 8693).
    subject_token: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    subject_token_type: Option<String>,
    /// With `client_secret`, or without both in `Authorization: Basic`.
    client_id: Option<String>,
    client_secret: Option<String>,
    /// Instead of a secret: a JWT that the client signed with one of its keys (RFC 7523), for this issuer, at most five minutes old; each works once.
    client_assertion: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// The API that the token is for. Needed where the client was granted several.
    audience: Option<String>,
    /// The same (RFC 8707).
    resource: Option<String>,
    /// Scopes with blanks between; by default all that were granted.
    scope: Option<String>,
    /// Of `client_credentials` and the exchange of tokens: the organization that the token is for, by id or slug.
    organization: Option<String>,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJhbGciOiJSUzI1NiJ9.…", "token_type": "Bearer", "expires_in": 600, "scope": "openid read:orders", "id_token": "eyJhbGciOiJSUzI1NiJ9.…", "refresh_token": "rt_…"}))]
struct OAuthTokenResponse {
    /// A JWT (RFC 9068), verified with the keys at `/.well-known/jwks.json`.
    access_token: String,
    /// `Bearer`; or `DPoP`: it is bound to the key of the request's proof.
    token_type: &'static str,
    /// What an exchange gave (RFC 8693): `urn:ietf:params:oauth:token-type:access_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    /// Seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    scope: String,
    /// Who signed in: a JWT for the client (OpenID Connect Core, 2). Not with client_credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    /// What renews the tokens, where `offline_access` was granted; left out: the one that the client has goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

pub(super) const fn token_type(bound: bool) -> &'static str {
    if bound { "DPoP" } else { "Bearer" }
}

impl From<ClientToken> for OAuthTokenResponse {
    fn from(made: ClientToken) -> Self {
        let (access_token, expires_in, scope) = (made.access_token, made.expires_in, made.scopes.to_string());
        Self {
            access_token,
            token_type: token_type(made.bound),
            issued_token_type: None,
            expires_in,
            scope,
            id_token: None,
            refresh_token: None,
        }
    }
}

impl From<UserTokens> for OAuthTokenResponse {
    fn from(made: UserTokens) -> Self {
        Self {
            access_token: made.access_token,
            token_type: token_type(made.bound),
            issued_token_type: None,
            expires_in: made.expires_in,
            scope: made.scopes.to_string(),
            id_token: Some(made.id_token),
            refresh_token: made.refresh_token,
        }
    }
}

/// Where the token is to be used: `audience`, or `resource`, which say the same.
pub(super) fn audience(parameters: &Parameters) -> Result<Option<String>> {
    match (parameters.get("audience"), parameters.get("resource")) {
        (Some(one), Some(other)) if one != other => {
            Err(refuse("invalid_target", "`audience` and `resource` name two APIs. A token is for one."))
        }
        (one, other) => Ok(one.or(other).map(str::to_owned)),
    }
}

pub(super) fn scopes(parameters: &Parameters) -> Result<Option<Scopes>> {
    let scopes = parameters.get("scope").map(Scopes::parse).transpose();
    scopes.map_err(|_| refuse("invalid_scope", "`scope` is a list of scopes with blanks between."))
}

/// What is exchanged for tokens.
enum Wanted {
    ForItself(TokenRequest),
    Code(CodeRequest),
    Renewed(Renewal),
    Exchanged(TokenExchange),
    Device(String),
}

/// The grant type of devices (RFC 8628).
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What is exchanged for what (RFC 8693).
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

fn exchange(parameters: &Parameters) -> Result<TokenExchange> {
    let own = |name: &str| parameters.get(name).map(str::to_owned);
    let bad = |message| refuse("invalid_request", message);
    if parameters.get("subject_token_type") != Some(ACCESS_TOKEN) {
        return Err(bad(
            "Only access tokens are exchanged: send `subject_token_type=urn:ietf:params:oauth:token-type:access_token`.",
        ));
    }
    if parameters.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(bad("A token is exchanged for an access token: leave `requested_token_type` out."));
    }
    if parameters.get("actor_token").is_some() {
        return Err(bad("Nobody acts for somebody else here: leave `actor_token` out."));
    }
    Ok(TokenExchange {
        subject_token: own("subject_token").ok_or_else(|| bad("Send the `subject_token`."))?,
        organization: own("organization")
            .ok_or_else(|| bad("Say for which `organization` the token is to be: its id or slug."))?,
        scopes: scopes(parameters)?,
        audience: audience(parameters)?,
    })
}

fn wanted(parameters: &Parameters) -> Result<Wanted> {
    let own = |name: &str| parameters.get(name).map(str::to_owned);
    let missing = |message| refuse("invalid_request", message);
    match parameters.get("grant_type") {
        Some("client_credentials") => {
            let (audience, scopes) = (audience(parameters)?, scopes(parameters)?);
            Ok(Wanted::ForItself(TokenRequest { audience, scopes, organization: own("organization") }))
        }
        Some("authorization_code") => Ok(Wanted::Code(CodeRequest {
            code: own("code").ok_or_else(|| missing("Send the `code`."))?,
            redirect_uri: own("redirect_uri"),
            verifier: own("code_verifier"),
        })),
        Some("refresh_token") => Ok(Wanted::Renewed(Renewal {
            token: own("refresh_token").ok_or_else(|| missing("Send the `refresh_token`."))?,
            scopes: scopes(parameters)?,
            audience: audience(parameters)?,
        })),
        Some(DEVICE) => own("device_code").map(Wanted::Device).ok_or_else(|| missing("Send the `device_code`.")),
        Some(EXCHANGE) => Ok(Wanted::Exchanged(exchange(parameters)?)),
        Some(_) => Err(refuse("unsupported_grant_type", "The metadata of this server lists the grant types that there are.")),
        None => Err(missing("Say which `grant_type`: authorization_code, refresh_token or client_credentials.")),
    }
}

/// Get tokens: in the name of somebody who signed in, for a code (RFC 6749, 4.1) or a refresh token (6); or for a client itself (4.4): a client of
/// the platform for an API that it was granted, perhaps for an organization; an organization's service for its own `resource_uris`. Or exchange a token for
/// one for another organization (RFC 8693), if that lets the person in as they signed in. Form or JSON.
#[utoipa::path(
    operation_id = "oauth.token",
    params(("DPoP" = Option<String>, Header, description = "A proof that the caller holds a key, to which the tokens are bound (RFC 9449).")),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = OAuthTokenResponse),
        (status = 400, description = "The code or refresh token is none, or holds no more; or the request is none.", body = OAuthErrorBody),
        (status = 401, description = "The client is unknown, or what it authenticated with is wrong.", body = OAuthErrorBody),
        (
            status = 429,
            description = "Too many requests by this client, or too many wrong ones from this network. Try again after `Retry-After` seconds.",
            body = OAuthErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/oauth/token")]
async fn issue(app: web::Data<App>, from: Anyone, req: HttpRequest, body: Raw) -> OAuthResult<HttpResponse> {
    let parameters = Parameters::read(&req, &body.0)?;
    let wanted = wanted(&parameters)?;
    let shown = Shown { client: parameters.client(&req)?, key: key_proof(&req, ("POST", "oauth/token"))? };
    let answer: OAuthTokenResponse = match wanted {
        Wanted::ForItself(asked) => app.client_token(&from.0, &shown, &asked).await?.into(),
        Wanted::Code(asked) => app.exchange_code(&from.0, &shown, &asked).await?.into(),
        Wanted::Device(code) => app.device_tokens(&from.0, &shown, &code).await?.into(),
        Wanted::Exchanged(asked) => {
            let made: OAuthTokenResponse = app.exchange_token(&from.0, &shown, &asked).await?.into();
            OAuthTokenResponse { issued_token_type: Some(ACCESS_TOKEN), ..made }
        }
        Wanted::Renewed(asked) => app.refresh_user_tokens(&from.0, &shown, &asked).await?.into(),
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}
