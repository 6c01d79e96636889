//! Limits across processes: one budget for all servers.

use std::time::Instant;

use tenantry_tests::block_on;

use super::{
    partners::Redis,
    world::{ROOT, World, new_database, service},
};

async fn world(redis: &Redis) -> World {
    let database = new_database(&service("TENANTRY_TEST_POSTGRES")).await;
    World::sqlite().apart().set("database.url", database).set("redis.url", redis.url()).set("rate_limits.enabled", true)
}

#[test]
fn two_servers_share_a_budget_and_the_store_is_told_nothing_personal() {
    block_on(async {
        let redis = Redis::start().await;
        let world = world(&redis).await.set("server.public_url", "http://sso.test");
        let world = world.set("rate_limits.account_reads_per_second", 1).set("rate_limits.account_reads_burst", 40);
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
