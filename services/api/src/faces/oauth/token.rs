//! Tokens for clients, and what they are worth.

use actix_web::{HttpRequest, HttpResponse, http::header, post, web};
use app::{
    App,
    applications::{
        client_tokens::{ClientToken, Introspected, TokenRequest},
        user_tokens::{CodeRequest, Renewal, UserTokens},
    },
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
    routes.tag(OAUTH).add(issue, anybody().unlimited()).add(revoke, anybody().unlimited()).add(introspect, anybody().unlimited());
}

/// A request for a token.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"grant_type": "client_credentials", "client_id": "5f0c…", "client_secret": "cs_…", "audience": "https://api.example.com/", "scope": "read:orders"}))]
#[expect(dead_code, reason = "only describes: `Parameters` reads them")]
struct TokenForm {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    grant_type: String,
    /// What the browser came back with.
    code: Option<String>,
    /// Where it came back to.
    redirect_uri: Option<String>,
    /// What the request's `code_challenge` was made of (RFC 7636).
    code_verifier: Option<String>,
    refresh_token: Option<String>,
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

/// Tokens.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJhbGciOiJSUzI1NiJ9.…", "token_type": "Bearer", "expires_in": 600, "scope": "openid read:orders", "id_token": "eyJhbGciOiJSUzI1NiJ9.…", "refresh_token": "rt_…"}))]
struct OAuthTokenResponse {
    /// A JWT (RFC 9068), verified with the keys at `/.well-known/jwks.json`.
    access_token: String,
    token_type: &'static str,
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

impl From<ClientToken> for OAuthTokenResponse {
    fn from(made: ClientToken) -> Self {
        let (access_token, expires_in, scope) = (made.access_token, made.expires_in, made.scopes.to_string());
        Self { access_token, token_type: "Bearer", expires_in, scope, id_token: None, refresh_token: None }
    }
}

impl From<UserTokens> for OAuthTokenResponse {
    fn from(made: UserTokens) -> Self {
        Self {
            access_token: made.access_token,
            token_type: "Bearer",
            expires_in: made.expires_in,
            scope: made.scopes.to_string(),
            id_token: Some(made.id_token),
            refresh_token: made.refresh_token,
        }
    }
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

fn scopes(parameters: &Parameters) -> Result<Option<Scopes>> {
    let scopes = parameters.get("scope").map(Scopes::parse).transpose();
    scopes.map_err(|_| refuse("invalid_scope", "`scope` is a list of scopes with blanks between."))
}

/// What is exchanged for tokens.
enum Wanted {
    ForItself(TokenRequest),
    Code(CodeRequest),
    Renewed(Renewal),
}

fn wanted(parameters: &Parameters) -> Result<Wanted> {
    let own = |name: &str| parameters.get(name).map(str::to_owned);
    let missing = |message| refuse("invalid_request", message);
    match parameters.get("grant_type") {
        Some("client_credentials") => {
            if parameters.get("organization").is_some() {
                let message = "Tokens for an organization are not issued to clients: leave `organization` out.";
                return Err(missing(message));
            }
            Ok(Wanted::ForItself(TokenRequest { audience: audience(parameters)?, scopes: scopes(parameters)? }))
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
        Some(_) => {
            Err(refuse("unsupported_grant_type", "Use the grant type authorization_code, refresh_token or client_credentials."))
        }
        None => Err(missing("Say which `grant_type`: authorization_code, refresh_token or client_credentials.")),
    }
}

/// Get tokens: in the name of somebody who signed in, for a code (RFC 6749, 4.1) or a refresh token (6); or for a client itself (4.4): a client of
/// the platform for an API that it was granted, an organization's service for its own `resource_uris`. Form or JSON.
#[utoipa::path(
    operation_id = "oauth.token",
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
    let (wanted, proof) = (wanted(&parameters)?, parameters.client(&req)?);
    let answer: OAuthTokenResponse = match wanted {
        Wanted::ForItself(asked) => app.client_token(&from.0, &proof, &asked).await?.into(),
        Wanted::Code(asked) => app.exchange_code(&from.0, &proof, &asked).await?.into(),
        Wanted::Renewed(asked) => app.refresh_user_tokens(&from.0, &proof, &asked).await?.into(),
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}

/// A token that is not to hold any more.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"token": "rt_…", "token_type_hint": "refresh_token", "client_id": "5f0c…", "client_secret": "cs_…"}))]
#[expect(dead_code, reason = "only describes: `Parameters` reads them")]
struct RevocationForm {
    token: String,
    /// Not needed.
    token_type_hint: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
}

/// End what a token belongs to (RFC 7009): all tokens that came of the same sign-in at this client. Of one that is unknown, or another client's,
/// nothing is said.
#[utoipa::path(
    operation_id = "oauth.revoke",
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It does not hold any more."),
        (status = 401, description = "The client is unknown, or what it authenticated with is wrong.", body = OAuthErrorBody),
    ),
)]
#[post("/oauth/revoke")]
async fn revoke(app: web::Data<App>, from: Anyone, req: HttpRequest, body: Raw) -> OAuthResult<HttpResponse> {
    let parameters = Parameters::read(&req, &body.0)?;
    let proof = parameters.client(&req)?;
    let Some(token) = parameters.get("token") else {
        return Err(refuse("invalid_request", "Send the `token`.").into());
    };
    app.revoke_users_token(&from.0, &proof, token).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).finish())
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
#[derive(Default, Serialize, ToSchema)]
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
    /// A text, or an array of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<serde_json::Value>,
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

impl From<Option<Introspected>> for IntrospectionResponse {
    fn from(known: Option<Introspected>) -> Self {
        match known {
            None => Self::default(),
            Some(Introspected::Client(c)) => Self {
                active: true,
                token_type: Some("Bearer"),
                client_id: Some(c.client_id),
                sub: Some(c.sub),
                aud: Some(c.aud.into()),
                scope: Some(c.scope).filter(|scope| !scope.is_empty()),
                org_id: c.org_id.map(|org| org.to_string()),
                iss: Some(c.iss),
                jti: Some(c.jti),
                iat: Some(c.iat),
                exp: Some(c.exp),
            },
            Some(Introspected::User(c)) => Self {
                active: true,
                token_type: Some("Bearer"),
                client_id: Some(c.client_id),
                sub: Some(c.sub),
                aud: Some(c.aud.into()),
                scope: Some(c.scope).filter(|scope| !scope.is_empty()),
                org_id: c.org_id.map(|org| org.to_string()),
                iss: Some(c.iss),
                jti: Some(c.jti),
                iat: Some(c.iat),
                exp: Some(c.exp),
            },
        }
    }
}

/// Look at an access token (RFC 7662), a client's own or one in somebody's name: for the client that it was made for, and those that may have tokens for the same API.
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
