//! What an organization decides about its log: how long it is kept, and whose content is erased from it.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Options, Org, Receiver, TestApp, User, both, text};

use super::{actions, eventful};
use crate::core::shapes::has_exactly;

async fn log(app: &TestApp, who: &User, org: &Org) -> Vec<Value> {
    app.by(who).get(&org.at("audit-log?limit=100")).await.ok()["logs"].as_array().unwrap().clone()
}

/// Does everything in the background, the erasures that were ordered as well.
async fn settle(app: &TestApp) {
    app.worker().await;
    app.run_jobs().await;
    app.worker().await;
}

both!(an_organization_chooses_how_long_its_log_is_kept, Options::default().set("retention.events_max_days", 1000), async |app| {
    let (ann, org, _) = eventful(app).await;
    let path = org.at("audit-log/retention");
    let admin = app.member(&ann, "acme", "cy@example.com", "admin").await;
    let shown = app.by(&admin).get(&path).await.ok();
    has_exactly(&shown, &["days", "effective_days", "default_days", "min_days", "max_days"]);
    assert_eq!(shown, json!({"days": null, "effective_days": 365, "default_days": 365, "min_days": 30, "max_days": 1000}));
    let by = app.by(&ann);
    let set = by.put(&path, json!({"days": 90})).await.ok();
    assert_eq!((&set["days"], &set["effective_days"]), (&json!(90), &json!(90)));
    assert_eq!(by.get(&path).await.ok(), set);
    by.put(&path, json!({"days": 90})).await.ok();
    assert_eq!(by.put(&path, json!({"days": null})).await.ok()["effective_days"], 365);
    by.put(&path, json!({"days": null})).await.ok();
    let told: Vec<Value> = log(app, &ann, &org)
        .await
        .into_iter()
        .filter(|log| log["action"] == "audit_log.retention_updated")
        .map(|log| log["metadata"]["days"].clone())
        .collect();
    assert_eq!(told, [Value::Null, json!(90)], "what changes nothing is no event");
    for bad in
        [json!({}), json!({"days": 29}), json!({"days": 1001}), json!({"days": -1}), json!({"days": "90"}), json!({"days": 1.5})]
    {
        by.put(&path, bad).await.invalid(&["days"]);
    }
    app.by(&admin).put(&path, json!({"days": 90})).await.refused(403, "FORBIDDEN");
    let olga = app.sign_up("olga@example.com").await;
    app.create_org(&olga, "other").await;
    for request in [app.by(&olga).get(&path).await, app.by(&olga).put(&path, json!({"days": 90})).await] {
        request.refused(403, "FORBIDDEN");
    }
});

both!(old_records_go_in_sealed_segments_and_only_where_that_was_chosen, async |app| {
    let (ann, org, _) = eventful(app).await;
    let olga = app.sign_up("olga@example.com").await;
    let other = app.create_org(&olga, "other").await;
    app.by(&ann).put(&org.at("audit-log/retention"), json!({"days": 30})).await.ok();
    settle(app).await;
    let first = text(&log(app, &ann, &org).await[0]["id"]);
    app.advance(TimeDelta::days(20));
    let ann = app.again(&ann).await;
    app.by(&ann).patch(&org.path, json!({"name": "Acme 3"})).await.ok();
    settle(app).await;
    assert_eq!(log(app, &ann, &org).await.len(), 9, "nothing is old enough");
    app.advance(TimeDelta::days(11));
    let (ann, olga) = (app.again(&ann).await, app.again(&olga).await);
    settle(app).await;
    let left = app.by(&ann).get(&org.at("audit-log")).await.ok();
    assert_eq!(actions(&left), ["organization.updated"]);
    assert_eq!(log(app, &olga, &other).await.len(), 1, "the platform keeps it for a year");
    app.by(&ann).get(&org.at(&format!("audit-log/{first}/proof"))).await.refused(404, "NOT_FOUND");
    app.by(&ann).get(&org.at(&format!("audit-log/{}/proof", text(&left["logs"][0]["id"])))).await.ok();
    assert_eq!(app.by(&ann).get(&org.at("audit-log/checkpoints")).await.ok()["pagination"]["total"], 2, "the anchor's is kept");
    // What is old but not sealed stays until it is.
    app.by(&ann).patch(&org.path, json!({"name": "Acme 4"})).await.ok();
    app.worker().await;
    app.advance(TimeDelta::days(40));
    #[expect(clippy::disallowed_methods, reason = "a test is its own job")]
    let scope = domain::authorization::policy::SystemScope::job("test");
    let purged = app.deps.store.purge(scope, app.now(), &app.deps.settings.retention, 100).await;
    assert!(purged.error.is_none(), "{purged:?}");
    let ann = app.again(&ann).await;
    assert_eq!(actions(&app.by(&ann).get(&org.at("audit-log")).await.ok()), ["organization.updated"]);
});

/// What is left of Bob in the organization's records.
async fn traces(app: &TestApp, org: &Org, names: &[&str]) -> i64 {
    let id = match app.database {
        tenantry_tests::Database::Sqlite => format!("x'{}'", &org.id[4..]),
        tenantry_tests::Database::Postgres => format!("'{}'", &org.id[4..]),
    };
    let columns = "coalesce(actor_id, '') || coalesce(actor_email, '') || target_id || metadata || body";
    let named: Vec<_> = names.iter().map(|name| format!("{columns} like '%{name}%'")).collect();
    app.count(&format!("select count(*) from events where org_id = {id} and ({})", named.join(" or "))).await
}

both!(a_person_is_erased_from_all_records_of_one_organization, async |app| {
    let (ann, org, bob) = eventful(app).await;
    let other = app.create_org(&ann, "other").await;
    app.invite_and_join(&ann, "other", &bob, "member").await;
    settle(app).await;
    let names = ["bob@example.com", bob.id.as_str()];
    let (before, elsewhere) = (log(app, &ann, &org).await, traces(app, &other, &names).await);
    assert!(traces(app, &org, &names).await == 5 && elsewhere > 0);
    let order = json!({"user_id": bob.id, "email": "Bob@example.com"});
    let ordered = app.by(&ann).post(&org.at("audit-log/erase"), order).await.ok();
    has_exactly(&ordered, &["erasure_id", "status"]);
    settle(app).await;
    assert_eq!(traces(app, &org, &names).await, 0);
    assert_eq!(traces(app, &other, &names).await, elsewhere, "another organization's log is its own");
    let mut after = log(app, &ann, &org).await;
    let done = after.remove(0);
    assert_eq!(
        (&done["action"], &done["metadata"]["count"], &done["actor_id"]),
        (&json!("audit_log.erased"), &json!(5), &json!("erasure"))
    );
    assert_eq!(done["target_id"], ordered["erasure_id"]);
    let requested = after.remove(0);
    assert_eq!((&requested["action"], &requested["actor_id"]), (&json!("audit_log.erasure_requested"), &json!(ann.id)));
    assert_eq!(after.len(), before.len());
    for (was, is) in before.iter().zip(&after) {
        for kept in ["id", "action", "created_at", "success", "organization_id"] {
            assert_eq!(was[kept], is[kept]);
        }
        let untouched = matches!(is["action"].as_str().unwrap(), "organization.created" | "organization.updated");
        assert_eq!(was == is, untouched, "{is}");
        if !untouched {
            assert_eq!((&is["actor_id"], &is["metadata"]), (&json!("erased"), &json!({"erased": true})));
            assert!(is.get("ip_address").is_none() && is.get("user_agent").is_none());
        }
    }
    assert_eq!(app.count("select count(*) from erasures").await, 0, "the order, which names him, is gone as well");
    assert_eq!(app.count("select count(*) from events where digest is not null and salt is not null").await, 0);
});

both!(only_an_owner_erases_and_says_whom, async |app| {
    let (ann, org, bob) = eventful(app).await;
    let admin = app.member(&ann, "acme", "cy@example.com", "admin").await;
    let olga = app.sign_up("olga@example.com").await;
    app.create_org(&olga, "other").await;
    let path = org.at("audit-log/erase");
    for who in [&admin, &olga] {
        app.by(who).post(&path, json!({"user_id": bob.id})).await.refused(403, "FORBIDDEN");
    }
    let by = app.by(&ann);
    by.post(&path, json!({})).await.invalid(&["user_id"]);
    by.post(&path, json!({"user_id": "bob", "email": "bob"})).await.invalid(&["user_id", "email"]);
    by.post(&path, json!({"user_id": org.id})).await.invalid(&["user_id"]);
    let once = || by.request(Method::POST, &path).header("idempotency-key", "once").json(&json!({"user_id": bob.id})).send();
    let (first, again) = (once().await.ok(), once().await.ok());
    assert_eq!(first, again);
    assert_eq!(app.count("select count(*) from erasures").await, 1);
    for _ in 1..20 {
        by.post(&path, json!({"user_id": bob.id})).await.ok();
    }
    by.post(&path, json!({"user_id": bob.id})).await.refused_as(400, "BAD_REQUEST", "too_many_erasures");
    settle(app).await;
    assert_eq!(app.count("select count(*) from erasures").await, 0);
    by.post(&path, json!({"user_id": bob.id})).await.ok();
});

both!(what_still_waits_is_sent_without_the_content, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let receiver = Receiver::start().await;
    let hook = json!({"name": "Hook", "url": receiver.url, "events": ["user.invited"]});
    let hook = text(&app.by(&ann).post(&org.at("webhooks"), hook).await.ok()["id"]);
    receiver.answers_once(&[500]);
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    let event = text(&log(app, &ann, &org).await[0]["id"]);
    app.by(&ann).post(&org.at("audit-log/erase"), json!({"email": "bob@example.com"})).await.ok();
    settle(app).await;
    receiver.take();
    app.advance(TimeDelta::minutes(5));
    app.worker().await;
    let sent = receiver.received();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].header("webhook-id"), event, "it is the same event");
    has_exactly(&sent[0].json(), &["event", "timestamp", "organization_id", "erased"]);
    let shown = app.by(&ann).get(&org.at(&format!("webhooks/{hook}/deliveries"))).await.ok();
    assert_eq!(shown["deliveries"][0]["payload"], sent[0].json());
    assert_eq!(shown["deliveries"][0]["attempt_count"], 2);
});
