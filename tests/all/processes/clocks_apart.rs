//! Two processes on one database whose machines' clocks differ by more than any window: what one of them wrote down a moment ago is a
//! moment ago for the other.

use serde_json::json;
use tenantry_tests::block_on;

use super::{
    clock_jumps::Clock,
    world::{ROOT, World},
};

#[test]
fn a_refresh_that_is_repeated_at_a_replica_with_another_clock_is_no_theft() {
    block_on(async {
        let world = World::postgres().await.set("server.public_url", "http://sso.test");
        let right = world.api().await;
        let (world, clock) = Clock::of(world);
        clock.at(-45);
        let slow = world.api().await;
        for (first, then) in [(&slow, &right), (&right, &slow)] {
            let signed_in = right.api().login(ROOT).await;
            let body = json!({"refresh_token": signed_in.refresh});
            let pair = first.api().post("/api/auth/refresh", body.clone()).await.ok();
            assert_eq!(then.api().post("/api/auth/refresh", body).await.ok(), pair, "the same answer again");
            then.api().refresh(&then.api().tokens(&pair).refresh).await;
        }
    });
}
