//! Sign-up: an address, and the mail that confirms it.

use actix_web::{post, web};
use app::App;
use domain::{
    all,
    core::value::{Email, Password},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AUTH, accounts::EmailRequest};
use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::SigningIn,
    error::ApiResult,
    operations::{Routes, anybody},
    wire::{Body, Field},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUTH).add(register, anybody()).add(verify_email, anybody()).add(resend, anybody());
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
#[utoipa::path(
    operation_id = "auth.register",
    request_body = RegisterRequest,
    responses((status = 200, body = MessageResponse)),
)]
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
#[utoipa::path(
    operation_id = "auth.verifyEmail",
    request_body = VerifyEmailRequest,
    responses((status = 200, body = MessageResponse)),
)]
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

/// Send the confirmation link again.
#[utoipa::path(
    operation_id = "auth.resendVerification",
    request_body = EmailRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/api/auth/resend-verification")]
async fn resend(app: web::Data<App>, from: SigningIn, body: Body<EmailRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (email, _) = all((body.value.email.required("email"), body.value.org_slug.optional("org_slug")))?;
    app.resend_verification(&from.0, &email).await?;
    Ok(message("If a sign-up waits for this address, we have sent the link again."))
}
