//! The pages on which somebody links a provider with their account.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use app::{
    App,
    identity::flows::{
        Cookies,
        linking::{LinkAnswer, LinkAsk},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Action, LinkFacts, Page,
    browser::{self, Form, failed, own_form},
    page::Done,
    sign_in::{flow, no_flow, shown::trouble, turn},
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(PAGES).add(begin, page).add(answer, page);
}

/// Begin to link a provider, at the address that `POST /api/user/identities/{provider_id}/link` answered. The first browser that comes has it.
#[utoipa::path(
    operation_id = "pages.link",
    params(("link_id" = String, Path, description = "The last part of that address.")),
    responses(
        (status = 302, description = "To the sign-in."),
        (status = 400, description = "It is over, or another browser's.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/link/{link_id}")]
async fn begin(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    match app.come_to_own(&from.0, &cookies::browser(&app, &req), &path).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// What somebody is asked.
pub(super) async fn asked(app: &App, req: &HttpRequest, ask: LinkAsk, gives: &Cookies) -> HttpResponse {
    let here = format!("/signin/{}", ask.flow.id);
    let frame = browser::frame(app, req, (Some(&ask.organization), None), None).await;
    let shown = Page::Link {
        action: Action::new(format!("{here}/link"), format!("link.{}", ask.flow.sign_ins)),
        email: ask.email,
        link: LinkFacts {
            provider: ask.provider.to_string(),
            organization: ask.organization.name,
            is_named: ask.named.is_some(),
            subject: ask.named.as_ref().map(|(subject, _)| subject.clone()).unwrap_or_default(),
            address: ask.named.and_then(|(_, address)| address),
        },
        trouble: ask.flow.trouble.as_ref().map(trouble),
    };
    browser::page(app, req, (&frame, &shown), gives, StatusCode::OK)
}

/// What was said.
pub(super) async fn answered(app: &App, req: &HttpRequest, linked: bool) -> HttpResponse {
    let frame = browser::frame(app, req, (None, None), None).await;
    let kind = if linked { Done::Linked } else { Done::NotLinked };
    browser::page(app, req, (&frame, &Page::Done { kind }), &Cookies::default(), StatusCode::OK)
}

/// Somebody's answer.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"step": "link.1", "answer": "yes"}))]
struct LinkForm {
    /// `link`; behind a dot how many sign-ins of the flow the page had seen.
    #[serde(default)]
    step: String,
    /// `go`: to the provider; `yes`: it is they whom it named; everything else is no.
    #[serde(default)]
    answer: String,
}

/// Go to the provider that is to be linked, link it, or leave it.
#[utoipa::path(
    operation_id = "pages.answerLink",
    request_body(content = LinkForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is answered.", content_type = "text/html", body = String),
        (status = 303, description = "To the provider, or to what is missing before."),
        (status = 400, description = "That is no form, or the sign-in is over, or another browser's.", content_type = "text/html", body = String),
        (status = 403, description = "The form is none of ours, or there is no way on.", content_type = "text/html", body = String),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/signin/{flow_id}/link")]
async fn answer(
    app: web::Data<App>,
    from: Anyone,
    req: HttpRequest,
    path: web::Path<String>,
    form: Form<LinkForm>,
) -> HttpResponse {
    let form = match own_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(id) = flow(&path) else { return no_flow(&app, &req).await };
    let seen = form.step.strip_prefix("link.").and_then(|seen| seen.parse().ok());
    let said = match form.answer.as_str() {
        "go" => LinkAnswer::Go,
        "yes" => LinkAnswer::Yes,
        _ => LinkAnswer::No,
    };
    match app.answer_for_link(&from.0, &cookies::browser(&app, &req), id, (said, seen)).await {
        Ok(led) => turn(&app, &req, (led, Cookies::default())).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}
