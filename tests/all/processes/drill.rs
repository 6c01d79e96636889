//! `kill -9`: API and worker die at random instants while people change things. Afterwards every acknowledged change is there, is told
//! once in the audit log, and has reached the receiver under its own id; nothing else has.
//!
//! `TENANTRY_DRILL_ROUNDS=200` makes it long, `TENANTRY_DRILL_SEED` repeats a run's instants.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tenantry_tests::{Database, block_on};

use super::{
    invariants::{arrived, feeds_are_whole, stop_in_order},
    load::{Done, add_member, all_is_well, told},
    process::{Process, free_port},
    variable,
    world::{Org, World},
};

/// Both at once: most of the time goes by in waiting for the leases of the dead.
#[test]
fn nothing_is_lost_on_either_database() {
    block_on(async {
        futures::join!(Box::pin(drill(Database::Sqlite)), Box::pin(drill(Database::Postgres)));
    });
}

struct Crew {
    world: World,
    ports: (u16, u16),
    api: Process,
    worker: Process,
}

impl Crew {
    /// Kills one or both at a random instant and starts them again.
    async fn round(&mut self, random: &mut StdRng) {
        tokio::time::sleep(Duration::from_millis(random.random_range(20..250))).await;
        let who = random.random_range(0..3);
        if who != 1 {
            self.api.kill();
        }
        if who != 0 {
            self.worker.kill();
            self.worker = self.world.spawn_worker(self.ports.1);
        }
        if who != 1 {
            self.api = self.world.spawn_api(self.ports.0, &[]);
        }
        assert!(self.api.came_up().await && self.worker.came_up().await, "{}{}", self.api.output(), self.worker.output());
    }
}

async fn drill(database: Database) {
    let (rounds, seed) = (variable("TENANTRY_DRILL_ROUNDS", 6), variable("TENANTRY_DRILL_SEED", 1));
    let world = World::on(database).await;
    let ports = (free_port(), free_port());
    let api = world.spawn_api(ports.0, &[]).ready().await;
    let worker = world.spawn_worker(ports.1).ready().await;
    let mut crew = Crew { world, ports, api, worker };
    let org = Org::founded(&crew.api.api(), "drill").await;
    let member = add_member(&org, "member@example.com").await;

    let (stop, started) = (AtomicBool::new(false), Instant::now());
    let mut random = StdRng::seed_from_u64(seed);
    let (ann, bob, eve, ()) = tokio::join!(
        Done::default().invite(&org, "ann", &stop),
        Done::default().invite(&org, "bob", &stop),
        Done::default().promote(&org, &member, &stop),
        async {
            for _ in 0..rounds {
                crew.round(&mut random).await;
            }
            stop.store(true, Ordering::Relaxed);
        }
    );
    let db = crew.world.connection().await;
    let theirs = |email: &str| email != "member@example.com";
    let (audit, delivered) = all_is_well(&db, &crew.api.api(), &org, &[&ann, &bob, &eve], theirs).await;
    let changes = told(&audit, "user.role_updated");
    let roles: Vec<_> = changes.iter().map(|data| data["role"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(roles, eve.roles, "the changes of one member's role, in their order");

    stop_in_order(&db, [crew.api], [crew.worker]).await;
    let events = feeds_are_whole(&db).await;
    let repeated = arrived(&org).values().filter(|times| **times > 1).count();
    println!(
        "{database:?}, seed {seed}: {rounds} kills in {:.1?}; {} changes acknowledged, {} answers lost and settled, {events} events in \
         whole feeds, {delivered} delivered, {repeated} of them more than once",
        started.elapsed(),
        ann.acknowledged() + bob.acknowledged() + eve.acknowledged(),
        ann.lost + bob.lost + eve.lost,
    );
}
