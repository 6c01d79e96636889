//! Deliveries: what arrives, signed how, and what happens when it does not.

use chrono::TimeDelta;
use domain::{Clock, core::clock::SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tenantry_tests::{Options, Org, Received, Receiver, TestApp, User, both, text};

/// An organization with one endpoint.
pub(crate) struct Hooked {
    pub(crate) ann: User,
    pub(crate) org: Org,
    pub(crate) receiver: Receiver,
    pub(crate) path: String,
    pub(crate) secret: String,
}

/// An organization with one endpoint for `events`.
pub(crate) async fn hooked(app: &TestApp, events: &[&str]) -> Hooked {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let receiver = Receiver::start().await;
    let made = app.by(&ann).post(&org.at("webhooks"), json!({"name": "Hook", "url": receiver.url, "events": events})).await.ok();
    let path = org.at(&format!("webhooks/{}", text(&made["id"])));
    Hooked { ann, org, receiver, path, secret: text(&made["secret"]) }
}

impl Hooked {
    /// Something happens.
    pub(crate) async fn invite(&self, app: &TestApp, email: &str) {
        app.invite(&self.ann, "acme", email, "member").await;
    }
    pub(crate) async fn history(&self, app: &TestApp, query: &str) -> Value {
        let ann = app.again(&self.ann).await;
        app.by(&ann).get(&format!("{}/deliveries{query}", self.path)).await.ok()
    }
    /// The newest delivery, with its attempts and the last answer.
    pub(crate) async fn newest(&self, app: &TestApp) -> Value {
        let (ann, list) = (app.again(&self.ann).await, self.history(app, "?limit=1").await);
        let id = text(&list["deliveries"][0]["id"]);
        app.by(&ann).get(&format!("{}/deliveries/{id}", self.path)).await.ok()
    }
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

both!(what_happened_arrives_with_the_contracts_payload, async |app| {
    let hooked = hooked(app, &["user.invited", "user.joined"]).await;
    let bob = app.sign_up("bob@example.com").await;
    app.invite_and_join(&hooked.ann, "acme", &bob, "member").await;
    // Not subscribed to.
    app.by(&hooked.ann).patch(&hooked.org.path, json!({"name": "Renamed"})).await.ok();
    app.worker().await;
    assert_eq!(hooked.receiver.events(), ["user.invited", "user.joined"]);
    let joined = hooked.receiver.received()[1].json();
    crate::core::shapes::has(
        &joined,
        &["event", "timestamp", "organization_id", "actor_user_id", "actor_email", "target_type", "target_id", "data"],
        &[],
    );
    assert_eq!(
        (&joined["organization_id"], &joined["actor_email"], &joined["target_id"]),
        (&json!(hooked.org.id), &json!("bob@example.com"), &json!(bob.id))
    );
    assert_eq!(joined["data"]["role"], "member");
    app.worker().await;
    assert_eq!(hooked.receiver.received().len(), 2, "and only once");
});

both!(every_signature_header_verifies, Options::default().starting_at(SystemClock.now()), async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let [got]: [Received; 1] = hooked.receiver.received().try_into().expect("one request");
    assert_eq!(got.header("content-type"), "application/json");
    let key = hooked.secret.as_bytes();
    // The contract's own, over the body alone, with the secret's text as the key.
    assert_eq!(got.header("x-webhook-signature"), format!("sha256={}", hmac(key, &got.body)));
    let at = got.header("x-webhook-timestamp");
    assert_eq!(at.parse::<i64>().unwrap(), app.now().timestamp());
    let timed = [at.as_bytes(), b".", got.body.as_slice()].concat();
    assert_eq!(got.header("x-webhook-signature-v1"), format!("t={at},v1={}", hmac(key, &timed)));
    // Standard Webhooks, by the published library.
    let mut headers = http::HeaderMap::new();
    for (name, value) in &got.headers {
        headers.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    let verifier = standardwebhooks::Webhook::new(&hooked.secret).unwrap();
    verifier.verify(&got.body, &headers).expect("the signature verifies");
    let mut forged = got.body.clone();
    forged[10] ^= 1;
    assert!(verifier.verify(&forged, &headers).is_err());
    assert!(standardwebhooks::Webhook::new("whsec_AAAA").unwrap().verify(&got.body, &headers).is_err());
    assert!(got.header("webhook-id").starts_with("evt_"), "{:?}", got.headers);
});

both!(a_failure_is_repeated_with_doubling_waits_and_then_given_up, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers(500);
    hooked.receiver.answers_body("out of order");
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let mut ids = Vec::new();
    for (attempt, wait) in [60, 120, 240, 480, 960].into_iter().enumerate() {
        let shown = hooked.newest(app).await;
        assert_eq!((&shown["attempt_count"], &shown["delivered"]), (&json!(attempt + 1), &json!(false)));
        assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(attempt + 1), "{shown}");
        assert_eq!((&shown["response_status_code"], &shown["response_body"]), (&json!(500), &json!("out of order")));
        assert!(shown["delivery_error"].is_string() && shown["next_retry_at"].is_string(), "{shown}");
        // Up to a tenth of jitter is added, never taken off.
        app.advance(TimeDelta::seconds(wait - 1));
        assert_eq!(app.worker().await.retried, 0, "too early for attempt {}", attempt + 2);
        app.advance(TimeDelta::seconds(wait / 10 + 2));
        app.worker().await;
        ids = hooked.receiver.received().iter().map(|r| r.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), attempt + 2);
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "the id stays the same over all attempts");
    let shown = hooked.history(app, "").await["deliveries"][0].clone();
    assert_eq!((&shown["attempt_count"], &shown["max_attempts"], &shown["delivered"]), (&json!(6), &json!(6), &json!(false)));
    assert!(shown.get("next_retry_at").is_none(), "given up: {shown}");
    app.advance(TimeDelta::days(2));
    app.worker().await;
    assert_eq!(hooked.receiver.received().len(), 6);
});

both!(an_endpoint_that_recovers_gets_what_it_missed, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers_once(&[503, 302]);
    hooked.receiver.answers_header("location", "http://127.0.0.1:9/elsewhere");
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    let shown = hooked.history(app, "").await["deliveries"][0].clone();
    assert_eq!((&shown["response_status_code"], &shown["delivered"]), (&json!(302), &json!(false)), "redirects are not followed");
    app.advance(TimeDelta::seconds(140));
    app.worker().await;
    let shown = hooked.history(app, "").await["deliveries"][0].clone();
    assert_eq!((&shown["attempt_count"], &shown["delivered"]), (&json!(3), &json!(true)));
    assert!(shown.get("delivery_error").is_none() && shown.get("next_retry_at").is_none(), "{shown}");
});

both!(the_history_is_paged_and_filtered, async |app| {
    let hooked = hooked(app, &["user.invited", "invitation.revoked"]).await;
    hooked.receiver.answers_once(&[500]);
    for n in 0..3 {
        let (id, _) = app.invite(&hooked.ann, "acme", &format!("guest{n}@example.com"), "member").await;
        app.by(&hooked.ann).post_empty(&hooked.org.at(&format!("invitations/{id}"))).await.done();
        app.worker().await;
    }
    let total = async |query: &str| hooked.history(app, query).await["pagination"]["total"].clone();
    assert_eq!(total("").await, 6);
    assert_eq!(total("?event_type=user.invited").await, 3);
    assert_eq!(total("?delivered=true").await, 5);
    assert_eq!(total("?delivered=false&event_type=user.invited").await, 1);
    assert_eq!(total("?delivered=false&event_type=invitation.revoked").await, 0);
    let page = hooked.history(app, "?limit=4&page=2").await;
    assert_eq!((page["deliveries"].as_array().unwrap().len(), &page["pagination"]["has_next"]), (2, &json!(false)));
    app.by(&hooked.ann).get(&format!("{}/deliveries?delivered=maybe&page=x", hooked.path)).await.refused(400, "BAD_REQUEST");
    app.leaves_deliveries(1);
});

both!(what_is_switched_off_is_not_called, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.invite(app, "bob@example.com").await;
    // Switched off between the event and its delivery.
    app.by(&hooked.ann).patch(&hooked.path, json!({"is_active": false})).await.ok();
    app.worker().await;
    assert!(hooked.receiver.received().is_empty());
    hooked.invite(app, "cy@example.com").await;
    app.worker().await;
    app.by(&hooked.ann).patch(&hooked.path, json!({"is_active": true})).await.ok();
    hooked.invite(app, "di@example.com").await;
    app.worker().await;
    let emails: Vec<_> = hooked.receiver.received().iter().map(|r| text(&r.json()["data"]["email"])).collect();
    assert_eq!(emails, ["di@example.com"]);
});

both!(a_long_or_strange_answer_is_kept_in_part, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers_body(&format!("\u{0}{}", "ä".repeat(30_000)));
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let shown = hooked.newest(app).await;
    let kept = text(&shown["response_body"]);
    assert!(kept.len() > 4000 && kept.len() <= 4096, "{}", kept.len());
    assert_eq!(shown["delivered"], true);
});

both!(an_endpoint_that_is_not_there_is_a_failure_like_any, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    app.by(&hooked.ann).patch(&hooked.path, json!({"url": "http://127.0.0.1:1/nobody"})).await.ok();
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let shown = hooked.history(app, "").await["deliveries"][0].clone();
    assert!(shown["delivery_error"].is_string() && shown.get("response_status_code").is_none(), "{shown}");
    app.leaves_deliveries(1);
});

both!(the_last_event_of_an_organization_still_arrives, async |app| {
    let hooked = hooked(app, &["org.deleted", "user.invited"]).await;
    hooked.invite(app, "bob@example.com").await;
    app.by(&hooked.ann).delete(&hooked.org.path).await.done();
    app.worker().await;
    assert_eq!(hooked.receiver.events(), ["org.deleted"]);
    app.advance(TimeDelta::days(1));
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from webhooks").await, 0, "what is left of it is purged");
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from memberships").await, 0);
});

both!(deleting_an_endpoint_deletes_its_deliveries, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers(500);
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    app.by(&hooked.ann).delete(&hooked.path).await.done();
    assert_eq!(app.count("select count(*) from deliveries").await, 0);
});
