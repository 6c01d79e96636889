//! Sign-up, sign-in and tokens.

use actix_web::{HttpResponse, get, post, web};
use app::{App, identity::login::Login};
use domain::{
    Error, all,
    core::value::{Email, Password, Slug},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::faces::native::core::views::{MessageResponse, TokenResponse, message};
use crate::http::{
    context::{SignedIn, SigningIn},
    error::ApiResult,
    wire::{Body, Field},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(register)
        .service(verify_email)
        .service(resend)
        .service(login)
        .service(refresh)
        .service(logout)
        .service(revoke);
    config.service(forgot).service(reset).service(jwks);
}

/// A sign-up. `org_slug`, `service_slug`, `redirect_uri` and `state` are accepted for the SDK's sake.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "a long sentence only I know"}))]
struct RegisterRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    email: Field<Email>,
    /// 8 characters to 1,024 bytes.
    #[serde(default)]
    #[schema(value_type = String, min_length = 8, required)]
    password: Field<Password>,
}

/// Sign up. Sends a link that confirms the address; answers alike whether or not the address has an account.
#[utoipa::path(tag = "auth", operation_id = "auth.register", security(()), request_body = RegisterRequest, responses((status = 200, body = MessageResponse)))]
#[post("/api/auth/register")]
async fn register(app: web::Data<App>, from: SigningIn, body: Body<RegisterRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (email, password) = all((body.value.email.required("email"), body.value.password.required("password")))?;
    app.register(&from.0, &email, &password).await?;
    Ok(message("Check your mailbox: we have sent you a message."))
}

/// The token from the mail, and the password the sign-up was made with.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "verify_…", "password": "a long sentence only I know"}))]
struct VerifyEmailRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    password: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, required)]
    token: Field<String>,
}

/// Confirm an address with the token from the mail and the password of the sign-up: the account comes to be. (The page behind the mailed link calls the same.)
#[utoipa::path(tag = "auth", operation_id = "auth.verifyEmail", security(()), request_body = VerifyEmailRequest, responses((status = 200, body = MessageResponse)))]
#[post("/api/auth/verify-email")]
async fn verify_email(
    app: web::Data<App>,
    from: SigningIn,
    body: Body<VerifyEmailRequest>,
) -> ApiResult<web::Json<MessageResponse>> {
    let (token, password) = all((body.value.token.required("token"), body.value.password.required("password")))?;
    app.verify_email(&from.0, &token, &password).await?;
    Ok(message("Your address is confirmed. You can sign in now."))
}

/// An address, and optionally the organization it signs in to.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com"}))]
struct EmailRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    email: Field<Email>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    org_slug: Field<Slug>,
}

/// Send the confirmation link again.
#[utoipa::path(tag = "auth", operation_id = "auth.resendVerification", security(()), request_body = EmailRequest, responses((status = 200, body = MessageResponse)))]
#[post("/api/auth/resend-verification")]
async fn resend(app: web::Data<App>, from: SigningIn, body: Body<EmailRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (email, _) = all((body.value.email.required("email"), body.value.org_slug.optional("org_slug")))?;
    app.resend_verification(&from.0, &email).await?;
    Ok(message("If a sign-up waits for this address, we have sent the link again."))
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

/// Sign in with a password.
#[utoipa::path(tag = "auth", operation_id = "auth.login", security(()), request_body = LoginRequest, responses((status = 200, body = TokenResponse), (status = 401, description = "Wrong, or not confirmed yet.", body = crate::http::error::ErrorBody), (status = 403, description = "No access to that organization.", body = crate::http::error::ErrorBody)))]
#[post("/api/auth/login")]
async fn login(app: web::Data<App>, from: SigningIn, body: Body<LoginRequest>) -> ApiResult<web::Json<TokenResponse>> {
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
    Ok(web::Json(app.login(&from.0, Login { email, password, org_slug }).await?.into()))
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
#[utoipa::path(tag = "auth", operation_id = "auth.refreshToken", security(()), request_body = RefreshRequest, responses((status = 200, body = TokenResponse), (status = 401, description = "Not valid any more.", body = crate::http::error::ErrorBody), (status = 403, description = "The organization is not active.", body = crate::http::error::ErrorBody)))]
#[post("/api/auth/refresh")]
async fn refresh(app: web::Data<App>, from: SigningIn, body: Body<RefreshRequest>) -> ApiResult<web::Json<TokenResponse>> {
    let (token,) = all((body.value.refresh_token.required("refresh_token"),))?;
    Ok(web::Json(app.refresh(&from.0, &token).await?.into()))
}

/// End this session.
#[utoipa::path(tag = "auth", operation_id = "auth.logout", responses((status = 200, body = MessageResponse)))]
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
#[utoipa::path(tag = "auth", operation_id = "auth.revoke", security(()), request_body(content = RevokeRequest, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "It is not valid any more.")))]
#[post("/auth/revoke")]
async fn revoke(app: web::Data<App>, from: SigningIn, form: web::Form<RevokeRequest>) -> ApiResult<HttpResponse> {
    app.revoke_token(&from.0, &form.token).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Ask for a link to set a new password. Answers alike whether or not there is such an account.
#[utoipa::path(tag = "auth", operation_id = "auth.forgotPassword", security(()), request_body = EmailRequest, responses((status = 200, body = MessageResponse)))]
#[post("/api/auth/forgot-password")]
async fn forgot(app: web::Data<App>, from: SigningIn, body: Body<EmailRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (email, org) = all((body.value.email.required("email"), body.value.org_slug.optional("org_slug")))?;
    app.forgot_password(&from.0, &email, org.as_ref()).await?;
    Ok(message("If there is an account for this address, we have sent a link to set a new password."))
}

/// A new password with the token from the mail.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "reset_…", "new_password": "another long sentence"}))]
struct ResetRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    token: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 8, required)]
    new_password: Field<Password>,
}

/// Set a new password. Ends all sessions.
#[utoipa::path(tag = "auth", operation_id = "auth.resetPassword", security(()), request_body = ResetRequest, responses((status = 200, body = MessageResponse)))]
#[post("/api/auth/reset-password")]
async fn reset(app: web::Data<App>, from: SigningIn, body: Body<ResetRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (token, password) = all((body.value.token.required("token"), body.value.new_password.required("new_password")))?;
    app.reset_password(&from.0, &token, &password).await?;
    Ok(message("Your password is set. Sign in with it."))
}

/// The public keys of access tokens: active, next and previous.
#[utoipa::path(tag = "operations", operation_id = "jwks", security(()), responses((status = 200, description = "A JWK Set (RFC 7517).", body = Object, example = json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "…", "x": "…", "y": "…"}]}))))]
#[get("/.well-known/jwks.json")]
async fn jwks(app: web::Data<App>) -> ApiResult<HttpResponse> {
    let keys = app.jwks().await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "public, max-age=300")).json(keys))
}
