//! Fairness: an endpoint that never answers, with a long backlog, does not hold up the others. The short form runs with the tests; for
//! the long one (100,000 waiting deliveries, 1,000 endpoints) set `TENANTRY_FAIRNESS_LONG`. Both print what they measured.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Clock, core::clock::SystemClock};
use tenantry_tests::{Database, Options, Org, Receiver, User, both};
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;

/// How much of everything.
struct Scale {
    waiting: usize,
    organizations: usize,
    rounds: usize,
}

#[expect(clippy::disallowed_methods, reason = "how a person asks for the long form")]
fn scale() -> Scale {
    match std::env::var_os("TENANTRY_FAIRNESS_LONG") {
        Some(_) => Scale { waiting: 100_000, organizations: 20, rounds: 40 },
        None => Scale { waiting: 20_000, organizations: 2, rounds: 8 },
    }
}

const ENDPOINTS: usize = 49;

async fn register(app: &TestApp, ann: &User, org: &Org, name: &str, url: &str) {
    let body = json!({"name": name, "url": url, "events": ["organization.updated"]});
    app.by(ann).post(&org.at("webhooks"), body).await.ok();
}

/// A whole worker, with its own idea of time: retries and leases must go on while the test waits.
fn worker(app: &TestApp) -> JoinHandle<()> {
    let deps = worker::Deps { clock: Arc::new(SystemClock), ..app.deps.clone() };
    tokio::spawn(async move {
        let _ = worker::run(deps, std::future::pending()).await;
    })
}

/// Takes connections and never says anything. Tells how many came.
async fn hung() -> (String, Arc<std::sync::atomic::AtomicUsize>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = count.clone();
    let task = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
            seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    (url, count, task)
}

/// Waits for what must come; how long is not the point, but never is too long.
async fn until(what: &str, reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} never came");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Changes organizations in turn; answers how long each delivery took from the commit's acknowledgement.
async fn rounds(app: &TestApp, ann: &User, orgs: &[Org], receiver: &Receiver, count: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for round in 0..count {
        app.by(ann).patch(&orgs[round % orgs.len()].path, json!({"name": format!("Round {round}")})).await.ok();
        let committed = Instant::now();
        until("every delivery of a round", || receiver.count() >= ENDPOINTS).await;
        took.extend(receiver.take().iter().map(|got| got.at.saturating_duration_since(committed)));
    }
    took.sort_unstable();
    took
}

/// Puts a backlog in front of the endpoint with this name.
async fn backlog(app: &TestApp, rows: usize) {
    let (numbers, id) = match app.database {
        Database::Postgres => (format!("n(i) as (select generate_series(1, {rows}))"), "gen_random_uuid()"),
        Database::Sqlite => (format!("n(i) as (select 1 union all select i + 1 from n where i < {rows})"), "randomblob(16)"),
    };
    let insert = format!(
        "with recursive {numbers} insert into deliveries (org_id, id, webhook_id, event_id, event_type, state, attempts, max_attempts,
next_at, created_at, updated_at) select w.org_id, {id}, w.id, (select min(e.id{text}) from events e where e.org_id = w.org_id){uuid}, 'organization.updated', 0, 0, 6,
w.created_at, w.created_at, w.created_at from n, webhooks w where w.name = 'Hung'",
        text = if app.database == Database::Postgres { "::text" } else { "" },
        uuid = if app.database == Database::Postgres { "::uuid" } else { "" },
    );
    app.execute(&insert).await;
    let due = "update destinations set due_at = (select w.created_at from webhooks w where w.id = destinations.webhook_id)
where webhook_id in (select id from webhooks where name = 'Hung')";
    app.execute(due).await;
}

fn options() -> Options {
    Options::default().starting_at(SystemClock.now()).set("organizations.max_per_user", 100)
}

both!(one_that_never_answers_does_not_hold_up_the_others, options(), async |app| {
    let (scale, ann, receiver) = (scale(), app.sign_up("ann@example.com").await, Receiver::start().await);
    let mut orgs = Vec::new();
    for n in 0..scale.organizations {
        let org = app.create_org(&ann, &format!("acme-{n}")).await;
        for hook in 0..ENDPOINTS {
            register(app, &ann, &org, &format!("Hook {hook}"), &format!("{}/{n}/{hook}", receiver.url)).await;
        }
        orgs.push(org);
    }
    app.worker().await;
    let running = worker(app);
    let alone = rounds(app, &ann, &orgs, &receiver, scale.rounds).await;
    let (url, connections, hanging) = hung().await;
    register(app, &ann, &orgs[0], "Hung", &url).await;
    backlog(app, scale.waiting).await;
    // The next commit wakes the worker, which finds the backlog first: it has been due for longest.
    let beside = rounds(app, &ann, &orgs, &receiver, scale.rounds).await;
    until("a call of the endpoint that hangs", || connections.load(std::sync::atomic::Ordering::Relaxed) > 0).await;
    let left = app.count("select count(*) from deliveries where state < 2").await;
    running.abort();
    hanging.abort();
    assert_eq!((alone.len(), beside.len()), (scale.rounds * ENDPOINTS, scale.rounds * ENDPOINTS), "each came once");
    assert!(left >= scale.waiting as i64, "all of the others came, and nothing of the backlog: {left}");
    let at = |took: &[Duration], share: usize| took[(took.len() - 1) * share / 100];
    for (what, took) in [("alone", &alone), ("beside a backlog", &beside)] {
        eprintln!("{:?}, {what}: p50 {:?}, p99 {:?}, {} deliveries", app.database, at(took, 50), at(took, 99), took.len());
    }
    app.execute("delete from deliveries where state < 2").await;
});
