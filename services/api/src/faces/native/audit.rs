//! The audit log (contract 1.5), and its export as a stream (D21).

use actix_web::{HttpResponse, get, web};
use app::{App, Caller, audit::filter, audit::redacted_metadata};
use domain::{BadValue, EventId, all, value::Slug};
use futures::{Stream, stream::try_unfold};
use serde::Serialize;
use store::audit::{Filter, Record};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::views::{EventTypeResponse, Pagination, event_types};
use crate::{
    context::SignedIn,
    error::{ApiError, ApiResult},
    wire::{Query, slug, time},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(types).service(export).service(list);
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

impl From<Record> for AuditLogResponse {
    fn from(r: Record) -> Self {
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

fn filters(query: &Query) -> Result<Filter, domain::Error> {
    let (action, target_type, target_id) = all((query.text("action"), query.text("target_type"), query.text("target_id")))?;
    Ok(filter(action.as_deref(), target_type, target_id))
}

/// What happened, newest first. Filters apply together; the total is exact up to 100,000.
#[utoipa::path(tag = "audit", operation_id = "organizations.auditLogs.get", params(("page" = Option<i64>, Query, description = "From 1."), ("limit" = Option<i64>, Query, description = "1 to 100; default 50."), ("action" = Option<String>, Query, description = "An event name."), ("target_type" = Option<String>, Query), ("target_id" = Option<String>, Query)), responses((status = 200, body = AuditPageResponse)))]
#[get("/api/organizations/{org_slug}/audit-log")]
async fn list(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<String>,
    query: Query,
) -> ApiResult<web::Json<AuditPageResponse>> {
    let page = query.page(50)?;
    let (records, total) = app.audit_log(&who.caller, &slug(&path)?, &filters(&query)?, page).await?;
    Ok(web::Json(AuditPageResponse {
        logs: records.into_iter().map(Into::into).collect(),
        pagination: Pagination::of(page, total),
    }))
}

/// Every action there is.
#[utoipa::path(tag = "audit", operation_id = "organizations.auditLogs.getEventTypes", responses((status = 200, body = [EventTypeResponse])))]
#[get("/api/organizations/{org_slug}/audit-log/event-types")]
async fn types(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<Vec<EventTypeResponse>>> {
    app.see_audit_log(&who.caller, &slug(&path)?).await?;
    Ok(web::Json(event_types()))
}

/// The form of an export.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Ndjson,
    Csv,
}

impl std::str::FromStr for Format {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "ndjson" => Ok(Format::Ndjson),
            "csv" => Ok(Format::Csv),
            _ => Err(BadValue { code: "unknown_format", message: "Use ndjson or csv.".into() }),
        }
    }
}

/// Everything that happened, oldest first, as a stream.
#[utoipa::path(tag = "audit", operation_id = "organizations.auditLogs.export", params(("format" = Option<String>, Query, description = "ndjson (default) or csv."), ("action" = Option<String>, Query, description = "An event name."), ("target_type" = Option<String>, Query), ("target_id" = Option<String>, Query)), responses((status = 200, description = "One record a line.", content((String = "application/x-ndjson"), (String = "text/csv")))))]
#[get("/api/organizations/{org_slug}/audit-log/export")]
async fn export(app: web::Data<App>, who: SignedIn, path: web::Path<String>, query: Query) -> ApiResult<HttpResponse> {
    let (format,) = all((query.parsed::<Format>("format"),))?;
    let (slug, filter, format) = (slug(&path)?, filters(&query)?, format.unwrap_or_default());
    // The first page is read before the answer starts, so that a refusal is a refusal and not a broken download.
    let first = app.audit_export(&who.caller, &slug, &filter, None).await?;
    let (media, name) = match format {
        Format::Ndjson => ("application/x-ndjson", "audit-log.ndjson"),
        Format::Csv => ("text/csv; charset=utf-8", "audit-log.csv"),
    };
    let stream = pages(app, who.caller, slug, filter, format, first);
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")))
        .streaming(stream))
}

struct Export {
    app: web::Data<App>,
    caller: Caller,
    slug: Slug,
    filter: Filter,
    format: Format,
    page: Vec<Record>,
    started: bool,
}

fn pages(
    app: web::Data<App>,
    caller: Caller,
    slug: Slug,
    filter: Filter,
    format: Format,
    page: Vec<Record>,
) -> impl Stream<Item = Result<web::Bytes, ApiError>> {
    try_unfold(Export { app, caller, slug, filter, format, page, started: false }, async |mut state: Export| {
        let Some(last) = state.page.last().map(|record| record.id) else {
            let header = (!state.started && state.format == Format::Csv).then(|| render(state.format, Vec::new(), true));
            state.started = true;
            return header.transpose().map(|bytes| bytes.map(|bytes| (bytes, state)));
        };
        let bytes = render(state.format, std::mem::take(&mut state.page), !state.started)?;
        state.started = true;
        state.page = following(&mut state, last).await?;
        Ok(Some((bytes, state)))
    })
}

async fn following(state: &mut Export, after: EventId) -> Result<Vec<Record>, ApiError> {
    state.caller.call.now = state.app.clock.now();
    Ok(state.app.audit_export(&state.caller, &state.slug, &state.filter, Some(after)).await?)
}

fn render(format: Format, page: Vec<Record>, first: bool) -> Result<web::Bytes, ApiError> {
    let rows = page.into_iter().map(AuditLogResponse::from);
    let bytes = match format {
        Format::Ndjson => {
            let mut out = Vec::new();
            for row in rows {
                serde_json::to_writer(&mut out, &row).map_err(domain::Error::internal)?;
                out.push(b'\n');
            }
            out
        }
        Format::Csv => csv(rows, first)?,
    };
    Ok(bytes.into())
}

const COLUMNS: [&str; 11] = [
    "id",
    "created_at",
    "action",
    "success",
    "actor_id",
    "actor_email",
    "target_type",
    "target_id",
    "ip_address",
    "user_agent",
    "metadata",
];

fn csv(rows: impl Iterator<Item = AuditLogResponse>, header: bool) -> Result<Vec<u8>, ApiError> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let fail = |e: csv::Error| domain::Error::internal(e);
    if header {
        out.write_record(COLUMNS).map_err(fail)?;
    }
    for r in rows {
        let (email, metadata, success) =
            (r.actor.map(|a| a.email).unwrap_or_default(), r.metadata.to_string(), r.success.to_string());
        let (ip, agent) = (r.ip_address.unwrap_or_default(), r.user_agent.unwrap_or_default());
        let cells = [r.id, r.created_at, r.action, success, r.actor_id, email, r.target_type, r.target_id, ip, agent, metadata];
        out.write_record(cells.map(harmless)).map_err(fail)?;
    }
    out.into_inner().map_err(|e| domain::Error::internal(e.to_string()).into())
}

/// A cell that begins like a formula would be run by spreadsheet programs: a quote in front makes it text.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}
