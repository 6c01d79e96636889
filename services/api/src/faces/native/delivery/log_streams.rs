//! Log streams, which the contract calls SIEM configurations. What changes them, and the platform's own, are in the files beside this one.

mod changes;
mod platform;

use actix_web::{delete, get, post, web};
use app::App;
use domain::{
    LogStreamId,
    authorization::resource::LogStreams,
    delivery::log_streams::{LogStream, verdict::Failure},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::faces::native::core::views::Gone;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::time,
};

const SIEM: Tag = Tag { name: "siem", about: "Where an organization's log is forwarded to." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SIEM)
        .of_org(changes::create, writing::<LogStreams>().idempotent())
        .of_org(list, reading::<LogStreams>())
        .of_org(get, reading::<LogStreams>())
        .of_org(changes::update, writing::<LogStreams>())
        .of_org(delete, writing::<LogStreams>())
        .of_org(test, writing::<LogStreams>());
    routes.of(platform::routes);
}

impl PathId for LogStreamId {
    const NOUN: &'static str = "log stream";
}

/// What failed last, since the receiver last took something.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"at": "2026-11-23T09:00:00.000000Z", "reason": "unauthorized", "message": "The receiver refuses the credentials (401 or 403). Check the key and what it may do.", "status": 403}))]
struct StreamFailureResponse {
    at: String,
    /// Stable, for programs.
    reason: &'static str,
    /// The same for people, and what to do.
    message: &'static str,
    /// The status of the receiver's answer, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// A log stream, without its credentials.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "lgs_019ab2c3d4e57f00800000000000000a", "org_id": "org_019ab2c3d4e57f008000000000000001", "name": "Splunk", "provider_type": "Splunk", "endpoint_url": "https://splunk.example.com:8088/", "batch_size": 100, "enabled": true, "last_successful_batch_at": "2026-11-23T09:00:00.000000Z", "failure_count": 0, "created_at": "2026-11-23T08:00:00.000000Z", "updated_at": "2026-11-23T08:00:00.000000Z", "state": "running", "lag_records": 0, "last_seq": 42, "has_api_key": true, "has_auth_header": false, "has_signing_secret": false, "mapping": "plain", "framing": "ndjson", "records_set_aside": 0, "records_lost": 0}))]
struct SiemConfigResponse {
    id: String,
    /// Absent for a stream of the platform's own log.
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<String>,
    name: String,
    /// `Datadog`, `Splunk`, `Elastic`, `Custom`, `Syslog` or `OTLP`.
    provider_type: &'static str,
    endpoint_url: String,
    batch_size: i32,
    enabled: bool,
    #[schema(required)]
    last_successful_batch_at: Option<String>,
    /// Failed attempts since the last success.
    failure_count: i32,
    created_at: String,
    updated_at: String,
    /// `running`, `behind` (more than a batch waits), `failing`, `paused`, or `disabled` (by us, because it failed for days).
    state: &'static str,
    /// Records that wait.
    lag_records: i64,
    /// How long the oldest of them has waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<i64>,
    /// The number in the event feed of the last record that arrived or was passed over.
    last_seq: i64,
    has_api_key: bool,
    has_auth_header: bool,
    has_signing_secret: bool,
    /// `plain`, `ecs` or `ocsf`.
    mapping: &'static str,
    /// `ndjson` or `array`; of `Custom`.
    framing: &'static str,
    /// The index of `Splunk`, or the data stream of `Elastic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// Whether bodies are compressed; absent: where the receiver is known to take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    gzip: Option<bool>,
    /// Records that the receiver refused, each alone, and that were passed over. The audit log names them.
    records_set_aside: i64,
    /// Records that were deleted after their time before they could be sent.
    records_lost: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<StreamFailureResponse>,
    /// When it was switched off because it failed for days.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<String>,
}

impl SiemConfigResponse {
    fn of(stream: LogStream, now: domain::Time) -> Self {
        let (progress, state, options) = (stream.progress, stream.state(), stream.options);
        let last_failure = progress.last_failure.map(|failure| StreamFailureResponse {
            at: time(failure.at),
            reason: failure.reason.as_str(),
            message: failure.reason.hint(),
            status: failure.status,
        });
        Self {
            id: stream.id.to_string(),
            org_id: (stream.org_id != domain::PLATFORM).then(|| stream.org_id.to_string()),
            name: stream.name.into_string(),
            provider_type: stream.provider.as_str(),
            endpoint_url: stream.url.as_str().to_owned(),
            batch_size: stream.batch_size.get(),
            enabled: stream.enabled,
            last_successful_batch_at: progress.last_sent_at.map(time),
            failure_count: progress.failures,
            created_at: time(stream.created_at),
            updated_at: time(stream.updated_at),
            state,
            lag_records: progress.lag(),
            lag_seconds: progress.oldest_waiting.map(|at| (now - at).num_seconds().max(0)),
            last_seq: progress.seq,
            has_api_key: stream.has.api_key,
            has_auth_header: stream.has.auth_header,
            has_signing_secret: stream.has.signing_secret,
            mapping: options.mapping.as_str(),
            framing: options.framing.as_str(),
            index: options.index.map(|index| index.as_str().to_owned()),
            gzip: options.gzip,
            records_set_aside: progress.set_aside,
            records_lost: progress.lost,
            failing_since: progress.failing_since.map(time),
            next_try_at: progress.next_try_at.map(time),
            last_failure,
            disabled_at: stream.disabled_at.map(time),
        }
    }
}

/// All streams.
#[derive(Serialize, ToSchema)]
struct SiemConfigsResponse {
    siem_configs: Vec<SiemConfigResponse>,
    total: usize,
}

impl SiemConfigsResponse {
    fn of(streams: Vec<LogStream>, now: domain::Time) -> Self {
        let siem_configs: Vec<_> = streams.into_iter().map(|stream| SiemConfigResponse::of(stream, now)).collect();
        Self { total: siem_configs.len(), siem_configs }
    }
}

/// How the test went.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": false, "message": "The receiver refuses the credentials (401 or 403). Check the key and what it may do.", "reason": "unauthorized", "status": 403}))]
struct SiemTestResponse {
    success: bool,
    /// For people.
    message: &'static str,
    /// Why not: stable, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The status of the receiver's answer, if there was one and it was no success.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl From<Option<Failure>> for SiemTestResponse {
    fn from(failure: Option<Failure>) -> Self {
        match failure {
            None => Self { success: true, message: "The receiver took the test record.", reason: None, status: None },
            Some(Failure { reason, status }) => {
                Self { success: false, message: reason.hint(), reason: Some(reason.as_str()), status }
            }
        }
    }
}

/// The log streams, by age, and how each goes.
#[utoipa::path(
    operation_id = "organizations.siem.list",
    responses((status = 200, body = SiemConfigsResponse)),
)]
#[get("/siem-configs")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<SiemConfigsResponse>> {
    let streams = app.list_log_streams(&who.caller, &who.path.org).await?;
    Ok(web::Json(SiemConfigsResponse::of(streams, who.caller.call.now)))
}

/// One log stream, and how it goes.
#[utoipa::path(
    operation_id = "organizations.siem.get",
    responses((status = 200, body = SiemConfigResponse)),
)]
#[get("/siem-configs/{config_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<LogStreamId>>) -> ApiResult<web::Json<SiemConfigResponse>> {
    let stream = app.get_log_stream(&who.caller, &who.path.org, who.path.id).await?;
    Ok(web::Json(SiemConfigResponse::of(stream, who.caller.call.now)))
}

/// Delete a log stream. What is being sent may still arrive.
#[utoipa::path(operation_id = "organizations.siem.delete", responses(Gone))]
#[delete("/siem-configs/{config_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<LogStreamId>>) -> ApiResult<Gone> {
    app.delete_log_stream(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Gone)
}

/// Send the receiver a record that says that it is a test, in the shape of the others, whether the stream is enabled or not. 200 also when
/// it did not work.
#[utoipa::path(
    operation_id = "organizations.siem.test",
    responses((status = 200, body = SiemTestResponse)),
)]
#[post("/siem-configs/{config_id}/test")]
async fn test(app: web::Data<App>, who: SignedIn<OrgPath<LogStreamId>>) -> ApiResult<web::Json<SiemTestResponse>> {
    Ok(web::Json(app.test_log_stream(&who.caller, &who.path.org, who.path.id).await?.into()))
}
