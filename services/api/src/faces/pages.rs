//! Pages behind mailed links. A `GET` only shows a form; the link is used up when a person presses the button, because mail scanners
//! follow links (T38). The pages load nothing, run no script, and put nothing of the request into the text but a token of known shape.

use actix_web::{
    HttpResponse, get,
    http::{StatusCode, header},
    post, web,
};
use app::App;
use crypto::{Purpose, opaque};
use domain::{
    Error,
    core::value::{Email, Password},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    context::SigningIn,
    error,
    operations::{PAGES, Routes, anybody},
};

pub(crate) fn routes(routes: &mut Routes<'_>) {
    let form = anybody().unlimited();
    routes
        .tag(PAGES)
        .add(verify_email, form)
        .add(post_verify_email, anybody())
        .add(change_email, form)
        .add(post_change_email, anybody())
        .add(reset_password, form)
        .add(post_reset_password, anybody())
        .add(setup, form)
        .add(post_setup, anybody())
        .add(invitation, form);
}

/// Where the web client lives that invitations lead to, if there is one.
#[derive(Clone, Debug)]
pub struct Dashboard(pub String);

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

fn page(status: StatusCode, title: &str, content: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
<style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}}input,button{{font:inherit;display:block;width:100%;\
box-sizing:border-box;margin:.4rem 0 1rem;padding:.5rem}}</style><h1>{title}</h1>{content}</html>"
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(html)
}

fn form(title: &str, action: &str, token: &str, fields: &str, button: &str) -> HttpResponse {
    let content = format!(
        "<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"token\" value=\"{token}\">{fields}<button>{button}</button></form>"
    );
    page(StatusCode::OK, title, &content)
}

const PASSWORD: &str = "<label>New password<input type=\"password\" name=\"password\" minlength=\"8\" autocomplete=\"new-password\" required></label>";
const CHOSEN: &str =
    "<label>The password you chose<input type=\"password\" name=\"password\" autocomplete=\"current-password\" required></label>";
const EMAIL: &str = "<label>E-mail address<input type=\"email\" name=\"email\" autocomplete=\"email\" required></label>";

fn dead_link() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "This link does not work",
        "<p>It was used already, has expired, or is not complete. Ask for a new one.</p>",
    )
}

fn outcome(result: Result<(), Error>, title: &str, text: &str) -> HttpResponse {
    match result {
        Ok(()) => page(StatusCode::OK, title, &format!("<p>{text}</p>")),
        Err(e) if e.code == "link_invalid" => dead_link(),
        Err(e) => {
            error::log(&e);
            // Our own sentences about values hold no markup and nothing the caller sent.
            page(error::status(e.kind), "That did not work", &format!("<p>{}</p>", e.message.replace('<', "&lt;")))
        }
    }
}

/// The token of a mailed link.
#[derive(Deserialize, ToSchema)]
struct Link {
    #[serde(default)]
    token: String,
}

/// The form behind a link to confirm an address.
#[utoipa::path(
    operation_id = "pages.verifyEmail",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/auth/verify-email")]
async fn verify_email(link: web::Query<Link>) -> HttpResponse {
    if !opaque::recognises(Purpose::VerifyEmail, &link.token) {
        return dead_link();
    }
    form("Confirm your address", "/auth/verify-email", &link.token, CHOSEN, "Confirm")
}

/// Confirms an address. The password shows that whoever opened the mailbox is who signed up.
#[utoipa::path(
    operation_id = "pages.postVerifyEmail",
    request_body(content = WithPassword, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/auth/verify-email")]
async fn post_verify_email(app: web::Data<App>, from: SigningIn, form: web::Form<WithPassword>) -> HttpResponse {
    let result = app.verify_email(&from.0, &form.token, &form.password).await;
    outcome(result, "Your address is confirmed", "You can sign in now.")
}

/// The form behind a link to confirm a new address.
#[utoipa::path(
    operation_id = "pages.changeEmail",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/auth/change-email")]
async fn change_email(link: web::Query<Link>) -> HttpResponse {
    if !opaque::recognises(Purpose::ChangeEmail, &link.token) {
        return dead_link();
    }
    form("Confirm your new address", "/auth/change-email", &link.token, "", "Confirm")
}

/// Confirms a new address.
#[utoipa::path(
    operation_id = "pages.postChangeEmail",
    request_body(content = Link, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/auth/change-email")]
async fn post_change_email(app: web::Data<App>, from: SigningIn, link: web::Form<Link>) -> HttpResponse {
    outcome(app.confirm_email_change(&from.0, &link.token).await, "Your new address is confirmed", "Sign in with it from now on.")
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
async fn reset_password(link: web::Query<Link>) -> HttpResponse {
    if !opaque::recognises(Purpose::ResetPassword, &link.token) {
        return dead_link();
    }
    form("Set a new password", "/auth/reset-password", &link.token, PASSWORD, "Set the password")
}

/// Sets a new password.
#[utoipa::path(
    operation_id = "pages.postResetPassword",
    request_body(content = WithPassword, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/auth/reset-password")]
async fn post_reset_password(app: web::Data<App>, from: SigningIn, new: web::Form<WithPassword>) -> HttpResponse {
    let result = async { app.reset_password(&from.0, &new.token, &password(&new.password)?).await }.await;
    outcome(result, "Your password is set", "Sign in with it.")
}

fn password(text: &str) -> Result<Password, Error> {
    text.parse().map_err(|bad: domain::BadValue| Error::field("password", bad.code, bad.message))
}

fn email(text: &str) -> Result<Email, Error> {
    text.parse().map_err(|bad: domain::BadValue| Error::field("email", bad.code, bad.message))
}

/// The first platform owner.
#[derive(Deserialize, ToSchema)]
struct FirstOwner {
    #[serde(default)]
    token: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

/// The form behind the link that the server prints while nobody owns the platform.
#[utoipa::path(
    operation_id = "pages.setup",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/setup")]
async fn setup(link: web::Query<Link>) -> HttpResponse {
    if !opaque::recognises(Purpose::PlatformOwner, &link.token) {
        return dead_link();
    }
    form("Become the platform owner", "/setup", &link.token, &format!("{EMAIL}{PASSWORD}"), "Become the owner")
}

/// Makes the first platform owner.
#[utoipa::path(
    operation_id = "pages.postSetup",
    request_body(content = FirstOwner, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/setup")]
async fn post_setup(app: web::Data<App>, from: SigningIn, new: web::Form<FirstOwner>) -> HttpResponse {
    let result = async { app.claim_platform(&from.0, &new.token, &email(&new.email)?, &password(&new.password)?).await }.await;
    outcome(result, "You own the platform", "Sign in with your address and password.")
}

/// Where an invitation's mail leads: to the web client, or, without one, to a page that says what to do.
#[utoipa::path(
    operation_id = "pages.invitation",
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 302, description = "To the web client."),
    ),
)]
#[get("/invitations/accept/{token}")]
async fn invitation(dashboard: web::Data<Dashboard>, token: web::Path<String>) -> HttpResponse {
    if !opaque::recognises(Purpose::Invitation, &token) {
        return dead_link();
    }
    if !dashboard.0.is_empty() {
        return HttpResponse::Found()
            .insert_header((header::LOCATION, format!("{}/invitations/accept?token={token}", dashboard.0)))
            .finish();
    }
    let text =
        format!("<p>Sign in (or sign up) with the invited address, then accept with this token:</p><p><code>{token}</code></p>");
    page(StatusCode::OK, "You are invited", &text)
}
