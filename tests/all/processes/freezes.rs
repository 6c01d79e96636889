//! A process hangs: it is stopped (SIGSTOP) in whatever it is doing, holds what it holds, and says goodbye to nobody. The others go on
//! within the time that PostgreSQL gives to a client that has fallen silent in a transaction, and when it wakes up nothing is lost.
//!
//! `TENANTRY_DRILL_FREEZES=100` makes it long, `TENANTRY_DRILL_SEED` repeats a run's instants.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tenantry_tests::{Database, LogReceiver, Speaks, block_on};

use super::{
    http::Api,
    invariants::{count, feeds_are_whole, stop_in_order},
    load::{Done, all_is_well},
    log_streams::{repeated_in_order, streaming},
    process::Process,
    promptly, until, variable,
    world::{Org, World},
};

/// What PostgreSQL gives to whoever is silent in a transaction, in seconds; what a lock may take is half of it.
const SILENCE: u64 = 2;

/// What the frozen one has claimed comes when its lease ends, after twice the receiver's time and a bit, and keeps a place in flight at the
/// endpoint meanwhile. Without the time-outs it would be for ever.
const LEASE: Duration = Duration::from_secs(SILENCE + 40);

async fn world() -> World {
    World::postgres()
        .await
        .set("server.public_url", "http://sso.test")
        .set("database.lock_timeout_seconds", SILENCE / 2)
        .set("database.statement_timeout_seconds", 2 * SILENCE)
        .set("database.idle_in_transaction_seconds", SILENCE)
}

/// Somebody is silent in a transaction for longer than a pass takes, on however slow a machine.
const SILENT: &str = "select count(*) from pg_stat_activity where application_name = 'tenantry-worker' and datname = current_database() \
                      and state = 'idle in transaction' and clock_timestamp() - state_change > interval '300 milliseconds'";

const WAITING: &str = "select count(*) from outbox";

/// Stops the worker while it is in the middle of a pass over events.
async fn caught_in_a_pass(worker: &Process, db: &DatabaseConnection) {
    until("a worker is caught in the middle of a transaction", async || {
        worker.signal("STOP");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            if count(db, SILENT).await > 0 && count(db, WAITING).await > 0 {
                return Some(());
            }
        }
        worker.signal("CONT");
        None
    })
    .await;
}

/// How long an invitation and the news of it take on this machine when nobody hangs.
async fn usual(org: &Org) -> Duration {
    let began = Instant::now();
    org.invite("usual@example.com").await;
    org.hears_of("usual@example.com").await;
    began.elapsed()
}

#[test]
fn a_worker_that_freezes_with_the_sequencer_stops_nobody() {
    block_on(Box::pin(async {
        let world = world().await;
        let (api, frozen, other) = (world.api().await, world.worker().await, world.worker().await);
        let (org, db, stop) = (Org::founded(&api.api(), "acme").await, world.connection().await, AtomicBool::new(false));
        let people = async {
            tokio::join!(
                Done::default().invite(&org, "ann", &stop),
                Done::default().invite(&org, "bob", &stop),
                Done::default().invite(&org, "cy", &stop)
            )
        };
        let usual = usual(&org).await;
        let watch = async {
            let mut waited = Vec::new();
            for n in 0..variable("TENANTRY_DRILL_FREEZES", 3).div_ceil(3) {
                caught_in_a_pass(&frozen, &db).await;
                let began = Instant::now();
                let email = format!("during{n}@example.com");
                org.invite(&email).await;
                org.hears_of(&email).await;
                promptly("delivering beside a frozen worker", began.elapsed(), LEASE, usual);
                waited.push(began.elapsed());
                assert_eq!(other.api().get("/health/ready").await.status, 200, "the other worker is well");
                frozen.signal("CONT");
            }
            stop.store(true, Ordering::Relaxed);
            waited
        };
        let ((ann, bob, cy), waited) = tokio::join!(people, watch);
        let theirs = |email: &str| !email.starts_with("during") && !email.starts_with("usual");
        let (_, delivered) = all_is_well(&db, &api.api(), &org, &[&ann, &bob, &cy], theirs).await;
        stop_in_order(&db, [api], [frozen, other]).await;
        let events = feeds_are_whole(&db).await;
        println!(
            "caught {} times in a pass; then delivered after {waited:.1?}; {events} events in whole feeds, {delivered} delivered",
            waited.len()
        );
    }));
}

struct Crew {
    apis: [Process; 2],
    workers: [Process; 2],
    usual: Duration,
}

impl Crew {
    /// Stops one at a random instant, changes something and hears of it without its help, and lets it go on.
    async fn round(&self, org: &Org, random: &mut StdRng, n: u64) -> Duration {
        tokio::time::sleep(Duration::from_millis(random.random_range(20..250))).await;
        let who = random.random_range(0..4);
        let victim = if who < 2 { &self.apis[who] } else { &self.workers[who - 2] };
        let awake = if who == 0 { &self.apis[1] } else { &self.apis[0] };
        victim.signal("STOP");
        let (began, email) = (Instant::now(), format!("round{n}@example.com"));
        let invite = serde_json::json!({"email": email, "role": "member"});
        let key = [("idempotency-key", email.as_str())];
        let api = org.owner.api.via(&awake.base);
        until("a change is acknowledged", async || {
            let answer = api.call(reqwest::Method::POST, &org.at("invitations"), Some(&invite), &key).await.ok()?;
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
            (answer.status == 200).then_some(())
        })
        .await;
        org.hears_of(&email).await;
        let took = began.elapsed();
        promptly("changing and delivering", took, LEASE, self.usual);
        victim.signal("CONT");
        took
    }
}

#[test]
fn whoever_freezes_at_any_instant_loses_nothing() {
    block_on(Box::pin(async {
        let (rounds, seed) = (variable("TENANTRY_DRILL_FREEZES", 4), variable("TENANTRY_DRILL_SEED", 1));
        let world = world().await;
        let (apis, workers) = ([world.api().await, world.api().await], [world.worker().await, world.worker().await]);
        let org = Org::founded(&apis[0].api(), "drill").await;
        let receiver = LogReceiver::start(Speaks::Lines).await;
        streaming(&org, &receiver, "Custom", "Log").await;
        let crew = Crew { apis, workers, usual: usual(&org).await };
        let (stop, mut random, mut longest) = (AtomicBool::new(false), StdRng::seed_from_u64(seed), Duration::ZERO);
        let (ann, bob, ()) =
            tokio::join!(Done::default().invite(&org, "ann", &stop), Done::default().invite(&org, "bob", &stop), async {
                for n in 0..rounds {
                    longest = longest.max(crew.round(&org, &mut random, n).await);
                }
                stop.store(true, Ordering::Relaxed);
            });
        let db = world.connection().await;
        let theirs = |email: &str| !email.starts_with("round") && !email.starts_with("usual");
        let (_, delivered) = all_is_well(&db, &crew.apis[1].api(), &org, &[&ann, &bob], theirs).await;
        // A turn that froze is over when its lease ends; another takes it up where it was written down.
        let behind = "select count(*) from stream_turns t join heads h on h.org_id = t.org_id where t.seq < h.seq";
        until("the log stream has everything", async || (count(&db, behind).await == 0).then_some(())).await;
        let again = repeated_in_order(&receiver);
        stop_in_order(&db, crew.apis, crew.workers).await;
        let events = feeds_are_whole(&db).await;
        println!(
            "seed {seed}: {rounds} freezes, longest wait for a delivery meanwhile {longest:.1?}; {} changes acknowledged, {} answers lost or \
             refused, {events} events in whole feeds, {delivered} delivered, {again} sent again by the log stream",
            ann.acknowledged() + bob.acknowledged(),
            ann.lost + bob.lost,
        );
    }));
}

async fn lag(at: &Api, token: &str) -> f64 {
    let text = at.with(token).get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix("tenantry_sequencer_lag_seconds ")).expect("the gauge");
    line.parse().expect("a number")
}

#[test]
fn readiness_and_metrics_tell_that_nobody_sequences() {
    block_on(Box::pin(async {
        let world = world().await.set("metrics.token", "scrape");
        let (api, worker) = (world.api().await, world.worker().await);
        let (org, db) = (Org::founded(&api.api(), "acme").await, world.connection().await);
        // As a process that hangs would, and as an operator's session can, which nobody ends.
        db.execute_unprepared("begin; update sequencer set passes = passes where id = 1").await.expect("the lock");
        org.invite("ann@example.com").await;
        for at in [api.api(), worker.api()] {
            let before = lag(&at, "scrape").await;
            until("the lag grows", async || (lag(&at, "scrape").await > before + 1.0).then_some(())).await;
            let tells =
                async || (at.get("/health/ready").await.ok()["oldest"]["unsequenced_seconds"].as_i64()? >= 1).then_some(());
            until("readiness tells it", tells).await;
        }
        // A minute is too long to wait for.
        let aged = world.connection().await;
        aged.execute_unprepared("update events set created_at = created_at - interval '2 minutes'").await.expect("older events");
        until("the worker is not ready", async || (worker.api().get("/health/ready").await.status == 503).then_some(())).await;
        let of = async |at: &Process, field: &str| at.api().get("/health/ready").await.json()[field].clone();
        until("the worker says why", async || (of(&worker, "status").await == "behind").then_some(())).await;
        until("the API serves and says so", async || (of(&api, "work").await == "behind").then_some(())).await;
        db.execute_unprepared("rollback").await.expect("the end of it");
        until("the worker is ready again", async || (worker.api().get("/health/ready").await.status == 200).then_some(())).await;
        org.hears_of("ann@example.com").await;
        let said = stop_in_order(&db, [api], [worker]).await;
        assert!(!said.contains("ERROR"), "{said}");
    }));
}

/// On SQLite there is nobody who could end a process that hangs with the write lock. Reads go on, writes are refused after a while, and when
/// it goes on, or is killed, everything is as before.
#[test]
fn a_frozen_writer_of_sqlite_lets_others_read_and_refuses_writes_in_time() {
    block_on(Box::pin(async {
        let world = World::on(Database::Sqlite).await;
        let (api, worker) = (world.api().await, world.worker().await);
        let (org, db) = (Org::founded(&api.api(), "acme").await, world.connection().await);
        let usual = usual(&org).await;
        db.execute_unprepared("begin immediate").await.expect("the write lock");
        let invite = |n: usize| {
            let body = serde_json::json!({"email": format!("guest{n}@example.com"), "role": "member"});
            async { org.owner.api.post(&org.at("invitations"), body).await }
        };
        let began = Instant::now();
        let (refused, read) = tokio::join!(futures::future::join_all((0..6).map(invite)), async {
            let read = org.owner.api.get(&org.path).await;
            (read, began.elapsed())
        });
        assert_eq!(read.0.status, 200, "{:?}", read.0);
        promptly("a read", read.1, Duration::from_secs(3), usual);
        // Some waited for a place to wait at (429), some for the lock.
        refused.iter().filter(|answer| answer.status != 429).for_each(|answer| answer.unavailable());
        promptly("six refusals", began.elapsed(), Duration::from_secs(40), usual);
        db.execute_unprepared("rollback").await.expect("the end of it");
        org.invite("after@example.com").await;
        org.hears_of("after@example.com").await;
        stop_in_order(&db, [api], [worker]).await;
        feeds_are_whole(&db).await;
    }));
}
