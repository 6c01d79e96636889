//! An organization's own accounts at payment providers: their secrets go in and do not come out.

use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

fn account(key: &str) -> Value {
    json!({"api_key": key, "webhook_secret": "whsec_secret", "mode": "test"})
}

both!(an_account_is_set_replaced_and_forgotten, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("billing-credentials/stripe"));
    let none = json!({"configured": false, "provider": "stripe", "mode": null, "enabled": false});
    assert_eq!(by.get(&path).await.ok(), none);
    by.delete(&path).await.refused(404, "NOT_FOUND");
    let answer = by.post(&path, account("sk_test_first")).await.ok();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    assert_eq!(by.get(&path).await.ok(), json!({"configured": true, "provider": "stripe", "mode": "test", "enabled": true}));
    let live = json!({"api_key": "sk_live_second", "webhook_secret": "whsec_other", "mode": "live"});
    by.post(&path, live).await.ok();
    assert_eq!(by.get(&path).await.ok()["mode"], "live");
    let polar = org.at("billing-credentials/polar");
    assert_eq!(by.get(&polar).await.ok()["configured"], false, "the other provider's");
    by.post(&polar, json!({"api_key": "polar_oat_1", "webhook_secret": "polar_whs_1", "mode": "live"})).await.ok();
    let deleted = by.delete(&path).await.ok();
    assert_eq!((&deleted["deleted_count"], deleted["message"].is_string()), (&json!(1), true));
    assert_eq!((by.get(&path).await.ok(), by.get(&polar).await.ok()["configured"].clone()), (none, json!(true)));
    app.worker().await;
    for (action, times) in [("billing_credentials.set", 3), ("billing_credentials.deleted", 1)] {
        let log = by.get(&org.at(&format!("audit-log?action={action}"))).await.ok();
        assert_eq!(log["logs"].as_array().unwrap().len(), times, "{action}");
        assert!(!log.to_string().contains("sk_") && !log.to_string().contains("whsec"), "{log}");
    }
});

both!(what_is_no_account_is_refused, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("billing-credentials/stripe"));
    for provider in ["paddle", "Stripe", "%20"] {
        let path = org.at(&format!("billing-credentials/{provider}"));
        by.post(&path, account("sk_test_1")).await.invalid(&["provider"]);
        by.get(&path).await.invalid(&["provider"]);
        by.delete(&path).await.invalid(&["provider"]);
    }
    by.post(&path, json!({})).await.invalid(&["api_key", "webhook_secret", "mode"]);
    by.post(&path, json!({"api_key": "", "webhook_secret": "a b", "mode": "Test"})).await.invalid(&[
        "api_key",
        "webhook_secret",
        "mode",
    ]);
    let with = |key: &str, mode: &str| json!({"api_key": key, "webhook_secret": "whsec_1", "mode": mode});
    by.post(&path, with("sk_test_1", "live")).await.invalid(&["mode"]);
    by.post(&path, with("rk_live_1", "test")).await.invalid(&["mode"]);
    by.post(&path, with("pk_test_1", "test")).await.invalid(&["api_key"]);
    assert_eq!(by.get(&path).await.ok()["configured"], false);
});

both!(owners_and_whoever_manages_billing_set_it, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "treasurer", &["billing.manage"]).await;
    app.role(&ann, "acme", "settler", &["org.settings.manage"]).await;
    let path = org.at("billing-credentials/stripe");
    for (name, may) in [("treasurer", true), ("admin", true), ("settler", false), ("member", false)] {
        let user = app.member(&ann, "acme", &format!("{name}@example.com"), name).await;
        let answer = app.by(&user).post(&path, account("sk_test_1")).await;
        if may {
            answer.ok();
        } else {
            answer.refused_as(403, "FORBIDDEN", "missing_permission");
        }
    }
    // Where money goes, a person says.
    let body = json!({"name": "CI", "permissions": ["billing.manage"]});
    let key = text(&app.by(&ann).post(&org.at("api-keys"), body).await.ok()["secret"]);
    app.client().bearer(&key).post(&path, account("sk_test_1")).await.refused(403, "FORBIDDEN");
    app.client().bearer(&key).get(&path).await.refused(403, "FORBIDDEN");
    app.by(&root).get(&path).await.refused(403, "FORBIDDEN");
});

both!(whoever_entered_the_secrets_is_listed_with_them, async |app| {
    let (ann, org) = founded(app).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    app.by(&bob).post(&org.at("billing-credentials/stripe"), account("sk_test_1")).await.ok();
    app.by(&ann).post_empty(&org.at(&format!("members/{}", bob.id))).await.done();
    let access = app.by(&ann).get(&org.at(&format!("members/{}/access", bob.id))).await.ok();
    let found = access["access"].as_array().unwrap().iter().find(|one| one["kind"] == "billing_credentials").cloned();
    assert_eq!(found.unwrap_or_else(|| panic!("{access}"))["name"], "stripe");
});
