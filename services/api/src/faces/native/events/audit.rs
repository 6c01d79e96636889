//! The audit log. Its export is in [`export`]; what makes it trustworthy in [`sealed`];
//! what an organization decides about it in [`rules`].

mod download;
mod export;
mod rules;
mod sealed;

use actix_web::{get, web};
use app::{
    App,
    events::audit::{filter, redacted_metadata},
};
use domain::{all, authorization::resource::AuditLog};
use serde::Serialize;
use store::events::audit::{AuditFilter, AuditRecord};
use utoipa::ToSchema;

use crate::faces::native::core::views::{EventTypeResponse, Pagination, Paging, event_types};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading},
    path::OrgPath,
    wire::{Query, time},
};

const AUDIT: Tag = Tag { name: "audit", about: "What happened." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUDIT).of_org(types, reading::<AuditLog>()).of_org(list, reading::<AuditLog>());
    routes.of(export::routes).of(sealed::routes).of(rules::routes);
}

/// Who did it.
#[derive(Serialize, ToSchema)]
struct ActorResponse {
    id: String,
    email: String,
}

/// One record.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "evt_019ab2c3d4e57f008000000000000007", "organization_id": "org_019ab2c3d4e57f008000000000000001", "actor_id": "usr_019ab2c3d4e57f008000000000000002", "actor": {"id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com"}, "action": "user.invited", "target_type": "invitation", "target_id": "inv_019ab2c3d4e57f008000000000000005", "ip_address": "203.0.113.7", "success": true, "metadata": {"email": "bob@example.com"}, "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct AuditLogResponse {
    id: String,
    organization_id: String,
    /// A user's id; `anonymous`, or the name of a job of ours.
    actor_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<ActorResponse>,
    action: String,
    target_type: String,
    target_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    success: bool,
    #[schema(value_type = Option<Object>)]
    metadata: serde_json::Value,
    created_at: String,
}

impl From<AuditRecord> for AuditLogResponse {
    fn from(r: AuditRecord) -> Self {
        let metadata = redacted_metadata(&r);
        let actor = r.actor_id.clone().zip(r.actor_email).map(|(id, email)| ActorResponse { id, email });
        Self {
            id: r.id.to_string(),
            organization_id: r.org.to_string(),
            actor_id: r.actor_id.unwrap_or(r.actor_kind),
            actor,
            action: r.action,
            target_type: r.target_type,
            target_id: r.target_id,
            ip_address: r.ip_address,
            user_agent: r.user_agent,
            success: r.success,
            metadata,
            created_at: time(r.created_at),
        }
    }
}

/// A page of records.
#[derive(Serialize, ToSchema)]
struct AuditPageResponse {
    logs: Vec<AuditLogResponse>,
    pagination: Pagination,
}

fn filters(query: &Query) -> Result<AuditFilter, domain::Error> {
    let (action, target_type, target_id) = all((query.text("action"), query.text("target_type"), query.text("target_id")))?;
    Ok(filter(action.as_deref(), target_type, target_id))
}

/// What happened, newest first. Filters apply together; with one the total is exact up to 10,000, and pages end there.
#[utoipa::path(
    operation_id = "organizations.auditLogs.get",
    params(
        Paging,
        ("action" = Option<String>, Query, description = "An event name."),
        ("target_type" = Option<String>, Query),
        ("target_id" = Option<String>, Query),
    ),
    responses((status = 200, body = AuditPageResponse)),
)]
#[get("/audit-log")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<AuditPageResponse>> {
    let page = query.page(50)?;
    let (records, total) = app.audit_log(&who.caller, &who.path.org, &filters(&query)?, page).await?;
    Ok(web::Json(AuditPageResponse {
        logs: records.into_iter().map(Into::into).collect(),
        pagination: Pagination::of(page, total),
    }))
}

/// Every action there is.
#[utoipa::path(
    operation_id = "organizations.auditLogs.getEventTypes",
    responses((status = 200, body = [EventTypeResponse])),
)]
#[get("/audit-log/event-types")]
async fn types(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<Vec<EventTypeResponse>>> {
    app.see_audit_log(&who.caller, &who.path.org).await?;
    Ok(web::Json(event_types(domain::EventName::all())))
}
