//! Links to an account's mailbox: confirming an address, the first or another one, and setting a new password.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use app::App;
use crypto::{Purpose, opaque};
use domain::{all, core::value::Password};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Done, Link, Page, dead_link, form, outcome, value, wrong};
use crate::http::context::SigningIn;

/// The form behind a link to confirm an address.
#[utoipa::path(
    operation_id = "pages.verifyEmail",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/auth/verify-email")]
async fn verify_email(req: HttpRequest, link: web::Query<Link>) -> HttpResponse {
    form(&req, Purpose::VerifyEmail, &link.token, |token| Page::VerifyEmail { token, bad: None })
}

/// Confirms an address. The password shows that whoever opened the mailbox is who signed up.
#[utoipa::path(
    operation_id = "pages.postVerifyEmail",
    request_body(content = WithPassword, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/auth/verify-email")]
async fn post_verify_email(
    app: web::Data<App>,
    req: HttpRequest,
    from: SigningIn,
    form: web::Form<WithPassword>,
) -> HttpResponse {
    let WithPassword { token, password } = form.into_inner();
    let result = app.verify_email(&from.0, &token, &password).await;
    outcome(&req, result, Done::EmailVerified, |e| Some(Page::VerifyEmail { token, bad: Some(wrong(e, &["password"])?) }))
}

/// The form behind a link to confirm a new address.
#[utoipa::path(
    operation_id = "pages.changeEmail",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/auth/change-email")]
async fn change_email(req: HttpRequest, link: web::Query<Link>) -> HttpResponse {
    form(&req, Purpose::ChangeEmail, &link.token, |token| Page::ChangeEmail { token })
}

/// Confirms a new address.
#[utoipa::path(
    operation_id = "pages.postChangeEmail",
    request_body(content = Link, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/auth/change-email")]
async fn post_change_email(app: web::Data<App>, req: HttpRequest, from: SigningIn, link: web::Form<Link>) -> HttpResponse {
    outcome(&req, app.confirm_email_change(&from.0, &link.token).await, Done::EmailChanged, |_| None)
}

/// A password with the token of a mailed link.
#[derive(Deserialize, ToSchema)]
struct WithPassword {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

/// The form behind a link to set a new password.
#[utoipa::path(
    operation_id = "pages.resetPassword",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/auth/reset-password")]
async fn reset_password(req: HttpRequest, link: web::Query<Link>) -> HttpResponse {
    form(&req, Purpose::ResetPassword, &link.token, |token| Page::NewPassword { token, bad: None })
}

/// Sets a new password.
#[utoipa::path(
    operation_id = "pages.postResetPassword",
    request_body(content = WithPassword, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/auth/reset-password")]
async fn post_reset_password(
    app: web::Data<App>,
    req: HttpRequest,
    from: SigningIn,
    new: web::Form<WithPassword>,
) -> HttpResponse {
    let WithPassword { token, password } = new.into_inner();
    if !opaque::recognises(Purpose::ResetPassword, &token) {
        return dead_link(&req);
    }
    let reset = async {
        let (password,) = all((value::<Password>("password", &password),))?;
        app.reset_password(&from.0, &token, &password).await
    };
    outcome(&req, reset.await, Done::PasswordSet, |e| {
        let bad = wrong(e, &["password", "new_password"])?;
        Some(Page::NewPassword { token, bad: Some(bad) })
    })
}
