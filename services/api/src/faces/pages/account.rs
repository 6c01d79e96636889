//! The page of somebody's own account: where they are signed in, their passkeys, their authenticator app. It works without script, but for making a passkey.

mod forms;

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, web};
use app::{
    App,
    identity::{
        account_page::{AccountView, Visit},
        flows::{Cookies, Stop},
    },
};
use domain::{
    PasskeyId,
    identity::{passkeys::Passkey, sessions::Session},
};

use super::{
    Action, ErrorKind, Page, Problem, SafeUrl,
    agents::device,
    browser::{self, error_page, failed, stopped},
    page::{AccountDone, AccountFacts, OwnPasskey, OwnSession, SignedInBy},
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
    wire::minute,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(PAGES).add(show, page).add(forms::send, page).add(passkey, page);
}

fn facts(app: &App, view: AccountView) -> AccountFacts {
    let here = view.here;
    let own = |session: Session| OwnSession {
        id: session.id.to_string(),
        device: session.user_agent.as_deref().map(device),
        by: SignedInBy::named(&session.method),
        address: session.ip_address,
        at: minute(session.created_at),
        here: session.id == here,
    };
    let shown = |own: Passkey| OwnPasskey {
        to: SafeUrl::own(format!("/account/passkeys/{}", own.id)),
        name: own.name.to_string(),
        added: minute(own.created_at),
        used: own.last_used_at.map(minute),
    };
    AccountFacts {
        form: view.form,
        email: view.email,
        fresh: view.is_fresh,
        offers_passkeys: app.offers_passkeys(),
        passkeys: view.passkeys.into_iter().map(shown).collect(),
        app_since: view.enrolled.totp_since.map(minute),
        codes: u64::try_from(view.enrolled.recovery_codes).unwrap_or_default(),
        sessions: view.sessions.into_iter().map(own).collect(),
    }
}

/// The account, with what was done last, or why not.
async fn shown(
    app: &App,
    req: &HttpRequest,
    (view, gives): (AccountView, Cookies),
    (done, problem, status): (Option<AccountDone>, Option<Problem>, StatusCode),
) -> HttpResponse {
    let page = Page::Account { action: SafeUrl::own("/account"), account: facts(app, view), done, problem };
    browser::page(app, req, (&browser::frame(app, req, (None, None), None).await, &page), &gives, status)
}

/// What an organization's word shows of an account: nothing.
async fn confined(app: &App, req: &HttpRequest, form: &str, gives: &Cookies) -> HttpResponse {
    let page = Page::AccountElsewhere { action: Action::new("/account", format!("confirm.{form}")) };
    browser::page(app, req, (&browser::frame(app, req, (None, None), None).await, &page), gives, StatusCode::FORBIDDEN)
}

/// Where somebody comes who is not in a window that they look at.
fn is_window(req: &HttpRequest) -> bool {
    req.headers().get("sec-fetch-dest").is_none_or(|dest| dest == "document")
}

async fn visit(app: &App, from: &Anyone, req: &HttpRequest) -> Result<(AccountView, Cookies), HttpResponse> {
    if !is_window(req) {
        return Err(stopped(app, req, Stop::BadRequest("Only a browser's window comes here.")).await);
    }
    let organization = browser::parameter(req, "organization");
    match app.visit_account(&from.0, &cookies::browser(app, req), organization.as_deref()).await {
        Ok((Visit::Shown(view), gives)) => Ok((*view, gives)),
        Ok((Visit::SignIn(flow), gives)) => Err(browser::go(app, req, &format!("/signin/{flow}"), &gives)),
        Ok((Visit::Confined(form), gives)) => Err(confined(app, req, &form, &gives).await),
        Err(e) => Err(failed(app, req, &e).await),
    }
}

/// Your account: where you are signed in, your passkeys and your authenticator app. Who is not signed in in this browser signs in first.
#[utoipa::path(
    operation_id = "pages.account",
    params(
        ("organization" = Option<String>, Query, description = "For an account that this organization manages."),
        ("done" = Option<String>, Query, description = "What was done last."),
        ("ui_locales" = Option<String>, Query, description = "Languages, the wanted ones first."),
    ),
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 302, description = "To a sign-in, and back."),
        (status = 400, description = "Not in a window.", content_type = "text/html", body = String),
        (status = 403, description = "Signed in by an organization's word only.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/account")]
async fn show(app: web::Data<App>, from: Anyone, req: HttpRequest) -> HttpResponse {
    let done = browser::parameter(&req, "done").and_then(|name| AccountDone::named(&name));
    match visit(&app, &from, &req).await {
        Ok(visit) => shown(&app, &req, visit, (done, None, StatusCode::OK)).await,
        Err(response) => response,
    }
}

/// One of your passkeys, to be named or removed.
#[utoipa::path(
    operation_id = "pages.accountPasskey",
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 302, description = "To a sign-in, and back."),
        (status = 403, description = "Signed in by an organization's word only.", content_type = "text/html", body = String),
        (status = 400, description = "Not in a window.", content_type = "text/html", body = String),
        (status = 404, description = "There is no such passkey.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/account/passkeys/{passkey_id}")]
async fn passkey(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let (view, gives) = match visit(&app, &from, &req).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let known = path.parse::<PasskeyId>().ok().and_then(|id| view.passkeys.iter().find(|own| own.id == id));
    let Some(known) = known else {
        return error_page(&app, &req, (ErrorKind::NotThere, StatusCode::NOT_FOUND), None).await;
    };
    let page = passkey_page(&view.form, (known.id, known.name.to_string()), None);
    browser::page(&app, &req, (&browser::frame(&app, &req, (None, None), None).await, &page), &gives, StatusCode::OK)
}

/// The page of a passkey, with this in the field of its name.
fn passkey_page(form: &str, (id, name): (PasskeyId, String), bad: Option<Problem>) -> Page {
    Page::AccountPasskey {
        rename: Action::new("/account", format!("passkey_name.{form}")),
        remove: Action::new("/account", format!("passkey_remove.{form}")),
        id: id.to_string(),
        name,
        bad,
        back: SafeUrl::own("/account"),
    }
}
