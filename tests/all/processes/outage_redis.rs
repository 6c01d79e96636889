//! Redis is a convenience: stopped, frozen, emptied or restarted, it costs time and nothing else.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use tenantry_tests::block_on;

use super::{
    http::Api,
    invariants::{all_arrived, arrived},
    load::Done,
    partners::Redis,
    promptly,
    proxy::Proxy,
    until, variable,
    world::{Org, ROOT, World, new_database, service},
};

async fn cache(api: &Api) -> String {
    let health = api.get("/health/ready").await.ok();
    assert_eq!(health["database"], "ok");
    health["cache"].as_str().expect("how the cache is").to_owned()
}

/// Signing in, changing something and delivering it work; how long whoever did it waited.
async fn works(api: &Api, org: &Org, guest: &str) -> Duration {
    let started = Instant::now();
    api.login(ROOT).await;
    let email = format!("{guest}@example.com");
    org.invite(&email).await;
    let took = started.elapsed();
    org.hears_of(&email).await;
    took
}

/// The same without Redis, where it takes hardly longer than `usual`.
async fn works_as_well(api: &Api, org: &Org, guest: &str, usual: Duration) {
    let took = works(api, org, guest).await;
    promptly(&format!("{guest}: signing in and inviting"), took, Duration::from_secs(3), usual);
}

#[test]
fn redis_is_stopped_frozen_emptied_and_restarted() {
    block_on(Box::pin(async {
        let mut redis = Redis::start().await;
        let database = new_database(&service("TENANTRY_TEST_POSTGRES")).await;
        let world = World::sqlite().apart().set("database.url", database).set("redis.url", redis.url());
        // With limits: the sign-in asks Redis.
        let world = world.set("rate_limits.enabled", true);
        let (server, worker) = (world.api().await, world.worker().await);
        let api = server.api();
        let org = Org::founded(&api, "acme").await;
        assert_eq!(cache(&api).await, "ok");
        let usual = works(&api, &org, "with").await;

        redis.kill();
        until("the cache is called away", async || (cache(&api).await == "away").then_some(())).await;
        works_as_well(&api, &org, "without", usual).await;
        redis.restart().await;
        until("the cache is back", async || (cache(&api).await == "ok").then_some(())).await;
        works_as_well(&api, &org, "again", usual).await;

        redis.freeze();
        until("a frozen cache is called away", async || (cache(&api).await == "away").then_some(())).await;
        works_as_well(&api, &org, "frozen", usual).await;
        redis.thaw();
        until("the cache is back", async || (cache(&api).await == "ok").then_some(())).await;

        redis.ask("FLUSHALL").await.expect("FLUSHALL");
        let _ = redis.ask("SCRIPT FLUSH").await;
        works_as_well(&api, &org, "flushed", usual).await;
        let (said, told) = (server.stop().await, worker.stop().await);
        assert!(!said.contains("panicked") && !told.contains("panicked"), "{said}{told}");
    }));
}

/// A replica takes over: before its promotion it refuses what writes, as a read-only replica does.
#[test]
fn redis_fails_over_to_a_replica() {
    block_on(Box::pin(async {
        let mut primary = Redis::start().await;
        let replica = Redis::replica_of(&primary).await;
        let proxy = Proxy::to(&[primary.port()]).await;
        let database = new_database(&service("TENANTRY_TEST_POSTGRES")).await;
        let world = World::sqlite().apart().set("database.url", database).set("rate_limits.enabled", true);
        let world = world.set("redis.url", format!("redis://127.0.0.1:{}", proxy.port));
        let (server, worker) = (world.api().await, world.worker().await);
        let api = server.api();
        let org = Org::founded(&api, "acme").await;
        let usual = works(&api, &org, "before").await;
        primary.kill();
        proxy.lead_to(replica.port());
        proxy.cut();
        works_as_well(&api, &org, "read-only", usual).await;
        replica.ask("REPLICAOF NO ONE").await.expect("REPLICAOF");
        until("the cache is back", async || (cache(&api).await == "ok").then_some(())).await;
        works_as_well(&api, &org, "promoted", usual).await;
        until("limits are counted there", async || {
            api.login(ROOT).await;
            replica.ask("RANDOMKEY").await.ok().filter(|key| key.starts_with("tenantry:limit:"))
        })
        .await;
        let (said, told) = (server.stop().await, worker.stop().await);
        assert!(!said.contains("panicked") && !told.contains("panicked"), "{said}{told}");
    }));
}

/// Emptied again and again, every connection to it cut, killed and started again, while people change things: they notice nothing.
#[test]
fn redis_is_emptied_and_killed_under_load() {
    block_on(Box::pin(async {
        let mut redis = Redis::start().await;
        let database = new_database(&service("TENANTRY_TEST_POSTGRES")).await;
        let world = World::sqlite().apart().set("database.url", database).set("redis.url", redis.url()).patient();
        let (server, worker) = (world.api().await, world.worker().await);
        let org = Org::founded(&server.api(), "acme").await;
        let (stop, times) = (AtomicBool::new(false), variable("TENANTRY_DRILL_FLUSHES", 40));
        let (ann, bob, ()) =
            tokio::join!(Done::default().invite(&org, "ann", &stop), Done::default().invite(&org, "bob", &stop), async {
                for _ in 0..times {
                    redis.ask("FLUSHALL").await.expect("FLUSHALL");
                    redis.ask("SCRIPT FLUSH").await.expect("SCRIPT FLUSH");
                    for kind in ["normal", "pubsub"] {
                        let _ = redis.number(&format!("CLIENT KILL TYPE {kind}")).await;
                    }
                    server.api().get(&org.path).await;
                }
                redis.kill();
                until("the cache is called away", async || (cache(&server.api()).await == "away").then_some(())).await;
                org.invite("without@example.com").await;
                redis.restart().await;
                until("the cache is back", async || (cache(&server.api()).await == "ok").then_some(())).await;
                stop.store(true, Ordering::Relaxed);
            });
        assert_eq!((ann.lost + bob.lost, &ann.defects, &bob.defects), (0, &Vec::new(), &Vec::new()), "answers lost or refused");
        let (_, owed) = all_arrived(&world.connection().await, &server.api(), &org).await;
        assert!(arrived(&org).values().all(|times| *times == 1), "nothing came twice");
        println!(
            "{times} times emptied and cut; {} changes, none refused, {} delivered once",
            ann.acknowledged() + bob.acknowledged(),
            owed.len()
        );
        let (said, told) = (server.stop().await, worker.stop().await);
        assert!(!said.contains("panicked") && !told.contains("panicked"), "{said}{told}");
    }));
}

/// Its absence at the start is no reason not to start.
#[test]
fn redis_may_come_later() {
    block_on(async {
        let mut redis = Redis::start().await;
        redis.kill();
        let world = World::sqlite().set("redis.url", redis.url());
        let server = world.api().await;
        let org = Org::founded(&server.api(), "acme").await;
        assert_eq!(cache(&server.api()).await, "away");
        let usual = works(&server.api(), &org, "before").await;
        redis.restart().await;
        until("the cache is there", async || (cache(&server.api()).await == "ok").then_some(())).await;
        works_as_well(&server.api(), &org, "after", usual).await;
        server.stop().await;
    });
}
