//! Who is calling, from where, and when: built once per request, before a handler runs.

use std::net::IpAddr;

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use app::{App, Call, Caller};
use domain::{Error, Origin, ports::Limit};
use futures::future::LocalBoxFuture;
use ipnet::IpNet;
use store::IdempotencyKey;

use crate::error::ApiError;

/// Networks whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// The request's id: in the answer, the log and the audit record.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The client's address: the peer's, or, behind trusted proxies, the last one in `X-Forwarded-For` that is not a trusted proxy.
pub fn client_address(req: &HttpRequest, trusted: &TrustedProxies) -> Option<IpAddr> {
    let is_trusted = |ip: &IpAddr| trusted.0.iter().any(|net| net.contains(ip));
    let mut client = req.peer_addr()?.ip().to_canonical();
    if !is_trusted(&client) {
        return Some(client);
    }
    let lines = req.headers().get_all("x-forwarded-for").filter_map(|v| v.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    for hop in hops.iter().rev() {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    Some(client)
}

fn origin(req: &HttpRequest) -> Origin {
    let trusted = req.app_data::<web::Data<TrustedProxies>>();
    let address = trusted.and_then(|trusted| client_address(req, trusted));
    let agent = req.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok());
    Origin {
        ip_address: address.map(|ip| ip.to_string()),
        user_agent: agent.map(|text| text.chars().take(300).collect()),
        request_id: req.extensions().get::<RequestId>().map(|id| id.0.clone()),
        traceparent: infra::telemetry::current_traceparent(),
    }
}

fn application(req: &HttpRequest) -> Result<web::Data<App>, ApiError> {
    req.app_data::<web::Data<App>>().cloned().ok_or_else(|| Error::internal("no application").into())
}

fn call(req: &HttpRequest, app: &App) -> Call {
    Call { origin: origin(req), now: app.clock.now() }
}

/// A request by anybody.
pub struct Anyone(pub Call);

impl FromRequest for Anyone {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(application(req).map(|app| Self(call(req, &app))))
    }
}

/// Sign-in routes: one a second and 20 at once from each address, counted in the store that all processes share.
const SIGN_IN: Limit = Limit { burst: 20, period: std::time::Duration::from_secs(1) };

/// A request to a sign-in route, counted against the address it comes from.
pub struct SigningIn(pub Call);

impl FromRequest for SigningIn {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let prepared = application(req).map(|app| (call(req, &app), app));
        Box::pin(async move {
            let (call, app) = prepared?;
            app.admit(&format!("signin:{}", call.origin.network()), SIGN_IN).await?;
            Ok(Self(call))
        })
    }
}

/// A request with a verified access token.
pub struct SignedIn {
    /// From where and who.
    pub caller: Caller,
    key: Option<String>,
}

impl SignedIn {
    /// The caller, with an `Idempotency-Key` (if one was sent) bound to this operation and body.
    pub fn once(self, operation: &str, path: &str, body: &[u8]) -> Caller {
        let Self { mut caller, key } = self;
        let request = [path.as_bytes(), b"\n", body].concat();
        caller.once = key.map(|key| IdempotencyKey::new(&caller.who.user.to_string(), operation, &key, &request));
        caller
    }
}

impl FromRequest for SignedIn {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let prepared = application(req).map(|app| (call(req, &app), app));
        let mut values = req.headers().get_all(header::AUTHORIZATION).map(|v| v.to_str().map(str::to_owned).unwrap_or_default());
        // Two credentials are no credential: who wins would depend on the proxy in front (T13).
        let authorization = match (values.next(), values.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        };
        let key = idempotency_key(req);
        Box::pin(async move {
            let (call, app) = prepared?;
            let who = app.authenticate(authorization.as_deref(), call.now).await?;
            Ok(Self { caller: Caller { call, who, once: None }, key: key? })
        })
    }
}

fn idempotency_key(req: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = req.headers().get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Error::field("Idempotency-Key", "bad_value", "Use 1 to 255 visible ASCII characters.").into()),
    }
}
