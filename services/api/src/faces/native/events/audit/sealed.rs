//! What makes the audit log trustworthy: signed checkpoints, the proof of one record, the keys, and the export that can be verified
//! without us. The formats are described where they are made: `crypto::audit`.

use actix_web::{HttpResponse, get, web};
use app::{App, Caller};
use crypto::audit::export::Line;
use domain::{Error, authorization::resource::AuditLog, core::value::Slug};
use futures::{Stream, stream::try_unfold};
use serde::Serialize;
use store::events::audit::{AuditFilter, Checkpoint, ExportFrame, Proof};
use utoipa::ToSchema;

use super::{AUDIT, download::download};
use crate::faces::native::core::views::{Pagination, Paging};
use crate::http::{
    context::SignedIn,
    error::{ApiError, ApiResult},
    operations::{OPERATIONS, Routes, anybody, reading},
    path::OrgPath,
    wire::{Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUDIT).of_org(checkpoints, reading::<AuditLog>()).of_org(proof, reading::<AuditLog>());
    routes.tag(OPERATIONS).add(keys, anybody().unlimited());
}

/// A signed statement: exactly these records, in this order, were the log.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"first_seq": 1, "last_seq": 57, "root": "6a09e667…", "hash": "bb67ae85…", "created_at": "2026-11-23T09:01:00.000000Z", "signed": "eyJhbGciOiJFZERTQSIsInR5cCI6InRlbmFudHJ5LWNoZWNrcG9pbnQiLCJraWQiOiI…"}))]
struct CheckpointResponse {
    /// The first record that it covers, by its number.
    first_seq: i64,
    /// The last.
    last_seq: i64,
    /// The Merkle root over their leaves (RFC 6962).
    root: String,
    /// The hash chain at the last record.
    hash: String,
    created_at: String,
    /// All of it as a compact JWS, which also names the checkpoint before. Whoever keeps it can hold us to it.
    signed: String,
}

impl From<Checkpoint> for CheckpointResponse {
    fn from(c: Checkpoint) -> Self {
        let Checkpoint { first_seq, last_seq, root, hash, signed, created_at } = c;
        Self { first_seq, last_seq, root, hash, signed, created_at: time(created_at) }
    }
}

/// A page of checkpoints.
#[derive(Serialize, ToSchema)]
struct CheckpointsResponse {
    checkpoints: Vec<CheckpointResponse>,
    pagination: Pagination,
}

/// The checkpoints of the log, newest first.
#[utoipa::path(
    operation_id = "organizations.auditLogs.checkpoints",
    params(
        Paging,
    ),
    responses((status = 200, body = CheckpointsResponse)),
)]
#[get("/audit-log/checkpoints")]
async fn checkpoints(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<CheckpointsResponse>> {
    let page = query.page(50)?;
    let (found, total) = app.audit_checkpoints(&who.caller, &who.path.org, page).await?;
    let checkpoints = found.into_iter().map(Into::into).collect();
    Ok(web::Json(CheckpointsResponse { checkpoints, pagination: Pagination::of(page, total) }))
}

/// What proves that a record is in the log.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"record": {"seq": 7, "id": "evt_019ab2c3d4e57f008000000000000007", "action": "user.joined", "success": true, "created_at": "2026-11-23T09:00:00.000000Z", "salt": "9b05688c…", "content": {"actor_kind": "user"}, "leaf": "1f83d9ab…", "chained": "leaf", "hash": "5be0cd19…"}, "index": 6, "size": 57, "path": ["cbbb9d5d…", "629a292a…"], "checkpoint": {"first_seq": 1, "last_seq": 57, "root": "6a09e667…", "hash": "bb67ae85…", "created_at": "2026-11-23T09:01:00.000000Z", "signed": "eyJhbGciOiJFZERTQSJ9…"}}))]
struct ProofResponse {
    /// The record as it is stored, with everything that its leaf is computed from.
    #[schema(value_type = Object)]
    record: crypto::audit::export::Record,
    /// Its place under the root, from 0.
    index: usize,
    /// How many leaves are under the root.
    size: usize,
    /// The hashes beside its way up to the root, the lowest first.
    path: Vec<String>,
    checkpoint: CheckpointResponse,
}

impl From<Proof> for ProofResponse {
    fn from(p: Proof) -> Self {
        Self { record: p.record, index: p.index, size: p.size, path: p.path, checkpoint: p.checkpoint.into() }
    }
}

/// Prove that a record is in the log. 400 `not_sealed_yet` until a checkpoint covers it, which takes up to a minute.
#[utoipa::path(
    operation_id = "organizations.auditLogs.proof",
    responses((status = 200, body = ProofResponse)),
)]
#[get("/audit-log/{event_id}/proof")]
async fn proof(app: web::Data<App>, who: SignedIn<OrgPath<String>>) -> ApiResult<web::Json<ProofResponse>> {
    Ok(web::Json(app.audit_proof(&who.caller, &who.path.org, &who.path.id).await?.into()))
}

/// The public keys of all checkpoints, the retired ones as well.
#[utoipa::path(
    operation_id = "auditKeys",
    responses((status = 200, description = "A JWK Set (RFC 7517).", body = Object, example = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "…", "x": "…"}]}))),
)]
#[get("/.well-known/audit-keys.json")]
async fn keys(app: web::Data<App>) -> ApiResult<HttpResponse> {
    let keys = app.audit_keys().await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "public, max-age=300")).json(keys))
}

/// Where a sealed export stands.
struct Export {
    app: web::Data<App>,
    caller: Caller,
    slug: Slug,
    frame: ExportFrame,
    /// What to send next.
    lines: Vec<Line>,
    /// The record to go on after; none when the last line is sent or about to be.
    after: Option<i64>,
}

/// Answers the whole log as a stream.
pub(super) async fn export(app: web::Data<App>, caller: Caller, slug: Slug, filter: &AuditFilter) -> ApiResult<HttpResponse> {
    if *filter != AuditFilter::default() {
        return Err(Error::field("format", "no_filters", "A sealed export is the whole log: leave the filters out.").into());
    }
    let frame = app.begin_sealed_export(&caller, &slug).await?;
    let (lines, after) = (vec![Line::Header(frame.header.clone())], Some(frame.header.anchor.seq));
    let stream = lines_of(Export { app, caller, slug, frame, lines, after });
    Ok(download("application/x-ndjson", "audit-log.sealed.ndjson", stream))
}

fn lines_of(state: Export) -> impl Stream<Item = Result<web::Bytes, ApiError>> {
    try_unfold(state, async |mut state: Export| {
        if state.lines.is_empty() {
            return Ok(None);
        }
        let bytes = render(&std::mem::take(&mut state.lines))?;
        if let Some(after) = state.after {
            state.caller.call.now = state.app.clock.now();
            (state.lines, state.after) = state.app.sealed_export(&state.caller, &state.slug, &state.frame, after).await?;
            if state.after.is_none() {
                state.lines.push(Line::End(state.frame.end.clone()));
            }
        }
        Ok(Some((bytes, state)))
    })
}

fn render(lines: &[Line]) -> Result<web::Bytes, ApiError> {
    let mut out = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut out, line).map_err(Error::internal)?;
        out.push(b'\n');
    }
    Ok(out.into())
}
