//! What may be open, and catching up, while everybody is at work.

use domain::delivery::webhooks::quota::Quotas;

use super::*;
use crate::{
    Change, NoEvent,
    core::sql,
    delivery::deliveries::{CaughtUp, Making, circuits, destinations as locks},
};

const SMALL: Making = Making { max_attempts: 3, quotas: Quotas { endpoint: 5, organization: 8, unverified: 2 } };

async fn step(store: &Store, second: i64) -> domain::Result<Vec<Option<CaughtUp>>> {
    let mut steps = Vec::new();
    for behind in store.behind_webhooks(SCOPE, at(second), 64).await? {
        let work = async |tx: std::sync::Arc<crate::WriteTx>| {
            Ok(Change::silent(tx.catch_up(SCOPE, behind, SMALL, true).await?, NoEvent::Unchanged))
        };
        steps.push(store.write_as_job(SCOPE, at(second), work).await?);
    }
    Ok(steps)
}

/// What is made for two endpoints while several sequencers, workers and jobs meet; answers the most that were open at once.
async fn everybody_at_work(store: &Store, events: usize) -> i64 {
    let (clock, written, most) = (std::sync::atomic::AtomicI64::new(1), std::cell::Cell::new(0), std::cell::Cell::new(0));
    let tick = || clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let org = domain::OrgId::new(destinations::Entity::find().one(&store.db).await.unwrap().unwrap().org_id);
    let writer = async {
        while written.get() < events {
            commit(store, org, 4).await;
            written.set(written.get() + 4);
        }
    };
    let sequencer = async || {
        while written.get() < events || sql::count(&store.db, "select count(*) from outbox", vec![]).await.unwrap() > 0 {
            let _ = store.sequence(SCOPE, at(tick()), 7, SMALL).await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    let (wanted, done) = (2 * events as i64, "select count(*) from deliveries where state = 2");
    let unfinished = async || {
        let open = sql::count(&store.db, "select count(*) from deliveries where state < 2", vec![]).await.unwrap();
        most.set(most.get().max(open));
        sql::count(&store.db, done, vec![]).await.unwrap() < wanted
    };
    let worker = async || {
        while unfinished().await {
            let second = tick();
            let Ok(jobs) = store.claim_deliveries(SCOPE, claim(store, second)).await else { continue };
            let outcomes: Vec<_> = jobs.iter().map(arrived).collect();
            while store.settle_deliveries(SCOPE, at(second), BREAKER, &outcomes).await.is_err() {}
        }
    };
    let job = async || {
        while unfinished().await {
            let _ = step(store, tick()).await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    let all = futures::future::join(
        futures::future::join4(writer, sequencer(), sequencer(), worker()),
        futures::future::join3(worker(), job(), job()),
    );
    tokio::time::timeout(std::time::Duration::from_secs(120), all).await.expect("everything is delivered");
    most.get()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_comes_once_to_each_endpoint_that_keeps_falling_behind() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let hooks = [webhook(store, org, "user.joined").await, webhook(store, org, "user.joined").await];
        sql::execute(&store.db, "update webhooks set in_order = true where id = $1", vec![hooks[1].uuid().into()]).await.unwrap();
        let most = everybody_at_work(store, 80).await;
        let rows = deliveries::Entity::find().all(&store.db).await.unwrap();
        let keys: HashSet<_> = rows.iter().map(|row| (row.webhook_id, row.event_id)).collect();
        assert_eq!((rows.len(), keys.len()), (160, 160), "each once");
        // Two transactions that make some for one endpoint each, in the same moment, do not see each other's: so the organization's bound of 8
        // may be passed by that, and each endpoint's own is not.
        assert!(most <= 2 * 5, "{most} were open");
        // In the order of the feed, whoever made them.
        let mut ordered: Vec<_> = rows.iter().filter(|row| row.webhook_id == hooks[1].uuid()).collect();
        ordered.sort_by_key(|row| row.id);
        let lines: Vec<_> = ordered.iter().map(|row| row.line).collect();
        assert!(lines.is_sorted() && lines.iter().all(Option::is_some), "{lines:?}");
        let left = "select count(*) from destinations where behind_since is not null or open_most <> 0";
        for second in 1000..1010 {
            step(store, second * 100).await.unwrap();
        }
        assert_eq!(sql::count(&store.db, left, vec![]).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_answer_from_where_it_led_before_proves_nothing() {
    everywhere(async |store: &Store| {
        queued(store, 1).await;
        sql::execute(&store.db, "update destinations set verified_at = null", vec![]).await.unwrap();
        let late = take(store, 1).await;
        let to = Destination { org: late[0].ticket.org, webhook: late[0].ticket.webhook };
        let moved = async |tx: std::sync::Arc<sea_orm::DatabaseTransaction>| {
            locks::lock(&tx, &mut [to]).await?;
            circuits::moved(&tx, to, at(2)).await?;
            locks::reschedule(&tx, &[(to, u64::MAX)], at(2)).await
        };
        store.bookkeep(moved).await.unwrap();
        assert_eq!(settle(store, 3, &[arrived(&late[0])]).await, 0);
        let verified = async || destinations::Entity::find().one(&store.db).await.unwrap().unwrap().verified_at;
        assert_eq!(verified().await, None);
        // It is sent to where it leads now.
        let again = take(store, 4).await;
        assert_eq!(settle(store, 5, &[arrived(&again[0])]).await, 1);
        assert!(verified().await.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_backlog_that_nobody_counted_is_counted_once_and_then_costs_nothing() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let hook = webhook(store, org, "user.joined").await;
        commit(store, org, 1).await;
        sequence(store).await;
        let event = domain::EventId::new(events::Entity::find().one(&store.db).await.unwrap().unwrap().id);
        backlog(store, Destination { org, webhook: hook }, event, 10_000).await;
        sql::execute(&store.db, "update destinations set open_most = null", vec![]).await.unwrap();
        let mut took = Vec::new();
        for _ in 0..4 {
            commit(store, org, 1).await;
            let began = std::time::Instant::now();
            sequence(store).await;
            took.push(began.elapsed());
            let row = destinations::Entity::find().one(&store.db).await.unwrap().unwrap();
            assert_eq!((row.behind_from, row.behind_why.as_deref(), row.open_most), (Some(2), Some("endpoint"), Some(10_000)));
        }
        eprintln!("{:?}: passes with a full endpoint took {took:?}", store.has_one_writer());
        assert_eq!(count(store, DeliveryState::Waiting).await, 10_001);
    })
    .await;
}

#[tokio::test]
async fn what_was_delivered_before_the_upgrade_has_proved_its_endpoint() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let (arrives, fails) = (webhook(store, org, "user.joined").await, webhook(store, org, "user.joined").await);
        commit(store, org, 1).await;
        sequence(store).await;
        let failed = Verdict::Failed { status: Some(404), body: None, error: "no".to_owned() };
        let jobs = take(store, 1).await;
        let outcomes: Vec<_> = jobs
            .iter()
            .map(|job| if job.ticket.webhook == fails { outcome(job, failed.clone()) } else { arrived(job) })
            .collect();
        settle(store, 2, &outcomes).await;
        sql::execute(&store.db, "update destinations set verified_at = null", vec![]).await.unwrap();
        let step = migrations::STEPS.iter().find(|step| step.name.contains("_000013_")).unwrap().files.concat();
        sql::execute(&store.db, &step[step.find("update destinations").unwrap()..], vec![]).await.unwrap();
        for row in destinations::Entity::find().all(&store.db).await.unwrap() {
            assert_eq!(row.verified_at.is_some(), row.webhook_id == arrives.uuid());
        }
    })
    .await;
}
