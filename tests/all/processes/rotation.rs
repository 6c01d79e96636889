//! `tenantry-api keys rotate` beside running servers: nobody notices.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::json;
use tenantry_tests::block_on;

use super::{
    http::Api,
    until,
    world::{Org, ROOT, World},
};

async fn key_ids(api: &Api) -> HashSet<String> {
    let keys = api.get("/.well-known/jwks.json").await.ok();
    keys["keys"].as_array().into_iter().flatten().map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect()
}

fn rotate(world: &World, more: &[(&str, &str)]) {
    let output = world.run(&["keys", "rotate"], more);
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("A new signing key is published"), "{said}");
}

/// Every delivery so far carries a good signature of the first secret.
fn assert_signed(org: &Org) {
    let webhook = standardwebhooks::Webhook::new(&org.secret).expect("a secret");
    for received in org.receiver.received() {
        let mut headers = reqwest::header::HeaderMap::new();
        for (name, value) in &received.headers {
            headers.insert(name.parse::<reqwest::header::HeaderName>().expect("a name"), value.parse().expect("a value"));
        }
        webhook.verify(&received.body, &headers).expect("a good signature");
    }
}

/// The API without a worker has no claim that would make it load the new data key by the way.
#[test]
fn nobody_notices_a_rotation() {
    block_on(async {
        let world = World::sqlite().apart().set("server.public_url", "http://sso.test");
        let (old, worker) = (world.api().await, world.worker().await);
        let ann = old.api().login(ROOT).await;
        let org = Org::founded(&old.api(), "acme").await;
        let kept = old.api().login(ROOT).await;
        let body = json!({"email": "once@example.com", "role": "member"});
        let once = [("idempotency-key", "rotation-1")];
        let path = org.at("invitations");
        let first = org.owner.api.call(Method::POST, &path, Some(&body), &once).await.expect("an answer").ok();
        let before = key_ids(&old.api()).await;

        // Signing with the new key at once is the harder case: the other server has not heard of it.
        rotate(&world, &[("tokens.key_publish_seconds", "0")]);
        let again = org.owner.api.call(Method::POST, &path, Some(&body), &once).await.expect("an answer").ok();
        assert_eq!(first, again, "an answer that was sealed anew");
        let new = world.api().await;
        let bob = new.api().login(ROOT).await;
        until("the old server accepts what the new key signed", async || {
            let answer = bob.api.via(&old.base).get("/api/user").await;
            assert!(answer.status == 200 || answer.status == 401, "{answer:?}");
            (answer.status == 200).then_some(())
        })
        .await;
        for server in [&old, &new] {
            let keys = key_ids(&server.api()).await;
            assert!(keys.is_superset(&before) && keys.len() == before.len() + 1, "{keys:?} after {before:?}");
            for token in [&ann, &org.owner, &bob] {
                token.api.via(&server.base).get("/api/user").await.ok();
            }
            server.api().login(ROOT).await;
        }
        let renewed = new.api().refresh(&kept.refresh).await;
        old.api().refresh(&renewed.refresh).await;

        // The worker that was there before opens the endpoint's secret, which is sealed with the new data key.
        for (n, server) in [&old, &new].into_iter().enumerate() {
            let email = format!("guest{n}@example.com");
            let body = json!({"email": email, "role": "member"});
            org.owner.api.via(&server.base).post(&path, body).await.ok();
            org.hears_of(&email).await;
        }
        assert_signed(&org);
        for process in [old, new, worker] {
            process.stop().await;
        }
    });
}

#[test]
fn a_rotation_beside_the_embedded_worker_and_again() {
    block_on(async {
        let world = World::sqlite().set("server.public_url", "http://sso.test");
        let server = world.api().await;
        let org = Org::founded(&server.api(), "acme").await;
        for n in 0..2 {
            rotate(&world, &[]);
            let email = format!("guest{n}@example.com");
            org.invite(&email).await;
            org.hears_of(&email).await;
            server.api().login(ROOT).await;
        }
        assert_signed(&org);
        server.stop().await;
        let server = world.api().await;
        assert_eq!(key_ids(&server.api()).await.len(), 3);
        org.owner.api.via(&server.base).get("/api/user").await.ok();
        org.audit(&server.api()).await;
        server.stop().await;
    });
}
