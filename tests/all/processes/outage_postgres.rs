//! PostgreSQL goes away under load, by a crash and by an operator's hand, and comes back. Nobody restarts anything of ours.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::json;
use tenantry_tests::block_on;

use super::{
    http::Api,
    invariants::{feeds_are_whole, stop_in_order},
    load::{Done, all_is_well},
    partners::Postgres,
    promptly, until, variable,
    world::{Org, PASSWORD, ROOT, World, new_database},
};

/// Somebody who asks while there is no database, knows how long an answer usually takes, and waits for "not now" for so long on a quick
/// machine.
pub(super) struct Asker<'a> {
    pub(super) api: &'a Api,
    pub(super) usual: Duration,
    pub(super) patience: Duration,
}

impl Asker<'_> {
    async fn ask(&self, as_whom: &Api, method: Method, path: &str, body: Option<serde_json::Value>) {
        let started = Instant::now();
        let answer = as_whom.call(method.clone(), path, body.as_ref(), &[]).await;
        promptly(&format!("{method} {path}"), started.elapsed(), self.patience, self.usual);
        answer.unwrap_or_else(|e| panic!("{method} {path}: {e:?}")).unavailable();
    }

    /// Everything that needs the database says "not now", all at the same time.
    pub(super) async fn is_refused_everything(&self, org: &Org) {
        let login = json!({"email": ROOT, "password": PASSWORD});
        let refresh = json!({"refresh_token": org.owner.refresh});
        let invite = json!({"email": "lost@example.com", "role": "member"});
        let register = json!({"email": "new@example.com", "password": PASSWORD});
        let (owner, invitations, members) = (&org.owner.api, org.at("invitations"), org.at("members"));
        tokio::join!(
            self.ask(self.api, Method::GET, "/health/ready", None),
            self.ask(self.api, Method::POST, "/api/auth/login", Some(login)),
            self.ask(self.api, Method::POST, "/api/auth/refresh", Some(refresh)),
            self.ask(self.api, Method::POST, "/api/auth/register", Some(register)),
            self.ask(owner, Method::GET, &org.path, None),
            self.ask(owner, Method::GET, &members, None),
            self.ask(owner, Method::POST, &invitations, Some(invite)),
        );
        assert_eq!(self.api.get("/health/live").await.status, 200, "the process is well");
    }
}

/// It goes (by this signal) and comes back; what was committed before is delivered afterwards, and new changes are taken.
async fn stops_and_returns(postgres: &mut Postgres, signal: &str, round: usize, apis: [&Api; 2], org: &Org) {
    // Committed, tried once, and still owed when the database goes.
    org.receiver.answers(500);
    let before = format!("before{round}@example.com");
    org.invite(&before).await;
    org.hears_of(&before).await;
    let tries = org.receiver.received().len();
    let started = Instant::now();
    apis[0].login(ROOT).await;
    let asker = Asker { api: apis[0], usual: started.elapsed(), patience: Duration::from_secs(10) };
    postgres.stop(signal).await;
    asker.is_refused_everything(org).await;
    if round == 0 {
        // At first the pool still held dead connections; now it has none.
        asker.is_refused_everything(org).await;
    }
    let unready = apis[1].get("/health/ready").await;
    assert_eq!(unready.status, 503, "the worker: {unready:?}");
    org.receiver.answers(200);
    postgres.restart().await;
    for probe in apis {
        until("it heals by itself", async || (probe.get("/health/ready").await.status == 200).then_some(())).await;
    }
    apis[0].login(ROOT).await;
    until("what was committed before is delivered", async || {
        let all = org.receiver.received();
        all.iter().skip(tries).any(|r| String::from_utf8_lossy(&r.body).contains(&before)).then_some(())
    })
    .await;
    let after = format!("after{round}@example.com");
    org.invite(&after).await;
    org.hears_of(&after).await;
}

/// `TENANTRY_DRILL_OUTAGES` says how many times.
#[test]
fn postgres_stops_and_returns() {
    block_on(Box::pin(async {
        let (times, mut postgres) = (variable("TENANTRY_DRILL_OUTAGES", 2), Postgres::start().await);
        let world = World::sqlite().apart().set("database.url", new_database(&postgres.url()).await).set("server.workers", 4);
        // The receiver's refusals are to keep events waiting, not to open its circuit.
        let world = world.set("webhooks.open_after_failures", 0);
        let (mut server, mut worker) = (world.api().await, world.worker().await);
        let (api, probe, stop) = (server.api(), worker.api(), AtomicBool::new(false));
        let org = Org::founded(&api, "acme").await;
        let (ann, bob, ()) =
            tokio::join!(Done::default().invite(&org, "ann", &stop), Done::default().invite(&org, "bob", &stop), async {
                for (round, signal) in ["QUIT", "INT"].into_iter().cycle().take(times as usize).enumerate() {
                    stops_and_returns(&mut postgres, signal, round, [&api, &probe], &org).await;
                }
                stop.store(true, Ordering::Relaxed);
            });
        assert!(server.runs() && worker.runs());
        let theirs = |email: &str| email.starts_with("ann") || email.starts_with("bob");
        let db = world.connection().await;
        let (audit, delivered) = all_is_well(&db, &api, &org, &[&ann, &bob], theirs).await;
        assert!(!audit.iter().any(|(.., data)| data["email"] == "lost@example.com"), "a refused change took place");
        stop_in_order(&db, [server], [worker]).await;
        feeds_are_whole(&db).await;
        println!(
            "{times} outages; {} changes acknowledged, {} answers lost or refused, {delivered} delivered",
            ann.acknowledged() + bob.acknowledged(),
            ann.lost + bob.lost
        );
    }));
}
