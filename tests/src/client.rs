//! A client that behaves like the SDK: a JSON content type on everything, also where there is no body.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::{TestApp, User, document, response::Response, text};

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

/// A server that people and programs talk to: of a test, or one that runs elsewhere.
pub trait Serves {
    /// A client of it, without credentials.
    fn client(&self) -> Client;
}

impl Serves for Client {
    fn client(&self) -> Client {
        self.anonymous()
    }
}

impl Serves for TestApp {
    fn client(&self) -> Client {
        Self::client(self)
    }
}

impl Client {
    /// A client of a server that runs elsewhere.
    pub fn of(base: &str) -> Self {
        Self::new(base.to_owned(), Defects::default())
    }
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

    /// Signs in to the platform.
    pub async fn login(&self, email: &str, password: &str) -> User {
        let tokens = self.anonymous().post("/api/auth/login", json!({"email": email, "password": password})).await.ok();
        let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
        let profile = self.bearer(&access).get("/api/user").await.ok();
        User { id: text(&profile["id"]), email: email.to_owned(), password: password.to_owned(), access, refresh }
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
