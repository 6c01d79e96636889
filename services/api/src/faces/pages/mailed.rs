//! Pages behind mailed links. A `GET` only shows a form; the link is used up when a person presses the button, because mail scanners
//! follow links (T38). A form whose answer was wrong is shown again, with what to mend: the link lives on.

mod account;
mod owner;

use std::str::FromStr;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use crypto::{Purpose, opaque};
use domain::{BadValue, Error, Kind, Violation};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Dashboard,
    answer::answer_mailed,
    frame::Frame,
    language::PageLanguage,
    page::{Done, Page, Problem},
    safe_url::SafeUrl,
};
use crate::http::{
    error,
    operations::{PAGES, Routes, anybody},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    let form = anybody().unlimited();
    routes
        .tag(PAGES)
        .add(account::verify_email, form)
        .add(account::post_verify_email, anybody())
        .add(account::change_email, form)
        .add(account::post_change_email, anybody())
        .add(account::reset_password, form)
        .add(account::post_reset_password, anybody())
        .add(owner::setup, form)
        .add(owner::post_setup, anybody())
        .add(magic_link, form)
        .add(invitation, form);
}

/// What surrounds the page of a request: nobody's brand, and the language that the browser likes.
fn frame(req: &HttpRequest, here: String) -> Frame {
    let accepted = req.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let named = url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(name, _)| name == "ui_locales");
    let language = PageLanguage::choose(named.as_ref().map(|(_, tags)| tags.as_ref()), None, accepted);
    Frame { language, here, ..Frame::default() }
}

/// The form behind a link, if the link's token has the shape of its purpose.
fn form(req: &HttpRequest, purpose: Purpose, token: &str, page: impl FnOnce(String) -> Page) -> HttpResponse {
    if !opaque::recognises(purpose, token) {
        return dead_link(req);
    }
    let frame = frame(req, format!("{}?token={token}", req.path()));
    answer_mailed(StatusCode::OK, &frame, &page(token.to_owned()))
}

fn dead_link(req: &HttpRequest) -> HttpResponse {
    answer_mailed(StatusCode::BAD_REQUEST, &frame(req, String::new()), &Page::DeadLink)
}

/// What came of it: done, or the form `again` if there is something that one can mend, or why not.
fn outcome(req: &HttpRequest, result: Result<(), Error>, done: Done, again: impl FnOnce(&Error) -> Option<Page>) -> HttpResponse {
    let frame = frame(req, String::new());
    match result {
        Ok(()) => answer_mailed(StatusCode::OK, &frame, &Page::Done { kind: done }),
        Err(e) if e.code == "link_invalid" => dead_link(req),
        Err(e) => {
            error::log(&e);
            let failed = || Page::Failed { problem: Problem { code: e.code.to_owned(), message: e.message.to_string() } };
            let page = if e.kind == Kind::Invalid { again(&e).unwrap_or_else(failed) } else { failed() };
            answer_mailed(error::status(e.kind), &frame, &page)
        }
    }
}

/// What is wrong with a field, by any of its names.
fn wrong(e: &Error, names: &[&str]) -> Option<Problem> {
    let violation = e.details.iter().find(|violation| names.contains(&violation.field.as_str()))?;
    Some(Problem { code: violation.code.to_owned(), message: violation.message.to_string() })
}

fn value<T: FromStr<Err = BadValue>>(field: &str, text: &str) -> Result<T, Violation> {
    if text.is_empty() {
        return Err(Violation::new(field, "missing", "Fill this in."));
    }
    text.parse().map_err(|bad: BadValue| Violation::new(field, bad.code, bad.message))
}

/// The token of a mailed link.
#[derive(Deserialize, ToSchema)]
struct Link {
    #[serde(default)]
    token: String,
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
async fn invitation(req: HttpRequest, dashboard: web::Data<Dashboard>, token: web::Path<String>) -> HttpResponse {
    if !opaque::recognises(Purpose::Invitation, &token) {
        return dead_link(&req);
    }
    if !dashboard.0.is_empty() {
        return HttpResponse::Found()
            .insert_header((header::LOCATION, format!("{}/invitations/accept?token={token}", dashboard.0)))
            .finish();
    }
    let frame = frame(&req, req.path().to_owned());
    answer_mailed(StatusCode::OK, &frame, &Page::Invitation { token: token.into_inner() })
}

/// Where a link leads that signs somebody in: to a page with a way on to the web client, or, without one, with what a client asks for. Nothing is used up.
#[utoipa::path(
    operation_id = "pages.magicLink",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/magic-link")]
async fn magic_link(req: HttpRequest, dashboard: web::Data<Dashboard>, link: web::Query<Link>) -> HttpResponse {
    form(&req, Purpose::MagicLink, &link.token, |token| {
        let to = format!("{}/magic-link?token={token}", dashboard.0);
        Page::MagicLink { to: SafeUrl::parse(&to).filter(|_| !dashboard.0.is_empty()), token }
    })
}
