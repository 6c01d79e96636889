//! The disk is full, under load: changes are refused as "not now", reads go on, nothing is half written, and once there is room again
//! everything goes on without a restart.
//!
//! SQLite: the process may write nothing beyond a few bytes of any file (`RLIMIT_FSIZE`, set from outside while it runs), its log included.
//! That needs no rights. PostgreSQL: a cluster of the test's own on a small file system in memory, where mounting one is allowed.
//!
//! `TENANTRY_DRILL_FULL` says how many times the disk fills up.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::json;
use tenantry_tests::block_on;

use super::{
    http::Api,
    invariants::feeds_are_whole,
    load::{Done, all_is_well},
    partners::{Postgres, SmallDisk},
    process::Process,
    until, variable,
    world::{Org, PASSWORD, ROOT, World, new_database, rows},
};

/// While it is full: a write waits for better times or is done, every read is answered. Answers the access tokens of those sign-ins that
/// were acknowledged all the same: there may be room in pages that are there already.
async fn full(api: &Api, org: &Org) -> Vec<String> {
    let invitation = json!({"email": "refused@example.com", "role": "member"});
    until("a write is refused", async || {
        let answer = org.owner.api.call(Method::POST, &org.at("invitations"), Some(&invitation), &[]).await.expect("an answer");
        // There may be room for a few more at first; an address can only be invited once.
        assert!(matches!(answer.status, 200 | 400 | 503), "{answer:?}");
        (answer.status == 503).then(|| answer.unavailable())
    })
    .await;
    let mut tokens = Vec::new();
    for _ in 0..12 {
        let answer = api.post("/api/auth/login", json!({"email": ROOT, "password": PASSWORD})).await;
        match answer.status {
            200 => tokens.push(api.tokens(&answer.json()).access),
            _ => answer.unavailable(),
        }
    }
    for path in [org.path.clone(), org.at("members"), org.at("audit-log"), "/api/user".to_owned()] {
        org.owner.api.get(&path).await.ok();
    }
    assert_eq!(api.get("/health/live").await.status, 200);
    tokens
}

/// Fills the disk again and again under load and frees it; then looks whether everything is there.
async fn drill(world: &World, api: &Process, org: &Org, fill: impl Fn(bool)) {
    let (stop, times) = (AtomicBool::new(false), variable("TENANTRY_DRILL_FULL", 2));
    let (ann, bob, ()) =
        tokio::join!(Done::default().invite(org, "ann", &stop), Done::default().invite(org, "bob", &stop), async {
            for n in 0..times {
                fill(true);
                let tokens = full(&api.api(), org).await;
                fill(false);
                let email = format!("again{n}@example.com");
                let (body, key) = (json!({"email": email, "role": "member"}), [("idempotency-key", email.as_str())]);
                until("writes go on by themselves", async || {
                    let answer = org.owner.api.call(Method::POST, &org.at("invitations"), Some(&body), &key).await.ok()?;
                    (answer.status == 200).then_some(())
                })
                .await;
                org.hears_of(&email).await;
                for token in tokens {
                    api.api().with(&token).get("/api/user").await.ok();
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    let theirs = |email: &str| email.starts_with("ann") || email.starts_with("bob");
    let db = world.connection().await;
    let (_, delivered) = all_is_well(&db, &api.api(), org, &[&ann, &bob], theirs).await;
    let events = feeds_are_whole(&db).await;
    let _ = db.close().await;
    println!(
        "{times} times full; {} changes acknowledged, {} refused meanwhile, {events} events in whole feeds, {delivered} delivered",
        ann.acknowledged() + bob.acknowledged(),
        ann.lost + bob.lost,
    );
}

#[test]
fn sqlite_on_a_full_disk() {
    block_on(Box::pin(async {
        let world = World::sqlite();
        let server = world.api().await;
        let org = Org::founded(&server.api(), "drill").await;
        drill(&world, &server, &org, |full| server.may_write(full.then_some(1000))).await;
        let db = world.connection().await;
        let check = rows(&db, "pragma integrity_check").await;
        assert_eq!(check[0].try_get_by_index::<String>(0).expect("a text"), "ok");
        let _ = db.close().await;
        let said = server.stop().await;
        assert!(!said.contains("panicked"), "{said}");
    }));
}

#[test]
fn postgres_on_a_full_disk() {
    block_on(Box::pin(async {
        let Some(disk) = SmallDisk::mount(192) else {
            println!("no file system may be mounted here: the full disk of PostgreSQL was not tried");
            return;
        };
        let postgres = Postgres::start_on(&disk).await;
        let world = World::sqlite().apart().set("database.url", new_database(&postgres.url()).await).set("server.workers", 4);
        let (server, worker) = (world.api().await, world.worker().await);
        let org = Org::founded(&server.api(), "drill").await;
        drill(&world, &server, &org, |full| disk.fill(full)).await;
        let (said, told) = (server.stop().await, worker.stop().await);
        assert!(!said.contains("panicked") && !told.contains("panicked"), "{said}{told}");
    }));
}
