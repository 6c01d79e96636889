//! Who is calling, from where, and when: built once per request, before a handler runs.

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{Method, header},
    web,
};
use app::{
    App, Call, Caller,
    authorization::authn::Presented,
    core::limits::{Group, Verdict},
};
use domain::{Error, Origin, delivery::mail_templates::Language};
use futures::future::LocalBoxFuture;
use store::IdempotencyKey;

use crate::http::{error::ApiError, limits, path::TypedPath, proxies::TrustedProxies};

/// The request's id: in the answer, the log and the audit record.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

fn origin(req: &HttpRequest) -> Origin {
    let address = req.app_data::<web::Data<TrustedProxies>>().and_then(|trusted| trusted.client_of(req));
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
    let asked = req.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Call { origin: origin(req), now: app.clock.now(), language: asked.and_then(Language::accepted) }
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

/// Goes on if the limits allow it, and leaves for the answer's headers what they said.
fn obey(req: &HttpRequest, verdict: Verdict) -> Result<(), Error> {
    if let Some(quota) = verdict.quota {
        req.extensions_mut().insert(quota);
    }
    verdict.outcome
}

/// A request to a sign-in route, counted against the network it comes from.
pub struct SigningIn(pub Call);

impl FromRequest for SigningIn {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let app = application(&req)?;
            let call = call(&req, &app);
            obey(&req, app.admit_network(&call).await)?;
            Ok(Self(call))
        })
    }
}

/// A request that a trusted proxy makes for itself, which is not counted, or anybody, who is, as for [`SigningIn`].
pub struct Fronting;

impl FromRequest for Fronting {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let trusted = req.app_data::<web::Data<TrustedProxies>>();
        if trusted.is_some_and(|trusted| trusted.made_by_proxy(req)) {
            return Box::pin(std::future::ready(Ok(Self)));
        }
        let counted = SigningIn::from_request(req, payload);
        Box::pin(async move { counted.await.map(|_| Self) })
    }
}

/// Whether an operation takes an `Idempotency-Key`, by its method and its path as it is registered.
#[derive(Clone, Copy)]
pub struct TakesKey(pub fn(&Method, &str) -> bool);

/// The header that carries an API key, beside `Authorization`.
pub const API_KEY_HEADER: &str = "x-api-key";

/// A request with a credential (a verified access token, or an API key), about what its path names.
pub struct SignedIn<P = ()> {
    /// From where and who.
    pub caller: Caller,
    /// What about.
    pub path: P,
    key: Option<String>,
    req: HttpRequest,
}

impl<P> SignedIn<P> {
    /// Binds an `Idempotency-Key` (if one was sent) to this operation, path and body. The operation must be registered as
    /// [`idempotent`](crate::http::operations::Terms::idempotent), or nobody would know.
    pub fn once(&mut self, operation: &str, body: &[u8]) {
        debug_assert!(self.is_registered_as_idempotent(), "{operation} takes a key: add `.idempotent()` where it is registered");
        let request = [self.req.path().as_bytes(), b"\n", body].concat();
        let key = self.key.take();
        self.caller.once = key.map(|key| IdempotencyKey::new(&self.caller.who.id().to_string(), operation, &key, &request));
    }

    fn is_registered_as_idempotent(&self) -> bool {
        let (takes_key, pattern) = (self.req.app_data::<TakesKey>(), self.req.match_pattern());
        takes_key.zip(pattern).is_some_and(|(takes_key, pattern)| (takes_key.0)(self.req.method(), &pattern))
    }
}

impl<P: TypedPath + 'static> FromRequest for SignedIn<P> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(signed_in(req.clone(), limits::of_method(req.method())))
    }
}

/// The same for an export, of which there may be fewer.
pub struct Exporting<P = ()>(pub SignedIn<P>);

impl<P: TypedPath + 'static> FromRequest for Exporting<P> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;
    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let signed_in = signed_in(req.clone(), Group::Exports);
        Box::pin(async move { Ok(Self(signed_in.await?)) })
    }
}

/// Who calls; counted once they are known, against their account and perhaps the organization that the path names.
async fn signed_in<P: TypedPath>(req: HttpRequest, group: Group) -> Result<SignedIn<P>, ApiError> {
    let app = application(&req)?;
    let call = call(&req, &app);
    let who = app.authenticate(presented(&req), &call).await?;
    obey(&req, app.admit_caller(group, &who, req.match_info().get("org_slug"), call.now).await)?;
    let key = idempotency_key(&req)?;
    Ok(SignedIn { caller: Caller { call, who, once: None }, path: P::of(&req)?, key, req })
}

/// The one place that reads credentials from headers. One that comes twice is none that opens anything: who wins would depend on the proxy in front (T13).
fn presented(req: &HttpRequest) -> Presented<'_> {
    let single = |name: &str| {
        let mut values = req.headers().get_all(name);
        let first = values.next()?;
        Some(if values.next().is_none() { first.to_str().unwrap_or_default() } else { "" })
    };
    Presented { authorization: single(header::AUTHORIZATION.as_str()), api_key: single(API_KEY_HEADER) }
}

/// The `Idempotency-Key`, if one was sent.
pub fn idempotency_key(req: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = req.headers().get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Error::field("Idempotency-Key", "bad_value", "Use 1 to 255 visible ASCII characters.").into()),
    }
}
