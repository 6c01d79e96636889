//! What the platform's own payment provider says: each call counts once, none takes back what was said later, and what an organization has
//! bought is its tier.

use chrono::TimeDelta;
use crypto::webhook::timed_signature;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Cashier, Options, Org, TestApp, User};

use super::{billed, billed_by_polar, told};

const SECRET: &str = "whsec_platform";

fn selling(options: Options) -> Options {
    let tiers = "price_pro = tier_pro,price_max = tier_enterprise,product_pro = tier_pro";
    options.set("billing.webhook_secret", SECRET).set("billing.tiers", tiers)
}

/// An organization that is the provider's first customer.
struct Buyer {
    ann: User,
    org: Org,
}

impl Buyer {
    async fn new(app: &TestApp) -> Self {
        let ann = app.sign_up("ann@example.com").await;
        let org = app.create_org(&ann, "acme").await;
        let buyer = Self { ann, org };
        buyer.opens_the_portal(app).await;
        buyer
    }
    async fn opens_the_portal(&self, app: &TestApp) {
        let back = json!({"return_url": "https://app.example.com/billing"});
        app.by(&self.ann).post(&self.org.at("billing/portal"), back).await.ok();
    }
    async fn tier(&self, app: &TestApp) -> Value {
        app.by(&self.ann).get(&self.org.path).await.ok()["organization"]["tier_id"].clone()
    }
    /// What the organization is shown to have bought: where that stands, and the tier that it pays for.
    async fn bought(&self, app: &TestApp) -> (Value, Value) {
        let info = app.by(&self.ann).get(&self.org.at("billing/info")).await.ok();
        (info["subscription"]["status"].clone(), info["subscription"]["tier_id"].clone())
    }
    async fn told(&self, app: &TestApp, action: &str) -> Vec<Value> {
        app.worker().await;
        let log = app.by(&self.ann).get(&self.org.at(&format!("audit-log?action={action}"))).await.ok();
        log["logs"].as_array().unwrap().clone()
    }
}

/// What Stripe says of a subscription so many seconds after the start.
fn event(id: &str, sub: &str, status: &str, price: &str, at: i64) -> Value {
    json!({
        "id": id, "object": "event", "type": "customer.subscription.updated", "livemode": false, "created": at,
        "data": {"object": {
            "id": sub, "object": "subscription", "status": status, "customer": "cus_1", "metadata": {},
            "items": {"data": [{"current_period_end": 1_900_000_000, "price": {"id": price}}]},
        }},
    })
}

/// What it says of a customer.
fn customer(id: &str, kind: &str, customer: &str) -> Value {
    let object = json!({"id": customer, "object": "customer"});
    json!({"id": id, "object": "event", "type": kind, "livemode": false, "created": 5000, "data": {"object": object}})
}

async fn takes(app: &TestApp, event: &Value) {
    assert_eq!(told(app, "/webhooks/stripe", SECRET, event).await.ok(), json!({"received": true}));
}

fn is(status: &str, tier: Option<&str>) -> (Value, Value) {
    (json!(status), json!(tier))
}

cashier!(what_an_organization_buys_is_its_tier, selling(billed()), async |app: &TestApp, _: &Cashier| {
    let buyer = Buyer::new(app).await;
    assert_eq!(buyer.tier(app).await, "tier_free");
    let first = event("evt_1", "sub_1", "active", "price_pro", 1000);
    takes(app, &first).await;
    assert_eq!((buyer.tier(app).await, buyer.bought(app).await), (json!("tier_pro"), is("active", Some("tier_pro"))));
    let info = app.by(&buyer.ann).get(&buyer.org.at("billing/info")).await.ok();
    assert_eq!(info["subscription"]["current_period_end"], "2030-03-17T17:46:40.000000Z");
    takes(app, &first).await;
    join_all((0..5).map(|_| takes(app, &first))).await;
    takes(app, &event("evt_2", "sub_1", "past_due", "price_max", 1010)).await;
    takes(app, &first).await;
    assert_eq!(buyer.tier(app).await, "tier_enterprise", "a late payment is the provider's to collect");
    takes(app, &event("evt_3", "sub_1", "unpaid", "price_max", 1020)).await;
    assert_eq!((buyer.tier(app).await, buyer.bought(app).await), (json!("tier_free"), is("unpaid", None)));
    takes(app, &event("evt_4", "sub_1", "active", "price_max", 1030)).await;
    takes(app, &event("evt_5", "sub_1", "canceled", "price_max", 1040)).await;
    assert_eq!((buyer.tier(app).await, buyer.bought(app).await), (json!("tier_free"), is("canceled", None)));
    let moves = buyer.told(app, "organization.tier_updated").await;
    assert_eq!(moves.len(), 5, "each once");
    assert_eq!(moves[0]["actor_id"], "stripe");
    assert_eq!(buyer.told(app, "billing_account.updated").await.len(), 5);
    assert_eq!(app.count("select count(*) from platform_billing_events").await, 5);
    assert_eq!(app.count("select count(*) from platform_billing_events where outcome = 'applied'").await, 5);
});

cashier!(the_order_of_arrival_does_not_matter, selling(billed()), async |app: &TestApp, _: &Cashier| {
    let buyer = Buyer::new(app).await;
    takes(app, &event("evt_2", "sub_1", "active", "price_max", 1010)).await;
    takes(app, &event("evt_1", "sub_1", "active", "price_pro", 1000)).await;
    takes(app, &event("evt_0", "sub_1", "incomplete", "price_max", 1010)).await;
    // What says nothing new is the newest all the same.
    takes(app, &event("evt_2b", "sub_1", "active", "price_max", 1014)).await;
    takes(app, &event("evt_2a", "sub_1", "unpaid", "price_max", 1012)).await;
    assert_eq!(
        (buyer.tier(app).await, buyer.bought(app).await),
        (json!("tier_enterprise"), is("active", Some("tier_enterprise")))
    );
    takes(app, &event("evt_4", "sub_1", "canceled", "price_max", 1020)).await;
    takes(app, &event("evt_3", "sub_1", "active", "price_max", 1015)).await;
    takes(app, &event("evt_5", "sub_1", "active", "price_max", 1030)).await;
    assert_eq!(buyer.tier(app).await, "tier_free", "what has ended does not live again");
    takes(app, &event("evt_6", "sub_2", "trialing", "price_pro", 1040)).await;
    takes(app, &event("evt_7", "sub_1", "canceled", "price_max", 1050)).await;
    assert_eq!(buyer.tier(app).await, "tier_pro", "another one's end says nothing");
});

cashier!(a_tier_is_only_taken_by_what_gave_it, selling(billed()), async |app: &TestApp, _: &Cashier| {
    let buyer = Buyer::new(app).await;
    takes(app, &event("evt_1", "sub_1", "active", "price_pro", 1000)).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &buyer.org).await;
    takes(app, &event("evt_2", "sub_1", "past_due", "price_pro", 1010)).await;
    takes(app, &event("evt_3", "sub_1", "canceled", "price_pro", 1020)).await;
    assert_eq!(buyer.tier(app).await, "tier_enterprise", "the platform's owner gave it");
    takes(app, &event("evt_4", "sub_2", "active", "price_pro", 1030)).await;
    assert_eq!(buyer.tier(app).await, "tier_pro", "what is bought now counts");
    // Suspension is the platform's; what is bought meanwhile is there afterwards.
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", buyer.org.id)).await.ok();
    takes(app, &event("evt_5", "sub_2", "active", "price_max", 1040)).await;
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/activate", buyer.org.id)).await.ok();
    assert_eq!(buyer.tier(app).await, "tier_enterprise");
});

cashier!(only_what_is_genuine_counts, selling(billed()), async |app: &TestApp, _: &Cashier| {
    let buyer = Buyer::new(app).await;
    let bought = event("evt_1", "sub_1", "active", "price_pro", 1000);
    for path in ["/webhooks/stripe", "/webhooks/billing"] {
        told(app, path, "whsec_wrong", &bought).await.invalid(&["signature"]);
        let body = bought.to_string();
        let send = async |header: &str, body: &str| {
            app.client().request(Method::POST, path).header("stripe-signature", header).body(body.to_owned()).send().await
        };
        for away in [TimeDelta::seconds(301), TimeDelta::seconds(-301)] {
            send(&timed_signature(SECRET, app.now() - away, body.as_bytes()), &body).await.invalid(&["signature"]);
        }
        let good = timed_signature(SECRET, app.now(), body.as_bytes());
        send(&good, &body.replace("price_pro", "price_max")).await.invalid(&["signature"]);
        app.client().request(Method::POST, path).body(body).send().await.invalid(&["signature"]);
    }
    assert_eq!((buyer.tier(app).await, app.count("select count(*) from platform_billing_events").await), (json!("tier_free"), 0));
    // At an organization's own address it is nobody's.
    told(app, &format!("/webhooks/stripe/{}", buyer.org.id), SECRET, &bought).await.invalid(&["signature"]);
    for odd in ["", "[]", "{}", "nonsense", "{\"id\":\"evt\\u0000\",\"type\":\"x\",\"created\":1}"] {
        let header = timed_signature(SECRET, app.now(), odd.as_bytes());
        let request = app.client().request(Method::POST, "/webhooks/stripe").header("stripe-signature", &header);
        let answer = request.body(odd).send().await;
        assert_eq!(answer.status, 400, "{odd}: {answer}");
    }
    told(app, "/webhooks/billing", SECRET, &bought).await.ok();
    assert_eq!(buyer.tier(app).await, "tier_pro");
});

cashier!(what_is_about_something_else_changes_nothing, selling(billed()), async |app: &TestApp, _: &Cashier| {
    let buyer = Buyer::new(app).await;
    let changed = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut event = event(id, "sub_1", "active", "price_pro", 1000);
        change(&mut event);
        event
    };
    let mut connected = customer("evt_10", "customer.deleted", "cus_1");
    connected["account"] = json!("acct_1");
    let harmless = [
        changed("evt_1", &|e| e["type"] = json!("invoice.paid")),
        changed("evt_2", &|e| e["livemode"] = json!(true)),
        changed("evt_3", &|e| e["account"] = json!("acct_1")),
        changed("evt_4", &|e| e["data"]["object"]["customer"] = json!("cus_of_somebody")),
        changed("evt_5", &|e| e["data"]["object"]["items"]["data"][0]["price"]["id"] = json!("price_of_support")),
        changed("evt_6", &|e| e["data"]["object"]["customer"] = Value::Null),
        changed("evt_7", &|e| e["data"]["object"]["status"] = json!("dreaming")),
        customer("evt_8", "customer.updated", "cus_1"),
        customer("evt_9", "customer.deleted", "cus_of_somebody"),
        connected,
    ];
    for event in &harmless {
        takes(app, event).await;
    }
    assert_eq!((buyer.tier(app).await, buyer.bought(app).await), (json!("tier_free"), (Value::Null, Value::Null)));
    assert_eq!(app.count("select count(*) from platform_billing_events where outcome in ('ignored', 'unmatched')").await, 10);
    assert_eq!(app.by(&buyer.ann).get(&buyer.org.at("billing/info")).await.ok()["has_billing_account"], true);
});

cashier!(a_customer_that_is_no_more_has_bought_nothing, selling(billed()), async |app: &TestApp, cashier: &Cashier| {
    let buyer = Buyer::new(app).await;
    takes(app, &event("evt_1", "sub_1", "active", "price_pro", 1000)).await;
    for id in ["evt_2", "evt_2", "evt_3"] {
        takes(app, &customer(id, "customer.deleted", "cus_1")).await;
        assert_eq!(buyer.tier(app).await, "tier_free");
    }
    let info = app.by(&buyer.ann).get(&buyer.org.at("billing/info")).await.ok();
    assert_eq!(
        (&info["has_billing_account"], &info["provider"], &info["subscription"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    takes(app, &event("evt_4", "sub_1", "active", "price_pro", 9000)).await;
    assert_eq!(buyer.tier(app).await, "tier_free", "it comes too late");
    // The next customer is another one: a provider that is asked by the same name would answer the one that is gone.
    buyer.opens_the_portal(app).await;
    let names: Vec<_> = cashier.take().into_iter().filter_map(|asked| asked.once).collect();
    assert!(names.len() == 2 && names[0] != names[1], "{names:?}");
    let mut again = event("evt_5", "sub_2", "active", "price_pro", 100);
    again["data"]["object"]["customer"] = json!("cus_2");
    takes(app, &again).await;
    assert_eq!(buyer.tier(app).await, "tier_pro", "what was told of another customer is no measure");
    for (action, times) in [("billing_account.created", 2), ("billing_account.deleted", 1)] {
        assert_eq!(buyer.told(app, action).await.len(), times, "{action}");
    }
});

cashier!(a_deleted_organization_is_nobody, selling(billed()), async |app: &TestApp, _: &Cashier| {
    let buyer = Buyer::new(app).await;
    app.by(&buyer.ann).delete(&buyer.org.path).await.done();
    takes(app, &event("evt_1", "sub_1", "active", "price_pro", 1000)).await;
    assert_eq!(app.count("select count(*) from platform_billing_events where outcome = 'unmatched'").await, 1);
    app.advance(TimeDelta::days(400));
    app.worker().await;
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from billing_accounts").await, 0, "it goes with its organization");
    assert_eq!(app.count("select count(*) from platform_billing_events").await, 0, "and calls are forgotten");
});

cashier!(polar_says_the_same_in_its_own_words, selling(billed_by_polar()), async |app: &TestApp, _: &Cashier| {
    let buyer = Buyer::new(app).await;
    let says = async |id: &str, kind: &str, data: Value| {
        let body = json!({"type": kind, "timestamp": "2026-01-05T00:00:00Z", "data": data}).to_string();
        let signer = standardwebhooks::Webhook::new(&base64(SECRET)).unwrap();
        let at = app.now().timestamp();
        let signature = signer.sign(id, at, body.as_bytes()).unwrap();
        let request = app.client().request(Method::POST, "/webhooks/billing").header("webhook-id", id);
        let request = request.header("webhook-timestamp", &at.to_string()).header("webhook-signature", &signature);
        request.body(body).send().await.ok()
    };
    let subscription = |status: &str, modified: &str| {
        json!({"id": "8d1f", "status": status, "created_at": "2026-01-01T00:00:00Z", "modified_at": modified, "product_id": "product_pro",
            "customer_id": "77aa-1", "current_period_end": "2031-01-01T00:00:00Z", "metadata": {}})
    };
    says("msg_1", "subscription.active", subscription("active", "2026-01-02T00:00:00Z")).await;
    assert_eq!((buyer.tier(app).await, buyer.bought(app).await), (json!("tier_pro"), is("active", Some("tier_pro"))));
    says("msg_1", "subscription.updated", subscription("canceled", "2026-01-03T00:00:00Z")).await;
    assert_eq!(buyer.tier(app).await, "tier_pro", "an id counts once");
    says("msg_2", "subscription.revoked", subscription("canceled", "2026-01-03T00:00:00Z")).await;
    assert_eq!(buyer.tier(app).await, "tier_free");
    says("msg_3", "customer.deleted", json!({"id": "77aa-1", "email": "ann@example.com"})).await;
    assert_eq!(app.by(&buyer.ann).get(&buyer.org.at("billing/info")).await.ok()["has_billing_account"], false);
    // Stripe's signature is none of Polar's, whatever secret it was made with.
    told(app, "/webhooks/stripe", SECRET, &event("evt_1", "sub_1", "active", "price_pro", 1000)).await.invalid(&["signature"]);
});

fn base64(text: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
}
