//! Calls of payment providers: only genuine ones count, each once, and never back to what was before.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{TimeDelta, Utc};
use crypto::webhook::timed_signature;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Response, TestApp, both, text};

use crate::applications::service_keys::{ALL, Served};

const STRIPE: &str = "whsec_of_acme";
const POLAR: &str = "polar_whs_of_acme";
const PRODUCT: &str = "3c1a0f9e-1111-4222-8333-444455556666";

/// An organization with accounts at both providers, a user of its service, and two plans that are sold.
struct Sold {
    s: Served,
    user: String,
    team: String,
    pro: String,
}

impl Sold {
    async fn new(app: &TestApp) -> Self {
        let s = Served::new(app, ALL).await;
        let user = text(&s.program(app).post("/api/service/users", json!({"email": "dana@example.com"})).await.ok()["id"]);
        let by = app.by(&s.ann);
        let plan = async |name: &str, price: &str, product: Option<&str>| {
            let body = json!({"name": name, "price_cents": 4900, "currency": "usd", "stripe_price_id": price, "polar_product_id": product});
            text(&by.post(&s.org.at("services/portal/plans"), body).await.ok()["plan"]["id"])
        };
        let (team, pro) = (plan("Team", "price_team", Some(PRODUCT)).await, plan("Pro", "price_pro", None).await);
        let account = |secret: &str| json!({"api_key": "key_1", "webhook_secret": secret, "mode": "test"});
        by.post(&s.org.at("billing-credentials/stripe"), account(STRIPE)).await.ok();
        by.post(&s.org.at("billing-credentials/polar"), account(POLAR)).await.ok();
        Self { s, user, team, pro }
    }
    fn path(&self, provider: &str) -> String {
        format!("/webhooks/{provider}/{}", self.s.org.id)
    }
    /// What Stripe says of subscription `sub` so many seconds after the start.
    fn event(&self, id: &str, sub: &str, status: &str, price: &str, at: i64) -> Value {
        json!({
            "id": id, "object": "event", "type": "customer.subscription.updated", "livemode": false, "created": at,
            "data": {"object": {
                "id": sub, "object": "subscription", "status": status, "metadata": {"tenantry_user_id": self.user},
                "items": {"data": [{"current_period_end": 1_900_000_000, "price": {"id": price}}]},
            }},
        })
    }
    async fn send(&self, app: &TestApp, event: &Value) -> Response {
        signed(app, &self.path("stripe"), STRIPE, &event.to_string()).await
    }
    async fn takes(&self, app: &TestApp, event: &Value) {
        assert_eq!(self.send(app, event).await.ok(), json!({"received": true}));
    }
    /// Where the user's subscription stands: its plan and status.
    async fn stands(&self, app: &TestApp) -> Option<(String, String)> {
        let answer = self.s.program(app).get(&format!("/api/service/subscriptions/{}", self.user)).await;
        (answer.status == 200).then(|| answer.ok()).map(|shown| (text(&shown["plan_id"]), text(&shown["status"])))
    }
    async fn told(&self, app: &TestApp, action: &str) -> Vec<Value> {
        app.worker().await;
        let log = app.by(&self.s.ann).get(&self.s.org.at(&format!("audit-log?action={action}"))).await.ok();
        log["logs"].as_array().unwrap().clone()
    }
}

async fn signed(app: &TestApp, path: &str, secret: &str, body: &str) -> Response {
    let header = timed_signature(secret, app.now(), body.as_bytes());
    app.client().request(Method::POST, path).header("stripe-signature", &header).body(body).send().await
}

fn is(plan: &str, status: &str) -> Option<(String, String)> {
    Some((plan.to_owned(), status.to_owned()))
}

both!(what_stripe_says_of_a_subscription_counts_once, async |app| {
    let sold = Sold::new(app).await;
    let first = sold.event("evt_1", "sub_1", "active", "price_team", 1000);
    sold.takes(app, &first).await;
    assert_eq!(sold.stands(app).await, is(&sold.team, "active"));
    let shown = sold.s.program(app).get(&format!("/api/service/subscriptions/{}", sold.user)).await.ok();
    assert_eq!(shown["current_period_end"], "2030-03-17T17:46:40.000000Z");
    sold.takes(app, &first).await;
    join_all((0..5).map(|_| sold.takes(app, &first))).await;
    sold.takes(app, &sold.event("evt_2", "sub_1", "past_due", "price_pro", 1010)).await;
    assert_eq!(sold.stands(app).await, is(&sold.pro, "past_due"));
    sold.takes(app, &first).await;
    assert_eq!(sold.stands(app).await, is(&sold.pro, "past_due"), "once");
    sold.takes(app, &sold.event("evt_3", "sub_1", "canceled", "price_pro", 1020)).await;
    assert_eq!(sold.stands(app).await, is(&sold.pro, "canceled"));
    for (action, times) in [("subscription.created", 1), ("subscription.updated", 1), ("subscription.canceled", 1)] {
        assert_eq!(sold.told(app, action).await.len(), times, "{action}");
    }
    assert_eq!(sold.told(app, "subscription.created").await[0]["actor_id"], "stripe");
    assert_eq!(app.count("select count(*) from billing_events").await, 3);
    let plans = app.by(&sold.s.ann).get(&sold.s.org.at("services/portal/plans")).await.ok();
    let counts: Vec<_> = plans.as_array().unwrap().iter().map(|plan| plan["subscription_count"].as_i64().unwrap()).collect();
    assert_eq!(counts.iter().sum::<i64>(), 1, "counted where it is: {plans}");
});

both!(the_order_of_arrival_does_not_matter, async |app| {
    let sold = Sold::new(app).await;
    // The end arrives before the beginning.
    sold.takes(app, &sold.event("evt_3", "sub_1", "canceled", "price_team", 1020)).await;
    sold.takes(app, &sold.event("evt_1", "sub_1", "active", "price_team", 1000)).await;
    sold.takes(app, &sold.event("evt_2", "sub_1", "active", "price_team", 1020)).await;
    sold.takes(app, &sold.event("evt_4", "sub_1", "active", "price_team", 1030)).await;
    assert_eq!(sold.stands(app).await, is(&sold.team, "canceled"), "what has ended at Stripe does not live again");
    // Another subscription does, if it is newer; that the old one has ended says nothing about it.
    sold.takes(app, &sold.event("evt_5", "sub_0", "active", "price_pro", 900)).await;
    assert_eq!(sold.stands(app).await, is(&sold.team, "canceled"));
    sold.takes(app, &sold.event("evt_6", "sub_2", "trialing", "price_pro", 1040)).await;
    sold.takes(app, &sold.event("evt_7", "sub_1", "canceled", "price_team", 1050)).await;
    assert_eq!(sold.stands(app).await, is(&sold.pro, "trialing"));
    let outcomes = app.count("select count(*) from billing_events where outcome = 'outdated'").await;
    assert_eq!((outcomes, app.count("select count(*) from billing_events where outcome = 'ignored'").await), (4, 1));
});

both!(only_what_this_organizations_secret_signed_counts, async |app| {
    let sold = Sold::new(app).await;
    let bob = app.sign_up("bob@example.com").await;
    let rival = app.create_org(&bob, "rival").await;
    let account = json!({"api_key": "key_1", "webhook_secret": "whsec_of_rival", "mode": "test"});
    app.by(&bob).post(&rival.at("billing-credentials/stripe"), account).await.ok();
    let (path, body) = (sold.path("stripe"), sold.event("evt_1", "sub_1", "active", "price_team", 1000).to_string());
    let refused = |answer: Response| assert_eq!(answer.invalid(&["signature"])["details"][0]["code"], "invalid_signature");
    refused(signed(app, &path, "whsec_of_rival", &body).await);
    refused(signed(app, &format!("/webhooks/stripe/{}", rival.id), STRIPE, &body).await);
    refused(signed(app, "/webhooks/stripe/org_00000000000000000000000000000000", STRIPE, &body).await);
    refused(signed(app, "/webhooks/stripe/org_00000000000000000000000000000000", "", &body).await);
    signed(app, "/webhooks/stripe/acme", STRIPE, &body).await.refused(404, "NOT_FOUND");
    let send = async |header: &str, body: &str| {
        app.client().request(Method::POST, &path).header("stripe-signature", header).body(body).send().await
    };
    let good = timed_signature(STRIPE, app.now(), body.as_bytes());
    refused(send(&good, &format!("{body} ")).await);
    refused(send(&good.replace("v1=", "v0="), &body).await);
    refused(send("", &body).await);
    refused(app.client().request(Method::POST, &path).body(body.clone()).send().await);
    let twice = app.client().request(Method::POST, &path).header("stripe-signature", &good);
    refused(twice.another_header("stripe-signature", &good).body(body.clone()).send().await);
    for away in [TimeDelta::seconds(301), TimeDelta::seconds(-301)] {
        refused(send(&timed_signature(STRIPE, app.now() - away, body.as_bytes()), &body).await);
    }
    assert_eq!((sold.stands(app).await, app.count("select count(*) from billing_events").await), (None, 0));
    let other = timed_signature("whsec_old", app.now(), body.as_bytes());
    let both = format!("{good},{}", other.split_once(',').unwrap().1);
    assert_eq!(send(&both, &body).await.status, 200, "one of several signatures is enough");
    // The rival's events name Acme's user and its price: nothing of Acme's is theirs.
    let other = sold.event("evt_9", "sub_9", "canceled", "price_team", 2000).to_string();
    assert_eq!(signed(app, &format!("/webhooks/stripe/{}", rival.id), "whsec_of_rival", &other).await.status, 200);
    assert_eq!(sold.stands(app).await, is(&sold.team, "active"));
    // A secret that was replaced signs no more.
    let account = json!({"api_key": "key_1", "webhook_secret": "whsec_new", "mode": "test"});
    app.by(&sold.s.ann).post(&sold.s.org.at("billing-credentials/stripe"), account).await.ok();
    refused(signed(app, &path, STRIPE, &body).await);
    app.by(&sold.s.ann).delete(&sold.s.org.at("billing-credentials/stripe")).await.ok();
    refused(signed(app, &path, "whsec_new", &body).await);
});

both!(what_is_about_something_else_is_taken_and_changes_nothing, async |app| {
    let sold = Sold::new(app).await;
    let event = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut event = sold.event(id, "sub_1", "active", "price_team", 1000);
        change(&mut event);
        event
    };
    let harmless = [
        event("evt_1", &|e| e["type"] = json!("invoice.paid")),
        event("evt_2", &|e| e["livemode"] = json!(true)),
        event("evt_3", &|e| e["account"] = json!("acct_1")),
        event("evt_4", &|e| e["data"]["object"]["status"] = json!("dreaming")),
        event("evt_5", &|e| e["data"]["object"]["items"]["data"][0]["price"]["id"] = json!("price_of_somebody")),
        event("evt_6", &|e| e["data"]["object"]["metadata"] = json!({})),
        event("evt_7", &|e| e["data"]["object"]["metadata"]["tenantry_user_id"] = json!(sold.s.ann.id)),
        event("evt_8", &|e| e["data"]["object"]["metadata"]["tenantry_user_id"] = json!("../../usr_1")),
        event("evt_9", &|e| {
            e["data"]["object"]["metadata"]["tenantry_service_id"] = json!("svc_00000000000000000000000000000000");
        }),
        event("evt_10", &|e| e["data"] = json!({})),
    ];
    for event in &harmless {
        sold.takes(app, event).await;
    }
    assert_eq!((sold.stands(app).await, app.count("select count(*) from billing_events").await), (None, 10));
    for odd in ["", "[]", "{}", "{\"id\": 1}", "nonsense", "{\"id\":\"evt\\u0000\",\"type\":\"x\",\"created\":1}"] {
        let answer = signed(app, &sold.path("stripe"), STRIPE, odd).await;
        assert_eq!(answer.status, 400, "{odd}: {answer}");
    }
    let huge = format!("{{\"x\": \"{}\"}}", "x".repeat(300_000));
    assert_eq!(signed(app, &sold.path("stripe"), STRIPE, &huge).await.status, 413);
});

both!(polar_signs_as_standard_webhooks_has_it, async |app| {
    let sold = Sold::new(app).await;
    let path = sold.path("polar");
    let event = |status: &str, modified: &str| {
        json!({"type": "subscription.updated", "timestamp": modified, "data": {
            "id": "8d1f", "status": status, "created_at": "2026-01-01T00:00:00Z", "modified_at": modified, "product_id": PRODUCT,
            "current_period_end": "2031-01-01T00:00:00Z", "metadata": {}, "customer": {"external_id": sold.user},
        }})
        .to_string()
    };
    // As Polar's own library does: its key is the text of the secret.
    let signer = standardwebhooks::Webhook::new(&STANDARD.encode(POLAR)).unwrap();
    let send = async |id: &str, body: &str, at: i64| {
        let signature = signer.sign(id, at, body.as_bytes()).unwrap();
        let request =
            app.client().request(Method::POST, &path).header("webhook-id", id).header("webhook-timestamp", &at.to_string());
        request.header("webhook-signature", &format!("v1,AAAA {signature}")).body(body).send().await
    };
    let now = app.now().with_timezone(&Utc).timestamp();
    send("msg_1", &event("active", "2026-01-02T00:00:00Z"), now).await.ok();
    assert_eq!(sold.stands(app).await, is(&sold.team, "active"));
    send("msg_1", &event("past_due", "2026-01-03T00:00:00Z"), now).await.ok();
    assert_eq!(sold.stands(app).await, is(&sold.team, "active"), "an id counts once");
    send("msg_2", &event("past_due", "2026-01-03T00:00:00Z"), now).await.ok();
    send("msg_3", &event("active", "2026-01-02T12:00:00Z"), now).await.ok();
    assert_eq!(sold.stands(app).await, is(&sold.team, "past_due"));
    send("msg_4", &event("canceled", "2026-01-04T00:00:00Z"), now - 301).await.invalid(&["signature"]);
    let answer = app.client().request(Method::POST, &path).body(event("canceled", "2026-01-04T00:00:00Z")).send().await;
    answer.invalid(&["signature"]);
    send("", &event("canceled", "2026-01-04T00:00:00Z"), now).await.invalid(&["id"]);
    assert_eq!(sold.stands(app).await, is(&sold.team, "past_due"));
});

both!(what_is_remembered_of_calls_is_bounded, async |app| {
    let sold = Sold::new(app).await;
    sold.takes(app, &sold.event("evt_1", "sub_1", "active", "price_team", 1000)).await;
    app.execute("update billing_credentials set received = 10000").await;
    sold.takes(app, &sold.event("evt_2", "sub_1", "past_due", "price_team", 1010)).await;
    assert_eq!(app.count("select count(*) from billing_events").await, 1, "the oldest is forgotten");
    sold.takes(app, &sold.event("evt_1", "sub_1", "active", "price_team", 1000)).await;
    assert_eq!(sold.stands(app).await, is(&sold.team, "past_due"), "and outdated, if it comes again");
});

both!(what_two_services_sell_at_one_price_says_which_it_is, async |app| {
    let sold = Sold::new(app).await;
    let by = app.by(&sold.s.ann);
    let body = json!({"name": "Team", "price_cents": 4900, "currency": "usd", "stripe_price_id": "price_team"});
    let theirs = text(&by.post(&sold.s.org.at("services/shop/plans"), body).await.ok()["plan"]["id"]);
    let of = |id: &str, service: Option<&Value>| {
        let mut event = sold.event(id, "sub_1", "active", "price_team", 1000);
        if let Some(service) = service {
            event["data"]["object"]["metadata"]["tenantry_service_id"] = service.clone();
        }
        event
    };
    sold.takes(app, &of("evt_1", None)).await;
    assert_eq!(app.count("select count(*) from billing_events where outcome = 'unmatched'").await, 1, "it does not say which");
    let services = by.get(&sold.s.org.at("services")).await.ok();
    let id = |slug: &str| {
        let found = services["services"].as_array().unwrap().iter().find(|one| one["service"]["slug"] == slug).cloned();
        found.unwrap_or_else(|| panic!("{services}"))["service"]["id"].clone()
    };
    sold.takes(app, &of("evt_2", Some(&id("shop")))).await;
    assert_eq!(app.count("select count(*) from billing_events where outcome = 'unmatched'").await, 2, "they do not use that");
    sold.takes(app, &of("evt_3", Some(&id("portal")))).await;
    assert_eq!(sold.stands(app).await, is(&sold.team, "active"));
    assert_ne!(sold.team, theirs);
    // Once it is known it stays this service's, and of a price that is no plan's it keeps the plan.
    sold.takes(app, &sold.event("evt_4", "sub_1", "past_due", "price_team", 1010)).await;
    sold.takes(app, &sold.event("evt_5", "sub_1", "trialing", "price_of_nobody", 1020)).await;
    assert_eq!(sold.stands(app).await, is(&sold.team, "trialing"));
});

both!(subscriptions_of_a_suspended_organization_go_on_and_those_of_a_deleted_one_do_not, async |app| {
    let sold = Sold::new(app).await;
    let root = app.platform_owner().await;
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", sold.s.org.id)).await.ok();
    sold.takes(app, &sold.event("evt_1", "sub_1", "active", "price_team", 1000)).await;
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/activate", sold.s.org.id)).await.ok();
    assert_eq!(sold.stands(app).await, is(&sold.team, "active"));
    app.by(&root).delete(&format!("/api/platform/organizations/{}", sold.s.org.id)).await;
    sold.send(app, &sold.event("evt_2", "sub_1", "past_due", "price_team", 1010)).await.invalid(&["signature"]);
    assert_eq!(app.count("select count(*) from billing_events").await, 1);
});

both!(a_user_who_was_removed_has_no_subscription_that_comes_back, async |app| {
    let sold = Sold::new(app).await;
    sold.takes(app, &sold.event("evt_1", "sub_1", "active", "price_team", 1000)).await;
    sold.s.program(app).delete(&format!("/api/service/users/{}", sold.user)).await.done();
    sold.takes(app, &sold.event("evt_2", "sub_1", "past_due", "price_team", 1010)).await;
    assert_eq!((sold.stands(app).await, app.count("select count(*) from subscriptions").await), (None, 0));
    assert_eq!(app.count("select count(*) from billing_events where outcome = 'unmatched'").await, 1);
});
