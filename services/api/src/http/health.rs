//! Probes and metrics.
//!
//! `/health/live` says that the process runs; `/health/ready` that it can serve: the database answers, and the shared store does or
//! can be done without. `/health` is the latter for people.

use actix_web::{HttpRequest, HttpResponse, ResponseError, get, http::header, web};
use app::App;
use domain::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    draining::Draining,
    error::{ApiError, ApiResult},
    operations::{OPERATIONS, Routes, anybody},
};

/// Who may read `/metrics`.
#[derive(Clone)]
pub struct MetricsAccess {
    /// Renders them; `None` where no recorder is installed.
    pub metrics: Option<infra::metrics::Metrics>,
    /// The bearer token; empty: nobody may.
    pub token: String,
}

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    let open = anybody().unlimited();
    routes.tag(OPERATIONS).add(health, open).add(live, open).add(ready, open).add(metrics, open);
}

/// How the server is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "database": "ok", "cache": "ok"}))]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
    /// `ok`.
    pub database: &'static str,
    /// `ok`, or `away`: Redis does not answer, or refuses what is asked of it; then limits are counted per process.
    pub cache: &'static str,
}

async fn check(app: &App) -> ApiResult<web::Json<Health>> {
    app.store.ping().await.map_err(|e| Error::unavailable(2, "The database is not available.").because(e))?;
    let cache = if app.kv.healthy().await { "ok" } else { "away" };
    Ok(web::Json(Health { status: "ok", database: "ok", cache }))
}

/// Is the server able to serve?
#[utoipa::path(tag = "operations", operation_id = "health", security(()), responses((status = 200, body = Health)))]
#[get("/health")]
async fn health(app: web::Data<App>) -> ApiResult<web::Json<Health>> {
    check(&app).await
}

/// Is the process alive? Restart it if not.
#[utoipa::path(tag = "operations", operation_id = "health.live", security(()), responses((status = 200, description = "It is.", content_type = "text/plain", body = String, example = "ok")))]
#[get("/health/live")]
async fn live() -> &'static str {
    "ok"
}

/// Should requests be sent here?
#[utoipa::path(tag = "operations", operation_id = "health.ready", security(()), responses((status = 200, body = Health)))]
#[get("/health/ready")]
async fn ready(app: web::Data<App>, draining: web::Data<Draining>) -> ApiResult<web::Json<Health>> {
    if draining.is_on() {
        return Err(Error::unavailable(1, "This process is about to stop.").into());
    }
    check(&app).await
}

/// Prometheus metrics, with `metrics.token` as bearer token. Without one configured there are none.
#[utoipa::path(tag = "operations", operation_id = "metrics", security((), ("bearer" = [])), responses((status = 200, description = "Prometheus text format.", content_type = "text/plain", body = String, example = "# TYPE http_request_duration_seconds summary")))]
#[get("/metrics")]
async fn metrics(req: HttpRequest, access: web::Data<MetricsAccess>) -> HttpResponse {
    let sent = req.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let allowed = infra::metrics::may_read(&access.token, sent);
    match (&access.metrics, allowed) {
        (Some(metrics), true) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render()),
        _ => ApiError(Error::not_found("path")).error_response(),
    }
}
