//! Limits across processes and restarts: one budget for all servers, and login throttling that remembers failed sign-ins whatever is restarted or
//! emptied.

use std::time::Instant;

use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tenantry_tests::block_on;

use super::{
    http::{Answer, Api},
    partners::Redis,
    world::{ROOT, World, new_database, service},
};

async fn world(redis: &Redis) -> World {
    let database = new_database(&service("TENANTRY_TEST_POSTGRES")).await;
    World::sqlite().apart().set("database.url", database).set("redis.url", redis.url()).set("rate_limits.enabled", true)
}

async fn sign_in(api: &Api, password: &str) -> Answer {
    let body = json!({"email": ROOT, "password": password});
    api.call(Method::POST, "/api/auth/login", Some(&body), &[]).await.expect("an answer")
}

#[test]
fn two_servers_share_a_budget_and_the_store_is_told_nothing_personal() {
    block_on(async {
        let redis = Redis::start().await;
        let world = world(&redis).await.set("server.public_url", "http://sso.test");
        let world = world.set("rate_limits.account_reads_per_second", 1).set("rate_limits.account_reads_burst", 40);
        // Forgotten after a minute, so that the key of the one sign-in is still there at the end, on however slow a machine.
        let world = world.set("rate_limits.sign_in_per_minute", 1);
        let (first, second) = (world.api().await, world.api().await);
        let root = first.api().login(ROOT).await;
        let started = Instant::now();
        let mut served = 0;
        for n in 0..200 {
            let server = [&first, &second][n % 2];
            served += u64::from(root.api.via(&server.base).get("/api/user").await.status == 200);
        }
        // A quarter of forty is the credit of each server; and one a second comes back.
        let most = 40 + 2 * 10 + started.elapsed().as_secs() + 1;
        assert!((40..=most).contains(&served), "{served} of at most {most}");

        let keys = redis.list("KEYS *").await.expect("KEYS");
        assert!(keys.iter().any(|key| key.contains("reads:usr_")) && keys.iter().any(|key| key.contains("signin:")), "{keys:?}");
        for key in keys {
            assert!(!key.contains('@') && !key.contains("127.0.0.1") && !key.contains("example"), "{key}");
        }
        first.stop().await;
        second.stop().await;
    });
}

#[test]
fn login_throttling_outlives_a_restart_and_an_emptied_redis() {
    block_on(async {
        let redis = Redis::start().await;
        let world = world(&redis).await;
        let server = world.api().await;
        assert_eq!(sign_in(&server.api(), "a wrong sentence").await.status, 401);
        // As if many more had been made: how quick this machine is must not matter.
        let db = world.connection().await;
        db.execute_unprepared("update guess_budgets set full_at = full_at + 200000000").await.expect("an update");
        let _ = db.close().await;
        redis.ask("FLUSHALL").await.expect("FLUSHALL");
        assert_eq!(sign_in(&server.api(), super::world::PASSWORD).await.status, 429, "after FLUSHALL");
        server.stop().await;
        let server = world.api().await;
        redis.ask("FLUSHALL").await.expect("FLUSHALL");
        let answer = sign_in(&server.api(), super::world::PASSWORD).await;
        assert_eq!(answer.status, 429, "after a restart: {answer:?}");
        server.stop().await;
    });
}
