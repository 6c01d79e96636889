//! A client that behaves like the SDK: a JSON content type on everything, also where there is no body.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use reqwest::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::document;

/// Every 5xx that any client of a test got, and every answer that the OpenAPI document does not describe.
#[derive(Clone, Default)]
pub(crate) struct Defects {
    seen: Arc<Mutex<Vec<String>>>,
    undescribed: Arc<Mutex<Vec<String>>>,
    allowed: Arc<AtomicBool>,
}

impl Defects {
    pub(crate) fn allow(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }
    pub(crate) fn report(&self) -> Vec<String> {
        if self.allowed.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// What contradicts the document.
    pub(crate) fn undescribed(&self) -> Vec<String> {
        self.undescribed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn note(&self, method: &Method, path: &str, response: &Response) {
        if response.status >= 500 {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{response}"));
        }
        let media = response.header(CONTENT_TYPE.as_str());
        if let Err(complaint) = document::judge(method.as_str(), path, response.status, media, &response.body) {
            self.undescribed.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{complaint}: {response}"));
        }
    }
}

/// A client, with or without credentials. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    authorization: Option<String>,
    defects: Defects,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    pub(crate) fn new(base: String, defects: Defects) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        // No call leaves this machine: without certificates the client is made in no time.
        let http = http.tls_certs_only([]).timeout(std::time::Duration::from_secs(120)).build().expect("an HTTP client");
        Self { http, base, authorization: None, defects }
    }

    /// The server's address, without a trailing slash.
    pub fn base(&self) -> &str {
        &self.base
    }
    /// The same client with an access token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        Self { authorization: Some(format!("Bearer {token}")), ..self.clone() }
    }
    /// The same client without credentials.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await
    }
    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, path).send().await
    }
    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path).json(&body).send().await
    }
    /// `POST` without a body, as the SDK sends `select`, `test`, `suspend`, ….
    pub async fn post_empty(&self, path: &str) -> Response {
        self.request(Method::POST, path).send().await
    }
    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Response {
        self.request(Method::PUT, path).json(&body).send().await
    }
    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Response {
        self.request(Method::PATCH, path).json(&body).send().await
    }

    /// Any request, to be completed and sent.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Request { client: self.clone(), method, path: path.to_owned(), headers, body: Vec::new() };
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }
}

/// A request in the making.
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.insert(name, value.parse().expect("a header value"));
        self
    }
    /// Adds a header, also if there is one of that name.
    #[must_use]
    pub fn another_header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.append(name, value.parse().expect("a header value"));
        self
    }
    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }
    /// Any body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
    /// Sends it. A server that does not answer fails the test.
    pub async fn send(self) -> Response {
        let what = format!("{} {}", self.method, self.path);
        self.send_and_lose().await.unwrap_or_else(|e| panic!("{what}: no answer, or one that broke off: {e:?}"))
    }
    /// Sends it; an error is an answer that broke off, as an export does when its reader loses the right to it.
    pub async fn send_and_lose(self) -> Result<Response, reqwest::Error> {
        let what = format!("{} {}", self.method, self.path);
        let url = format!("{}{}", self.client.base, self.path);
        let mut request = self.client.http.request(self.method.clone(), url).headers(self.headers);
        if !self.body.is_empty() {
            request = request.body(self.body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await?.to_vec();
        let response = Response { what, status: status.as_u16(), headers, body };
        self.client.defects.note(&self.method, &self.path, &response);
        Ok(response)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    what: String,
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
        let answer = self.expect(status);
        assert!(answer.header("content-type").contains("application/json"), "content type of {answer}");
        let body = answer.json();
        for member in ["error", "error_code", "timestamp", "code"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "`{member}` of {answer}");
        }
        let known = ["error", "error_code", "timestamp", "code", "details"];
        let members = body.as_object().into_iter().flat_map(|object| object.keys());
        assert!(members.into_iter().all(|name| known.contains(&name.as_str())), "{answer}");
        assert_eq!(body["error_code"], error_code, "{answer}");
        body
    }
    /// A refusal with this stable code.
    #[track_caller]
    pub fn refused_as(self, status: u16, error_code: &str, code: &str) {
        let text = self.to_string();
        assert_eq!(self.refused(status, error_code)["code"], code, "{text}");
    }
    /// 400 that names exactly these fields.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) -> Value {
        let text = self.to_string();
        let body = self.refused(400, "BAD_REQUEST");
        let mut named: Vec<_> = body["details"].as_array().into_iter().flatten().filter_map(|d| d["field"].as_str()).collect();
        let mut fields = fields.to_vec();
        named.sort_unstable();
        fields.sort_unstable();
        assert_eq!(named, fields, "{text}");
        body
    }
}
