//! `Idempotency-Key`: a repeated request gets the first one's answer, and nothing happens twice.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Options, Response, TestApp, User, both};

async fn found(app: &TestApp, who: &User, key: &str, body: Value) -> Response {
    app.by(who).request(Method::POST, "/api/organizations").header("idempotency-key", key).json(&body).send().await
}

both!(a_repeated_request_gets_the_first_answer, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let body = json!({"slug": "acme", "name": "Acme"});
    let first = found(app, &ann, "k1", body.clone()).await.ok();
    app.advance(chrono::TimeDelta::seconds(60));
    let second = found(app, &ann, "k1", body.clone()).await.ok();
    assert_eq!(first, second, "tokens included");
    assert_eq!(app.count("select count(*) from organizations").await, 1);
    // Another key is another request.
    found(app, &ann, "k2", body).await.refused(400, "DUPLICATE_CONSTRAINT");
});

both!(a_key_that_comes_back_with_another_body_is_refused, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    found(app, &ann, "k1", json!({"slug": "acme", "name": "Acme"})).await.ok();
    found(app, &ann, "k1", json!({"slug": "other", "name": "Acme"})).await.refused(400, "BAD_REQUEST");
    assert_eq!(app.count("select count(*) from organizations").await, 1);
});

both!(keys_of_different_people_and_operations_are_different_keys, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    found(app, &ann, "k1", json!({"slug": "acme", "name": "Acme"})).await.ok();
    found(app, &bob, "k1", json!({"slug": "bobs", "name": "Bob's"})).await.ok();
    let role = app.by(&ann).request(Method::POST, "/api/organizations/acme/roles").header("idempotency-key", "k1");
    role.json(&json!({"slug": "support", "name": "Support", "permissions": []})).send().await.ok();
    assert_eq!(app.count("select count(*) from organizations").await, 2);
});

both!(a_refused_request_does_not_use_up_its_key, Options::default().set("organizations.max_per_user", 1), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "the-first").await;
    found(app, &ann, "k1", json!({"slug": "acme", "name": "Acme"})).await.refused(400, "BAD_REQUEST");
    app.by(&ann).delete(&org.path).await.done();
    found(app, &ann, "k1", json!({"slug": "acme", "name": "Acme"})).await.ok();
});

both!(many_at_once_do_it_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let answers = join_all((0..8).map(|_| found(app, &ann, "k1", json!({"slug": "acme", "name": "Acme"})))).await;
    let mut answers = answers.into_iter().map(Response::ok);
    let first = answers.next().unwrap();
    assert!(answers.all(|answer| answer == first));
    assert_eq!(app.count("select count(*) from organizations").await, 1);
    assert_eq!(app.count("select count(*) from events where name = 'organization.created'").await, 1);
});

both!(every_creating_operation_takes_a_key, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let receiver = tenantry_tests::Receiver::start().await;
    let hook = json!({"name": "Hook", "url": receiver.url, "events": ["user.joined"]});
    let requests = [
        (org.at("invitations"), json!({"email": "bob@example.com", "role": "member"})),
        (org.at("roles"), json!({"slug": "support", "name": "Support", "permissions": ["webhooks.manage"]})),
        (org.at("webhooks"), hook),
        (org.at("select"), Value::Null),
    ];
    for (path, body) in &requests {
        let send = async || {
            let request = app.by(&ann).request(Method::POST, path).header("idempotency-key", "once");
            if body.is_null() { request.send().await } else { request.json(body).send().await }
        };
        let first = send().await.ok();
        assert_eq!(first, send().await.ok(), "{path}");
    }
    let hook = app.by(&ann).get(&org.at("webhooks")).await.ok()["webhooks"][0]["id"].as_str().unwrap().to_owned();
    let test = async || {
        app.by(&ann)
            .request(Method::POST, &org.at(&format!("webhooks/{hook}/test")))
            .header("idempotency-key", "once")
            .send()
            .await
            .ok()
    };
    assert_eq!(test().await, test().await);
    app.worker().await;
    assert_eq!(receiver.received().len(), 1);
});

both!(a_replay_needs_the_right_to_ask, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let invite = async || {
        let request = app.by(&bob).request(Method::POST, &org.at("invitations")).header("idempotency-key", "k");
        request.json(&json!({"email": "cy@example.com", "role": "member"})).send().await
    };
    invite().await.ok();
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    invite().await.refused(403, "FORBIDDEN");
});

both!(stored_answers_are_sealed_and_keys_have_a_length, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let made = found(app, &ann, "k1", json!({"slug": "acme", "name": "Acme"})).await.ok();
    let stored: String = app.rows("select output from idempotency").await[0].try_get_by_index(0).unwrap();
    let secret = made["refresh_token"].as_str().unwrap();
    assert!(!stored.contains(secret) && !stored.contains("acme"), "{stored}");
    found(app, &ann, &"k".repeat(255), json!({"slug": "two", "name": "Two"})).await.ok();
    found(app, &ann, &"k".repeat(256), json!({"slug": "three", "name": "Three"})).await.invalid(&["Idempotency-Key"]);
    found(app, &ann, "", json!({"slug": "three", "name": "Three"})).await.invalid(&["Idempotency-Key"]);
});
