//! What an organization decides about its audit log: how long it is kept, and whose content is erased from it.

use actix_web::{get, post, put, web};
use app::App;
use domain::{
    Error, Patch, UserId, Violation, all, authorization::resource::AuditRules, core::value::Email, events::audit::Subject,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AUDIT;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, reading, writing},
    path::OrgPath,
    wire::{Body, Field},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(AUDIT)
        .of_org(retention, reading::<AuditRules>())
        .of_org(set_retention, writing::<AuditRules>())
        .of_org(erase, writing::<AuditRules>().idempotent());
}

/// How long records are kept.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"days": 730, "effective_days": 730, "default_days": 365, "min_days": 30, "max_days": 3650}))]
struct RetentionResponse {
    /// What the organization chose; null: nothing.
    days: Option<u32>,
    /// What counts.
    effective_days: u32,
    /// The platform's.
    default_days: u32,
    /// The least that can be chosen.
    min_days: u32,
    /// The most.
    max_days: u32,
}

fn retention_response(app: &App, own: Option<u32>) -> web::Json<RetentionResponse> {
    let days = app.settings.audit_days;
    let effective_days = days.effective(own);
    let (default_days, min_days, max_days) = (days.default, days.least, days.most);
    web::Json(RetentionResponse { days: own, effective_days, default_days, min_days, max_days })
}

/// How long records are kept.
#[utoipa::path(
    operation_id = "organizations.auditLogs.getRetention",
    responses((status = 200, body = RetentionResponse)),
)]
#[get("/audit-log/retention")]
async fn retention(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<RetentionResponse>> {
    let own = app.audit_retention(&who.caller, &who.path.org).await?;
    Ok(retention_response(&app, own))
}

/// Another retention.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"days": 730}))]
struct RetentionRequest {
    /// Within the bounds that the platform sets; null: as long as the platform keeps records.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1000000000, required)]
    days: Field<i64>,
}

/// Choose how long records are kept. Older ones are removed in whole segments; what is left still verifies.
#[utoipa::path(
    operation_id = "organizations.auditLogs.setRetention",
    request_body = RetentionRequest,
    responses((status = 200, body = RetentionResponse)),
)]
#[put("/audit-log/retention")]
async fn set_retention(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<RetentionRequest>,
) -> ApiResult<web::Json<RetentionResponse>> {
    let days = match body.value.days.patch("days").map_err(|violation| Error::invalid(vec![violation]))? {
        Patch::Keep => return Err(Error::field("days", "required", "Send a number of days, or null.").into()),
        Patch::Clear => None,
        Patch::Set(days) => Some(days),
    };
    let own = app.set_audit_retention(&who.caller, &who.path.org, days).await?;
    Ok(retention_response(&app, own))
}

/// Whose content to erase: at least one of the two.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"user_id": "usr_019ab2c3d4e57f008000000000000002", "email": "bob@example.com"}))]
struct EraseRequest {
    /// Records that name this account.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    user_id: Field<String>,
    /// Records that name this address.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "email", required = false)]
    email: Field<Email>,
}

impl EraseRequest {
    fn subject(self) -> domain::Result<Subject> {
        let id = |text: String| text.parse::<UserId>().map_err(|_| Violation::new("user_id", "bad_value", "Use a user's id."));
        let user = self.user_id.optional("user_id").and_then(|text| text.map(id).transpose());
        let (user, email) = all((user, self.email.optional("email")))?;
        if user.is_none() && email.is_none() {
            return Err(Error::field("user_id", "required", "Send `user_id`, `email`, or both."));
        }
        Ok(Subject { user, email })
    }
}

/// An erasure that was ordered.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"erasure_id": "ers_019ab2c3d4e57f008000000000000009", "status": "pending"}))]
struct EraseResponse {
    /// The event `audit_log.erased` names it when it is done.
    erasure_id: String,
    /// `pending`: the work is done in the background.
    status: &'static str,
}

/// Erase a person's content from all records up to now. Name, time and number of each stay, and so do chain and checkpoints; actor,
/// target, addresses and details go. Deliveries that still wait are sent without them.
#[utoipa::path(
    operation_id = "organizations.auditLogs.erase",
    request_body = EraseRequest,
    responses((status = 200, body = EraseResponse)),
)]
#[post("/audit-log/erase")]
async fn erase(app: web::Data<App>, mut who: SignedIn<OrgPath>, body: Body<EraseRequest>) -> ApiResult<web::Json<EraseResponse>> {
    let subject = body.value.subject()?;
    who.once("organizations.auditLogs.erase", &body.raw);
    let id = app.erase_from_audit_log(&who.caller, &who.path.org, &subject).await?;
    Ok(web::Json(EraseResponse { erasure_id: id.to_string(), status: "pending" }))
}
