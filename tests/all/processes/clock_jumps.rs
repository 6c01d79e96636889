//! The machine's clock jumps under running processes: API and worker see a time that is moved by minutes, hours and days, forward and
//! back, while people change things (`faketime`, which leaves the monotonic clock alone, as a corrected clock does).
//!
//! `TENANTRY_DRILL_JUMPS` says how many times, `TENANTRY_DRILL_SEED` repeats a run's jumps.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tenantry_tests::{Database, block_on};

use super::{
    http::Api,
    invariants::{arrived, feeds_are_whole, stop_in_order},
    load::{Done, all_is_well},
    variable,
    world::{Org, ROOT, World},
};

/// A library that stands before the system's clock, and the file that it reads the distance from.
pub(super) struct Clock(PathBuf);

impl Clock {
    pub(super) fn of(world: World) -> (World, Self) {
        let library = std::fs::read_dir("/usr/lib").expect("/usr/lib").filter_map(Result::ok);
        let library = library.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
        let library = library.expect("libfaketime: scripts/install-deps.sh test installs it");
        let file = world.folder().join("clock");
        let clock = Self(file.clone());
        clock.at(0);
        let world = world.with_environment("LD_PRELOAD", library.as_os_str());
        let world = world.with_environment("FAKETIME_TIMESTAMP_FILE", file.as_os_str());
        // Read again at each call; no shared memory, which processes that are killed would leave behind.
        let world = world.with_environment("FAKETIME_NO_CACHE", "1").with_environment("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        (world.with_environment("FAKETIME_DISABLE_SHM", "1"), clock)
    }
    /// So many seconds from the real time. Moved there whole, so that nobody reads half a line.
    pub(super) fn at(&self, seconds: i64) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}s\n")).expect("the clock's file");
        std::fs::rename(new, &self.0).expect("the clock's file");
    }
}

/// Signs in and changes something, whatever the time is.
async fn works(api: &Api, org: &Org, email: &str) {
    let owner = api.login(ROOT).await;
    let owner = api.refresh(&owner.refresh).await;
    owner.api.get(&org.path).await.ok();
    let body = serde_json::json!({"email": email, "role": "member"});
    owner.api.post(&org.at("invitations"), body).await.ok();
}

/// One jump in the middle of changes. The deliveries catch up before the next one: on SQLite people are quicker than one endpoint. Only
/// after less than two hours back need they not: what is in flight may wait for so long.
async fn round(n: u64, (from, to): (i64, i64), clock: &Clock, api: &Api, org: &Org) -> [Done; 2] {
    let (stop, email) = (AtomicBool::new(false), format!("jump{n}@example.com"));
    let (ann, bob) = (format!("ann{n}"), format!("bob{n}"));
    let (ann, bob, ()) =
        tokio::join!(Done::default().invite(org, &ann, &stop), Done::default().invite(org, &bob, &stop), async {
            works(api, org, &format!("before-{email}")).await;
            clock.at(to);
            works(api, org, &email).await;
            stop.store(true, Ordering::Relaxed);
        });
    if to >= from || from - to > 7200 {
        org.hears_of(&email).await;
    }
    [ann, bob]
}

/// Days from the real time, either way.
const FURTHEST: i64 = 6;

/// Minutes, hours or days, either way.
fn jump(random: &mut StdRng) -> i64 {
    let unit = [60, 3600, 86_400][random.random_range(0..3)];
    unit * random.random_range(-FURTHEST..=FURTHEST)
}

async fn drill(database: Database) {
    let (times, seed) = (variable("TENANTRY_DRILL_JUMPS", 3), variable("TENANTRY_DRILL_SEED", 1));
    let (world, clock) = Clock::of(World::on(database).await.set("tokens.access_seconds", 86_400));
    // Begun with a clock that is ahead: keys, sessions and tokens are from a later day, later than every jump leads to.
    clock.at(FURTHEST * 86_400);
    let (server, worker) = (world.api().await, world.worker().await);
    let org = Org::founded(&server.api(), "drill").await;
    let (mut people, mut from, mut random) = (Vec::new(), FURTHEST * 86_400, StdRng::seed_from_u64(seed));
    for n in 0..times {
        let to = if n == 0 { 0 } else { jump(&mut random) };
        people.extend(round(n, (from, to), &clock, &server.api(), &org).await);
        from = to;
    }
    let people: Vec<_> = people.iter().collect();
    assert_eq!(people.iter().map(|done| done.lost).sum::<usize>(), 0, "refused or lost");
    // The latest that it has been: what was to wait until then is due.
    clock.at((FURTHEST + 1) * 86_400);
    let owner = server.api().login(ROOT).await;
    let org = Org { owner, ..org };
    let db = world.connection().await;
    let theirs = |email: &str| email.starts_with("ann") || email.starts_with("bob");
    let (_, delivered) = all_is_well(&db, &server.api(), &org, &people, theirs).await;
    let repeated = arrived(&org).values().filter(|times| **times > 1).count();
    stop_in_order(&db, [server], [worker]).await;
    let events = feeds_are_whole(&db).await;
    println!(
        "{database:?}, seed {seed}: {times} jumps; {} changes, none refused, {events} events in whole feeds, {delivered} delivered, {repeated} of them \
         more than once",
        people.iter().map(|done| done.acknowledged()).sum::<usize>()
    );
}

#[test]
fn the_clock_jumps_on_sqlite() {
    block_on(Box::pin(drill(Database::Sqlite)));
}

#[test]
fn the_clock_jumps_on_postgres() {
    block_on(Box::pin(drill(Database::Postgres)));
}
