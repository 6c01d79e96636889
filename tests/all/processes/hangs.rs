//! PostgreSQL hangs without closing anything, and a network loses every packet: nobody waits for ever, "not now" comes in time, and
//! everything heals by itself. `TENANTRY_DRILL_HANGS` says how many times each.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use tenantry_tests::block_on;

use super::{
    http::Api,
    invariants::{feeds_are_whole, stop_in_order},
    load::{Done, all_is_well},
    outage_postgres::Asker,
    partners::Postgres,
    proxy::Proxy,
    until, variable,
    world::{Org, ROOT, World, new_database},
};

/// Seconds that a statement may take; getting a connection takes 5 at most, and whoever waited for a statement may begin once more.
const STATEMENT: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(2 * (5 + STATEMENT) + 5);

fn world(url: &str) -> World {
    World::sqlite()
        .apart()
        .set("database.url", url)
        .set("server.workers", 4)
        .set("database.lock_timeout_seconds", 1)
        .set("database.statement_timeout_seconds", STATEMENT)
        .set("database.idle_in_transaction_seconds", STATEMENT)
        .set("webhooks.open_after_failures", 0)
}

/// Both processes refuse in time while nobody answers, and heal when `ends` was called; a change that was taken before is delivered then.
async fn nobody_answers(apis: [&Api; 2], org: &Org, round: u64, begins: impl FnOnce(), ends: impl FnOnce()) -> Duration {
    let started = Instant::now();
    apis[0].login(ROOT).await;
    let asker = Asker { api: apis[0], usual: started.elapsed(), patience: PATIENCE };
    org.receiver.answers(500);
    let before = format!("before{round}@example.com");
    org.invite(&before).await;
    org.hears_of(&before).await;
    let tries = org.receiver.received().len();
    begins();
    // At first every connection of the pool is one that does not answer; then there are none.
    asker.is_refused_everything(org).await;
    asker.is_refused_everything(org).await;
    assert_eq!(apis[1].get("/health/ready").await.status, 503, "the worker");
    org.receiver.answers(200);
    ends();
    let began = Instant::now();
    for probe in apis {
        until("it heals by itself", async || (probe.get("/health/ready").await.status == 200).then_some(())).await;
    }
    until("people can sign in", async || {
        let login = serde_json::json!({"email": ROOT, "password": super::world::PASSWORD});
        let answer = apis[0].post("/api/auth/login", login).await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
    let healed = began.elapsed();
    until("what was committed before is delivered", async || {
        let all = org.receiver.received();
        all.iter().skip(tries).any(|r| String::from_utf8_lossy(&r.body).contains(&before)).then_some(())
    })
    .await;
    healed
}

/// Plays it under load; `freeze` and `thaw` by whether they begin or end it.
async fn drill(url: String, what: &str, silent: impl Fn(bool)) {
    let (times, world, mut healed) = (variable("TENANTRY_DRILL_HANGS", 1), world(&url), Vec::new());
    let (mut server, mut worker) = (world.api().await, world.worker().await);
    let (api, probe, stop) = (server.api(), worker.api(), AtomicBool::new(false));
    let org = Org::founded(&api, "acme").await;
    let (ann, bob, ()) =
        tokio::join!(Done::default().invite(&org, "ann", &stop), Done::default().invite(&org, "bob", &stop), async {
            for round in 0..times {
                healed.push(nobody_answers([&api, &probe], &org, round, || silent(true), || silent(false)).await);
            }
            stop.store(true, Ordering::Relaxed);
        });
    assert!(server.runs() && worker.runs());
    let theirs = |email: &str| email.starts_with("ann") || email.starts_with("bob");
    let db = world.connection().await;
    let (audit, delivered) = all_is_well(&db, &api, &org, &[&ann, &bob], theirs).await;
    assert!(!audit.iter().any(|(.., data)| data["email"] == "lost@example.com"), "a refused change took place");
    stop_in_order(&db, [server], [worker]).await;
    let events = feeds_are_whole(&db).await;
    println!(
        "{what}, {times} times; healed after {healed:.1?}; {} changes acknowledged, {} answers lost or refused, {events} events in whole \
         feeds, {delivered} delivered",
        ann.acknowledged() + bob.acknowledged(),
        ann.lost + bob.lost,
    );
}

#[test]
fn a_database_that_hangs_holds_nobody_for_ever() {
    block_on(Box::pin(async {
        let postgres = Postgres::start().await;
        let url = new_database(&postgres.url()).await;
        drill(url, "a database that hangs", |silent| if silent { postgres.freeze() } else { postgres.thaw() }).await;
    }));
}

#[test]
fn a_network_that_loses_every_packet_holds_nobody_for_ever() {
    block_on(Box::pin(async {
        let postgres = Postgres::start().await;
        let proxy = Proxy::to(&[postgres.port()]).await;
        let url = new_database(&postgres.url()).await.replace(&postgres.port().to_string(), &proxy.port.to_string());
        drill(url, "a network that loses every packet", |silent| proxy.falls_silent(silent)).await;
    }));
}
