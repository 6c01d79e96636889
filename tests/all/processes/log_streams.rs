//! Log streams under `kill -9`, and five hundred of which one hangs.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::json;
use tenantry_tests::{Database, LogReceiver, RECEIVER_KEY, Speaks, block_on};

use super::{
    http::text,
    process::free_port,
    until, variable,
    world::{Org, World, rows},
};

/// An organization whose log is forwarded to a receiver from its beginning; the stream's path.
pub(super) async fn streaming(org: &Org, receiver: &LogReceiver, provider: &str, name: &str) -> String {
    let body = json!({
        "name": name, "provider_type": provider, "endpoint_url": receiver.url, "api_key": RECEIVER_KEY, "from": "start", "batch_size": 7,
    });
    let made = org.owner.api.post(&org.at("siem-configs"), body).await;
    assert_eq!(made.status, 201, "{made:?}");
    org.at(&format!("siem-configs/{}", text(&made.json()["id"])))
}

/// The worker dies at moments that nobody chose, again and again; the receiver gets every record, in order, some of them twice.
#[test]
fn a_worker_that_is_killed_loses_nothing_and_mixes_nothing_up() {
    block_on(async {
        futures::join!(Box::pin(killed(Database::Sqlite)), Box::pin(killed(Database::Postgres)));
    });
}

async fn killed(database: Database) {
    let world = World::on(database).await;
    let api = world.api().await;
    let port = free_port();
    let mut worker = world.spawn_worker(port).ready().await;
    let org = Org::founded(&api.api(), "killed").await;
    let receivers = [LogReceiver::start(Speaks::Hec { acks: true }).await, LogReceiver::start(Speaks::Elastic).await];
    streaming(&org, &receivers[0], "Splunk", "Splunk").await;
    streaming(&org, &receivers[1], "Elastic", "Elastic").await;
    receivers.iter().for_each(|receiver| receiver.delays(Duration::from_millis(15)));
    let rounds = variable("TENANTRY_DRILL_ROUNDS", 6);
    for round in 0..rounds {
        for n in 0..12 {
            org.owner.api.patch(&org.path, json!({"name": format!("Company {round} {n}")})).await.ok();
        }
        worker.kill();
        worker = world.spawn_worker(port);
        assert!(worker.came_up().await, "{}", worker.output());
    }
    let db = world.connection().await;
    let head = "select h.seq from heads h join organizations o on o.id = h.org_id where o.slug = 'killed'";
    until("everything has arrived", async || {
        let head: i64 = rows(&db, head).await.first()?.try_get_by_index(0).ok()?;
        let (changes, waiting) = (rounds as i64 * 12, rows(&db, "select 1 from outbox").await.len());
        let last = |receiver: &LogReceiver| receiver.seqs().iter().max().copied().unwrap_or_default();
        (waiting == 0 && head > changes && receivers.iter().all(|receiver| last(receiver) == head)).then_some(())
    })
    .await;
    let mut repeated = Vec::new();
    for receiver in &receivers {
        repeated.push(repeated_in_order(receiver));
    }
    println!(
        "{database:?}: {rounds} kills, {} records to each of two receivers, {repeated:?} repeated",
        receivers[0].seqs().len()
    );
    let _ = db.close().await;
    worker.stop().await;
    api.stop().await;
}

/// Fails unless every record came, for the first time in order; how many came again.
pub(super) fn repeated_in_order(receiver: &LogReceiver) -> usize {
    let (seqs, mut first) = (receiver.seqs(), Vec::new());
    for seq in &seqs {
        if !first.contains(seq) {
            first.push(*seq);
        }
    }
    assert_eq!(first, (1..=first.len() as i64).collect::<Vec<_>>(), "in order, and none left out");
    seqs.len() - first.len()
}

/// One of five hundred streams hangs for as long as it may; all others have everything before it has given up once.
#[test]
fn one_of_five_hundred_that_hangs_delays_no_other() {
    block_on(async {
        let world = World::postgres().await.set("log_streams.timeout_seconds", 60).set("egress.timeout_seconds", 60);
        let (api, worker) = (world.api().await, world.worker().await);
        let org = Org::founded(&api.api(), "many").await;
        let (hanging, receiver) = (LogReceiver::start(Speaks::Lines).await, LogReceiver::start(Speaks::Lines).await);
        hanging.delays(Duration::from_secs(600));
        streaming(&org, &hanging, "Custom", "Hangs").await;
        streaming(&org, &receiver, "Custom", "Works").await;
        let db = world.connection().await;
        // As many as nobody may have, of one organization: their credentials are bound to their place, so they have none.
        let copies = [
            "insert into log_streams (org_id, id, name, name_key, provider, url, options, batch_size, enabled, created_at, updated_at)
             select s.org_id, gen_random_uuid(), 'Copy ' || n, 'copy ' || n, s.provider, s.url, s.options, 100, true, s.created_at, s.updated_at
             from log_streams s, generate_series(1, 498) n where s.name = 'Works'",
            "insert into stream_turns (org_id, stream_id, seq, is_on, due_at, failures, set_aside, lost)
             select s.org_id, s.id, 0, true, now(), 0, 0, 0 from log_streams s where s.name like 'Copy %'",
        ];
        for text in copies {
            db.execute_unprepared(text).await.expect("copies");
        }
        for n in 0..20 {
            org.owner.api.patch(&org.path, json!({"name": format!("Company {n}")})).await.ok();
        }
        let behind = "select count(*) from stream_turns t join heads h on h.org_id = t.org_id where t.seq < h.seq";
        let count = async |text: &str| -> i64 {
            rows(&db, text).await.first().map_or(0, |row| row.try_get_by_index(0).expect("a number"))
        };
        until("all others have everything", async || (count(behind).await == 1).then_some(())).await;
        let gave_up = "select count(*) from stream_turns where failures > 0";
        assert_eq!((hanging.count(), count(gave_up).await), (0, 0), "the one is still being waited for");
        assert!(receiver.seqs().len() >= 499 * 20);
        let _ = db.close().await;
        drop(worker);
        api.stop().await;
    });
}
