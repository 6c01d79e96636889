//! Probes and metrics.
//!
//! `/health/live` says that the process runs; `/health/ready` that it can serve: the database answers, and the shared store does or
//! can be done without. `/health` is the latter for people.

use actix_web::{HttpRequest, HttpResponse, ResponseError, get, http::header, web};
use app::App;
use domain::Error;
use serde::Serialize;
use store::core::backlog::Backlog;
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

pub(crate) fn routes(routes: &mut Routes<'_>) {
    let open = anybody().unlimited();
    routes.tag(OPERATIONS).add(health, open).add(live, open).add(ready, open).add(metrics, open);
}

/// How the server is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "database": "ok", "cache": "ok", "work": "ok", "oldest": {"unsequenced_seconds": 0, "delivery_seconds": 0, "mail_seconds": 0, "unsealed_seconds": 41}}))]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
    /// `ok`.
    pub database: &'static str,
    /// `ok`, or `away`: Redis does not answer, or refuses what is asked of it; then limits are counted per process.
    pub cache: &'static str,
    /// `ok`, `behind`: events have been waiting for their number for a minute or longer, so no worker does its work, or `unknown`: the
    /// database did not say within a second. The API goes on.
    pub work: &'static str,
    /// How long the oldest has waited of what workers do; `null` if unknown.
    pub oldest: Option<Oldest>,
}

/// The ages of the oldest undone work, as the database has it, in seconds; 0 where nothing waits.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"unsequenced_seconds": 0, "delivery_seconds": 0, "mail_seconds": 0, "unsealed_seconds": 41}))]
pub struct Oldest {
    /// An event without a number.
    pub unsequenced_seconds: i64,
    /// A delivery whose time has come.
    pub delivery_seconds: i64,
    /// A mail whose time has come.
    pub mail_seconds: i64,
    /// An audit record that no checkpoint covers. Up to a minute is usual.
    pub unsealed_seconds: i64,
}

impl From<Backlog> for Oldest {
    fn from(backlog: Backlog) -> Self {
        Self {
            unsequenced_seconds: backlog.unsequenced.num_seconds(),
            delivery_seconds: backlog.deliveries.num_seconds(),
            mail_seconds: backlog.mails.num_seconds(),
            unsealed_seconds: backlog.unsealed.num_seconds(),
        }
    }
}

/// Asks what it takes to serve. `Unavailable` without the database.
pub(crate) async fn check(app: &App) -> Result<Health, Error> {
    app.store.ping().await.map_err(|e| Error::unavailable(2, "The database is not available.").because(e))?;
    let backlog = app.store.backlog(app.clock.now()).await;
    let cache = if app.kv.healthy().await { "ok" } else { "away" };
    let work = backlog.map_or("unknown", |backlog| if backlog.is_behind() { "behind" } else { "ok" });
    Ok(Health { status: "ok", database: "ok", cache, work, oldest: backlog.map(Into::into) })
}

/// Is the server able to serve?
#[utoipa::path(tag = "operations", operation_id = "health", security(()), responses((status = 200, body = Health)))]
#[get("/health")]
async fn health(app: web::Data<App>) -> ApiResult<web::Json<Health>> {
    Ok(web::Json(check(&app).await?))
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
    Ok(web::Json(check(&app).await?))
}

/// Prometheus metrics, with `metrics.token` as bearer token. Without one configured there are none.
#[utoipa::path(tag = "operations", operation_id = "metrics", security((), ("bearer" = [])), responses((status = 200, description = "Prometheus text format.", content_type = "text/plain", body = String, example = "# TYPE http_request_duration_seconds summary")))]
#[get("/metrics")]
async fn metrics(req: HttpRequest, app: web::Data<App>, access: web::Data<MetricsAccess>) -> HttpResponse {
    let sent = req.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let allowed = infra::metrics::may_read(&access.token, sent);
    match (&access.metrics, allowed) {
        (Some(metrics), true) => {
            let backlog = app.store.backlog(app.clock.now()).await;
            let text = metrics.render(backlog.map(|backlog| backlog.gauges()));
            HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
        }
        _ => ApiError(Error::not_found("path")).error_response(),
    }
}
