//! For programs that are not written in Rust (`tests/fuzz/api.py`): makes one of everything on a running server and prints, as JSON, an
//! access token of its owner and what stands for each part of the documented paths.
//!
//!     everything http://127.0.0.1:8080 OWNER PASSWORD SLUG
//!
//! The owner is a platform owner; the server does its background work itself.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{collections::BTreeMap, time::Duration};

use futures::future::LocalBoxFuture;
use serde_json::{Value, json};
use tenantry_tests::{Client, block_on, everything, text};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, email, password, slug] = arguments.as_slice() else { panic!("everything BASE OWNER PASSWORD SLUG") };
    println!("{}", block_on(made(base, email, password, slug)));
}

async fn made(base: &str, email: &str, password: &str, slug: &str) -> Value {
    let client = Client::of(base.trim_end_matches('/'));
    let owner = client.login(email, password).await;
    let by_owner = client.bearer(&owner.access);
    let settle = || -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            numbered(&by_owner, slug).await;
            // Whoever tries hundreds of requests needs room for what they make, and every feature.
            let org = by_owner.get(&format!("/api/organizations/{slug}")).await.ok();
            let tier = format!("/api/platform/organizations/{}/tier", text(&org["organization"]["id"]));
            by_owner.patch(&tier, json!({"tier_id": "tier_enterprise", "max_users": 10_000})).await.ok();
        })
    };
    let all = everything::make(&client, &owner, slug, &settle).await;
    json!({"token": owner.access, "ids": all.ids.all().collect::<BTreeMap<_, _>>()})
}

/// Waits until the worker has numbered what happened.
async fn numbered(by: &Client, slug: &str) {
    for _ in 0..600 {
        let log = by.get(&format!("/api/organizations/{slug}/audit-log")).await.ok();
        if log["logs"].as_array().is_some_and(|logs| !logs.is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the worker numbers nothing");
}
