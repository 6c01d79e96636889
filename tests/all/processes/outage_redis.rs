//! Redis is a convenience: stopped, frozen, emptied or restarted, it costs time and nothing else.

use std::time::{Duration, Instant};

use tenantry_tests::block_on;

use super::{
    http::Api,
    partners::Redis,
    until,
    world::{Org, ROOT, World, new_database, service},
};

async fn cache(api: &Api) -> String {
    let health = api.get("/health/ready").await.ok();
    assert_eq!(health["database"], "ok");
    health["cache"].as_str().expect("how the cache is").to_owned()
}

/// Signing in, changing something and delivering it work, and nobody waits long.
async fn works(api: &Api, org: &Org, guest: &str) {
    let started = Instant::now();
    api.login(ROOT).await;
    let email = format!("{guest}@example.com");
    org.invite(&email).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{guest}: signing in and inviting took {:?}", started.elapsed());
    org.hears_of(&email).await;
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
        works(&api, &org, "with").await;

        redis.kill();
        until("the cache is called away", 10, async || (cache(&api).await == "away").then_some(())).await;
        works(&api, &org, "without").await;
        redis.restart().await;
        until("the cache is back", 15, async || (cache(&api).await == "ok").then_some(())).await;
        works(&api, &org, "again").await;

        redis.freeze();
        until("a frozen cache is called away", 10, async || (cache(&api).await == "away").then_some(())).await;
        works(&api, &org, "frozen").await;
        redis.thaw();
        until("the cache is back", 15, async || (cache(&api).await == "ok").then_some(())).await;

        redis.ask("FLUSHALL").await.expect("FLUSHALL");
        let _ = redis.ask("SCRIPT FLUSH").await;
        works(&api, &org, "flushed").await;
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
        works(&server.api(), &org, "before").await;
        redis.restart().await;
        until("the cache is there", 15, async || (cache(&server.api()).await == "ok").then_some(())).await;
        works(&server.api(), &org, "after").await;
        server.stop().await;
    });
}
