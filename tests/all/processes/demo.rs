//! `make demo`, as the README has it: against a server as `make run` starts it.

use std::process::Command;

use tenantry_tests::block_on;

use super::{node::ended, world::World};

#[test]
fn the_demo_plays_to_its_end() {
    block_on(async {
        let world = World::bare().set("egress.allow_networks", "127.0.0.0/8").set("organizations.tier", "tier_pro");
        let server = world.api().await;
        let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
        let said = ended("demo", demo.arg(&server.base).arg(world.data()).current_dir(world.folder()));
        assert!(said.contains("nothing of hers renews anything any more"), "{said}");
        println!("{said}");
        server.stop().await;
    });
}
