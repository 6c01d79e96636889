//! The page of a test sign-in.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use app::{
    App,
    identity::{
        federation::{Trial, TrialResult},
        flows::Cookies,
    },
};
use domain::identity::{
    federation::{
        asserted::{Address, Asserted, Groups},
        attempts::{Attempt, Outcome, Stage},
        linking::Decision,
    },
    saml::checks::{Finding, Verdict},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Action, Page, TrialCheck, TrialFacts, TrialOutcome,
    browser::{self, Form, failed, own_form},
    sign_in::{flow, no_flow, turn},
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
};

/// Groups that are named on the page.
const SHOWN_GROUPS: usize = 20;

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(PAGES).add(begin, page).add(again, page);
}

/// Begin a test sign-in, at the address that `POST …/upstream-providers/{provider_id}/test-sign-in` answered. The first browser that comes has it.
#[utoipa::path(
    operation_id = "pages.try",
    params(("link_id" = String, Path, description = "The last part of that address.")),
    responses(
        (status = 302, description = "To its page."),
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
#[get("/try/{link_id}")]
async fn begin(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    match app.come_to_own(&from.0, &cookies::browser(&app, &req), &path).await {
        Ok(led) => turn(&app, &req, led).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// What became of it.
pub(super) async fn shown(app: &App, req: &HttpRequest, trial: Trial, gives: &Cookies) -> HttpResponse {
    let frame = browser::frame(app, req, (Some(&trial.organization), None), None).await;
    let facts = TrialFacts {
        provider: trial.provider.to_string(),
        organization: trial.organization.name,
        result: trial.result.map(outcome),
    };
    let action = Action::new(format!("/signin/{}/trial", trial.flow.id), "trial");
    browser::page(app, req, (&frame, &Page::Trial { action, trial: facts }), gives, StatusCode::OK)
}

fn outcome(result: TrialResult) -> TrialOutcome {
    match result {
        TrialResult::Failed(attempt) => failure(*attempt),
        TrialResult::Named(asserted, decision) => named(*asserted, decision),
    }
}

fn failure(attempt: Attempt) -> TrialOutcome {
    let reference = attempt.id.to_string();
    let Outcome::Failed(failure) = attempt.outcome else {
        return TrialOutcome::Failed { passed: vec![], stage: "", hint: "", detail: None, checks: vec![], reference };
    };
    TrialOutcome::Failed {
        passed: Stage::ALL.into_iter().filter(|stage| *stage < failure.stage).map(Stage::as_str).collect(),
        stage: failure.stage.as_str(),
        hint: failure.reason.hint(),
        detail: failure.detail,
        checks: failure.checks.into_iter().map(check).collect(),
        reference,
    }
}

fn check(Finding { check, verdict, found }: Finding) -> TrialCheck {
    let hint = (verdict == Verdict::Failed).then(|| check.hint());
    TrialCheck { name: check.as_str(), verdict: verdict.as_str(), found, hint }
}

fn named(asserted: Asserted, decision: Decision) -> TrialOutcome {
    let groups = match &asserted.groups {
        Groups::Of(all) => Some(all.iter().take(SHOWN_GROUPS).cloned().collect()),
        Groups::Unsaid => None,
    };
    let more = match &asserted.groups {
        Groups::Of(all) => all.len().saturating_sub(SHOWN_GROUPS),
        Groups::Unsaid => 0,
    };
    TrialOutcome::Named {
        subject: asserted.shown().to_owned(),
        vouched: matches!(asserted.address, Address::Vouched(_)),
        address: asserted.address.email().map(ToString::to_string),
        groups,
        more,
        multi_factor: asserted.multi_factor,
        would: match decision {
            Decision::SignIn(_) => "sign_in",
            Decision::Prove(_) => "prove",
            Decision::Link(_) => "link",
            Decision::Admit(_) => "admit",
            Decision::Create | Decision::SignUp => "create",
            Decision::Refuse(_) => "refuse",
        },
    }
}

/// Wants to go to the provider.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"step": "trial"}))]
struct TrialForm {
    /// `trial`.
    #[serde(default)]
    step: String,
}

/// Go to the provider that is tried, once more if one was there.
#[utoipa::path(
    operation_id = "pages.tryAgain",
    request_body(content = TrialForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To the provider."),
        (status = 400, description = "That is no form, or it is over, or another browser's.", content_type = "text/html", body = String),
        (status = 403, description = "The form is none of ours.", content_type = "text/html", body = String),
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
#[post("/signin/{flow_id}/trial")]
async fn again(
    app: web::Data<App>,
    from: Anyone,
    req: HttpRequest,
    path: web::Path<String>,
    form: Form<TrialForm>,
) -> HttpResponse {
    let form = match own_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let Some(id) = flow(&path).filter(|_| form.step == "trial") else { return no_flow(&app, &req).await };
    match app.try_again(&from.0, &cookies::browser(&app, &req), id).await {
        Ok(led) => turn(&app, &req, (led, Cookies::default())).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}
