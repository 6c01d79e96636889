//! The pages of devices that have no browser (RFC 8628): where their code is typed, and where somebody answers for one. The code is always typed: an
//! address that carried it could be sent to somebody by whoever wants in (RFC 10027).

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use app::{
    App,
    identity::flows::{Cookies, devices::Approval},
};
use domain::{Kind, applications::device_codes::UserCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Action, CodeProblem, DeviceFacts, Page, SafeUrl,
    browser::{self, Form, come_back, failed, own_form},
    sign_in::{flow, no_flow, turn},
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
    wire::time,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(PAGES).add(ask, page).add(send, page).add(answer, page);
}

/// The code that a device shows.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "WDJB-MJHT"}))]
struct DeviceForm {
    /// Eight letters and digits; small letters, blanks and hyphens make no difference.
    #[serde(default)]
    code: String,
}

async fn code_page(app: &App, req: &HttpRequest, bad: Option<CodeProblem>, status: StatusCode) -> HttpResponse {
    let frame = browser::frame(app, req, (None, None), None).await;
    browser::page(
        app,
        req,
        (&frame, &Page::Device { action: Action::new("/device", "device"), bad }),
        &Cookies::default(),
        status,
    )
}

/// Where somebody types the code that a device shows. A code in the address counts for nothing.
#[utoipa::path(operation_id = "pages.device", responses((status = 200, content_type = "text/html", body = String)))]
#[get("/device")]
async fn ask(app: web::Data<App>, _from: Anyone, req: HttpRequest) -> HttpResponse {
    code_page(&app, &req, None, StatusCode::OK).await
}

/// Begin a sign-in for a device.
#[utoipa::path(
    operation_id = "pages.postDevice",
    request_body(content = DeviceForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To the sign-in."),
        (status = 400, description = "That is no form.", content_type = "text/html", body = String),
        (status = 403, description = "The form is none of ours.", content_type = "text/html", body = String),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (status = 422, description = "No device shows this code now, or somebody has typed it already.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many tries from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/device")]
async fn send(app: web::Data<App>, from: Anyone, req: HttpRequest, form: Form<DeviceForm>) -> HttpResponse {
    let form = match own_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let bad = StatusCode::UNPROCESSABLE_ENTITY;
    let code = match UserCode::typed(&form.code) {
        Ok(code) => code,
        Err(_) if form.code.trim().is_empty() => return code_page(&app, &req, Some(CodeProblem::Missing), bad).await,
        Err(_) => return code_page(&app, &req, Some(CodeProblem::Wrong), bad).await,
    };
    match app.begin_for_device(&from.0, &cookies::browser(&app, &req), &code).await {
        Ok((Some(id), gives)) => browser::go(&app, &req, &format!("/signin/{id}"), &gives),
        Ok((None, _)) => code_page(&app, &req, Some(CodeProblem::Wrong), bad).await,
        Err(e) if e.kind == Kind::RateLimited => {
            let problem = CodeProblem::Throttled(e.retry_after.unwrap_or(1).into());
            let mut response = code_page(&app, &req, Some(problem), StatusCode::TOO_MANY_REQUESTS).await;
            come_back(&mut response, &e);
            response
        }
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// What somebody is asked who has signed in for a device.
pub(super) async fn approval(app: &App, req: &HttpRequest, approval: Approval, gives: &Cookies) -> HttpResponse {
    let here = format!("/signin/{}", approval.flow.id);
    let organization = approval.flow.organization.as_ref();
    let frame = browser::frame(app, req, (organization, Some(&approval.client)), None).await;
    let shown = Page::DeviceAsk {
        action: Action::new(format!("{here}/device"), format!("device.{}", approval.flow.sign_ins)),
        email: approval.email,
        device: DeviceFacts {
            application: approval.client,
            organization: organization.map(|org| org.name.clone()),
            address: approval.device.ip_address,
            program: approval.device.user_agent,
            since: time(approval.device.created_at),
        },
        other: SafeUrl::own(format!("{here}?somebody_else=1")),
    };
    browser::page(app, req, (&frame, &shown), gives, StatusCode::OK)
}

/// What was said.
pub(super) async fn answered(app: &App, req: &HttpRequest, approved: bool) -> HttpResponse {
    let frame = browser::frame(app, req, (None, None), None).await;
    browser::page(app, req, (&frame, &Page::DeviceDone { approved }), &Cookies::default(), StatusCode::OK)
}

/// Somebody's answer.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"step": "device.1", "answer": "yes"}))]
struct AnswerForm {
    /// `device`; behind a dot how many sign-ins of the flow the page had seen.
    #[serde(default)]
    step: String,
    /// `yes`; everything else is no.
    #[serde(default)]
    answer: String,
}

/// Approve a device, or refuse it.
#[utoipa::path(
    operation_id = "pages.answerDevice",
    request_body(content = AnswerForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is answered.", content_type = "text/html", body = String),
        (status = 303, description = "To what is missing before."),
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
#[post("/signin/{flow_id}/device")]
async fn answer(
    app: web::Data<App>,
    from: Anyone,
    req: HttpRequest,
    path: web::Path<String>,
    form: Form<AnswerForm>,
) -> HttpResponse {
    let form = match own_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(id) = flow(&path) else { return no_flow(&app, &req).await };
    let seen = form.step.strip_prefix("device.").and_then(|seen| seen.parse().ok());
    match app.answer_for_device(&from.0, &cookies::browser(&app, &req), id, (form.answer == "yes", seen)).await {
        Ok(led) => turn(&app, &req, (led, Cookies::default())).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}
