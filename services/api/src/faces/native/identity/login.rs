//! Sign-in and tokens.

pub(super) mod device;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use app::{App, identity::login::Login};
use domain::{
    BadValue, Error, all,
    core::value::{Email, Slug},
    identity::sessions::TokenPair,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AUTH;
use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::{SignedIn, SigningIn},
    error::{ApiResult, ErrorBody},
    operations::{OPERATIONS, Routes, anybody, signed_in},
    wire::{Body, Field, FromJson},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(AUTH)
        .add(login, anybody())
        .add(verify, anybody())
        .add(refresh, anybody())
        .add(logout, signed_in())
        .add(revoke, anybody());
    routes.tag(OPERATIONS).add(jwks, anybody().unlimited());
}

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJhbGciOiJFUzI1NiJ9.…", "refresh_token": "rt_…", "expires_in": 600}))]
pub(super) struct TokenResponse {
    /// A JWT; send it as `Authorization: Bearer …`.
    access_token: String,
    /// Works once, for `auth.refreshToken`.
    refresh_token: String,
    /// Seconds until the access token expires.
    expires_in: i64,
}

impl From<TokenPair> for TokenResponse {
    fn from(t: TokenPair) -> Self {
        Self { access_token: t.access_token, refresh_token: t.refresh_token, expires_in: t.expires_in }
    }
}

/// As long as any token that is read.
struct PreauthToken(String);

impl FromJson for PreauthToken {
    fn from_json(value: &serde_json::Value) -> Result<Self, BadValue> {
        match value.as_str() {
            Some(text) if text.len() <= 8192 && !text.contains('\0') => Ok(Self(text.to_owned())),
            Some(_) => Err(BadValue { code: "too_long", message: "Send the token as it was answered.".into() }),
            None => Err(BadValue { code: "wrong_type", message: "Send a string.".into() }),
        }
    }
}

/// A sign-in.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "a long sentence only I know", "org_slug": "acme"}))]
struct LoginRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    email: Field<Email>,
    #[serde(default)]
    #[schema(value_type = String, required)]
    password: Field<String>,
    /// Sign in to this organization; none: to the platform.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    org_slug: Field<Slug>,
    /// Needs `org_slug`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    service_slug: Field<Slug>,
}

/// Sign in with a password. Where the account has an authenticator app, the organization demands a second factor, or the sign-in looks risky
/// to one of the account's organizations, the answer is not yet a sign-in: its `refresh_token` is empty, and its `access_token` goes to
/// `auth.verifyMfa`, with a code of the app, a recovery code, or, for who has no app, the code that was mailed.
///
/// The cookie `tn_device` (with https: `__Host-tn_device`) makes the device known for 90 days. Clients that keep no cookies may keep its value
/// and send it.
#[utoipa::path(
    operation_id = "auth.login",
    request_body = LoginRequest,
    responses(
        (status = 200, body = TokenResponse),
        (status = 401, description = "Wrong, or not confirmed yet.", body = ErrorBody),
        (status = 403, description = "No access to that organization, or its policy or its rule for risky sign-ins refuses this one.", body = ErrorBody),
    ),
)]
#[post("/api/auth/login")]
async fn login(app: web::Data<App>, from: SigningIn, req: HttpRequest, body: Body<LoginRequest>) -> ApiResult<HttpResponse> {
    let b = body.value;
    let (email, password, org_slug, service) = all((
        b.email.required("email"),
        b.password.required("password"),
        b.org_slug.optional("org_slug"),
        b.service_slug.optional("service_slug"),
    ))?;
    if service.is_some() && org_slug.is_none() {
        return Err(Error::field("org_slug", "required", "Name the organization of the service.").into());
    }
    if service.is_some() {
        return Err(Error::forbidden("no_access", "This account has no access to that service.").into());
    }
    let input = Login { email, password, org_slug, device: device::shown(&app, &req) };
    Ok(device::answer(&app, app.login(&from.0, input).await?))
}

/// A second factor.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"preauth_token": "eyJhbGciOiJFUzI1NiJ9.…", "code": "123456"}))]
struct VerifyMfaRequest {
    /// What `auth.login` answered as `access_token`.
    #[serde(default)]
    #[schema(value_type = String, max_length = 8192, required)]
    preauth_token: Field<PreauthToken>,
    /// Six digits of the authenticator app, a recovery code, or the code in the newest mail.
    #[serde(default)]
    #[schema(value_type = String, max_length = 1024, required)]
    code: Field<String>,
}

/// End a sign-in with its second factor, within five minutes. A code of the authenticator app, a recovery code and a mailed code work once each;
/// wrong ones are limited (429).
#[utoipa::path(
    operation_id = "auth.verifyMfa",
    request_body = VerifyMfaRequest,
    responses(
        (status = 200, body = TokenResponse),
        (status = 401, description = "Wrong, or the sign-in is over.", body = ErrorBody),
        (status = 403, description = "No access to that organization any more, or its policy refuses it.", body = ErrorBody),
    ),
)]
#[post("/api/auth/mfa/verify")]
async fn verify(app: web::Data<App>, from: SigningIn, req: HttpRequest, body: Body<VerifyMfaRequest>) -> ApiResult<HttpResponse> {
    let (token, code) = all((body.value.preauth_token.required("preauth_token"), body.value.code.required("code")))?;
    let device = device::shown(&app, &req);
    Ok(device::answer(&app, app.verify_second_factor(&from.0, &token.0, &code, device.as_deref()).await?))
}

/// A refresh token.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "rt_…"}))]
struct RefreshRequest {
    #[serde(default)]
    #[schema(value_type = String, max_length = 1000, required)]
    refresh_token: Field<String>,
}

/// Exchange a refresh token for a new pair. It works once; one that comes back ends its whole family.
#[utoipa::path(
    operation_id = "auth.refreshToken",
    request_body = RefreshRequest,
    responses(
        (status = 200, body = TokenResponse),
        (status = 401, description = "Not valid any more.", body = ErrorBody),
        (status = 403, description = "The organization is not active, or its policy wants more (`step_up_required`): the token goes on working once that is done, or no longer demanded.", body = ErrorBody),
    ),
)]
#[post("/api/auth/refresh")]
async fn refresh(app: web::Data<App>, from: SigningIn, body: Body<RefreshRequest>) -> ApiResult<web::Json<TokenResponse>> {
    let (token,) = all((body.value.refresh_token.required("refresh_token"),))?;
    Ok(web::Json(app.refresh(&from.0, &token).await?.into()))
}

/// End this session.
#[utoipa::path(
    operation_id = "auth.logout",
    responses((status = 200, body = MessageResponse)),
)]
#[post("/api/auth/logout")]
async fn logout(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<MessageResponse>> {
    app.logout(&who.caller).await?;
    Ok(message("Signed out."))
}

/// A token to be revoked (RFC 7009).
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"token": "rt_…", "token_type_hint": "refresh_token"}))]
struct RevokeRequest {
    token: String,
    #[serde(rename = "token_type_hint")]
    #[schema(required = false)]
    _hint: Option<String>,
}

/// Revoke an access or refresh token (RFC 7009). 200 whether or not it was known.
#[utoipa::path(
    operation_id = "auth.revoke",
    request_body(content = RevokeRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "It is not valid any more.")),
)]
#[post("/auth/revoke")]
async fn revoke(app: web::Data<App>, from: SigningIn, form: web::Form<RevokeRequest>) -> ApiResult<HttpResponse> {
    app.revoke_token(&from.0, &form.token).await?;
    Ok(HttpResponse::Ok().finish())
}

/// The public keys of access tokens: active, next and previous.
#[utoipa::path(
    operation_id = "jwks",
    responses((status = 200, description = "A JWK Set (RFC 7517).", body = Object, example = json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "…", "x": "…", "y": "…"}]}))),
)]
#[get("/.well-known/jwks.json")]
async fn jwks(app: web::Data<App>) -> ApiResult<HttpResponse> {
    let keys = app.jwks().await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "public, max-age=300")).json(keys))
}
