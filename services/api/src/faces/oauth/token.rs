//! Tokens for clients, and what they are worth.

use actix_web::{HttpRequest, HttpResponse, http::header, post, web};
use app::{
    App,
    applications::client_tokens::{ClientClaims, TokenRequest},
};
use domain::{Result, applications::client_grants::refuse, applications::resource_servers::Scopes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    OAUTH,
    error::{OAuthErrorBody, OAuthResult},
    parameters::Parameters,
};
use crate::http::{
    context::Anyone,
    operations::{Routes, anybody},
    wire::Raw,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(OAUTH).add(issue, anybody().unlimited()).add(introspect, anybody().unlimited());
}

/// A request for a token.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"grant_type": "client_credentials", "client_id": "5f0c…", "client_secret": "cs_…", "audience": "https://api.example.com/", "scope": "read:orders"}))]
#[expect(dead_code, reason = "only describes: `Parameters` reads them")]
struct TokenForm {
    /// `client_credentials`.
    grant_type: String,
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
}

/// A token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJhbGciOiJSUzI1NiJ9.…", "token_type": "Bearer", "expires_in": 600, "scope": "read:orders"}))]
struct ClientTokenResponse {
    /// A JWT (RFC 9068), verified with the keys at `/.well-known/jwks.json`.
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    scope: String,
}

/// Where the token is to be used: `audience`, or `resource`, which say the same.
fn audience(parameters: &Parameters) -> Result<Option<String>> {
    match (parameters.get("audience"), parameters.get("resource")) {
        (Some(one), Some(other)) if one != other => {
            Err(refuse("invalid_target", "`audience` and `resource` name two APIs. A token is for one."))
        }
        (one, other) => Ok(one.or(other).map(str::to_owned)),
    }
}

fn wanted(parameters: &Parameters) -> Result<TokenRequest> {
    match parameters.get("grant_type") {
        Some("client_credentials") => {}
        Some(_) => return Err(refuse("unsupported_grant_type", "Use the grant type client_credentials.")),
        None => return Err(refuse("invalid_request", "Say which `grant_type`: client_credentials.")),
    }
    if parameters.get("organization").is_some() {
        return Err(refuse("invalid_request", "Tokens for an organization are not issued to clients: leave `organization` out."));
    }
    let scopes = parameters.get("scope").map(Scopes::parse).transpose();
    let scopes = scopes.map_err(|_| refuse("invalid_scope", "`scope` is a list of scopes with blanks between."))?;
    Ok(TokenRequest { audience: audience(parameters)?, scopes })
}

/// Get a token for a client itself (RFC 6749, 4.4): a client of the platform for an API that it was granted, an organization's service for its own
/// `resource_uris`. Form or JSON.
#[utoipa::path(
    operation_id = "oauth.token",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = ClientTokenResponse),
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
    let (asked, proof) = (wanted(&parameters)?, parameters.client(&req)?);
    let made = app.client_token(&from.0, &proof, &asked).await?;
    let answer = ClientTokenResponse {
        access_token: made.access_token,
        token_type: "Bearer",
        expires_in: made.expires_in,
        scope: made.scopes.to_string(),
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}

/// A token to be looked at.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"token": "eyJhbGciOiJSUzI1NiJ9.…", "client_id": "5f0c…", "client_secret": "cs_…"}))]
#[expect(dead_code, reason = "only describes: `Parameters` reads them")]
struct IntrospectionForm {
    token: String,
    /// Not needed.
    token_type_hint: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
}

/// What a token is worth now.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"active": true, "token_type": "Bearer", "client_id": "5f0c…", "sub": "5f0c…@clients", "aud": "https://api.example.com/", "scope": "read:orders", "iss": "https://sso.example.com/", "jti": "019ab2c3-d4e5-7f00-8000-000000000001", "iat": 1763888400, "exp": 1763889000}))]
#[allow(missing_docs, reason = "the names of RFC 7662")]
struct IntrospectionResponse {
    /// Whether the client and what it was granted are still there, and the token has not expired. False also for what is none of the caller's business.
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The organization whose client it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

impl From<Option<ClientClaims>> for IntrospectionResponse {
    fn from(claims: Option<ClientClaims>) -> Self {
        let Some(c) = claims else {
            return Self {
                active: false,
                token_type: None,
                client_id: None,
                sub: None,
                aud: None,
                scope: None,
                org_id: None,
                iss: None,
                jti: None,
                iat: None,
                exp: None,
            };
        };
        Self {
            active: true,
            token_type: Some("Bearer"),
            client_id: Some(c.client_id),
            sub: Some(c.sub),
            aud: Some(c.aud),
            scope: Some(c.scope).filter(|scope| !scope.is_empty()),
            org_id: c.org_id.map(|org| org.to_string()),
            iss: Some(c.iss),
            jti: Some(c.jti),
            iat: Some(c.iat),
            exp: Some(c.exp),
        }
    }
}

/// Look at a token that was made for a client (RFC 7662): for the client that it was made for, and those that may have tokens for the same API.
#[utoipa::path(
    operation_id = "oauth.introspect",
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = IntrospectionResponse),
        (status = 401, description = "The client is unknown, or what it authenticated with is wrong.", body = OAuthErrorBody),
        (
            status = 429,
            description = "Too many requests by this client, or too many wrong ones from this network. Try again after `Retry-After` seconds.",
            body = OAuthErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/oauth/introspect")]
async fn introspect(app: web::Data<App>, from: Anyone, req: HttpRequest, body: Raw) -> OAuthResult<HttpResponse> {
    let parameters = Parameters::read(&req, &body.0)?;
    let proof = parameters.client(&req)?;
    let Some(token) = parameters.get("token") else {
        return Err(refuse("invalid_request", "Send the `token`.").into());
    };
    let answer = IntrospectionResponse::from(app.introspect(&from.0, &proof, token).await?);
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}
