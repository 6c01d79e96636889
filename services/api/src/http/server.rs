//! The HTTP server: routes, limits, and what surrounds every request (id, log line, metrics, security headers, CORS).

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use actix_web::{
    App, Error as ActixError, HttpMessage, HttpServer,
    body::MessageBody,
    dev::{Server, ServiceRequest, ServiceResponse},
    error::UrlencodedError,
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::{Next, from_fn},
    web,
};
use app::core::limits::Quota;
use domain::Error;
use tracing::Instrument;

use crate::{
    faces,
    http::{
        answers,
        context::{RequestId, TakesKey},
        cors::{self, cors},
        draining::Draining,
        error::ApiError,
        health, limits, methods, openapi,
        proxies::TrustedProxies,
        routes, unread,
        wire::too_large,
    },
};

/// What the routes need besides the use cases.
#[derive(Clone)]
pub struct Shared {
    /// The use cases.
    pub app: app::App,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted: TrustedProxies,
    /// Origins that may call from a browser.
    pub cors_origins: Vec<String>,
    /// Largest body.
    pub body_bytes: usize,
    /// Prometheus.
    pub metrics: health::MetricsAccess,
    /// Whether clients reach us over TLS.
    pub https: bool,
    /// The web client that invitations lead to; empty: none.
    pub dashboard_url: String,
    /// Whether the process is about to stop.
    pub draining: Draining,
}

/// Registers everything: documented routes, pages, the document itself, and the answers to everything else.
pub fn configure(config: &mut web::ServiceConfig, shared: &Shared) {
    config
        .app_data(web::Data::new(shared.app.clone()))
        .app_data(web::Data::new(shared.trusted.clone()))
        .app_data(web::Data::new(shared.metrics.clone()))
        .app_data(web::Data::new(Https(shared.https)))
        .app_data(web::Data::new(shared.draining.clone()))
        .app_data(TakesKey(|method, path| openapi::catalogue().takes_key(method, path)))
        .app_data(web::Data::new(faces::pages::Dashboard(shared.dashboard_url.clone())))
        .app_data(web::PayloadConfig::new(shared.body_bytes))
        .app_data(web::FormConfig::default().limit(shared.body_bytes).error_handler(|e, _| bad_form(&e).into()))
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError(Error::not_found("path")).into()))
        .app_data(web::QueryConfig::default().error_handler(|_, _| malformed("query", "The query string cannot be read.").into()))
        .configure(openapi::routes)
        .default_service(web::to(methods::unrouted));
}

/// Around every request: an id, a span, a log line, a measurement, and headers that make browsers careful.
pub async fn observe<B: MessageBody + 'static>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, ActixError> {
    let id = request_id(&req);
    req.extensions_mut().insert(RequestId(id.clone()));
    let (method, started) = (req.method().clone(), Instant::now());
    let span = tracing::info_span!("request", id = %id, method = %method, path = loggable(req.path()));
    if let Some(parent) = req.headers().get("traceparent").and_then(|v| v.to_str().ok()) {
        infra::telemetry::with_parent(&span, parent);
    }
    let mut response = next.call(req).instrument(span.clone()).await?;
    let (status, route) = (response.status(), response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned()));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    let quota = response.request().extensions().get::<Quota>().copied();
    if let Some(quota) = quota {
        limits::tell(response.headers_mut(), status == StatusCode::TOO_MANY_REQUESTS, quota);
    }
    secure(&mut response);
    if response.request().app_data::<web::Data<Draining>>().is_some_and(|draining| draining.is_on()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let took = started.elapsed();
    span.in_scope(|| tracing::info!(status = status.as_u16(), ms = took.as_millis(), "answered"));
    let labels = [("method", known(&method)), ("route", route), ("status", status.as_u16().to_string())];
    metrics::histogram!("http_request_duration_seconds", &labels).record(took.as_secs_f64());
    Ok(response)
}

/// A path as it may stand in a log: the one path that carries a token is cut before it (T42).
fn loggable(path: &str) -> &str {
    const INVITATION: &str = "/invitations/accept/";
    if path.starts_with(INVITATION) { INVITATION } else { path }
}

/// Methods are labels of metrics, which are kept for ever: a caller must not be able to invent them.
fn known(method: &Method) -> String {
    let usual = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if usual.contains(method) { method.to_string() } else { "other".to_owned() }
}

/// A form that is too large, or none.
fn bad_form(e: &UrlencodedError) -> ApiError {
    match e {
        UrlencodedError::Overflow { .. } => too_large().into(),
        _ => malformed("body", "Send a form (application/x-www-form-urlencoded) with every field."),
    }
}

/// The caller's `X-Request-Id` if it is harmless, else a new one.
fn request_id(req: &ServiceRequest) -> String {
    let sent = req.headers().get("x-request-id").and_then(|v| v.to_str().ok());
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    match (sent.filter(harmless), req.app_data::<web::Data<app::App>>()) {
        (Some(id), _) => id.to_owned(),
        (None, Some(app)) => app.ids.uuid(app.clock.now()).simple().to_string(),
        (None, None) => String::new(),
    }
}

fn secure<B>(response: &mut ServiceResponse<B>) {
    let https = response.request().app_data::<web::Data<Https>>().is_some_and(|https| https.0);
    let policy =
        if response.request().path().starts_with("/docs/") { DOCS_POLICY } else { "default-src 'none'; frame-ancestors 'none'" };
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::REFERRER_POLICY, "no-referrer");
    default(header::CACHE_CONTROL, "no-store");
    default(header::CONTENT_SECURITY_POLICY, policy);
    if https {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
}

/// The documentation page runs its own script, and nothing from outside.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/// Whether `Strict-Transport-Security` is sent.
#[derive(Clone, Copy, Debug)]
pub struct Https(pub bool);

fn malformed(what: &str, message: &'static str) -> ApiError {
    Error::field(what, "malformed", message).into()
}

/// Starts serving on `listener`. The returned server is a future that ends after its handle was told to stop.
pub fn start(listener: TcpListener, shared: Shared, workers: usize, shutdown_seconds: u64) -> Result<Server, Error> {
    let workers = if workers == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { workers };
    let cors_origins = shared.cors_origins.clone();
    let server = HttpServer::new(move || {
        let shared = shared.clone();
        App::new()
            .wrap(from_fn(faces::pages::hosts::ours_alone))
            .wrap(from_fn(methods::heads))
            .wrap(cors(&cors_origins))
            .wrap(from_fn(cors::refusals))
            .wrap(from_fn(observe))
            .wrap(from_fn(unread::ends))
            .wrap(from_fn(answers::in_pieces))
            .configure(|config| routes::register(config, None))
            .configure(move |config| configure(config, &shared))
    });
    // A client that is slow to send its headers, or keeps a connection for nothing, is let go.
    let server = server
        .workers(workers)
        .disable_signals()
        .shutdown_timeout(shutdown_seconds)
        .client_request_timeout(Duration::from_secs(10))
        .keep_alive(Duration::from_secs(75))
        // Whoever hangs up has no request any more: it leaves the queues, and what it had begun is rolled back.
        .h1_allow_half_closed(false)
        // Of each thread: twenty thousand that are idle leave room for those who ask.
        .max_connections(25_000)
        // For each connection, beside what waits: no more than the next piece.
        .h1_write_buffer_size(answers::PIECE)
        .on_connect(|connection, _| answers::bound(connection))
        .listen(listener)
        .map_err(Error::internal)?;
    Ok(server.run())
}
