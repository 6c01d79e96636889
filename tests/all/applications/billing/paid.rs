//! Pages of payment providers: checkout, portal, and what is known of an organization there.

use serde_json::{Value, json};
use tenantry_tests::{Cashier, Options, PAYMENT_KEY, TestApp, User, text};

use super::{billed, billed_by_polar, told};
use crate::{
    applications::service_keys::{ALL, Served},
    core::shapes::has_exactly,
};

const INFO: &[&str] = &["has_billing_account", "provider", "subscription", "active_users"];

/// A service with plans that are sold, and a platform account that uses it.
struct Shop {
    s: Served,
    dana: User,
}

impl Shop {
    async fn new(app: &TestApp) -> Self {
        let s = Served::new(app, ALL).await;
        let dana = app.sign_up("dana@example.com").await;
        crate::applications::end_users::comes_through_the_portal(app, &s, &dana).await;
        let uris = json!({"redirect_uris": ["https://portal.acme.com/callback", "http://localhost:3000/callback"]});
        app.by(&s.ann).patch(&s.org.at("services/portal"), uris).await.ok();
        Self { s, dana }
    }
    async fn plan(&self, app: &TestApp, name: &str, price: Value, product: Value) -> String {
        let body =
            json!({"name": name, "price_cents": 4900, "currency": "usd", "stripe_price_id": price, "polar_product_id": product});
        text(&app.by(&self.s.ann).post(&self.s.org.at("services/portal/plans"), body).await.ok()["plan"]["id"])
    }
    async fn account(&self, app: &TestApp, provider: &str, key: &str) {
        let body = json!({"api_key": key, "webhook_secret": "whsec_1", "mode": "test"});
        app.by(&self.s.ann).post(&self.s.org.at(&format!("billing-credentials/{provider}")), body).await.ok();
    }
    fn path(&self) -> String {
        self.s.org.at("services/portal/checkout")
    }
}

fn wanted(plan: &str) -> Value {
    json!({"plan_id": plan, "success_url": "https://portal.acme.com/paid?s=1", "cancel_url": "https://portal.acme.com/plans"})
}

cashier!(a_user_pays_on_a_page_of_the_organizations_provider, Options::default(), async |app: &TestApp, cashier: &Cashier| {
    let shop = Shop::new(app).await;
    let plan = shop.plan(app, "Team", json!("price_team"), json!("3c1a0f9e-1111-4222-8333-444455556666")).await;
    let free = shop.plan(app, "Gratis", Value::Null, Value::Null).await;
    let by = app.by(&shop.dana);
    by.post(&shop.path(), wanted(&plan)).await.refused_as(400, "BAD_REQUEST", "not_for_sale");
    shop.account(app, "stripe", PAYMENT_KEY).await;
    let made = by.post(&shop.path(), wanted(&plan)).await.ok();
    assert_eq!(made, json!({"checkout_url": "https://checkout.stripe.com/c/pay/cs_test_a1", "session_id": "cs_test_a1"}));
    let asked = &cashier.take()[0];
    let service = text(&shop.s.portal["service"]["id"]);
    for (name, value) in [
        ("mode", "subscription"),
        ("line_items[0][price]", "price_team"),
        ("success_url", "https://portal.acme.com/paid?s=1"),
        ("cancel_url", "https://portal.acme.com/plans"),
        ("customer_email", "dana@example.com"),
        ("subscription_data[metadata][tenantry_user_id]", shop.dana.id.as_str()),
        ("subscription_data[metadata][tenantry_service_id]", service.as_str()),
    ] {
        assert_eq!(asked.fields[name], value, "{name}");
    }
    by.post(&shop.path(), wanted(&free)).await.refused_as(400, "BAD_REQUEST", "not_for_sale");
    // Who pays already would pay twice.
    let paid = json!({"id": "evt_1", "type": "customer.subscription.updated", "created": 1000, "livemode": false, "data": {"object": {
        "id": "sub_1", "object": "subscription", "status": "active", "metadata": {"tenantry_user_id": shop.dana.id},
        "items": {"data": [{"current_period_end": 1_900_000_000, "price": {"id": "price_team"}}]},
    }}});
    told(app, &format!("/webhooks/stripe/{}", shop.s.org.id), "whsec_1", &paid).await.ok();
    by.post(&shop.path(), wanted(&plan)).await.refused_as(400, "BAD_REQUEST", "already_subscribed");
    app.execute("update subscriptions set status = 'canceled'").await;
    app.by(&shop.s.ann).delete(&shop.s.org.at("billing-credentials/stripe")).await.ok();
    shop.account(app, "polar", PAYMENT_KEY).await;
    let made = by.post(&shop.path(), wanted(&plan)).await.ok();
    assert_eq!(made["checkout_url"], "https://sandbox.polar.sh/checkout/polar_c_1");
    assert_eq!(cashier.take()[0].fields["external_customer_id"], shop.dana.id);
});

cashier!(pages_lead_back_to_the_service_alone, Options::default(), async |app: &TestApp, cashier: &Cashier| {
    let shop = Shop::new(app).await;
    let plan = shop.plan(app, "Team", json!("price_team"), Value::Null).await;
    shop.account(app, "stripe", PAYMENT_KEY).await;
    let by = app.by(&shop.dana);
    let to = |url: &str| json!({"plan_id": plan, "success_url": url, "cancel_url": url});
    by.post(&shop.path(), to("http://localhost:3000/paid")).await.ok();
    for odd in [
        "https://evil.example/",
        "http://portal.acme.com/",
        "https://portal.acme.com.evil.example/",
        "https://portal.acme.com@evil.example/",
        "https://portal.acme.com:444/",
        "//portal.acme.com/",
        "javascript:alert(1)",
        "",
    ] {
        by.post(&shop.path(), to(odd)).await.invalid(&["success_url"]);
    }
    let away = json!({"plan_id": plan, "success_url": "https://portal.acme.com/", "cancel_url": "https://evil.example/"});
    by.post(&shop.path(), away).await.invalid(&["cancel_url"]);
    by.post(&shop.path(), json!({})).await.invalid(&["plan_id", "success_url", "cancel_url"]);
    // Whoever does not use the service learns nothing of it; nor does anybody of a plan of another service.
    let eve = app.sign_up("eve@example.com").await;
    let body = wanted("plan_00000000000000000000000000000000");
    let absent = by.post(&shop.path(), body).await.refused(404, "NOT_FOUND");
    for (who, path) in [(&eve, shop.path()), (&shop.s.ann, shop.path()), (&shop.dana, shop.s.org.at("services/shop/checkout"))] {
        let refused = app.by(who).post(&path, wanted(&plan)).await.refused(404, "NOT_FOUND");
        assert_eq!(refused["error"], absent["error"]);
    }
    // Nor does anybody while the organization is suspended.
    app.execute("update organizations set status = 'suspended'").await;
    by.post(&shop.path(), wanted(&plan)).await.refused(404, "NOT_FOUND");
    assert_eq!(cashier.take().len(), 1);
});

cashier!(what_a_provider_refuses_is_told_without_its_words, Options::default(), async |app: &TestApp, cashier: &Cashier| {
    let shop = Shop::new(app).await;
    let gone = shop.plan(app, "Gone", json!("price_gone"), Value::Null).await;
    let by = app.by(&shop.dana);
    shop.account(app, "stripe", "sk_test_wrong").await;
    let refused = by.post(&shop.path(), wanted(&gone)).await.refused(400, "BAD_REQUEST");
    assert!(refused["code"] == "payment_key_refused" && !refused.to_string().contains("sk_test"), "{refused}");
    shop.account(app, "stripe", PAYMENT_KEY).await;
    let refused = by.post(&shop.path(), wanted(&gone)).await.refused(400, "BAD_REQUEST");
    assert_eq!(refused["code"], "payment_refused");
    assert!(refused.to_string().contains("resource_missing") && !refused.to_string().contains("price_gone"), "{refused}");
    for (status, body, (answered, code)) in [
        (429, json!({}), (503, "unavailable")),
        (500, json!({}), (503, "unavailable")),
        (302, json!({}), (400, "payment_refused")),
        (200, json!([]), (400, "payment_answer")),
        (200, json!({"id": "cs_1", "url": "javascript:alert(1)"}), (400, "payment_answer")),
        (200, json!({"id": "cs_1", "url": "http://checkout.example/"}), (400, "payment_answer")),
    ] {
        cashier.refuses(Some((status, body)));
        app.allow_5xx();
        let answer = by.post(&shop.path(), wanted(&gone)).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (answered, Some(code)), "{status}: {answer}");
    }
});

cashier!(an_owner_opens_the_page_on_which_the_organization_pays, billed(), async |app: &TestApp, cashier: &Cashier| {
    let s = Served::new(app, ALL).await;
    let (by, portal) = (app.by(&s.ann), s.org.at("billing/portal"));
    let info = async || {
        let shown = by.get(&s.org.at("billing/info")).await.ok();
        has_exactly(&shown, INFO);
        (shown["has_billing_account"].clone(), shown["provider"].clone(), shown["subscription"].clone())
    };
    assert_eq!(info().await, (json!(false), Value::Null, Value::Null));
    let back = json!({"return_url": "https://app.example.com/billing"});
    assert_eq!(by.post(&portal, back.clone()).await.ok(), json!({"url": "https://billing.stripe.com/p/session/test_1"}));
    assert_eq!(info().await, (json!(true), json!("stripe"), Value::Null));
    let asked = cashier.take();
    assert_eq!(
        asked.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(),
        ["/v1/customers", "/v1/billing_portal/sessions"]
    );
    assert_eq!(
        (&asked[0].fields["metadata[tenantry_organization_id]"], &asked[1].fields["customer"]),
        (&s.org.id, &"cus_1".to_owned())
    );
    by.post(&portal, back.clone()).await.ok();
    assert_eq!(cashier.take().len(), 1, "it is a customer now");
    app.worker().await;
    let log = by.get(&s.org.at("audit-log?action=billing_account.created")).await.ok();
    assert_eq!(log["logs"].as_array().unwrap().len(), 1);
    for odd in ["https://evil.example/", "https://app.example.com.evil.example/", "http://app.example.com/", "billing", ""] {
        by.post(&portal, json!({"return_url": odd})).await.invalid(&["return_url"]);
    }
    by.post(&portal, json!({})).await.invalid(&["return_url"]);
    let admin = app.member(&s.ann, "acme", "admin@example.com", "admin").await;
    app.by(&admin).post(&portal, back).await.refused_as(403, "FORBIDDEN", "missing_permission");
    app.by(&admin).get(&s.org.at("billing/info")).await.ok();
    assert_eq!(cashier.take().len(), 0);
});

cashier!(the_platform_may_bill_through_polar, billed_by_polar(), async |app: &TestApp, cashier: &Cashier| {
    let s = Served::new(app, ALL).await;
    let back = json!({"return_url": "https://app.example.com/billing"});
    let shown = app.by(&s.ann).post(&s.org.at("billing/portal"), back).await.ok();
    assert!(text(&shown["url"]).starts_with("https://sandbox.polar.sh/acme/portal"));
    let asked = cashier.take();
    assert_eq!(asked[0].path, format!("/v1/customers/external/{}", s.org.id));
    assert_eq!((&asked[1].fields["external_id"], &asked[2].fields["customer_id"]), (&s.org.id, &"77aa-1".to_owned()));
    // One that we lost, as after a crash between the provider's answer and our commit, is found again.
    app.execute("delete from billing_accounts").await;
    app.by(&s.ann).post(&s.org.at("billing/portal"), json!({"return_url": "https://app.example.com/billing"})).await.ok();
    assert_eq!(cashier.take()[1].fields["customer_id"], "77aa-1");
    assert_eq!(app.by(&s.ann).get(&s.org.at("billing/info")).await.ok()["provider"], "polar");
});

cashier!(without_a_provider_nobody_is_billed, Options::default(), async |app: &TestApp, cashier: &Cashier| {
    let s = Served::new(app, ALL).await;
    let back = json!({"return_url": "https://app.example.com/billing"});
    app.by(&s.ann).post(&s.org.at("billing/portal"), back).await.refused_as(400, "BAD_REQUEST", "billing_not_configured");
    assert_eq!(app.by(&s.ann).get(&s.org.at("billing/info")).await.ok()["has_billing_account"], false);
    assert_eq!(cashier.take().len(), 0);
});
