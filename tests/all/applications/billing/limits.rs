//! Calls of payment providers are counted by the network that they come from, and by whom they are for.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Cashier, Database, Options, Response, TestApp, run};

use super::billed;

/// As many as may come at once, and what comes back of them in a second.
const AT_ONCE: usize = 300;
const EACH_SECOND: usize = 20;

async fn call(app: &TestApp, from: &str, path: &str) -> Response {
    app.client().request(Method::POST, path).header("x-forwarded-for", from).body("{}").send().await
}

/// How many are looked at, until one is not.
async fn served(app: &TestApp, from: &str, path: &str) -> usize {
    for n in 0..=AT_ONCE {
        let answer = call(app, from, path).await;
        if answer.status == 429 {
            let seconds: u32 = answer.header("retry-after").parse().unwrap();
            assert!(seconds >= 1, "{answer}");
            answer.refused_as(429, "TOO_MANY_REQUESTS", "rate_limited");
            return n;
        }
        answer.invalid(&["signature"]);
    }
    panic!("more than {AT_ONCE} at once");
}

#[test]
fn whoever_has_pages_made_waits_after_the_tenth() {
    let (listener, options) = Cashier::options(billed().rate_limits());
    run(Database::Sqlite, options, async |app| {
        let _cashier = Cashier::at(listener.try_clone().unwrap());
        let ann = app.sign_up("ann@example.com").await;
        let org = app.create_org(&ann, "acme").await;
        let back = || json!({"return_url": "https://app.example.com/billing"});
        for _ in 0..10 {
            app.by(&ann).post(&org.at("billing/portal"), back()).await.ok();
        }
        app.by(&ann).post(&org.at("billing/portal"), back()).await.refused_as(429, "TOO_MANY_REQUESTS", "rate_limited");
        app.advance(TimeDelta::seconds(10));
        app.by(&ann).post(&org.at("billing/portal"), back()).await.ok();
    });
}

/// On the database whose limits are counted by the clock that the test moves.
#[test]
fn a_network_that_floods_one_address_is_stopped_there_alone() {
    let options = Options::default().rate_limits().set("server.trusted_proxies", "127.0.0.0/8");
    run(Database::Sqlite, options, async |app| {
        let ids = ["1", "2"].map(|end| format!("org_{end:0>32}"));
        let [acme, other] = ids.each_ref().map(|id| format!("/webhooks/stripe/{id}"));
        assert_eq!(served(app, "203.0.113.7", &acme).await, AT_ONCE);
        // The two providers of one organization count together: whoever floods one has no more for the other.
        assert_eq!(call(app, "203.0.113.7", &format!("/webhooks/polar/{}", ids[0])).await.status, 429);
        for (from, path) in [("203.0.113.8", acme.as_str()), ("2001:db8::1", &acme), ("203.0.113.7", &other)] {
            call(app, from, path).await.invalid(&["signature"]);
        }
        app.advance(TimeDelta::seconds(1));
        assert_eq!(served(app, "203.0.113.7", &acme).await, EACH_SECOND);
        // The platform's own addresses count together, and apart from every organization's.
        assert_eq!(served(app, "203.0.113.7", "/webhooks/stripe").await, AT_ONCE);
        assert_eq!(call(app, "203.0.113.7", "/webhooks/billing").await.status, 429);
        call(app, "203.0.113.8", "/webhooks/billing").await.invalid(&["signature"]);
    });
}
