//! Passwords: forgotten, reset, changed.

use actix_web::{post, web};
use app::App;
use domain::{all, core::value::Password};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AUTH, USER, accounts::EmailRequest};
use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::{SignedIn, SigningIn},
    error::ApiResult,
    operations::{Routes, anybody, signed_in},
    wire::{Body, Field},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUTH).add(forgot, anybody()).add(reset, anybody());
    routes.tag(USER).add(change_password, signed_in());
}

/// Ask for a link to set a new password. Answers alike whether or not there is such an account.
#[utoipa::path(
    operation_id = "auth.forgotPassword",
    request_body = EmailRequest,
    responses((status = 200, body = MessageResponse)),
)]
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
#[utoipa::path(
    operation_id = "auth.resetPassword",
    request_body = ResetRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/api/auth/reset-password")]
async fn reset(app: web::Data<App>, from: SigningIn, body: Body<ResetRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (token, password) = all((body.value.token.required("token"), body.value.new_password.required("new_password")))?;
    app.reset_password(&from.0, &token, &password).await?;
    Ok(message("Your password is set. Sign in with it."))
}

/// A change of password.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"current_password": "a long sentence only I know", "new_password": "another long sentence"}))]
struct ChangePasswordRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    current_password: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 8, required)]
    new_password: Field<Password>,
}

/// Change my password. Ends my other sessions.
#[utoipa::path(
    operation_id = "user.changePassword",
    request_body = ChangePasswordRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/api/user/change-password")]
async fn change_password(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<ChangePasswordRequest>,
) -> ApiResult<web::Json<MessageResponse>> {
    let (current, new) =
        all((body.value.current_password.required("current_password"), body.value.new_password.required("new_password")))?;
    app.change_password(&who.caller, &current, &new).await?;
    Ok(message("Your password is changed."))
}
