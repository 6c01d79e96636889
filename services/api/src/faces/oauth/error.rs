//! Refusals as RFC 6749, 5.2 has them.

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use crypto::foreign::ALGORITHMS;
use domain::{Error, Kind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::{log, status};

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"error": "invalid_client", "error_description": "The client is unknown, or what it authenticated with is wrong."}))]
pub(super) struct OAuthErrorBody {
    /// `invalid_request`, `invalid_client`, `invalid_grant`, `unauthorized_client`, `unsupported_grant_type`, `invalid_scope`, `invalid_target`
    /// (RFC 8707), `invalid_dpop_proof` (RFC 9449), `invalid_token` (RFC 6750), `authorization_pending`, `access_denied`, `expired_token` (RFC 8628), `slow_down`, `temporarily_unavailable` or `server_error`.
    pub(super) error: &'static str,
    /// For people: what is wrong and what to do.
    pub(super) error_description: String,
}

/// An error on its way out of a handler of this face.
#[derive(Debug)]
pub(crate) struct OAuthError(Error);

pub(super) type OAuthResult<T> = Result<T, OAuthError>;

impl From<Error> for OAuthError {
    fn from(e: Error) -> Self {
        Self(e)
    }
}

impl std::fmt::Display for OAuthError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for OAuthError {}

/// A refusal of what an access token opens (RFC 6750, 3), and whether it came as one that is bound to a key (RFC 9449, 7.1).
#[derive(Debug)]
pub(super) struct Bearer(pub(super) Error, pub(super) bool);

impl std::fmt::Display for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Bearer {}

impl ResponseError for Bearer {
    fn status_code(&self) -> StatusCode {
        if self.is_challenge() { StatusCode::UNAUTHORIZED } else { status(self.0.kind) }
    }
    fn error_response(&self) -> HttpResponse {
        let mut response = OAuthError(self.0.clone()).error_response();
        if !self.is_challenge() {
            return response;
        }
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let error = if self.0.kind == Kind::Protocol { self.0.code } else { "invalid_token" };
        let challenge = match self.1 {
            true => format!("DPoP error=\"{error}\", algs=\"{}\"", ALGORITHMS.join(" ")),
            false => format!("Bearer error=\"{error}\""),
        };
        if let Ok(challenge) = header::HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        let body = OAuthErrorBody { error, error_description: self.0.message.to_string() };
        response.set_body(actix_web::body::BoxBody::new(serde_json::to_string(&body).unwrap_or_default()))
    }
}

impl Bearer {
    fn is_challenge(&self) -> bool {
        matches!(self.0.kind, Kind::Unauthenticated | Kind::Protocol)
    }
}

fn code(e: &Error) -> &'static str {
    match e.kind {
        Kind::Protocol => e.code,
        Kind::Unauthenticated => "invalid_client",
        Kind::RateLimited => "slow_down",
        Kind::Unavailable => "temporarily_unavailable",
        Kind::Internal => "server_error",
        _ => "invalid_request",
    }
}

impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        status(self.0.kind)
    }
    /// Without `WWW-Authenticate`: clients would read that instead of the body.
    fn error_response(&self) -> HttpResponse {
        log(&self.0);
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.0.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        response.json(OAuthErrorBody { error: code(&self.0), error_description: self.0.message.to_string() })
    }
}
