//! A client that, unlike the harness's, sees a server that is not there as an answer of its own kind: here servers die.

use std::time::Duration;

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use serde_json::{Value, json};

use super::{NEVER, world::PASSWORD};

/// One server, and perhaps a token for it.
#[derive(Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    pub(super) base: String,
    token: Option<String>,
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("not JSON ({e}): {self:?}"))
    }
    /// 200, and its JSON.
    #[track_caller]
    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
    /// 503 in the contract's shape, with `Retry-After`.
    #[track_caller]
    pub(super) fn unavailable(&self) {
        assert_eq!(self.status, 503, "{self:?}");
        let after = self.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u32>().ok());
        assert!(after.is_some_and(|seconds| seconds > 0), "Retry-After of {self:?}");
        let body = self.json();
        assert_eq!(body["error_code"], "SERVICE_UNAVAILABLE", "{self:?}");
        for member in ["error", "timestamp", "code"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "`{member}` of {self:?}");
        }
    }
}

/// A text of a JSON answer.
#[track_caller]
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text is missing: {value}")).to_owned()
}

impl Api {
    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    pub(super) fn at(base: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        // Connections that nobody used for a while may be closed at any moment, so they are not used again.
        let http = http.pool_idle_timeout(Duration::from_millis(500)).tls_certs_only([]).timeout(NEVER);
        Self { http: http.build().expect("an HTTP client"), base: base.to_owned(), token: None }
    }
    /// The same credentials in another client.
    pub(super) fn on_connections_of_its_own(&self) -> Self {
        Self { http: Self::at(&self.base).http, ..self.clone() }
    }
    pub(super) fn with(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }
    /// The same credentials at another server, over the same connections.
    pub(super) fn via(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Any call; an error is a server that did not answer.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Answer { status, headers, text: answer.text().await? })
    }

    #[track_caller]
    fn must(&self, what: String, call: impl Future<Output = Result<Answer, reqwest::Error>>) -> impl Future<Output = Answer> {
        let caller = std::panic::Location::caller();
        async move { call.await.unwrap_or_else(|e| panic!("{caller}: {what}: no answer: {e:?}")) }
    }
    #[track_caller]
    pub(super) fn get(&self, path: &str) -> impl Future<Output = Answer> {
        self.must(format!("GET {path}"), self.call(Method::GET, path, None, &[]))
    }
    #[track_caller]
    pub(super) fn post(&self, path: &str, body: Value) -> impl Future<Output = Answer> {
        self.must(format!("POST {path}"), async move { self.call(Method::POST, path, Some(&body), &[]).await })
    }
    #[track_caller]
    pub(super) fn patch(&self, path: &str, body: Value) -> impl Future<Output = Answer> {
        self.must(format!("PATCH {path}"), async move { self.call(Method::PATCH, path, Some(&body), &[]).await })
    }
    /// A form, as a browser sends it.
    pub(super) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let request = self.http.post(format!("{}{path}", self.base)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = request.body(body.extend_pairs(fields).finish()).send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.expect("a whole answer") }
    }

    /// Signs in.
    pub(super) async fn login(&self, email: &str) -> Tokens {
        let answer = self.post("/api/auth/login", json!({"email": email, "password": PASSWORD})).await.ok();
        self.tokens(&answer)
    }
    /// Exchanges a refresh token.
    pub(super) async fn refresh(&self, token: &str) -> Tokens {
        let answer = self.post("/api/auth/refresh", json!({"refresh_token": token})).await.ok();
        self.tokens(&answer)
    }
    pub(super) fn tokens(&self, answer: &Value) -> Tokens {
        let access = text(&answer["access_token"]);
        Tokens { api: self.with(&access), access, refresh: text(&answer["refresh_token"]) }
    }
}

/// Somebody who is signed in.
pub(super) struct Tokens {
    /// A client with the access token.
    pub(super) api: Api,
    pub(super) access: String,
    pub(super) refresh: String,
}
