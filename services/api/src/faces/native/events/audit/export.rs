//! The export of the audit log as a stream.

use actix_web::{HttpResponse, get, web};
use app::{App, Caller};
use domain::{BadValue, EventId, all, authorization::resource::AuditLog, core::value::Slug};
use futures::{Stream, stream::try_unfold};
use store::events::audit::{AuditFilter, AuditRecord};

use super::{AUDIT, AuditLogResponse, download::download, filters, sealed};
use crate::http::{
    context::Exporting,
    error::{ApiError, ApiResult},
    operations::{Routes, reading},
    path::OrgPath,
    wire::Query,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUDIT).of_org(export, reading::<AuditLog>().export());
}

/// The form of an export.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Ndjson,
    Csv,
    Sealed,
}

impl std::str::FromStr for Format {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "ndjson" => Ok(Format::Ndjson),
            "csv" => Ok(Format::Csv),
            "sealed" => Ok(Format::Sealed),
            _ => Err(BadValue { code: "unknown_format", message: "Use ndjson, csv or sealed.".into() }),
        }
    }
}

/// Everything that happened, oldest first, as a stream. `sealed` is the whole log with what `tenantry-api audit verify` checks: each
/// record exactly as it is stored, and the signed checkpoints.
#[utoipa::path(
    operation_id = "organizations.auditLogs.export",
    params(
        ("format" = Option<String>, Query, description = "ndjson (default), csv, or sealed, which takes no filters."),
        ("action" = Option<String>, Query, description = "An event name."),
        ("target_type" = Option<String>, Query),
        ("target_id" = Option<String>, Query),
    ),
    responses((status = 200, description = "One record a line.", content((String = "application/x-ndjson"), (String = "text/csv")))),
)]
#[get("/audit-log/export")]
async fn export(app: web::Data<App>, Exporting(who): Exporting<OrgPath>, query: Query) -> ApiResult<HttpResponse> {
    let (format,) = all((query.parsed::<Format>("format"),))?;
    let (slug, filter, format) = (who.path.org, filters(&query)?, format.unwrap_or_default());
    if format == Format::Sealed {
        return sealed::export(app, who.caller, slug, &filter).await;
    }
    // The first page is read before the answer starts, so that a refusal is a refusal and not a broken download.
    let first = app.audit_export(&who.caller, &slug, &filter, None).await?;
    let stream = pages(app, who.caller, slug, filter, format, first);
    Ok(match format {
        Format::Csv => download("text/csv; charset=utf-8", "audit-log.csv", stream),
        _ => download("application/x-ndjson", "audit-log.ndjson", stream),
    })
}

struct Export {
    app: web::Data<App>,
    caller: Caller,
    slug: Slug,
    filter: AuditFilter,
    format: Format,
    page: Vec<AuditRecord>,
    started: bool,
}

fn pages(
    app: web::Data<App>,
    caller: Caller,
    slug: Slug,
    filter: AuditFilter,
    format: Format,
    page: Vec<AuditRecord>,
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

async fn following(state: &mut Export, after: EventId) -> Result<Vec<AuditRecord>, ApiError> {
    state.caller.call.now = state.app.clock.now();
    Ok(state.app.audit_export(&state.caller, &state.slug, &state.filter, Some(after)).await?)
}

fn render(format: Format, page: Vec<AuditRecord>, first: bool) -> Result<web::Bytes, ApiError> {
    let rows = page.into_iter().map(AuditLogResponse::from);
    let bytes = match format {
        Format::Ndjson | Format::Sealed => {
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
