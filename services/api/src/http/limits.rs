//! What callers are told about limits: `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` on every answer of a limited operation,
//! and `Retry-After` on a refusal. Three whole numbers, because that is what client libraries read; the limit that is nearest to
//! being used up is the one that is told.
//!
//! What an operation is counted as follows from what its handler takes: `SigningIn`, `SignedIn` (a read or a write, by the method) or `Exporting`.
//! Its registration says the same for the document, and a test calls every operation and compares.

use actix_web::http::{
    Method,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use app::core::limits::{Group, Quota};

/// Requests that may come at once.
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// Requests left.
pub const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Seconds until all of them are left again.
pub const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What a signed-in caller's request is counted as.
pub fn of_method(method: &Method) -> Group {
    if matches!(*method, Method::GET | Method::HEAD) { Group::Reads } else { Group::Writes }
}

/// Tells the limit in the headers of an answer. A refusal by a limit that only the use case knew (guesses at a password, mails to an
/// address) says that nothing is left until `Retry-After`.
pub fn tell(headers: &mut HeaderMap, refused: bool, quota: Quota) {
    let wait = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let quota = match wait {
        Some(seconds) if refused => Quota { remaining: 0, reset_seconds: quota.reset_seconds.max(seconds), ..quota },
        _ => quota,
    };
    headers.insert(LIMIT, HeaderValue::from(quota.limit));
    headers.insert(REMAINING, HeaderValue::from(quota.remaining));
    headers.insert(RESET, HeaderValue::from(quota.reset_seconds));
}
