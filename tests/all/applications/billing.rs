//! How an organization's services are paid for, and how organizations pay the platform.

use reqwest::Method;
use serde_json::Value;
use tenantry_tests::{Options, PAYMENT_KEY, Response, TestApp};

/// A test with providers to call.
macro_rules! cashier {
    ($name:ident, $options:expr, $body:expr) => {
        mod $name {
            use super::*;
            fn on(database: tenantry_tests::Database) {
                let (listener, options) = tenantry_tests::Cashier::options($options);
                let listener = std::cell::Cell::new(Some(listener));
                tenantry_tests::run(database, options, async |app: &TestApp| {
                    let cashier = tenantry_tests::Cashier::at(listener.take().unwrap());
                    $body(app, &cashier).await;
                });
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

/// The platform bills through Stripe.
fn billed() -> Options {
    let options = Options::default().set("billing.provider", "stripe").set("billing.mode", "test");
    options.set("billing.api_key", PAYMENT_KEY).set("server.dashboard_url", "https://app.example.com")
}

fn billed_by_polar() -> Options {
    billed().set("billing.provider", "polar")
}

/// What Stripe says.
async fn told(app: &TestApp, path: &str, secret: &str, event: &Value) -> Response {
    let body = event.to_string();
    let header = crypto::webhook::timed_signature(secret, app.now(), body.as_bytes());
    app.client().request(Method::POST, path).header("stripe-signature", &header).body(body).send().await
}

mod credentials;
mod inbound;
mod limits;
mod paid;
mod platform;
mod usage;
