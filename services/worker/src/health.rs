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

/// Without the database a worker can do nothing; without the shared store it is only slower.
async fn ready(state: web::Data<State>) -> HttpResponse {
    match state.deps.store.ping().await {
        Ok(()) => {
            let kv = if state.deps.kv.healthy().await { "ok" } else { "degraded" };
            HttpResponse::Ok().json(serde_json::json!({ "status": "ok", "database": "ok", "kv": kv }))
        }
        Err(_) => HttpResponse::ServiceUnavailable()
            .insert_header((header::RETRY_AFTER, "2"))
            .json(serde_json::json!({ "status": "unavailable", "database": "unavailable" })),
    }
}

/// By the API's rule: with the token, and for everybody else there is no such path.
async fn numbers(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !infra::metrics::may_read(&state.token, sent) {
        return unknown().await;
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(state.metrics.render())
}

/// The API's refusal of an unknown path.
async fn unknown() -> HttpResponse {
    let now = SystemClock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let body = serde_json::json!({ "error": "There is no such path.", "error_code": "NOT_FOUND", "code": "not_found", "timestamp": now });
    HttpResponse::NotFound().json(body)
}
