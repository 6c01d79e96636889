//! The stand-alone worker's port for probes and metrics. Nothing else is served here.

use std::net::SocketAddr;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, http::header, web};
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

async fn numbers(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if !may_read(&request, &state.token) {
        return HttpResponse::Unauthorized().finish();
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(state.metrics.render())
}

/// Whoever has the token; without a configured one, callers on this machine.
fn may_read(request: &HttpRequest, token: &str) -> bool {
    if token.is_empty() {
        return request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|given| same(given.as_bytes(), token.as_bytes()))
}

/// Compares all bytes, so that the time it takes tells nothing.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
