//! An answer, and what a test says about it.

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::answers::Expected;

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) what: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reason = StatusCode::from_u16(self.status).map(|s| s.to_string()).unwrap_or_default();
        write!(f, "{} -> {reason}\n{}", self.what, self.text())
    }
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// A header, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {self}"))
    }
    /// Fails, showing the body, unless the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }
    /// 200, and its JSON.
    #[track_caller]
    pub fn ok(self) -> Value {
        let answer = self.expect(200);
        assert!(answer.header("content-type").contains("application/json"), "content type of {answer}");
        answer.json()
    }
    /// 200 `null`: how the contract says "done".
    #[track_caller]
    pub fn done(self) {
        assert_eq!(self.ok(), Value::Null);
    }
    /// A refusal in the contract's shape: all three members present and not empty, and none but the known ones. Answers the body.
    #[track_caller]
    pub fn refused(self, status: u16, error_code: &str) -> Value {
        self.judged(&Expected::Refused { status, error_code, code: None })
    }
    /// A refusal with this stable code.
    #[track_caller]
    pub fn refused_as(self, status: u16, error_code: &str, code: &str) {
        self.judged(&Expected::Refused { status, error_code, code: Some(code) });
    }
    /// 400 that names exactly these fields.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) -> Value {
        self.judged(&Expected::Invalid(fields))
    }
    #[track_caller]
    fn judged(self, expected: &Expected<'_>) -> Value {
        expected.judge(&self).unwrap_or_else(|complaint| panic!("{complaint}"))
    }
}
