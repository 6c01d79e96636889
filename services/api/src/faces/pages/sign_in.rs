//! The pages of a sign-in: each shows what its flow misses, and takes what is sent for it.

mod enrolling;
mod mailed;
pub(super) mod shown;

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use app::{
    App,
    identity::flows::{Cookies, Enrols, Turn, View, steps::Sent},
};
use domain::{
    Kind,
    core::value::Email,
    identity::flows::{FlowId, Step},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Action, ErrorKind, IdentifyProblem, Page, SafeUrl,
    browser::{self, Form, come_back, error_page, failed, own_form, stopped, to_client},
    device, link, trial,
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
};

pub(in crate::faces::pages) use self::shown::code_problem;

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(PAGES).add(show, page).add(send, page).add(forgotten, page).add(send_forgotten, page).add(mailed::show, page);
}

/// What a step sends. Which fields count, `step` says.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"step": "identify", "email": "ann@example.com"}))]
struct StepForm {
    /// `identify`, `password`, `ask_mail`, `mail_code`, `leave_mail`, `second_factor`, `organization`, `connection`, `consent`, `ask_passkey`, `passkey`, `leave_passkey`, `enrol`, `enrol_code` or `enrol_passkey`; behind a dot how many sign-ins of the flow the page had seen.
    #[serde(default)]
    step: String,
    /// Of `identify`.
    #[serde(default)]
    email: String,
    /// Of `password`.
    #[serde(default)]
    password: String,
    /// Of `mail_code`: the mailed code; of `second_factor` and `enrol_code`: a code of an app, a mailed one, or a recovery code.
    #[serde(default)]
    code: String,
    /// Of `organization`: its slug.
    #[serde(default)]
    organization: String,
    /// Of `connection`: the name of one of the organization's identity providers.
    #[serde(default)]
    connection: String,
    /// Of `consent`: `yes` or `no`; of `enrol`: `app`, `passkey` or `other`.
    #[serde(default)]
    answer: String,
    /// Of `passkey` and `enrol_passkey`: what the device answered, as JSON.
    #[serde(default)]
    credential: String,
    /// Of `enrol_passkey`: what it was asked.
    #[serde(default)]
    challenge: String,
}

impl StepForm {
    fn sent(self) -> Option<(Sent, Option<i32>)> {
        let (step, seen) = match self.step.split_once('.') {
            Some((step, seen)) => (step, Some(seen.parse().ok()?)),
            None => (self.step.as_str(), None),
        };
        let sent = match step {
            "identify" => Sent::Address(self.email),
            "password" | "prove" => Sent::Password(self.password),
            "second_factor" => Sent::Code(self.code),
            "organization" => Sent::Organization(self.organization),
            "connection" => Sent::Connection(self.connection),
            "consent" => Sent::Consent(self.answer == "yes"),
            "ask_passkey" => Sent::AskPasskey,
            "passkey" => Sent::Passkey(self.credential),
            "leave_passkey" => Sent::LeavePasskey,
            "ask_mail" => Sent::AskMail,
            "mail_code" => Sent::MailCode(self.code),
            "leave_mail" => Sent::LeaveMail,
            "enrol" => Sent::Enrols(match self.answer.as_str() {
                "app" => Enrols::App,
                "passkey" => Enrols::Passkey,
                _ => Enrols::Other,
            }),
            "enrol_code" => Sent::Enrols(Enrols::Code(self.code)),
            "enrol_passkey" => Sent::Enrols(Enrols::Made(self.challenge, self.credential)),
            _ => return None,
        };
        Some((sent, seen))
    }
}

/// Where a turn of a flow leads.
pub(crate) async fn turn(app: &App, req: &HttpRequest, (turn, gives): (Turn, Cookies)) -> HttpResponse {
    match turn {
        Turn::Continue(id) => browser::go(app, req, &format!("/signin/{id}"), &gives),
        Turn::Away(way) => browser::away(app, req, way, &gives).await,
        Turn::Answer(answer) => to_client(app, req, &answer, &gives).await,
        Turn::Stop(stop) => stopped(app, req, stop).await,
        Turn::Approve(asked) => device::approval(app, req, *asked, &gives).await,
        Turn::Answered { approved } => device::answered(app, req, approved).await,
        Turn::Link(asked) => link::asked(app, req, *asked, &gives).await,
        Turn::Linked { linked } => link::answered(app, req, linked).await,
        Turn::Account => browser::go(app, req, "/account", &gives),
        Turn::Enrol(asked) => enrolling::page(app, req, *asked, &gives).await,
        Turn::Try(tried) => trial::shown(app, req, *tried, &gives).await,
        Turn::Show(view) => {
            // Nobody goes on to our own pages.
            let client = Some(view.client.as_str()).filter(|_| view.flow.request.link.is_none());
            let organization = view.flow.organization.as_ref();
            let frame = browser::frame(app, req, (organization, client), view.flow.request.ui_locales.as_deref()).await;
            let status = match &view.bad {
                Some(e) if e.kind == Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
                Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
                None => StatusCode::OK,
            };
            let bad = view.bad.clone();
            let mut response = browser::page(app, req, (&frame, &shown::shown(*view)), &gives, status);
            if let Some(e) = &bad {
                come_back(&mut response, e);
            }
            response
        }
    }
}

pub(super) fn flow(path: &web::Path<String>) -> Option<FlowId> {
    path.parse().ok()
}

pub(super) async fn no_flow(app: &App, req: &HttpRequest) -> HttpResponse {
    error_page(app, req, (ErrorKind::FlowExpired, StatusCode::BAD_REQUEST), None).await
}

/// The page of a sign-in that is on its way: what is missing, or the way back to the application.
#[utoipa::path(
    operation_id = "pages.signIn",
    params(("ui_locales" = Option<String>, Query, description = "Languages, the wanted ones first.")),
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 302, description = "Back to the application."),
        (status = 400, description = "The sign-in is over, or another browser's.", content_type = "text/html", body = String),
        (status = 403, description = "There is no way on: the organization's policy, or its state.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests of this session.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/signin/{flow_id}")]
async fn show(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let Some(id) = flow(&path) else { return no_flow(&app, &req).await };
    match app.flow(&from.0, &cookies::browser(&app, &req), id).await {
        // Somebody else may say who they are, whatever the flow misses.
        Ok((Turn::Approve(asked), gives)) if browser::parameter(&req, "somebody_else").is_some() => {
            let view = View { offers_passkey: app.offers_passkeys(), ..asked.of_somebody_else() };
            turn(&app, &req, (Turn::Show(Box::new(view)), gives)).await
        }
        Ok((Turn::Enrol(asked), gives)) if browser::parameter(&req, "somebody_else").is_some() => {
            let view = View { offers_passkey: app.offers_passkeys(), ..asked.of_somebody_else() };
            turn(&app, &req, (Turn::Show(Box::new(view)), gives)).await
        }
        Ok((Turn::Show(view), gives)) if browser::parameter(&req, "somebody_else").is_some() => {
            let view = View { step: Step::Identify, email: String::new(), offers_passkey: app.offers_passkeys(), ..*view };
            turn(&app, &req, (Turn::Show(Box::new(view)), gives)).await
        }
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Go on with a sign-in.
#[utoipa::path(
    operation_id = "pages.postSignIn",
    request_body(content = StepForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What is missing, or a way back to the application.", content_type = "text/html", body = String),
        (status = 303, description = "To what is missing, or back to the application."),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many tries, or requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
        (status = 422, description = "It did not do: the page again, with what is wrong.", content_type = "text/html", body = String),
        (status = 400, description = "That is no form, or the sign-in is over, or another browser's.", content_type = "text/html", body = String),
        (status = 403, description = "The form is none of ours, or there is no way on.", content_type = "text/html", body = String),
    ),
)]
#[post("/signin/{flow_id}")]
async fn send(
    app: web::Data<App>,
    from: Anyone,
    req: HttpRequest,
    path: web::Path<String>,
    form: Form<StepForm>,
) -> HttpResponse {
    let form = match own_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(id) = flow(&path) else { return no_flow(&app, &req).await };
    let Some(sent) = form.sent() else { return browser::go(&app, &req, &format!("/signin/{id}"), &Cookies::default()) };
    match app.flow_step(&from.0, &cookies::browser(&app, &req), id, sent).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Where somebody who forgot the password asks for another.
#[utoipa::path(
    operation_id = "pages.forgottenPassword",
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/signin/{flow_id}/reset")]
async fn forgotten(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let Some(id) = flow(&path) else { return no_flow(&app, &req).await };
    let email = match app.look_at_flow(&from.0, &cookies::browser(&app, &req), id).await {
        Ok(Ok(email)) => email,
        Ok(Err(stop)) => return stopped(&app, &req, stop).await,
        Err(e) => return failed(&app, &req, &e).await,
    };
    let shown = reset_page(id, email, None);
    browser::page(
        &app,
        &req,
        (&browser::frame(&app, &req, (None, None), None).await, &shown),
        &Cookies::default(),
        StatusCode::OK,
    )
}

fn reset_page(id: FlowId, email: String, bad: Option<IdentifyProblem>) -> Page {
    let back = Some(SafeUrl::own(format!("/signin/{id}")));
    Page::ResetRequest { action: Action::new(format!("/signin/{id}/reset"), "reset"), email, bad, back }
}

/// Ask for a mail with which a new password is set. The answer is the same whether or not there is such an account.
#[utoipa::path(
    operation_id = "pages.postForgottenPassword",
    request_body(content = StepForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 400, description = "That is no form, or the sign-in is over, or another browser's.", content_type = "text/html", body = String),
        (status = 403, description = "The form is none of ours.", content_type = "text/html", body = String),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (status = 422, description = "That is no address.", content_type = "text/html", body = String),
    ),
)]
#[post("/signin/{flow_id}/reset")]
async fn send_forgotten(
    app: web::Data<App>,
    from: Anyone,
    req: HttpRequest,
    path: web::Path<String>,
    form: Form<StepForm>,
) -> HttpResponse {
    let form = match own_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(id) = flow(&path) else { return no_flow(&app, &req).await };
    let (shown, status) = match form.email.trim().parse::<Email>() {
        Err(_) => (reset_page(id, form.email.clone(), Some(IdentifyProblem::Malformed)), StatusCode::UNPROCESSABLE_ENTITY),
        Ok(email) => match app.forgotten_in_flow(&from.0, &cookies::browser(&app, &req), (id, &email)).await {
            Ok(None) => {
                (Page::ResetSent { email: email.to_string(), back: Some(SafeUrl::own(format!("/signin/{id}"))) }, StatusCode::OK)
            }
            Ok(Some(stop)) => return stopped(&app, &req, stop).await,
            Err(e) => return failed(&app, &req, &e).await,
        },
    };
    browser::page(&app, &req, (&browser::frame(&app, &req, (None, None), None).await, &shown), &Cookies::default(), status)
}
