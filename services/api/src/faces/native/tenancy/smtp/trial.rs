//! Trying a mail server out.

use actix_web::{post, web};
use app::App;
use domain::{
    Error,
    core::value::Email,
    tenancy::smtp::{Outcome, Step, Trial},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Body, Field},
};

/// A test mail.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"to": "ann@acme.example"}))]
struct TestSmtpRequest {
    /// Who gets it; default: you.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "email")]
    to: Field<Email>,
}

/// How a step went.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"step": "auth", "status": "failed", "reason": "refused", "message": "The server refused this step; its reply code says why.", "reply": "535 5.7.8"}))]
struct StepResponse {
    /// `resolve`, `connect`, `greeting`, `tls`, `certificate`, `auth`, `sender`, `recipient` or `data`.
    step: &'static str,
    /// `passed`, `failed`, `skipped` (the settings do not ask for it) or `not_reached`.
    status: &'static str,
    /// How long it took, if it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u64>,
    /// Why it failed: stable, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The same for people, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    /// The code of the server's reply, and the enhanced one if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
}

/// How the test went, step by step.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": false, "steps": [{"step": "resolve", "status": "passed", "milliseconds": 2}, {"step": "connect", "status": "failed", "reason": "unreachable", "message": "Nobody answers at this host and port. Check the port and the firewall in front of it."}]}))]
struct TestSmtpResponse {
    /// Whether the server has the mail.
    success: bool,
    steps: Vec<StepResponse>,
}

fn step((step, outcome): (Step, Outcome)) -> StepResponse {
    let blank =
        StepResponse { step: step.as_str(), status: "passed", milliseconds: None, reason: None, message: None, reply: None };
    match outcome {
        Outcome::Passed(took) => StepResponse { milliseconds: Some(took.as_millis().try_into().unwrap_or(u64::MAX)), ..blank },
        Outcome::Skipped => StepResponse { status: "skipped", ..blank },
        Outcome::NotReached => StepResponse { status: "not_reached", ..blank },
        Outcome::Failed(failure) => StepResponse {
            status: "failed",
            reason: Some(failure.reason.as_str()),
            message: Some(failure.reason.hint()),
            reply: failure.reply.map(|reply| reply.to_string()),
            ..blank
        },
    }
}

impl From<Trial> for TestSmtpResponse {
    fn from(trial: Trial) -> Self {
        Self { success: trial.failure.is_none(), steps: trial.outcomes().map(step).collect() }
    }
}

/// Send a test mail through the organization's server, and see how each step went. It takes up to 20 seconds. 200 also when it did not
/// work.
#[utoipa::path(
    operation_id = "organizations.testSmtp",
    request_body = TestSmtpRequest,
    responses((status = 200, body = TestSmtpResponse)),
)]
#[post("/smtp/test")]
pub(super) async fn test(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<TestSmtpRequest>,
) -> ApiResult<web::Json<TestSmtpResponse>> {
    let to = body.value.to.optional("to").map_err(|violation| Error::invalid(vec![violation]))?;
    Ok(web::Json(app.test_smtp(&who.caller, &who.path.org, to).await?.into()))
}
