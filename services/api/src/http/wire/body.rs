//! A body, whole.

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use domain::{Error, Result};
use futures::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::error::{ApiError, TOO_LARGE, TOO_SLOW};

/// A JSON object as the body of a request. The content type is not looked at: the SDK sends one with everything.
pub struct Body<T> {
    /// The parsed object.
    pub value: T,
    /// The bytes, for the idempotency digest.
    pub raw: web::Bytes,
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Raw::from_request(req, payload);
        Box::pin(async move {
            let Raw(raw) = bytes.await?;
            let value = parse(&raw)?;
            Ok(Self { value, raw })
        })
    }
}

/// A body as it arrived, for what is signed.
pub struct Raw(pub web::Bytes);

impl FromRequest for Raw {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(req, payload);
        Box::pin(async move {
            let raw = tokio::time::timeout(BODY_TIME, bytes).await.map_err(|_| too_slow())?.map_err(|e| unreadable(&e))?;
            Ok(Self(raw))
        })
    }
}

fn unreadable(e: &actix_web::Error) -> ApiError {
    let overflow = e.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE;
    if overflow { too_large().into() } else { Error::field("body", "unreadable", "The body ended early.").into() }
}

/// How long a body may take to arrive. The largest is a quarter of a megabyte.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(15);

fn too_slow() -> ApiError {
    Error::new(domain::Kind::Invalid, TOO_SLOW, "The body took too long to arrive.").into()
}

pub(crate) fn too_large() -> Error {
    Error::new(domain::Kind::Invalid, TOO_LARGE, "The body is too large.")
}

/// A body as a request type. An empty one counts as `{}`: then every required field is named as missing.
pub fn parse<T: DeserializeOwned + Default>(raw: &[u8]) -> Result<T> {
    if raw.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    let malformed = |e: serde_json::Error| {
        let position = format!("Send a JSON object (problem at line {}, column {}).", e.line(), e.column());
        Error::field("body", "malformed_json", position)
    };
    // Read as a whole first: members that nobody reads must be JSON as well, and of an array serde would take the fields in their
    // order. Then into the type, which refuses a member that comes twice.
    match serde_json::from_slice(raw).map_err(malformed)? {
        Value::Object(_) => serde_json::from_slice(raw).map_err(malformed),
        _ => Err(Error::field("body", "malformed_json", "Send a JSON object.")),
    }
}
