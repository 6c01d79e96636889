//! Rotating an endpoint's secret: the old one signs beside the new one until its grace ends.

use crypto::webhook::{Received as Signed, verify_standard};
use reqwest::Method;
use tenantry_tests::{Received, Response};

use super::*;
use crate::delivery::deliveries::{Hooked, hooked};

/// Which of these secrets verify what came.
fn verifying<'s>(app: &TestApp, got: &Received, secrets: &[&'s str]) -> Vec<&'s str> {
    let signed = Signed {
        id: got.header("webhook-id"),
        timestamp: got.header("webhook-timestamp"),
        signature: got.header("webhook-signature"),
    };
    let good = |secret: &&str| verify_standard(&[secret], &signed, &got.body, app.now(), TimeDelta::minutes(5)).is_ok();
    secrets.iter().copied().filter(|secret| good(secret)).collect()
}

async fn rotate(app: &TestApp, hooked: &Hooked, body: Value) -> Response {
    let ann = app.again(&hooked.ann).await;
    app.by(&ann).post(&format!("{}/rotate-secret", hooked.path), body).await
}

/// The next event as it arrives.
async fn next(app: &TestApp, hooked: &Hooked, email: &str) -> Received {
    let ann = app.again(&hooked.ann).await;
    app.invite(&ann, "acme", email, "member").await;
    app.worker().await;
    let [got] = hooked.receiver.take().try_into().expect("one request");
    got
}

both!(two_secrets_sign_until_the_grace_ends_and_then_only_the_new_one, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    let old = hooked.secret.as_str();
    let made = rotate(app, &hooked, json!({"grace_seconds": 3600})).await.ok();
    let new = text(&made["secret"]);
    has_exactly(&made, &[SHOWN, &["secret", "old_secrets_until"]].concat());
    assert!(new.starts_with("whsec_") && new != old);
    let got = next(app, &hooked, "bob@example.com").await;
    assert_eq!(verifying(app, &got, &[old, &new]), [old, &new]);
    let own = format!("sha256={}", crate::delivery::deliveries::hmac(new.as_bytes(), &got.body));
    assert_eq!(got.header("x-webhook-signature"), own, "the contract's header has room for the new one only");
    app.advance(TimeDelta::seconds(3601));
    let got = next(app, &hooked, "cy@example.com").await;
    assert_eq!(verifying(app, &got, &[old, &new]), [&new]);
});

both!(without_a_grace_the_old_ones_end_at_once, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    let first = text(&rotate(app, &hooked, json!({})).await.ok()["secret"]);
    let made = rotate(app, &hooked, json!({"grace_seconds": 0})).await.ok();
    has_exactly(&made, &[SHOWN, &["secret"]].concat());
    let got = next(app, &hooked, "bob@example.com").await;
    assert_eq!(verifying(app, &got, &[&hooked.secret, &first, &text(&made["secret"])]), [&text(&made["secret"])]);
});

both!(what_is_asked_of_a_rotation_is_checked, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    for grace in [json!(-1), json!(604_801), json!("a day"), json!(1.5)] {
        rotate(app, &hooked, json!({"grace_seconds": grace})).await.invalid(&["grace_seconds"]);
    }
    let missing = hooked.org.at("webhooks/whk_00000000000000000000000000000000/rotate-secret");
    app.by(&hooked.ann).post(&missing, json!({})).await.refused(404, "NOT_FOUND");
    let got = next(app, &hooked, "bob@example.com").await;
    assert_eq!(verifying(app, &got, &[&hooked.secret]), [&hooked.secret], "nothing was rotated");
    // Five live secrets are the most; ending them all is always possible.
    for _ in 0..4 {
        rotate(app, &hooked, json!({})).await.ok();
    }
    assert_eq!(rotate(app, &hooked, json!({})).await.refused(400, "BAD_REQUEST")["code"], "too_many_secrets");
    let got = next(app, &hooked, "cy@example.com").await;
    assert_eq!(verifying(app, &got, &[&hooked.secret]), [&hooked.secret], "the first one still signs");
    rotate(app, &hooked, json!({"grace_seconds": 0})).await.ok();
    rotate(app, &hooked, json!({})).await.ok();
});

both!(a_repeated_rotation_rotates_once_and_no_secret_is_stored_or_logged, async |app| {
    let hooked = hooked(app, &["user.invited", "webhook.secret_rotated"]).await;
    let path = format!("{}/rotate-secret", hooked.path);
    let once = async || {
        let request = app.by(&hooked.ann).request(Method::POST, &path).header("idempotency-key", "k1");
        request.json(&json!({})).send().await.ok()
    };
    let (made, again) = (once().await, once().await);
    assert_eq!(made, again);
    app.worker().await;
    let [told] = hooked.receiver.take().try_into().expect("one event");
    assert_eq!((told.event().as_str(), &told.json()["data"]["grace_seconds"]), ("webhook.secret_rotated", &json!(86_400)));
    let stored = app.dump().await;
    for secret in [&hooked.secret, &text(&made["secret"])] {
        assert!(!stored.contains(secret.trim_start_matches("whsec_")), "in the database");
        assert!(!String::from_utf8_lossy(&told.body).contains(secret.as_str()), "in the event");
    }
    for shown in
        [app.by(&hooked.ann).get(&hooked.path).await.ok(), app.by(&hooked.ann).get(&hooked.org.at("webhooks")).await.ok()]
    {
        assert!(!shown.to_string().contains("whsec_"), "{shown}");
    }
});

both!(rotating_at_once_breaks_no_receiver, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    let path = format!("{}/rotate-secret", hooked.path);
    let client = app.by(&hooked.ann);
    let answers = futures::future::join_all((0..4).map(|_| client.post(&path, json!({})))).await;
    let secrets: Vec<_> = answers.into_iter().map(|answer| text(&answer.ok()["secret"])).collect();
    let got = next(app, &hooked, "bob@example.com").await;
    let all: Vec<_> = secrets.iter().map(String::as_str).chain([hooked.secret.as_str()]).collect();
    assert_eq!(verifying(app, &got, &all), all, "whichever the receiver was given");
});

both!(old_secrets_survive_a_rotation_of_the_keys, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    let new = text(&rotate(app, &hooked, json!({})).await.ok()["secret"]);
    let sealed = async || -> (String, String) {
        let row = &app.rows("select secret, old_secrets from webhooks").await[0];
        (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())
    };
    let before = sealed().await;
    app.deps.store.rotate_data_keys(app.now()).await.unwrap();
    let after = sealed().await;
    assert!(before.0 != after.0 && before.1 != after.1, "both are sealed anew");
    let got = next(app, &hooked, "bob@example.com").await;
    assert_eq!(verifying(app, &got, &[&hooked.secret, &new]).len(), 2);
});
