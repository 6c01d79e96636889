//! A stand-in for payment providers that holds to the interfaces that they publish: what they do not document they refuse, in their words.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use serde_json::{Value, json};

use crate::Options;

/// The key that the stand-in knows; every other is refused.
pub const PAYMENT_KEY: &str = "sk_test_canary-payment-key-5d2e";

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where.
    pub path: String,
    /// The fields of a form, or of a JSON object as texts.
    pub fields: BTreeMap<String, String>,
    /// Under which name the request counts once.
    pub once: Option<String>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    refuses: Option<(u16, Value)>,
    customers: BTreeMap<String, String>,
    at_polar: BTreeMap<String, String>,
}

/// Both providers at one address. It is gone when this is dropped.
pub struct Cashier {
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cashier {
    /// A free port, and options of an app that calls providers there.
    pub fn options(options: Options) -> (TcpListener, Options) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let options = options.set("billing.stripe_url", &url).set("billing.polar_sandbox_url", &url);
        (listener, options)
    }
    /// Serves at that port.
    pub fn at(listener: TcpListener) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = web::Data::from(state.clone());
        let server = HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(serve)));
        let server = server.workers(1).disable_signals().listen(listener).expect("a server").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { state, handle }
    }
    /// Everything that was asked since the last call.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut lock(&self.state).asked)
    }
    /// Forgets the customers under which it was asked, as when they are deleted there.
    pub fn forgets_customers(&self) {
        lock(&self.state).at_polar.clear();
    }
    /// From now on answers this to everything, if anything.
    pub fn refuses(&self, with: Option<(u16, Value)>) {
        lock(&self.state).refuses = with;
    }
}

impl Drop for Cashier {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn serve(state: web::Data<Mutex<State>>, req: HttpRequest, body: web::Bytes) -> HttpResponse {
    let header = |name: &str| req.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let is_form = header("content-type").as_deref() == Some("application/x-www-form-urlencoded");
    let fields: BTreeMap<String, String> = if is_form {
        url::form_urlencoded::parse(&body).into_owned().collect()
    } else {
        let read: BTreeMap<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
        read.into_iter().map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect()
    };
    let asked = Asked { path: req.path().to_owned(), fields, once: header("idempotency-key") };
    let mut state = lock(&state);
    state.asked.push(asked.clone());
    let (status, answer) = match &state.refuses {
        Some((status, body)) => (*status, body.clone()),
        None if header("authorization") != Some(format!("Bearer {PAYMENT_KEY}")) => (
            401,
            json!({"error": {"type": "invalid_request_error", "message": format!("Invalid API Key provided: {PAYMENT_KEY}")}}),
        ),
        None => answer(&mut state, &asked, is_form),
    };
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).expect("a status")).json(answer)
}

/// What each interface takes and must have, and what it answers.
fn answer(state: &mut State, asked: &Asked, is_form: bool) -> (u16, Value) {
    let stripe = |required: &[&str], others: &[&str]| {
        let wrong = |code: &str, param: &str| {
            Err((
                400,
                json!({"error": {"type": "invalid_request_error", "code": code, "param": param, "message": format!("No: {param}")}}),
            ))
        };
        if !is_form {
            return wrong("parameter_invalid", "content-type");
        }
        if let Some(missing) = required.iter().find(|name| asked.fields.get(**name).is_none_or(String::is_empty)) {
            return wrong("parameter_missing", missing);
        }
        let known = |name: &String| required.contains(&name.as_str()) || others.iter().any(|other| name.starts_with(other));
        match asked.fields.keys().find(|name| !known(name)) {
            Some(unknown) => wrong("parameter_unknown", unknown),
            None => Ok(()),
        }
    };
    let polar = |required: &[&str], others: &[&str]| {
        let missing = required.iter().find(|name| !asked.fields.contains_key(**name));
        let unknown = asked.fields.keys().find(|name| !required.contains(&name.as_str()) && !others.contains(&name.as_str()));
        match missing.copied().or(unknown.map(String::as_str)) {
            Some(wrong) => {
                Err((422, json!({"error": "RequestValidationError", "detail": [{"loc": ["body", wrong], "type": "missing"}]})))
            }
            None => Ok(()),
        }
    };
    if let Some(external) = asked.path.strip_prefix("/v1/customers/external/") {
        let known = state.at_polar.get(external).map(|id| json!({"id": id, "external_id": external}));
        return known.map_or_else(|| (404, json!({"error": "ResourceNotFound", "detail": "Not found"})), |known| (200, known));
    }
    let checked = match asked.path.as_str() {
        "/v1/checkout/sessions" => stripe(
            &["mode", "line_items[0][price]", "line_items[0][quantity]", "success_url"],
            &["cancel_url", "client_reference_id", "customer_email", "metadata[", "subscription_data[metadata]["],
        )
        .and_then(|()| match asked.fields["line_items[0][price]"].as_str() {
            "price_gone" => Err((400, json!({"error": {"code": "resource_missing", "message": "No such price: 'price_gone'"}}))),
            _ => Ok(
                json!({"id": "cs_test_a1", "object": "checkout.session", "url": "https://checkout.stripe.com/c/pay/cs_test_a1"}),
            ),
        }),
        "/v1/customers" => stripe(&[], &["name", "email", "metadata["]).map(|()| {
            let fresh = format!("cus_{}", state.customers.len() + 1);
            let id = state.customers.entry(asked.once.clone().unwrap_or_else(|| fresh.clone())).or_insert(fresh);
            json!({"id": id, "object": "customer"})
        }),
        "/v1/billing_portal/sessions" => stripe(&["customer"], &["return_url"]).map(
            |()| json!({"id": "bps_1", "object": "billing_portal.session", "url": "https://billing.stripe.com/p/session/test_1"}),
        ),
        "/v1/checkouts/" => {
            polar(&["products"], &["success_url", "return_url", "external_customer_id", "customer_email", "metadata"])
                .map(|()| json!({"id": "4b1d", "status": "open", "url": "https://sandbox.polar.sh/checkout/polar_c_1"}))
        }
        "/v1/customers/" => polar(&["email"], &["name", "external_id", "metadata"]).and_then(|()| {
            let id = format!("77aa-{}", state.at_polar.len() + 1);
            match state.at_polar.insert(asked.fields["external_id"].clone(), id.clone()) {
                None => Ok(json!({"id": id})),
                Some(_) => Err((422, json!({"error": "RequestValidationError", "detail": [{"loc": ["body", "external_id"]}]}))),
            }
        }),
        "/v1/billing/meter_events" => {
            let names = ["event_name", "payload[stripe_customer_id]", "payload[value]", "identifier", "timestamp"];
            stripe(&names, &[]).and_then(|()| match asked.fields["payload[stripe_customer_id]"].as_str() {
                known if state.customers.values().any(|id| id == known) => {
                    Ok(json!({"object": "billing.meter_event", "identifier": asked.fields["identifier"]}))
                }
                _ => Err((400, json!({"error": {"code": "resource_missing", "message": "No such customer"}}))),
            })
        }
        "/v1/events/ingest" => polar(&["events"], &[]).map(|()| json!({"inserted": 1, "duplicates": 0})),
        "/v1/customer-sessions/" => polar(&["customer_id"], &["return_url"]).map(
            |()| json!({"id": "1c2d", "customer_portal_url": "https://sandbox.polar.sh/acme/portal?customer_session_token=x"}),
        ),
        _ => Err((404, json!({"error": {"type": "invalid_request_error", "message": "Unrecognized request URL"}}))),
    };
    match checked {
        Ok(answer) => (if is_form { 200 } else { 201 }, answer),
        Err(refusal) => refusal,
    }
}
