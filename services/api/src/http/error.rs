//! The one mapping from error kinds to statuses, and the native face's error body. Whatever goes wrong on any path, the answer has
//! this shape; a defect of ours is logged here once, with its sources and the request id, and never shown.

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use domain::{
    Clock, Error, Kind,
    core::{clock::SystemClock, error::StepUpRequired},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The status of each kind of error, for every face.
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound => StatusCode::NOT_FOUND,
        // The contract answers duplicates and refused states with 400, not 409.
        Kind::AlreadyExists | Kind::Conflict | Kind::Invalid | Kind::Protocol => StatusCode::BAD_REQUEST,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The contract's `error_code`.
fn error_code(e: &Error) -> &'static str {
    match (e.kind, e.code) {
        (Kind::Unauthenticated, "token_expired") => "TOKEN_EXPIRED",
        (Kind::Unauthenticated, "invalid_token") => "JWT_ERROR",
        (Kind::Unauthenticated, _) => "UNAUTHORIZED",
        (Kind::Forbidden, "organization_not_active") => "ORGANIZATION_NOT_ACTIVE",
        (Kind::Forbidden, "feature_not_in_tier") => "FEATURE_NOT_AVAILABLE_IN_TIER",
        (Kind::Forbidden, _) => "FORBIDDEN",
        (Kind::NotFound, _) => "NOT_FOUND",
        (Kind::AlreadyExists, _) => "DUPLICATE_CONSTRAINT",
        (Kind::Conflict, "service_limit") => "SERVICE_LIMIT_EXCEEDED",
        (Kind::Conflict, "seat_limit") => "TEAM_LIMIT_EXCEEDED",
        (Kind::Conflict, "invitation_expired") => "INVITATION_EXPIRED",
        (Kind::Protocol, "authorization_pending") => "DEVICE_CODE_PENDING",
        (Kind::Protocol, "expired_token") => "DEVICE_CODE_EXPIRED",
        (Kind::Protocol, "slow_down") => "SLOW_DOWN",
        (Kind::Conflict | Kind::Invalid | Kind::PreconditionFailed | Kind::Protocol, _) => "BAD_REQUEST",
        (Kind::RateLimited, _) => "TOO_MANY_REQUESTS",
        (Kind::Unavailable, _) => "SERVICE_UNAVAILABLE",
        (Kind::Internal, _) => "INTERNAL_SERVER_ERROR",
    }
}

/// Every refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"error": "`slug`: Use 3 to 50 characters a-z, 0-9, `-` or `_`, starting and ending with a letter or digit.", "error_code": "BAD_REQUEST", "timestamp": "2026-11-23T09:00:00.000000Z", "code": "invalid", "details": [{"field": "slug", "code": "too_short", "message": "Use 3 to 50 characters a-z, 0-9, `-` or `_`, starting and ending with a letter or digit."}]}))]
pub struct ErrorBody {
    /// For people: what is wrong and what to do.
    pub error: String,
    /// The contract's code.
    pub error_code: String,
    /// When, RFC 3339.
    pub timestamp: String,
    /// Which refusal exactly: stable, for programs.
    pub code: String,
    /// Every field that is not valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// Of the code `step_up_required`: what to do before the same request will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up: Option<StepUpBody>,
}

/// What somebody has to do before they may enter an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"organization": "acme", "needs": "second_factor", "methods": ["totp", "recovery_code", "mail_code", "passkey"], "connections": []}))]
pub struct StepUpBody {
    /// The organization's slug.
    pub organization: String,
    /// `first_factor`, `fresh_first_factor` or `second_factor`.
    pub needs: &'static str,
    /// What of one's own would do: `password`, `totp`, `recovery_code`, `mail_code`, `passkey`, `mail` (a mail in place of a password).
    pub methods: Vec<&'static str>,
    /// Which of the organization's connections would do.
    pub connections: Vec<String>,
    /// How old a sign-in may be, in seconds, if this one is too old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<i64>,
}

impl From<&StepUpRequired> for StepUpBody {
    fn from(step_up: &StepUpRequired) -> Self {
        Self {
            organization: step_up.organization.to_string(),
            needs: step_up.needs,
            methods: step_up.methods.clone(),
            connections: step_up.connections.clone(),
            max_age_seconds: step_up.max_age,
        }
    }
}

/// One field that is not valid.
#[derive(Debug, Serialize, ToSchema)]
pub struct Detail {
    /// Its path: `name`, `events[2]`.
    pub field: String,
    /// Why: `required`, `too_long`, …
    pub code: String,
    /// What a valid value looks like.
    pub message: String,
}

impl From<&Error> for ErrorBody {
    fn from(e: &Error) -> Self {
        let detail =
            |v: &domain::Violation| Detail { field: v.field.clone(), code: v.code.to_owned(), message: v.message.to_string() };
        Self {
            error: e.message.to_string(),
            error_code: error_code(e).to_owned(),
            timestamp: crate::http::time::time(SystemClock.now()),
            code: e.code.to_owned(),
            details: e.details.iter().map(detail).collect(),
            step_up: e.step_up.as_deref().map(StepUpBody::from),
        }
    }
}

/// An error on its way out of a handler of the native face.
#[derive(Debug)]
pub struct ApiError(pub Error);

/// The code of a body that is too large.
pub const TOO_LARGE: &str = "body_too_large";
/// The code of a body that does not arrive.
pub const TOO_SLOW: &str = "body_too_slow";
/// The code of a method that a path does not know.
pub const METHOD_NOT_ALLOWED: &str = "method_not_allowed";

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl From<Error> for ApiError {
    fn from(e: Error) -> Self {
        Self(e)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        // The refusals that HTTP itself has a status for.
        match self.0.code {
            TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            TOO_SLOW => StatusCode::REQUEST_TIMEOUT,
            METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
            _ => status(self.0.kind),
        }
    }
    fn error_response(&self) -> HttpResponse {
        log(&self.0);
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.0.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.0.kind == Kind::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(step_up) = &self.0.step_up {
            response.insert_header((header::WWW_AUTHENTICATE, challenge(step_up)));
        }
        // What is left of such a body is not worth reading.
        if matches!(self.0.code, TOO_LARGE | TOO_SLOW) {
            response.force_close();
        }
        response.json(ErrorBody::from(&self.0))
    }
}

/// What asks for more, for clients that know it (RFC 9470, but with 403: clients of the contract answer 401 by signing out).
fn challenge(step_up: &StepUpRequired) -> String {
    let more = match (step_up.needs, step_up.max_age) {
        (_, Some(age)) => format!(", max_age=\"{age}\""),
        ("second_factor", _) => ", acr_values=\"2\"".to_owned(),
        _ => String::new(),
    };
    format!("Bearer error=\"insufficient_user_authentication\"{more}")
}

/// Logs the sources of what is our fault or a dependency's, once.
pub(crate) fn log(e: &Error) {
    let sources = || {
        let mut text = String::new();
        let mut next = std::error::Error::source(e);
        while let Some(source) = next {
            text.push_str(&format!(": {source}"));
            next = source.source();
        }
        text
    };
    match e.kind {
        Kind::Internal => tracing::error!(code = e.code, "defect{}", sources()),
        Kind::Unavailable => tracing::warn!(code = e.code, "{}{}", e.message, sources()),
        _ => tracing::debug!(code = e.code, "refused"),
    }
}
