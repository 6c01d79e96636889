//! What tokens are worth (RFC 7662), and their end (RFC 7009).

use actix_web::{HttpRequest, HttpResponse, http::header, post, web};
use app::{App, applications::client_tokens::Introspected};
use domain::applications::client_grants::refuse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    OAUTH,
    error::{OAuthErrorBody, OAuthResult},
    parameters::Parameters,
    token::token_type,
};
use crate::http::{
    context::Anyone,
    operations::{Routes, anybody},
    wire::Raw,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(OAUTH).add(revoke, anybody().unlimited()).add(introspect, anybody().unlimited());
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
    /// The key that whoever uses it has to hold: `{"jkt": …}` (RFC 9449, 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<serde_json::Value>,
    /// A text, or an array of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The organization that it is for, or whose client it is.
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
                token_type: Some(token_type(c.cnf.is_some())),
                cnf: c.cnf.map(|cnf| serde_json::json!({"jkt": cnf.jkt})),
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
                token_type: Some(token_type(c.cnf.is_some())),
                cnf: c.cnf.map(|cnf| serde_json::json!({"jkt": cnf.jkt})),
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
