//! Signatures of webhooks (T37): what leaves is accepted by the published library and by the contract's rule; anything touched is not.

use chrono::TimeDelta;
use domain::{Clock, core::clock::SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use sha2::Sha256;
use standardwebhooks::Webhook;
use tenantry_tests::{Options, Received, Receiver, TestApp, both, text};

/// The library compares with the real time.
fn now() -> Options {
    Options::default().starting_at(SystemClock.now())
}

/// Some deliveries of each kind, and the endpoint's secret.
async fn delivered(app: &TestApp) -> (Vec<Received>, String) {
    let ann = app.sign_up("ann@example.com").await;
    let (org, receiver) = (app.create_org(&ann, "acme").await, Receiver::start().await);
    let made = app
        .by(&ann)
        .post(&org.at("webhooks"), json!({"name": "Hook", "url": receiver.url, "events": ["user.invited", "org.updated"]}))
        .await;
    let made = if made.status == 200 { made.ok() } else { hook(app, &ann, &org, &receiver).await };
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.by(&ann).patch(&org.path, json!({"name": "Ünïcödé 日本 \"quotes\" \\ </script>"})).await.ok();
    app.invite(&ann, "acme", "cy@example.com", "member").await;
    app.by(&ann).post_empty(&org.at(&format!("webhooks/{}/test", text(&made["id"])))).await.ok();
    app.worker().await;
    (receiver.received(), text(&made["secret"]))
}

async fn hook(app: &TestApp, ann: &tenantry_tests::User, org: &tenantry_tests::Org, receiver: &Receiver) -> Value {
    let body = json!({"name": "Hook", "url": receiver.url, "events": ["user.invited", "organization.updated"]});
    app.by(ann).post(&org.at("webhooks"), body).await.ok()
}

fn headers(received: &Received) -> HeaderMap {
    let pairs = received.headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    pairs.collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

both!(t37_every_delivery_verifies_and_nothing_else_does, now(), async |app| {
    let (deliveries, secret) = delivered(app).await;
    assert_eq!(deliveries.len(), 4, "two invitations, a change, a test");
    let verifier = Webhook::new(&secret).unwrap();
    for (n, got) in deliveries.iter().enumerate() {
        let good = headers(got);
        verifier.verify(&got.body, &good).unwrap_or_else(|e| panic!("{e}: {got:?}"));
        let refused = |what: &str, name: &str, value: &str| {
            let mut headers = good.clone();
            headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            assert!(verifier.verify(&got.body, &headers).is_err(), "{what}: {value}");
        };
        for at in [0, got.body.len() / 2, got.body.len() - 1] {
            let mut body = got.body.clone();
            body[at] ^= 1;
            assert!(verifier.verify(&body, &good).is_err(), "a changed byte at {at}");
        }
        for body in [&got.body[..got.body.len() - 1], &[&got.body[..], b" "].concat(), b"", b"{}"] {
            assert!(verifier.verify(body, &good).is_err(), "another body");
        }
        let (id, at, signature) = (got.header("webhook-id"), got.header("webhook-timestamp"), got.header("webhook-signature"));
        let seconds: i64 = at.parse().unwrap();
        refused("another id", "webhook-id", "evt_00000000000000000000000000000000");
        refused("another's id", "webhook-id", deliveries[(n + 1) % 4].header("webhook-id"));
        refused("no id", "webhook-id", "");
        for other in [seconds + 1, seconds - 1, seconds - 3600, seconds + 3600, 0, -1] {
            refused("another time", "webhook-timestamp", &other.to_string());
        }
        for other in [&format!("{at}.0"), &format!("{at}abc"), "", "now"] {
            refused("no time", "webhook-timestamp", other);
        }
        let code = signature.strip_prefix("v1,").expect("one version");
        let cut = [&signature[..signature.len() - 1], &signature[..signature.len() / 2], &signature[..4], "v1,", "v1", "", ","];
        let changed = [
            format!("v0,{code}"),
            format!("v1a,{code}"),
            format!("V1,{code}"),
            code.to_owned(),
            format!("{signature}A"),
            format!("v1,{}", "A".repeat(43) + "="),
        ];
        for other in cut.into_iter().chain(changed.iter().map(String::as_str)) {
            refused("another signature", "webhook-signature", other);
        }
        refused("another's signature", "webhook-signature", deliveries[(n + 1) % 4].header("webhook-signature"));
        // The contract's, over the raw body, keyed with the text of the secret.
        assert_eq!(got.header("x-webhook-signature"), format!("sha256={}", hmac(secret.as_bytes(), &[&got.body])));
        assert_eq!(
            got.header("x-webhook-signature-v1"),
            format!("t={at},v1={}", hmac(secret.as_bytes(), &[at.as_bytes(), b".", &got.body]))
        );
        assert_eq!((got.header("x-webhook-timestamp"), got.header("content-type")), (at, "application/json"));
        assert!(id.starts_with("evt_") && !got.header("x-webhook-delivery").is_empty(), "{got:?}");
        assert!(!got.headers.iter().any(|(_, value)| value.contains(&secret)), "the secret itself");
    }
    let mut ids: Vec<_> = deliveries.iter().map(|got| got.header("webhook-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "an id for each event");
});

both!(t37_each_attempt_is_signed_anew_for_the_same_event, now(), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (org, receiver) = (app.create_org(&ann, "acme").await, Receiver::start().await);
    let made = hook(app, &ann, &org, &receiver).await;
    receiver.answers_once(&[500]);
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    let [first, second]: [Received; 2] = receiver.received().try_into().expect("two attempts");
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    assert_ne!(first.header("webhook-timestamp"), second.header("webhook-timestamp"));
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));
    let verifier = Webhook::new(&text(&made["secret"])).unwrap();
    for got in [&first, &second] {
        verifier.verify(&got.body, &headers(got)).expect("it verifies");
    }
});

both!(
    t37_an_old_delivery_and_another_endpoints_secret_are_refused,
    Options::default().starting_at(SystemClock.now() - TimeDelta::minutes(6)),
    async |app| {
        let (deliveries, secret) = delivered(app).await;
        let verifier = Webhook::new(&secret).unwrap();
        for got in &deliveries {
            let error = verifier.verify(&got.body, &headers(got)).expect_err("recorded six minutes ago");
            assert!(error.to_string().to_lowercase().contains("old"), "{error}");
        }
        // Two endpoints never share a secret, also not after one was deleted and made again.
        let ann = app.login("ann@example.com", tenantry_tests::PASSWORD).await;
        let mut secrets = vec![secret];
        for _ in 0..3 {
            let body = json!({"name": "Other", "url": "http://127.0.0.1:9/", "events": ["user.joined"]});
            let made = app.by(&ann).post("/api/organizations/acme/webhooks", body).await.ok();
            app.by(&ann).delete(&format!("/api/organizations/acme/webhooks/{}", text(&made["id"]))).await.done();
            secrets.push(text(&made["secret"]));
        }
        secrets.sort();
        secrets.dedup();
        assert_eq!(secrets.len(), 4);
    }
);
