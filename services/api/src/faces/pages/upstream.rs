//! Where identity providers send people back to. The browser is led on by a redirect whatever came of it, so that what it brought stays in nobody's
//! address bar, history or log of referrers.

use actix_web::{HttpRequest, HttpResponse, get, web};
use app::{App, identity::federation::ProviderAnswer};
use domain::ConnectionId;

use super::{
    browser::{error_page, failed, parameters},
    page::ErrorKind,
    sign_in::turn,
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(PAGES).add(callback, anybody().unlimited());
}

/// Come back from an organization's identity provider (OpenID Connect, OAuth 2). Its address is registered there, for each connection its own.
#[utoipa::path(
    operation_id = "pages.providerCallback",
    params(
        ("state" = Option<String>, Query, description = "What the browser was sent with."),
        ("code" = Option<String>, Query, description = "What is exchanged for tokens."),
        ("error" = Option<String>, Query, description = "Why there is none."),
        ("error_description" = Option<String>, Query, description = "The same in words; it is shown to nobody but those who look after the connection."),
        ("iss" = Option<String>, Query, description = "Who answers (RFC 9207)."),
    ),
    responses(
        (status = 302, description = "To the sign-in that goes on."),
        (status = 400, description = "The sign-in is over, or another browser's.", content_type = "text/html", body = String),
        (status = 403, description = "There is no way on: the organization's policy, or its state.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/auth/c/{provider_id}/callback")]
async fn callback(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let unreadable = (ErrorKind::FlowExpired, actix_web::http::StatusCode::BAD_REQUEST);
    let (Ok(connection), Ok(mut sent)) = (path.parse::<ConnectionId>(), parameters(&req)) else {
        return error_page(&app, &req, unreadable, None).await;
    };
    let mut take = |name: &str| sent.remove(name);
    let answer = ProviderAnswer {
        state: take("state").unwrap_or_default(),
        code: take("code"),
        error: take("error"),
        error_description: take("error_description"),
        iss: take("iss"),
    };
    match app.return_from_provider(&from.0, &cookies::browser(&app, &req), (connection, &answer)).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}
