//! The platform's own log.

use actix_web::{get, web};
use app::App;
use domain::all;
use serde::Serialize;
use store::events::audit::AuditRecord;
use utoipa::ToSchema;

use crate::faces::native::tenancy::PLATFORM;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    wire::{Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(PLATFORM).add(audit_log, platform_owner());
}

/// One record of the platform's log.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "evt_019ab2c3d4e57f008000000000000007", "platform_owner_id": "usr_019ab2c3d4e57f008000000000000002", "action": "suspend_organization", "target_type": "organization", "target_id": "org_019ab2c3d4e57f008000000000000001", "metadata": {"slug": "acme"}, "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct PlatformAuditResponse {
    id: String,
    /// Who did it; null for what nobody signed in did.
    platform_owner_id: Option<String>,
    action: String,
    target_type: String,
    target_id: String,
    #[schema(value_type = Object)]
    metadata: serde_json::Value,
    created_at: String,
}

impl From<AuditRecord> for PlatformAuditResponse {
    fn from(r: AuditRecord) -> Self {
        let metadata = app::events::audit::redacted_metadata(&r);
        Self {
            id: r.id.to_string(),
            platform_owner_id: r.actor_id,
            action: r.action,
            target_type: r.target_type,
            target_id: r.target_id,
            metadata,
            created_at: time(r.created_at),
        }
    }
}

/// A page of the platform's log.
#[derive(Serialize, ToSchema)]
struct PlatformAuditPageResponse {
    logs: Vec<PlatformAuditResponse>,
    total: u64,
    /// True: there are more than `total`, and they were not counted. Absent: the total is exact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_minimum: bool,
}

/// The platform's own log, newest first.
#[utoipa::path(
    operation_id = "platform.getAuditLog",
    params(
        ("action" = Option<String>, Query),
        ("target_type" = Option<String>, Query),
        ("target_id" = Option<String>, Query),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0."),
    ),
    responses((status = 200, body = PlatformAuditPageResponse)),
)]
#[get("/api/platform/audit-log")]
async fn audit_log(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<PlatformAuditPageResponse>> {
    let (action, target_type, target_id) = all((query.text("action"), query.text("target_type"), query.text("target_id")))?;
    let (limit, offset) = query.window()?;
    let filter = app::events::audit::filter(action.as_deref(), target_type, target_id);
    let (records, total) = app.platform_audit_log(&who.caller, &filter, offset, limit).await?;
    Ok(web::Json(PlatformAuditPageResponse {
        logs: records.into_iter().map(Into::into).collect(),
        total: total.n,
        total_is_minimum: total.is_minimum,
    }))
}
