//! What an identity provider publishes, and its token endpoint, as far as connections are set up with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The client that the provider knows, and its secret.
pub const IDP_CLIENT: (&str, &str) = ("tenantry", "secret-of-the-client-5f0d1c");

#[derive(Default)]
struct State {
    answers: HashMap<String, (u16, String)>,
    asked: Vec<String>,
}

/// A provider on this machine. Ends with its value.
pub struct IdentityProvider {
    /// Where it is, without a slash at the end: its issuer.
    pub url: String,
    state: Arc<Mutex<State>>,
    server: ServerHandle,
}

impl IdentityProvider {
    /// One that publishes a discovery document and one key.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let data = web::Data::from(state.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a free port");
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let provider = Self { url, state, server: handle };
        provider.publishes(&provider.document());
        provider.says(
            "/keys",
            200,
            &json!({"keys": [{"kty": "EC", "kid": "1", "crv": "P-256", "x": "eA", "y": "eQ"}]}).to_string(),
        );
        provider
    }

    /// Its discovery document, as it is at first.
    pub fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/keys"), "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// Where that is.
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.url)
    }

    /// Publishes another discovery document.
    pub fn publishes(&self, document: &Value) {
        self.says("/.well-known/openid-configuration", 200, &document.to_string());
    }

    /// Publishes SAML metadata with these certificates (PEM), and answers where.
    pub fn publishes_metadata(&self, entity: &str, certificates: &[&str]) -> String {
        self.says("/metadata", 200, &metadata(&self.url, entity, certificates));
        format!("{}/metadata", self.url)
    }

    /// What it answers at a path.
    pub fn says(&self, path: &str, status: u16, body: &str) {
        self.state().answers.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// Paths that were asked for, in their order.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// SAML metadata of a provider at `url`.
pub fn metadata(url: &str, entity: &str, certificates: &[&str]) -> String {
    let key = |pem: &&str| {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        format!(
            "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{base64}</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
    };
    let keys: String = certificates.iter().map(key).collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
         entityID=\"{entity}\"><md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{url}/sso\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

async fn answer(state: web::Data<Mutex<State>>, req: HttpRequest) -> HttpResponse {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.asked.push(req.path().to_owned());
    if req.path() == "/token" && !state.answers.contains_key("/token") {
        return token(&req);
    }
    let (status, body) = state.answers.get(req.path()).cloned().unwrap_or((404, String::new()));
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).expect("a status")).body(body)
}

/// Knows one client, and no code.
fn token(req: &HttpRequest) -> HttpResponse {
    let (id, secret) = IDP_CLIENT;
    let known = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let sent = req.headers().get("authorization").and_then(|value| value.to_str().ok());
    if sent == Some(known.as_str()) {
        HttpResponse::BadRequest().json(json!({"error": "invalid_grant"}))
    } else {
        HttpResponse::Unauthorized().json(json!({"error": "invalid_client"}))
    }
}
