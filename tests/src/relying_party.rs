//! An application at which people sign in: it makes requests, and exchanges what comes back.

use std::sync::atomic::{AtomicU32, Ordering};

use crypto::foreign::ForeignKeys;
use reqwest::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{Browser, Client, Response, Serves, text};

/// An application that is registered.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// Its id at our API.
    pub id: String,
    /// Its name in OAuth.
    pub client_id: String,
    /// What it authenticates with; none: it keeps no secret.
    pub secret: Option<String>,
    /// Where it wants people back.
    pub redirect_uri: String,
}

/// What a test's verifiers are made of: each request has its own.
static REQUESTS: AtomicU32 = AtomicU32::new(0);

/// A request that is on its way.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where the browser is sent.
    pub path: String,
    /// What the code is exchanged with.
    pub verifier: String,
    /// The parameters.
    pub parameters: Vec<(String, String)>,
}

impl RelyingParty {
    /// Registers one, with these settings beside the usual ones.
    pub async fn register(by: &Client, settings: Value) -> Self {
        let mut body = json!({
            "name": "Ledgerline", "redirect_uris": ["https://app.example.com/callback"],
            "post_logout_redirect_uris": ["https://app.example.com"],
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let made = by.post("/api/platform/clients", body).await.ok();
        Self {
            id: text(&made["client"]["id"]),
            client_id: text(&made["client"]["client_id"]),
            secret: made["client_secret"].as_str().map(str::to_owned),
            redirect_uri: text(&made["client"]["redirect_uris"][0]),
        }
    }

    /// A service of an organization, as its owner makes it, with these settings beside the usual ones.
    pub async fn of_service(by: &Client, path: &str, settings: Value) -> Self {
        let mut body = json!({
            "slug": "reports", "name": "Reports", "service_type": "web", "redirect_uris": ["https://reports.example/callback"],
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let made = by.post(path, body).await.ok();
        let service = &made["service"];
        Self {
            id: text(&service["id"]),
            client_id: text(&service["client_id"]),
            secret: service["client_secret"].as_str().or(made["client_secret"].as_str()).map(str::to_owned),
            redirect_uri: text(&service["redirect_uris"][0]),
        }
    }

    /// A request; `changes` come in the place of, or beside, what is usual, and an empty one takes something away.
    pub fn ask(&self, changes: &[(&str, &str)]) -> Asked {
        let n = REQUESTS.fetch_add(1, Ordering::Relaxed);
        let verifier = format!("{n:0>43}");
        let challenge = crypto::hashes::s256(&verifier);
        let mut parameters: Vec<(String, String)> = Vec::new();
        let usual = [
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("response_type", "code"),
            ("scope", "openid email profile offline_access"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name)).chain(changes) {
            if !value.is_empty() {
                parameters.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
        Asked { path: format!("/authorize?{query}"), verifier, parameters }
    }

    /// A form to one of our endpoints, with what this application authenticates with.
    pub async fn form(&self, app: &impl Serves, path: &str, pairs: &[(&str, &str)]) -> Response {
        self.prove(app, path, pairs, None).await
    }

    /// The same with a proof that it holds a key.
    pub async fn prove(&self, app: &impl Serves, path: &str, pairs: &[(&str, &str)], proof: Option<&str>) -> Response {
        let mut own = vec![("client_id", self.client_id.as_str())];
        own.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(own).extend_pairs(pairs).finish();
        let request = app.client().request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        let request = match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        };
        request.body(body).send().await
    }

    /// Exchanges a code.
    pub async fn exchange(&self, app: &impl Serves, code: &str, verifier: &str) -> Response {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", verifier),
        ];
        self.form(app, "/oauth/token", &pairs).await
    }

    /// Renews tokens.
    pub async fn refresh(&self, app: &impl Serves, token: &str) -> Response {
        self.form(app, "/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Asks whether somebody has answered for a device.
    pub async fn poll(&self, app: &impl Serves, device: &Value) -> Response {
        let code = device["device_code"].as_str().unwrap_or_default();
        let pairs = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code)];
        self.form(app, "/oauth/token", &pairs).await
    }

    /// Exchanges a token for one for another organization, with what else is wanted.
    pub async fn switch(&self, app: &impl Serves, token: &str, organization: &str, more: &[(&str, &str)]) -> Response {
        let own = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("organization", organization),
        ];
        let own = own.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
        let pairs: Vec<_> = own.chain(more.iter().copied()).filter(|(_, value)| !value.is_empty()).collect();
        self.form(app, "/oauth/token", &pairs).await
    }

    /// Signs somebody in, in a browser, and gets their tokens.
    pub async fn sign_in(
        &self,
        app: &impl Serves,
        browser: &Browser,
        changes: &[(&str, &str)],
        (email, password): (&str, &str),
    ) -> Value {
        let asked = self.ask(changes);
        let back = browser.sign_in(&asked.path, email, password).await.away();
        let code = back.get("code").unwrap_or_else(|| panic!("no code: {back:?}"));
        self.exchange(app, code, &asked.verifier).await.ok()
    }
}

/// What an application reads in a token of this type, with the keys that we publish.
pub async fn read_token(app: &impl Serves, token: &Value, typ: &'static str) -> Value {
    let set = app.client().get("/.well-known/jwks.json").await.ok();
    let keys = ForeignKeys::parse(set["keys"].as_array().expect("keys")).expect("keys");
    keys.open(&text(token), &[Some(typ)]).unwrap_or_else(|e| panic!("{e:?}"))
}
