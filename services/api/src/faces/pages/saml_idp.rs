//! SAML as services meet it: our metadata, and where their requests arrive. One that comes by a form brings no cookies with it: it waits, and the browser is
//! led on.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use app::{App, identity::flows::Stop};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    browser::{error_page, failed, parameter, stopped},
    page::ErrorKind,
    saml::{self, left, no_form},
    sign_in::turn,
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
};

/// Bytes of a form with a request.
const LARGEST: usize = 128 * 1024;

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(PAGES).add(metadata, page).add(sso, page).add(post_sso, page).add(authenticate, page).add(slo, page);
}

/// Our metadata for a service: who we are to it, where its requests go, and with what we sign.
#[utoipa::path(
    operation_id = "saml.metadata",
    responses(
        (status = 200, content_type = "application/samlmetadata+xml", body = String),
        (status = 404, description = "There is no such service, or it takes no SAML.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/saml/{org_slug}/{service_slug}/metadata")]
async fn metadata(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    match app.idp_metadata(&from.0, &path.0, &path.1).await {
        Ok(Some(xml)) => HttpResponse::Ok().content_type("application/samlmetadata+xml").body(xml),
        Ok(None) => {
            let kind = ErrorKind::BadRequest("There is no such application, or it takes no SAML.".to_owned());
            error_page(&app, &req, (kind, StatusCode::NOT_FOUND), None).await
        }
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// A picture or a script on somebody's page begins no sign-in.
fn is_window(req: &HttpRequest) -> bool {
    let dest = req.headers().get("sec-fetch-dest").and_then(|dest| dest.to_str().ok());
    dest.is_none_or(|dest| matches!(dest, "document" | "iframe" | "frame"))
}

const NO_WINDOW: Stop = Stop::BadRequest("Only a browser's window or frame comes here.");

/// Sign somebody in for a service that asks by SAML (redirect binding): the browser is led to the service with the answer, by a form.
#[utoipa::path(
    operation_id = "saml.signIn",
    params(
        ("SAMLRequest" = Option<String>, Query, description = "The request, deflated, in base64."),
        ("RelayState" = Option<String>, Query, description = "Comes back with the answer."),
        ("SigAlg" = Option<String>, Query, description = "How the query is signed."),
        ("Signature" = Option<String>, Query, description = "The signature over the query."),
        ("request_uri" = Option<String>, Query, description = "The name of a request that came by a form; nothing else counts then."),
    ),
    responses(
        (status = 200, description = "A form to the service, with the answer.", content_type = "text/html", body = String),
        (status = 302, description = "To the pages of the sign-in."),
        (status = 400, description = "The request is none that is taken, or it is not sure where the answer belongs.", content_type = "text/html", body = String),
        (status = 403, description = "The organization's policy or state refuses it.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network, or of this session.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
        (
            status = 503,
            description = "Too many messages are being read or signed.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/saml/{org_slug}/{service_slug}/sso")]
async fn sso(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    if !is_window(&req) {
        return stopped(&app, &req, NO_WINDOW).await;
    }
    let waiting = parameter(&req, "request_uri");
    let asked = (req.query_string(), waiting.as_deref());
    match app.saml_sign_in(&from.0, &cookies::browser(&app, &req), (&path.0, &path.1), asked).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// What a service's form brings.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"SAMLRequest": "PHNhbWxwOkF1dGhuUmVxdWVzdD4=", "RelayState": "/reports"}))]
#[allow(dead_code, reason = "only describes")]
struct RequestForm {
    /// The request, in base64.
    #[serde(rename = "SAMLRequest", default)]
    request: String,
    /// Comes back with the answer.
    #[serde(rename = "RelayState", default)]
    relay_state: String,
}

/// The same by a form of the service's site (POST binding): the browser is led on to where its cookies count.
#[utoipa::path(
    operation_id = "saml.postSignIn",
    request_body(content = RequestForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What the service is told instead, if the browser wants to go there.", content_type = "text/html", body = String),
        (status = 303, description = "To `GET`, with the name of the request."),
        (status = 400, description = "The request is none that is taken, or it is not sure where the answer belongs.", content_type = "text/html", body = String),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
        (
            status = 503,
            description = "Too many messages are being read.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/saml/{org_slug}/{service_slug}/sso")]
async fn post_sso(
    app: web::Data<App>,
    from: Anyone,
    req: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Payload,
) -> HttpResponse {
    let sent = match body.to_bytes_limited(LARGEST).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(_)) => return no_form(&app, &req, StatusCode::BAD_REQUEST).await,
        Err(_) => return no_form(&app, &req, StatusCode::PAYLOAD_TOO_LARGE).await,
    };
    let Some((request, relay_state)) = saml::fields(&sent, "SAMLRequest") else {
        return no_form(&app, &req, StatusCode::BAD_REQUEST).await;
    };
    match app.take_saml_request(&from.0, (&path.0, &path.1), (request, relay_state)).await {
        Ok(led) => turn(&app, &req, (led, Default::default())).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Open a service from here, without a request of its, where it takes that.
#[utoipa::path(
    operation_id = "saml.authenticate",
    params(("RelayState" = Option<String>, Query, description = "Is brought to the service.")),
    responses(
        (status = 200, description = "A form to the service, with the answer.", content_type = "text/html", body = String),
        (status = 302, description = "To the pages of the sign-in."),
        (status = 400, description = "The service is not opened from here.", content_type = "text/html", body = String),
        (status = 403, description = "The organization's policy or state refuses it.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network, or of this session.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
        (
            status = 503,
            description = "Too many messages are being signed.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/saml/{org_slug}/{service_slug}/authenticate")]
async fn authenticate(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    if !is_window(&req) {
        return stopped(&app, &req, NO_WINDOW).await;
    }
    let relay_state = parameter(&req, "RelayState");
    match app.saml_begin_here(&from.0, &cookies::browser(&app, &req), (&path.0, &path.1), relay_state.as_deref()).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Where a service's logout requests arrive, by redirect, signed: whoever is signed in in this browser and meant by it is signed out.
#[utoipa::path(
    operation_id = "saml.logout",
    params(
        ("SAMLRequest" = Option<String>, Query, description = "Who is to be signed out, deflated, in base64."),
        ("RelayState" = Option<String>, Query, description = "Comes back with our answer."),
        ("SigAlg" = Option<String>, Query, description = "How the query is signed."),
        ("Signature" = Option<String>, Query, description = "The signature over the query."),
    ),
    responses(
        (status = 200, description = "They are signed out.", content_type = "text/html", body = String),
        (status = 302, description = "With the answer to the service."),
        (status = 400, description = "The message is none that counts.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/saml/{org_slug}/{service_slug}/slo")]
async fn slo(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    match app.saml_log_out(&from.0, &cookies::browser(&app, &req), (&path.0, &path.1), req.query_string()).await {
        Ok((outcome, gives)) => left(&app, &req, outcome, &gives).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}
