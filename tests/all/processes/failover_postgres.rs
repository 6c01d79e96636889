//! PostgreSQL fails over: the primary dies without a word, a standby is promoted, and the address that programs know leads there. Load
//! goes on all the time and nobody restarts anything of ours. The commit is synchronous (`synchronous_standby_names`), so nothing
//! that was acknowledged may be missing on the new primary.
//!
//! `TENANTRY_DRILL_FAILOVERS` says how many times; each new primary gets a standby of its own.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::json;
use tenantry_tests::block_on;

use super::{
    http::Api,
    invariants::{feeds_are_whole, stop_in_order},
    load::{Done, all_is_well},
    partners::Postgres,
    proxy::Proxy,
    until, variable,
    world::{Org, World, connect, new_database, rows},
};

/// A standby that has everything that `primary` acknowledges from now on.
async fn synchronous_standby(primary: &Postgres) -> Postgres {
    let standby = Postgres::standby_of(primary).await;
    let db = connect(&primary.url()).await;
    rows(&db, "alter system set synchronous_standby_names = '*'").await;
    rows(&db, "select pg_reload_conf()").await;
    until("the standby is synchronous", async || {
        let sync = "select 1 from pg_stat_replication where sync_state = 'sync'";
        (!rows(&db, sync).await.is_empty()).then_some(())
    })
    .await;
    let _ = db.close().await;
    standby
}

/// Waits until a change is acknowledged; how long that took.
async fn accepted(api: &Api, org: &Org, email: &str) -> Duration {
    let (started, body) = (Instant::now(), json!({"email": email, "role": "member"}));
    let key = [("idempotency-key", email)];
    until("a change is acknowledged again", async || {
        let answer = api.call(Method::POST, &org.at("invitations"), Some(&body), &key).await.ok()?;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
    started.elapsed()
}

/// The primary dies. Before the standby is promoted programs already reach it: it answers reads, and refuses writes as "not now".
async fn fail_over(primary: &mut Postgres, standby: &Postgres, proxy: &Proxy, org: &Org) {
    primary.kill();
    proxy.lead_to(standby.port());
    proxy.cut();
    let api = &org.owner.api;
    until("the standby answers a read", async || (api.get(&org.path).await.status == 200).then_some(())).await;
    let refused = json!({"email": "refused@example.com", "role": "member"});
    api.post(&org.at("invitations"), refused).await.unavailable();
    standby.promote();
}

#[test]
fn postgres_fails_over_and_nothing_acknowledged_is_lost() {
    block_on(Box::pin(async {
        let times = variable("TENANTRY_DRILL_FAILOVERS", 1);
        let mut primary = Postgres::start().await;
        let proxy = Proxy::to(&[primary.port()]).await;
        let url = new_database(&primary.url()).await.replace(&primary.port().to_string(), &proxy.port.to_string());
        let world = World::sqlite().apart().set("database.url", &url).set("server.workers", 4);
        let (server, worker) = (world.api().await, world.worker().await);
        let org = Org::founded(&server.api(), "drill").await;
        let (stop, mut away) = (AtomicBool::new(false), Vec::new());
        let (ann, bob, last) =
            tokio::join!(Done::default().invite(&org, "ann", &stop), Done::default().invite(&org, "bob", &stop), async {
                for n in 0..times {
                    let standby = synchronous_standby(&primary).await;
                    accepted(&org.owner.api, &org, &format!("before{n}@example.com")).await;
                    let died = Instant::now();
                    fail_over(&mut primary, &standby, &proxy, &org).await;
                    let promoted = died.elapsed();
                    let healed = accepted(&org.owner.api, &org, &format!("after{n}@example.com")).await;
                    away.push((promoted, healed));
                    primary = standby;
                }
                stop.store(true, Ordering::Relaxed);
                primary
            });
        let theirs = |email: &str| email.starts_with("ann") || email.starts_with("bob");
        let db = world.connection().await;
        let (audit, delivered) = all_is_well(&db, &server.api(), &org, &[&ann, &bob], theirs).await;
        assert!(!audit.iter().any(|(.., data)| data["email"] == "refused@example.com"), "a refused change took place");
        stop_in_order(&db, [server], [worker]).await;
        let events = feeds_are_whole(&db).await;
        let _ = db.close().await;
        drop(last);
        println!(
            "{times} fail-overs; from the promotion to the first acknowledged change: {:?}; {} changes acknowledged, {} answers lost or \
             refused, {events} events in whole feeds, {delivered} delivered",
            away.iter().map(|(_, healed)| *healed).collect::<Vec<_>>(),
            ann.acknowledged() + bob.acknowledged(),
            ann.lost + bob.lost,
        );
    }));
}
