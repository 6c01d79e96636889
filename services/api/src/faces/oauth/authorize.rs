//! Where clients send people (RFC 6749, 3.1), and where they leave requests first (RFC 9126).

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use app::{
    App,
    applications::dpop::Shown,
    identity::flows::{Cookies, Stop},
};
use domain::applications::authorization_requests::at_host;
use serde::Serialize;
use store::tenancy::domains::PublicHost;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    OAUTH,
    error::{OAuthErrorBody, OAuthResult},
    parameters::{Parameters, key_proof},
};
use crate::{
    faces::pages::{
        browser::{LONGEST, failed, go, parameters, stopped},
        sign_in::turn,
    },
    http::{
        context::Anyone,
        cookies,
        hosts::organization_of,
        operations::{Routes, anybody},
        wire::Raw,
    },
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(OAUTH)
        .add(authorize, anybody().unlimited())
        .add(post_authorize, anybody().unlimited())
        .add(push, anybody().unlimited());
}

/// Sign somebody in for a client: the browser comes back to `redirect_uri` with a code, or with an error.
#[utoipa::path(
    operation_id = "oauth.authorize",
    params(
        ("client_id" = Option<String>, Query),
        ("redirect_uri" = Option<String>, Query, description = "Exactly as it is registered."),
        ("response_type" = Option<String>, Query, description = "`code`."),
        ("response_mode" = Option<String>, Query, description = "`query` (default) or `form_post`."),
        ("scope" = Option<String>, Query, description = "`openid`, `profile`, `email`, `offline_access`, and those of the API."),
        ("audience" = Option<String>, Query, description = "The API that access tokens are for, beside userinfo. `resource` says the same (RFC 8707)."),
        ("state" = Option<String>, Query, description = "Comes back."),
        ("nonce" = Option<String>, Query, description = "Comes back in the ID token."),
        ("code_challenge" = Option<String>, Query, description = "The SHA-256 of the code's verifier (RFC 7636)."),
        ("code_challenge_method" = Option<String>, Query, description = "`S256`."),
        ("dpop_jkt" = Option<String>, Query, description = "The thumbprint of the key that whoever exchanges the code has to hold (RFC 9449, 10)."),
        ("organization" = Option<String>, Query, description = "The organization to sign in to, by id or slug."),
        ("connection" = Option<String>, Query, description = "The organization's identity provider to sign in through, by its `connection_id` or id; with `organization`."),
        ("prompt" = Option<String>, Query, description = "`none`: nobody is asked; `login` or `select_account`: who they are is asked again."),
        ("max_age" = Option<String>, Query, description = "How long ago the sign-in may be, in seconds."),
        ("login_hint" = Option<String>, Query, description = "The address to begin with."),
        ("ui_locales" = Option<String>, Query, description = "Languages, the wanted ones first."),
        ("id_token_hint" = Option<String>, Query, description = "An ID token of who is to be signed in."),
        ("request_uri" = Option<String>, Query, description = "The name of a request that was pushed; nothing counts then but `client_id`."),
    ),
    responses(
        (status = 200, description = "A way back to the client: by a form, or by a link of who did not sign in.", content_type = "text/html", body = String),
        (status = 302, description = "To the pages of the sign-in, or back to the client."),
        (status = 400, description = "It is not sure where the answer belongs.", content_type = "text/html", body = String),
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
#[get("/authorize")]
async fn authorize(app: web::Data<App>, from: Anyone, req: HttpRequest) -> HttpResponse {
    // A picture or a script on somebody's page begins no sign-in, and uses nobody's budget up.
    let dest = req.headers().get("sec-fetch-dest").and_then(|dest| dest.to_str().ok());
    if dest.is_some_and(|dest| !matches!(dest, "document" | "iframe" | "frame")) {
        return stopped(&app, &req, Stop::BadRequest("Only a browser's window or frame comes here.")).await;
    }
    let parameters = match parameters(&req) {
        Ok(parameters) => parameters,
        Err(why) => return stopped(&app, &req, Stop::BadRequest(why)).await,
    };
    match organization_of(&app, &req).await {
        Ok(None) => {}
        Ok(Some((_, theirs))) => return lead_home(&app, &req, parameters, &theirs).await,
        Err(e) => return failed(&app, &req, &e).await,
    }
    match app.authorize(&from.0, &cookies::browser(&app, &req), &parameters).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// From an organization's own host to ours, where people are signed in, with that organization. The browser is given nothing there.
async fn lead_home(app: &App, req: &HttpRequest, mut asked: BTreeMap<String, String>, theirs: &PublicHost) -> HttpResponse {
    if let Err(why) = at_host(&mut asked, theirs.org, &theirs.slug) {
        return stopped(app, req, Stop::BadRequest(why)).await;
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&asked).finish();
    go(app, req, &format!("{}/authorize?{query}", app.settings.public_url), &Cookies::default())
}

/// The same by a form: the browser goes on to `GET`, with its cookies.
#[utoipa::path(
    operation_id = "oauth.postAuthorize",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The parameters of `oauth.authorize`."),
    responses(
        (status = 200, description = "Never.", content_type = "text/html", body = String),
        (status = 303, description = "To `GET /authorize`."),
        (status = 400, description = "That is no form, or it is too long.", content_type = "text/html", body = String),
    ),
)]
#[post("/authorize")]
async fn post_authorize(app: web::Data<App>, req: HttpRequest, body: Raw) -> HttpResponse {
    let form = req.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = form.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let text = std::str::from_utf8(&body.0).ok().filter(|text| is_form && text.len() <= LONGEST);
    let Some(text) = text else { return stopped(&app, &req, Stop::BadRequest("Send a form of at most 8 KB.")).await };
    // Written anew: nothing of the body but names and values goes into an address.
    let pairs = form_urlencoded::parse(text.as_bytes());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    go(&app, &req, &format!("/authorize?{query}"), &Cookies::default())
}

/// Where a request was left.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"request_uri": "urn:ietf:params:oauth:request_uri:par_…", "expires_in": 90}))]
struct PushedResponse {
    /// What the browser comes with, beside `client_id`.
    request_uri: String,
    /// Seconds.
    expires_in: i64,
}

/// Leave the parameters of a request before the browser comes (RFC 9126).
#[utoipa::path(
    operation_id = "oauth.pushRequest",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The parameters of `oauth.authorize`, and what the client authenticates with."),
    responses(
        (status = 201, body = PushedResponse),
        (status = 400, description = "The request would be refused.", body = OAuthErrorBody),
        (status = 401, description = "The client is unknown, or what it authenticated with is wrong.", body = OAuthErrorBody),
        (
            status = 429,
            description = "Too many requests by this client, or too many wrong ones from this network. Try again after `Retry-After` seconds.",
            body = OAuthErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/oauth/par")]
async fn push(app: web::Data<App>, from: Anyone, req: HttpRequest, body: Raw) -> OAuthResult<HttpResponse> {
    let parameters = Parameters::read(&req, &body.0)?;
    let shown = Shown { client: parameters.client(&req)?, key: key_proof(&req, ("POST", "oauth/par"))? };
    let (request_uri, expires_in) = app.push_request(&from.0, &shown, parameters.into_all()).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(PushedResponse { request_uri, expires_in }))
}
