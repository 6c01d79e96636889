//! Webhook endpoints: registered, shown, changed, tested, deleted.

mod circuit;
mod disabling;
mod fairness;
mod history;
mod order;
mod quota;
mod redeliver;
mod rotation;
mod suspension;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Receiver, TestApp, both, text};

use crate::core::shapes::{has, has_exactly};

const SHOWN: &[&str] = &["id", "name", "url", "events", "is_active", "created_at", "updated_at"];

both!(the_secret_is_shown_by_registering_and_never_again, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let receiver = Receiver::start().await;
    let body = json!({"name": "Hook", "url": receiver.url, "events": ["user.joined", "user.removed", "user.joined"]});
    let made = app.by(&ann).post(&org.at("webhooks"), body).await.ok();
    has_exactly(&made, &[SHOWN, &["secret"]].concat());
    assert_eq!((&made["events"], &made["is_active"]), (&json!(["user.joined", "user.removed"]), &json!(true)));
    let secret = text(&made["secret"]);
    assert!(secret.starts_with("whsec_"), "{secret}");
    let path = org.at(&format!("webhooks/{}", text(&made["id"])));
    let list = app.by(&ann).get(&org.at("webhooks")).await.ok();
    has_exactly(&list, &["webhooks", "total"]);
    assert_eq!(list["total"], 1);
    for shown in [
        list["webhooks"][0].clone(),
        app.by(&ann).get(&path).await.ok(),
        app.by(&ann).patch(&path, json!({"name": "Renamed"})).await.ok(),
    ] {
        has_exactly(&shown, SHOWN);
    }
    let stored: String = app.rows("select secret from webhooks").await[0].try_get_by_index(0).unwrap();
    assert!(!stored.contains(secret.trim_start_matches("whsec_")), "sealed at rest");
    let log = app.by(&ann).get(&org.at("audit-log")).await.ok();
    assert!(!log.to_string().contains(&secret), "not in the log");
});

both!(a_new_one_is_checked_in_every_field, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let register = async |body: Value| app.by(&ann).post(&org.at("webhooks"), body).await;
    register(json!({})).await.invalid(&["name", "url", "events"]);
    register(json!({"name": " ", "url": "gopher://x", "events": []})).await.invalid(&["name", "url", "events"]);
    register(json!({"name": 1, "url": 2, "events": 3})).await.invalid(&["name", "url", "events"]);
    for events in [
        json!(["*"]),
        json!(["user.joined", "no.such.event"]),
        json!(["webhook.test.ping"]),
        json!(["siem_config.created"]),
        json!([1]),
        json!("user.joined"),
    ] {
        register(json!({"name": "Hook", "url": "https://example.com/", "events": events})).await.invalid(&["events"]);
    }
    let taken = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.joined"]});
    register(taken.clone()).await.ok();
    assert_eq!(register(taken).await.refused(400, "DUPLICATE_CONSTRAINT")["code"], "webhook_name_taken");
    for spelling in ["HOOK", "ｈｏｏｋ", "Hook\u{a0}"] {
        let taken = json!({"name": spelling, "url": "http://127.0.0.1:9/", "events": ["user.joined"]});
        assert_eq!(register(taken).await.refused(400, "DUPLICATE_CONSTRAINT")["code"], "webhook_name_taken", "{spelling}");
    }
});

both!(t35_addresses_that_are_not_public_are_refused, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let hook = app
        .by(&ann)
        .post(&org.at("webhooks"), json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.joined"]}))
        .await
        .ok();
    let path = org.at(&format!("webhooks/{}", text(&hook["id"])));
    let refused = [
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://172.16.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://0x0a000001/",
        "https://167772161/",
        "https://012.0.0.1/",
        "https://10.1/",
        "https://metadata.google.internal/",
        "http://8.8.8.8/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://user:pass@example.com/",
        "https://example.com/#x",
        "javascript:alert(1)",
        "https://",
        "//example.com",
        "https://exa mple.com/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://198.18.0.1/",
    ];
    for url in refused {
        let body = app
            .by(&ann)
            .post(&org.at("webhooks"), json!({"name": "Other", "url": url, "events": ["user.joined"]}))
            .await
            .invalid(&["url"]);
        assert!(!body.to_string().contains("connection"), "{url}: {body}");
        app.by(&ann).patch(&path, json!({"url": url})).await.invalid(&["url"]);
    }
    assert_eq!(app.by(&ann).get(&path).await.ok()["url"], "http://127.0.0.1:9/");
    assert_eq!(app.by(&ann).get(&org.at("webhooks")).await.ok()["total"], 1);
});

both!(a_change_is_all_or_nothing, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let register = async |name: &str| {
        text(
            &app.by(&ann)
                .post(&org.at("webhooks"), json!({"name": name, "url": "http://127.0.0.1:9/", "events": ["user.joined"]}))
                .await
                .ok()["id"],
        )
    };
    let (one, _) = (register("One").await, register("Two").await);
    let path = org.at(&format!("webhooks/{one}"));
    app.advance(chrono::TimeDelta::seconds(1));
    let changed = app.by(&ann).patch(&path, json!({"events": ["user.removed"], "is_active": false})).await.ok();
    assert_eq!(
        (&changed["name"], &changed["events"], &changed["is_active"]),
        (&json!("One"), &json!(["user.removed"]), &json!(false))
    );
    assert_ne!(changed["updated_at"], changed["created_at"]);
    app.by(&ann).patch(&path, json!({"name": "Two", "is_active": true})).await.refused(400, "DUPLICATE_CONSTRAINT");
    app.by(&ann).patch(&path, json!({"is_active": "yes", "events": [], "name": "x"})).await.invalid(&[
        "is_active",
        "events",
        "name",
    ]);
    assert_eq!(app.by(&ann).get(&path).await.ok(), changed);
    app.by(&ann).delete(&path).await.done();
    app.by(&ann).get(&path).await.refused(404, "NOT_FOUND");
    app.by(&ann).delete(&path).await.refused(404, "NOT_FOUND");
    app.by(&ann).patch(&path, json!({"name": "Three"})).await.refused(404, "NOT_FOUND");
    app.by(&ann).post_empty(&format!("{path}/test")).await.refused(404, "NOT_FOUND");
    app.by(&ann).get(&format!("{path}/deliveries")).await.refused(404, "NOT_FOUND");
});

both!(managing_them_takes_the_capability, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    for rest in ["webhooks", "webhooks/event-types", "webhooks/whk_00000000000000000000000000000000"] {
        app.by(&bob).get(&org.at(rest)).await.refused(403, "FORBIDDEN");
    }
    app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "hooks"})).await.ok();
    app.by(&bob).get(&org.at("webhooks")).await.ok();
    app.by(&bob).get(&org.at("webhooks/event-types")).await.ok();
});

both!(a_test_event_goes_to_the_one_endpoint, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (here, there) = (Receiver::start().await, Receiver::start().await);
    let mut ids = Vec::new();
    for (name, receiver) in [("Here", &here), ("There", &there)] {
        let body = json!({"name": name, "url": receiver.url, "events": ["user.joined"]});
        ids.push(text(&app.by(&ann).post(&org.at("webhooks"), body).await.ok()["id"]));
    }
    let path = org.at(&format!("webhooks/{}", ids[0]));
    let queued = app.by(&ann).post_empty(&format!("{path}/test")).await.ok();
    has_exactly(&queued, &["success", "job_id", "delivery_id"]);
    assert_eq!(queued["success"], true);
    app.worker().await;
    let [ping] = here.received().try_into().expect("one request");
    assert_eq!(
        (ping.event(), ping.header("x-webhook-delivery")),
        ("webhook.test.ping".to_owned(), text(&queued["delivery_id"]).as_str())
    );
    let body = ping.json();
    assert_eq!((&body["organization_id"], &body["actor_user_id"]), (&json!(org.id), &json!(ann.id)));
    // As the contract has it (4.4): the message beside the event, and nothing else.
    has_exactly(&body, &["event", "timestamp", "organization_id", "actor_user_id", "actor_email", "message"]);
    assert!(body["message"].is_string(), "{body}");
    assert!(there.received().is_empty());
    let shown = &app.by(&ann).get(&format!("{path}/deliveries/{}", text(&queued["delivery_id"]))).await.ok();
    let required = [
        "id",
        "webhook_id",
        "webhook_name",
        "event_type",
        "payload",
        "attempt_count",
        "max_attempts",
        "delivered",
        "created_at",
        "updated_at",
    ];
    has(shown, &required, &["response_status_code", "response_body", "next_retry_at", "delivery_error", "attempts"]);
    assert_eq!((&shown["id"], &shown["payload"], &shown["delivered"]), (&queued["delivery_id"], &body, &json!(true)));
    assert_eq!(
        (&shown["response_status_code"], &shown["response_body"], &shown["attempt_count"]),
        (&json!(200), &json!("ok"), &json!(1))
    );
    let listed = app.by(&ann).get(&format!("{path}/deliveries")).await.ok()["deliveries"][0].clone();
    has(&listed, &required, &["response_status_code", "next_retry_at", "delivery_error"]);
});
