//! An organization's identity provider that signs people in (OpenID Connect): it says of whoever comes what the test wants it to say, also what no honest
//! provider would.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use crypto::{Alg, KeySet, SigningKey};
use domain::Time;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{Browser, IDP_CLIENT, Landed};

/// How an ID token is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// By the published key.
    Well,
    /// By a key that nobody published.
    ByAnother,
    /// By the client's secret.
    BySecret,
    /// By the published key, as if that were a secret.
    ByThePublicKey,
    /// Not at all.
    Not,
    /// By the published key, and then changed.
    Changed,
    /// This is no token.
    Raw(String),
}

struct State {
    keys: KeySet,
    published: Value,
    /// What a code stands for: the challenge, and the answer of the token address.
    codes: HashMap<String, (String, Value)>,
    userinfo: Value,
    document: Value,
    asked: Vec<String>,
    next: u32,
}

/// A provider on this machine. Ends with its value.
pub struct OpenIdProvider {
    /// Its issuer.
    pub issuer: String,
    state: Arc<Mutex<State>>,
    server: ServerHandle,
}

/// A browser's request that the provider got.
pub struct Arrived {
    /// Its parameters.
    pub parameters: HashMap<String, String>,
}

fn keys() -> KeySet {
    let (key, _) = SigningKey::generate(Alg::Es256).expect("a key");
    KeySet::new(vec![(key, Time::from_timestamp(0, 0).expect("a time"), None)])
}

fn long_ago() -> Time {
    Time::from_timestamp(1, 0).expect("a time")
}

impl OpenIdProvider {
    /// One with a key of its own.
    pub async fn start() -> Self {
        let keys = keys();
        let published = keys.jwks(long_ago());
        let state = State {
            keys,
            published,
            codes: HashMap::new(),
            userinfo: Value::Null,
            document: Value::Null,
            asked: Vec::new(),
            next: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let data = web::Data::from(state.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a free port");
        let issuer = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let provider = Self { issuer, state, server: handle };
        let at = |path: &str| format!("{}{path}", provider.issuer);
        let document = json!({
            "issuer": provider.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/keys"), "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["ES256", "HS256"],
        });
        provider.state().document = document;
        provider
    }

    /// What makes a connection to it, with these settings beside the usual ones.
    pub fn connection(&self, settings: Value) -> Value {
        let mut body = json!({
            "connection_id": "okta", "name": "Acme Okta", "provider_type": "oidc", "client_id": IDP_CLIENT.0,
            "client_secret": IDP_CLIENT.1, "discovery_url": format!("{}/.well-known/openid-configuration", self.issuer),
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    }

    /// Changes its discovery document.
    pub fn publishes(&self, name: &str, value: Value) {
        self.state().document[name] = value;
    }

    /// Signs with another key from now on, which it publishes.
    pub fn rotate(&self) {
        let mut state = self.state();
        state.keys = keys();
        state.published = state.keys.jwks(long_ago());
    }

    /// What its userinfo address says; null: 404.
    pub fn says_of_users(&self, claims: Value) {
        self.state().userinfo = claims;
    }

    /// Paths that were asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.iter().filter(|asked| asked.as_str() == path).count()
    }

    /// Takes a browser in that was sent here.
    #[track_caller]
    pub fn receives(&self, landed: Landed) -> Arrived {
        let Landed::Away(url) = landed else { panic!("the browser stayed: {landed:?}") };
        assert!(url.as_str().starts_with(&format!("{}/authorize?", self.issuer)), "{url}");
        Arrived { parameters: url.query_pairs().into_owned().collect() }
    }

    /// Where the browser goes back to with a code for these claims, which come beside, or in the place of, what an honest provider says.
    pub fn answers(&self, arrived: &Arrived, now: Time, claims: &Value) -> String {
        self.answers_with(arrived, now, claims, &Signed::Well)
    }

    /// The same with a token that is signed in this way.
    pub fn answers_with(&self, arrived: &Arrived, now: Time, claims: &Value, signed: &Signed) -> String {
        let mut all = json!({
            "iss": self.issuer, "aud": arrived.parameters["client_id"], "nonce": arrived.parameters["nonce"],
            "iat": now.timestamp(), "exp": now.timestamp() + 300,
        });
        for (name, value) in claims.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(all.as_object_mut().map(|all| all.remove(name))),
                value => all[name] = value.clone(),
            }
        }
        let mut state = self.state();
        let id_token = token(&state, &all, signed);
        state.next += 1;
        let code = format!("code-{}", state.next);
        let mut answer = json!({"access_token": format!("at-{}", state.next), "token_type": "Bearer", "expires_in": 300});
        if signed != &Signed::Raw(String::new()) {
            answer["id_token"] = json!(id_token);
        }
        state.codes.insert(code.clone(), (arrived.parameters["code_challenge"].clone(), answer));
        back(arrived, &[("code", &code), ("state", &arrived.parameters["state"])])
    }

    /// Signs somebody in here who was sent, and lets the browser go back.
    pub async fn signs_in(&self, browser: &Browser, landed: Landed, now: Time, claims: &Value) -> Landed {
        let arrived = self.receives(landed);
        browser.open(&self.answers(&arrived, now, claims)).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a browser goes back to with these parameters, as a path of ours.
pub fn back(arrived: &Arrived, parameters: &[(&str, &str)]) -> String {
    let url: Url = arrived.parameters["redirect_uri"].parse().expect("a redirect URI");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{}?{query}", url.path())
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

fn token(state: &State, claims: &Value, signed: &Signed) -> String {
    let well = || state.keys.sign("JWT", claims, long_ago()).expect("a token");
    let by_secret = |secret: &[u8]| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
        let mac = <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(secret).expect("a key");
        let tag = hmac::Mac::finalize(hmac::Mac::chain_update(mac, text.as_bytes())).into_bytes();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    match signed {
        Signed::Well => well(),
        Signed::ByAnother => keys().sign("JWT", claims, long_ago()).expect("a token"),
        Signed::BySecret => by_secret(IDP_CLIENT.1.as_bytes()),
        Signed::ByThePublicKey => by_secret(state.published["keys"][0].to_string().as_bytes()),
        Signed::Not => {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
        }
        Signed::Changed => {
            let text = well();
            let mut parts: Vec<&str> = text.split('.').collect();
            let mut other = claims.clone();
            other["sub"] = json!("somebody else");
            let changed = URL_SAFE_NO_PAD.encode(other.to_string());
            parts[1] = &changed;
            parts.join(".")
        }
        Signed::Raw(text) => text.clone(),
    }
}

async fn answer(state: web::Data<Mutex<State>>, req: HttpRequest, body: web::Bytes) -> HttpResponse {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.asked.push(req.path().to_owned());
    match req.path() {
        "/.well-known/openid-configuration" => HttpResponse::Ok().json(&state.document),
        "/keys" => HttpResponse::Ok().json(&state.published),
        "/userinfo" if !state.userinfo.is_null() => HttpResponse::Ok().json(&state.userinfo),
        "/token" => exchange(&mut state, &req, &body),
        _ => HttpResponse::NotFound().finish(),
    }
}

fn exchange(state: &mut State, req: &HttpRequest, body: &[u8]) -> HttpResponse {
    let (id, secret) = IDP_CLIENT;
    let known = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    if req.headers().get("authorization").and_then(|value| value.to_str().ok()) != Some(known.as_str()) {
        return HttpResponse::Unauthorized().json(json!({"error": "invalid_client"}));
    }
    let sent: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
    let text = |name: &str| sent.get(name).cloned().unwrap_or_default();
    match state.codes.remove(&text("code")) {
        Some((challenge, answer)) if crypto::hashes::s256(&text("code_verifier")) == challenge => HttpResponse::Ok().json(answer),
        _ => HttpResponse::BadRequest().json(json!({"error": "invalid_grant", "error_description": "no such code"})),
    }
}
