//! Connections to identity providers: made, shown, changed, deleted; whom they speak for; and what the clock does with them.

mod clock;
mod routes;
mod settings;
mod trust;

use serde_json::{Value, json};
use tenantry_tests::{IDP_CLIENT, IdentityProvider, Org, TestApp, User, text};

/// Self-signed, for a hundred years.
const RSA: &str = include_str!("../../../libs/infra/src/identity_providers/tests/rsa.pem");
const EC: &str = include_str!("../../../libs/infra/src/identity_providers/tests/ec.pem");
/// The same of 1,024 bits.
const WEAK: &str = include_str!("../../../libs/infra/src/identity_providers/tests/weak.pem");

async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

/// What makes a connection to a provider.
fn oidc(provider: &IdentityProvider) -> Value {
    json!({
        "connection_id": "okta", "name": "Okta", "provider_type": "oidc", "client_id": IDP_CLIENT.0, "client_secret": IDP_CLIENT.1,
        "discovery_url": provider.discovery_url(),
    })
}

fn saml() -> Value {
    json!({
        "connection_id": "adfs", "name": "The ADFS", "provider_type": "saml", "client_id": "urn:tenantry", "issuer": "urn:acme:idp",
        "authorization_url": "http://127.0.0.1:9/sso", "certificates": [RSA],
    })
}

/// Makes a connection and answers its path.
async fn make(app: &TestApp, by: &User, org: &Org, body: Value) -> String {
    let made = app.by(by).post(&org.at("upstream-providers"), body).await.ok();
    org.at(&format!("upstream-providers/{}", text(&made["id"])))
}

async fn shown(app: &TestApp, by: &User, path: &str) -> Value {
    let by = app.again(by).await;
    app.by(&by).get(path).await.ok()
}

/// What the log says about an action, newest first.
async fn recorded(app: &TestApp, by: &User, org: &Org, action: &str) -> Vec<Value> {
    app.worker().await;
    let by = app.again(by).await;
    let log = app.by(&by).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
    log["logs"].as_array().expect("a list").iter().map(|entry| entry["metadata"].clone()).collect()
}

fn codes(connection: &Value) -> Vec<String> {
    connection["findings"].as_array().expect("a list").iter().map(|finding| text(&finding["code"])).collect()
}
