//! Where the native contract's clients send people to sign in through a provider of an organization. They come back with tokens in the fragment.

use actix_web::{HttpRequest, HttpResponse, get, web};
use app::{
    App,
    identity::flows::{Stop, implicit::ThroughProvider},
};

use super::{
    browser::{failed, parameters, stopped},
    sign_in::turn,
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(PAGES).add(begin, anybody().unlimited());
}

/// Sign somebody in to a service that takes tokens in the fragment (`implicit_grant`), through a provider of its organization. At the end the browser comes to
/// `redirect_uri#access_token=…&token_type=Bearer&expires_in=…&state=…`.
#[utoipa::path(
    operation_id = "pages.signInThrough",
    params(
        ("org" = String, Query, description = "The organization's slug."),
        ("service" = String, Query, description = "The service's slug."),
        ("redirect_uri" = Option<String>, Query, description = "Exactly as it is registered. May be left out where there is only one."),
        ("connection_id" = Option<String>, Query, description = "The connection, in the place of the path's."),
        ("state" = Option<String>, Query, description = "Comes back."),
    ),
    responses(
        (status = 302, description = "To the pages of the sign-in, or back to the service."),
        (status = 400, description = "Something that was named is not there, or takes part in no sign-in.", content_type = "text/html", body = String),
        (status = 403, description = "The organization's policy or state refuses it.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network, or of this session.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/auth/{provider_id}")]
async fn begin(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let dest = req.headers().get("sec-fetch-dest").and_then(|dest| dest.to_str().ok());
    if dest.is_some_and(|dest| dest != "document") {
        return stopped(&app, &req, Stop::BadRequest("Only a browser's window comes here.")).await;
    }
    let mut parameters = match parameters(&req) {
        Ok(parameters) => parameters,
        Err(why) => return stopped(&app, &req, Stop::BadRequest(why)).await,
    };
    let mut take = |name: &str| parameters.remove(name).filter(|value| value.len() <= 2000);
    let asked = ThroughProvider {
        provider: path.into_inner(),
        connection: take("connection_id"),
        organization: take("org").unwrap_or_default(),
        service: take("service").unwrap_or_default(),
        redirect_uri: take("redirect_uri"),
        state: take("state"),
    };
    match app.sign_in_through(&from.0, &cookies::browser(&app, &req), &asked).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}
