//! Domains that organizations prove to be theirs, against a real name server.

mod claims;
mod front;
mod lapsing;
mod pages;
mod sign_in;
mod tokens;
mod trust;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{NameServer, Options, Org, Receiver, TestApp, User, both, run, text};

use crate::core::shapes::{has, has_exactly};

/// [`both!`] for a body that is also given a name server, which the app asks for proofs.
macro_rules! named {
    ($name:ident, $body:expr) => {
        named!($name, |options: Options| options, $body);
    };
    ($name:ident, $options:expr, $body:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "a module of a test uses some of what stands around it")]
            use super::*;
            fn on(database: tenantry_tests::Database) {
                let dns = NameServer::start();
                run(database, $options(dns.options()), async |app: &TestApp| $body(app, &dns).await);
            }
            #[test]
            fn sqlite() {
                on(tenantry_tests::Database::Sqlite);
            }
            #[test]
            fn postgres() {
                on(tenantry_tests::Database::Postgres);
            }
        }
    };
}
use named;

const HOST: &str = "auth.acme.example";
const RECORD: &str = "_sso-verification.auth.acme.example";

/// An organization that may have a host.
async fn founded(app: &TestApp, owner: &str, slug: &str) -> (User, Org) {
    let owner = app.sign_up(owner).await;
    let org = app.create_org(&owner, slug).await;
    let features = "{\"allow_custom_domain\": true}";
    app.execute(&format!("update organizations set feature_overrides = '{features}' where slug = '{slug}'")).await;
    (owner, org)
}

/// Claims a host; answers the token.
async fn claim(app: &TestApp, by: &User, org: &Org, host: &str) -> String {
    let by = app.again(by).await;
    let answer = app.by(&by).post(&org.at("domain"), json!({"domain": host})).await.ok();
    has_exactly(&answer, &["verification_token", "verification_methods"]);
    text(&answer["verification_token"])
}

/// Whether the host is verified, and what is said about that.
async fn verify(app: &TestApp, by: &User, org: &Org) -> (bool, String) {
    let by = app.again(by).await;
    let answer = app.by(&by).post(&org.at("domain/verify"), json!({})).await.ok();
    has_exactly(&answer, &["verified", "message"]);
    (answer["verified"].as_bool().unwrap(), text(&answer["message"]))
}

async fn shown(app: &TestApp, by: &User, org: &Org) -> Value {
    let by = app.again(by).await;
    let answer = app.by(&by).get(&org.at("domain")).await.ok();
    let more = ["verified_at", "checked_at", "failing_since", "lapses_at", "verification_methods"];
    has(&answer, &["custom_domain", "domain_verified"], &more);
    let organization = app.by(&by).get(&org.path).await.ok()["organization"].clone();
    for member in ["custom_domain", "domain_verified"] {
        assert_eq!(organization[member], answer[member], "the organization shows the same");
    }
    answer
}

/// What the log says about an action, newest first.
async fn recorded(app: &TestApp, by: &User, org: &Org, action: &str) -> Vec<Value> {
    app.worker().await;
    let by = app.again(by).await;
    let log = app.by(&by).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
    log["logs"].as_array().unwrap().iter().map(|entry| entry["metadata"].clone()).collect()
}

/// An organization that has proven a host.
async fn proven(app: &TestApp, dns: &NameServer, owner: &str, slug: &str, host: &str) -> (User, Org) {
    let (owner, org) = founded(app, owner, slug).await;
    let token = claim(app, &owner, &org, host).await;
    dns.says(&format!("_sso-verification.{host}"), &[&token]);
    assert_eq!(verify(app, &owner, &org).await, (true, format!("{host} is verified.")));
    (owner, org)
}

/// So many days go by, with a look at what is due on each.
async fn days(app: &TestApp, count: u32) {
    for _ in 0..count {
        app.advance(TimeDelta::days(1));
        app.run_jobs().await;
    }
}
