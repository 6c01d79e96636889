//! The stand-alone worker's port for probes and metrics. Nothing else is served here.

use std::net::SocketAddr;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, http::header, web};
use domain::{Clock, core::clock::SystemClock};
use infra::metrics::Metrics;

use crate::Deps;

struct State {
    deps: Deps,
    metrics: Metrics,
    token: String,
}

/// Listens at `address`. The server runs when it is awaited or spawned.
pub fn server(address: SocketAddr, deps: &Deps, metrics: &Metrics, token: &str) -> std::io::Result<Server> {
    let state = web::Data::new(State { deps: deps.clone(), metrics: metrics.clone(), token: token.to_owned() });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/health/live", web::get().to(live))
            .route("/health/ready", web::get().to(ready))
            .route("/metrics", web::get().to(numbers))
            .default_service(web::to(unknown))
    });
    Ok(server.workers(1).disable_signals().shutdown_timeout(1).bind(address)?.run())
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// Without the database a worker can do nothing; without the shared store it is only slower. Where events have been waiting for a minute,
/// no worker does its work, this one included: whatever stops it, somebody should look.
async fn ready(state: web::Data<State>) -> HttpResponse {
    let Deps { store, kv, clock, .. } = &state.deps;
    if store.ping().await.is_err() {
        return unavailable(serde_json::json!({ "status": "unavailable", "database": "unavailable" }));
    }
    let backlog = store.backlog(clock.now()).await;
    let behind = backlog.is_some_and(|backlog| backlog.is_behind());
    let kv = if kv.healthy().await { "ok" } else { "degraded" };
    let oldest = backlog.map(|backlog| {
        serde_json::json!({
            "unsequenced_seconds": backlog.unsequenced.num_seconds(),
            "delivery_seconds": backlog.deliveries.num_seconds(),
            "mail_seconds": backlog.mails.num_seconds(),
            "unsealed_seconds": backlog.unsealed.num_seconds(),
        })
    });
    let status = if behind { "behind" } else { "ok" };
    let body = serde_json::json!({ "status": status, "database": "ok", "kv": kv, "oldest": oldest });
    if behind { unavailable(body) } else { HttpResponse::Ok().json(body) }
}

fn unavailable(body: serde_json::Value) -> HttpResponse {
    HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "2")).json(body)
}

/// By the API's rule: with the token, and for everybody else there is no such path.
async fn numbers(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !infra::metrics::may_read(&state.token, sent) {
        return unknown().await;
    }
    let backlog = state.deps.store.backlog(state.deps.clock.now()).await;
    let text = state.metrics.render(backlog.map(|backlog| backlog.gauges()));
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}

/// The API's refusal of an unknown path.
async fn unknown() -> HttpResponse {
    let now = SystemClock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let body = serde_json::json!({ "error": "There is no such path.", "error_code": "NOT_FOUND", "code": "not_found", "timestamp": now });
    HttpResponse::NotFound().json(body)
}
