//! The secrets of a key: how one is sent, how long it works, and who has seen it.

use chrono::TimeDelta;

use super::*;

async fn rotate(app: &TestApp, by: &User, keyed: &Keyed, grace: Option<i64>) -> tenantry_tests::Response {
    let body = grace.map_or(json!({}), |seconds| json!({"grace_seconds": seconds}));
    app.by(by).post(&format!("{}/rotate", keyed.path()), body).await
}

async fn works(app: &TestApp, keyed: &Keyed, secret: &str) -> bool {
    match app.client().bearer(secret).get(&keyed.org.path).await {
        answer if answer.status == 200 => true,
        answer => {
            answer.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
            false
        }
    }
}

both!(a_secret_is_sent_in_either_header_but_not_in_both, async |app| {
    let keyed = keyed(app, &[]).await;
    let request = || app.client().request(reqwest::Method::GET, &keyed.org.path);
    let bearer = format!("Bearer {}", keyed.secret);
    request().header("x-api-key", &keyed.secret).send().await.ok();
    request().header("authorization", &bearer).send().await.ok();
    for (name, two) in [
        ("both headers", request().header("x-api-key", &keyed.secret).header("authorization", &bearer)),
        (
            "a session beside it",
            request().header("x-api-key", &keyed.secret).header("authorization", &format!("Bearer {}", keyed.ann.access)),
        ),
        ("twice", request().header("x-api-key", &keyed.secret).another_header("x-api-key", &keyed.secret)),
        ("another scheme", request().header("authorization", &format!("Basic {}", keyed.secret))),
        ("a session as a key", request().header("x-api-key", &keyed.ann.access)),
        ("nothing", request().header("x-api-key", "")),
        ("cut off", request().header("x-api-key", &keyed.secret[..40])),
        ("unknown", request().header("x-api-key", &format!("key_{}", "A".repeat(43)))),
    ] {
        let answer = two.send().await;
        assert_eq!(answer.status, 401, "{name}: {answer}");
    }
});

both!(after_a_rotation_two_secrets_work_until_the_grace_ends, async |app| {
    let keyed = keyed(app, &[]).await;
    let made = rotate(app, &keyed.ann, &keyed, Some(600)).await.ok();
    let new = text(&made["secret"]);
    has_exactly(&made, &[SHOWN, &["secret", "old_secret_until"]].concat());
    assert!(new != keyed.secret && new.starts_with(made["prefix"].as_str().unwrap()));
    assert!(works(app, &keyed, &keyed.secret).await && works(app, &keyed, &new).await);
    // A third would have to end one that works.
    rotate(app, &keyed.ann, &keyed, Some(600)).await.refused_as(400, "BAD_REQUEST", "too_many_secrets");
    app.advance(TimeDelta::seconds(600));
    let ann = app.again(&keyed.ann).await;
    assert!(!works(app, &keyed, &keyed.secret).await && works(app, &keyed, &new).await);
    let third = text(&rotate(app, &ann, &keyed, None).await.ok()["secret"]);
    assert!(works(app, &keyed, &new).await && works(app, &keyed, &third).await);
    let events = recorded(app, &ann, &keyed.org, "api_key.rotated").await;
    assert_eq!(events.iter().map(|event| &event["metadata"]["grace_seconds"]).collect::<Vec<_>>(), [&json!(86_400), &json!(600)]);
});

both!(without_a_grace_every_old_secret_ends_at_once, async |app| {
    let keyed = keyed(app, &[]).await;
    let second = text(&rotate(app, &keyed.ann, &keyed, None).await.ok()["secret"]);
    let third = text(&rotate(app, &keyed.ann, &keyed, Some(0)).await.ok()["secret"]);
    assert!(!works(app, &keyed, &keyed.secret).await && !works(app, &keyed, &second).await);
    assert!(works(app, &keyed, &third).await);
    for grace in [-1, 604_801] {
        rotate(app, &keyed.ann, &keyed, Some(grace)).await.invalid(&["grace_seconds"]);
    }
});

both!(a_key_works_until_it_expires, async |app| {
    let keyed = keyed(app, &[]).await;
    app.by(&keyed.ann).patch(&keyed.path(), json!({"expires_at": "2026-11-23T09:05:00Z"})).await.ok();
    app.advance(TimeDelta::seconds(299));
    assert!(works(app, &keyed, &keyed.secret).await);
    app.advance(TimeDelta::seconds(1));
    assert!(!works(app, &keyed, &keyed.secret).await);
    // Nor after a minute, when it is looked up again.
    app.advance(TimeDelta::minutes(2));
    assert!(!works(app, &keyed, &keyed.secret).await);
    app.by(&keyed.ann).patch(&keyed.path(), json!({"expires_at": null})).await.ok();
    assert!(works(app, &keyed, &keyed.secret).await);
});

both!(a_key_is_used_from_its_networks_only, async |app| {
    let keyed = keyed(app, &["org.settings.manage"]).await;
    let allow = async |networks: Value| app.by(&keyed.ann).patch(&keyed.path(), json!({"allowed_networks": networks})).await.ok();
    keyed.program(app).get(&keyed.org.path).await.ok();
    allow(json!(["203.0.113.0/24"])).await;
    keyed.program(app).get(&keyed.org.path).await.refused_as(403, "FORBIDDEN", "network_not_allowed");
    let renamed = json!({"name": "Mine"});
    keyed.program(app).patch(&keyed.org.path, renamed.clone()).await.refused_as(403, "FORBIDDEN", "network_not_allowed");
    app.advance(TimeDelta::minutes(2));
    keyed.program(app).get(&keyed.org.path).await.refused_as(403, "FORBIDDEN", "network_not_allowed");
    allow(json!(["203.0.113.0/24", "127.0.0.0/8"])).await;
    keyed.program(app).patch(&keyed.org.path, renamed).await.ok();
});

both!(a_key_outlives_its_maker_and_the_removal_names_what_they_have_seen, async |app| {
    let keyed = keyed(app, &["webhooks.manage"]).await;
    let bob = app.member(&keyed.ann, "acme", "bob@example.com", "admin").await;
    let made = make(app, &bob, &keyed.org, json!({"name": "Bob's", "permissions": ["webhooks.manage"]})).await;
    let (rotated, seen) = (make(app, &bob, &keyed.org, json!({"name": "Rotated", "permissions": []})).await, text(&made["id"]));
    let other = keyed.org.at(&format!("api-keys/{}/rotate", text(&rotated["id"])));
    app.by(&keyed.ann).post(&other, json!({"grace_seconds": 0})).await.ok();
    app.by(&keyed.ann).delete(&keyed.org.at(&format!("members/{}", bob.id))).await.done();

    let removed = &recorded(app, &keyed.ann, &keyed.org, "user.removed").await[0];
    assert_eq!(removed["metadata"]["seen_api_keys"], json!([seen]), "not the owner's, nor one that was rotated since");
    app.client().bearer(&text(&made["secret"])).get(&keyed.org.at("webhooks")).await.ok();

    // Nobody who has seen nothing leaves a trace of keys.
    let cy = app.member(&keyed.ann, "acme", "cy@example.com", "member").await;
    app.by(&keyed.ann).delete(&keyed.org.at(&format!("members/{}", cy.id))).await.done();
    assert!(recorded(app, &keyed.ann, &keyed.org, "user.removed").await[0]["metadata"].get("seen_api_keys").is_none());
});
