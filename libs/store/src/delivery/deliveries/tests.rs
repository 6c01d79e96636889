mod circuits;
mod order;
mod quota;
mod redelivery;
mod totals;

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use domain::{
    Total, WebhookId,
    delivery::webhooks::{DeliveryState, circuit::Breaker},
};
use sea_orm::EntityTrait;

use super::{ClaimedDelivery, DeliveryClaim, NewDelivery, Outcome, Verdict, destinations::Destination};
use crate::{
    Store,
    core::{
        entity::{attempts, deliveries, destinations, events},
        testing::{MAKING, SCOPE, at, commit, count, everywhere, now, organization, sequence, webhook},
    },
};

const BREAKER: Breaker = Breaker { after_failures: 5, first: TimeDelta::seconds(30) };

fn claim(store: &Store, second: i64) -> DeliveryClaim {
    let lease = store.ids.uuid(at(second));
    DeliveryClaim {
        now: at(second),
        lease,
        lease_until: at(second + 60),
        destinations: 64,
        per_destination: 4,
        max_rows: 64,
        max_slow: 16,
    }
}

async fn take(store: &Store, second: i64) -> Vec<ClaimedDelivery> {
    store.claim_deliveries(SCOPE, claim(store, second)).await.unwrap()
}

fn outcome(job: &ClaimedDelivery, verdict: Verdict) -> Outcome {
    Outcome { ticket: job.ticket, at: now(), duration_ms: 5, not_before: None, verdict }
}

fn arrived(job: &ClaimedDelivery) -> Outcome {
    outcome(job, Verdict::Delivered { status: 200, body: "ok\0".to_owned() })
}

async fn settle(store: &Store, second: i64, outcomes: &[Outcome]) -> u64 {
    store.settle_deliveries(SCOPE, at(second), BREAKER, outcomes).await.unwrap()
}

async fn only_row(store: &Store) -> deliveries::Model {
    deliveries::Entity::find().one(&store.db).await.unwrap().unwrap()
}

async fn due_at(store: &Store) -> Option<domain::Time> {
    destinations::Entity::find().one(&store.db).await.unwrap().unwrap().due_at
}

/// One organization with one endpoint and `events` deliveries for it.
async fn queued(store: &Store, events: usize) {
    let org = organization(store).await;
    webhook(store, org, "user.joined").await;
    commit(store, org, events).await;
    assert_eq!(sequence(store).await, events);
}

#[tokio::test]
async fn a_claim_reads_everything_and_a_settled_row_is_done() {
    everywhere(async |store: &Store| {
        queued(store, 1).await;
        let jobs = take(store, 1).await;
        let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
        assert_eq!(
            (job.url.as_str(), job.secrets.as_slice(), job.ticket.number, job.max_attempts),
            ("https://example.com/hook", &["whsec_eHh4".to_owned()][..], 1, 3)
        );
        assert_eq!((job.event_type.as_str(), job.is_active, job.org_deleted), ("user.joined", true, false));
        assert_eq!(events::Entity::find().one(&store.db).await.unwrap().unwrap().body, job.body);
        assert!(take(store, 2).await.is_empty());
        assert_eq!(settle(store, 3, &[arrived(job)]).await, 1);
        let row = only_row(store).await;
        assert_eq!((row.state, row.response_status, row.response_body.as_deref()), (2, Some(200), Some("ok")));
        assert_eq!(due_at(store).await, None);
        assert_eq!(attempts::Entity::find().all(&store.db).await.unwrap().len(), 1);
        assert!(take(store, 100).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_failure_waits_for_its_time_and_failures_are_counted() {
    everywhere(async |store: &Store| {
        queued(store, 1).await;
        let fails = |job: &ClaimedDelivery, second| {
            outcome(job, Verdict::Retry { status: Some(500), body: None, error: "no".to_owned(), next_at: at(second) })
        };
        let jobs = take(store, 1).await;
        assert_eq!(settle(store, 2, &[fails(&jobs[0], 50)]).await, 1);
        assert_eq!(due_at(store).await, Some(at(50)));
        assert!(take(store, 49).await.is_empty());
        let jobs = take(store, 50).await;
        assert_eq!(jobs[0].ticket.number, 2);
        assert_eq!(destinations::Entity::find().one(&store.db).await.unwrap().unwrap().failures, 1);
        settle(store, 51, &[arrived(&jobs[0])]).await;
        assert_eq!(destinations::Entity::find().one(&store.db).await.unwrap().unwrap().failures, 0);
        assert_eq!(attempts::Entity::find().all(&store.db).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_ended_is_claimed_again_and_its_holder_cannot_settle() {
    everywhere(async |store: &Store| {
        queued(store, 1).await;
        let slow = take(store, 1).await;
        assert!(take(store, 60).await.is_empty());
        let quick = take(store, 62).await;
        assert_eq!(quick[0].ticket.number, 2);
        assert_eq!(settle(store, 63, &[arrived(&slow[0])]).await, 0);
        assert_eq!(only_row(store).await.state, DeliveryState::InFlight as i16);
        // It happened, though.
        assert_eq!(attempts::Entity::find().one(&store.db).await.unwrap().unwrap().number, 1);
        assert_eq!(settle(store, 64, &[arrived(&quick[0])]).await, 1);
        assert_eq!(settle(store, 65, &[arrived(&quick[0])]).await, 0);
        assert_eq!(attempts::Entity::find().all(&store.db).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_row_whose_workers_vanish_is_given_up_after_its_last_attempt() {
    everywhere(async |store: &Store| {
        queued(store, 1).await;
        for number in 1..=3 {
            assert_eq!(take(store, number * 100).await[0].ticket.number as i64, number);
        }
        assert!(take(store, 400).await.is_empty());
        let row = only_row(store).await;
        assert_eq!((row.state, row.attempts, row.error.as_deref()), (3, 3, Some("the last attempt was interrupted")));
        assert_eq!(due_at(store).await, None);
    })
    .await;
}

#[tokio::test]
async fn released_rows_come_back_at_once_and_count_no_attempt() {
    everywhere(async |store: &Store| {
        queued(store, 2).await;
        let tickets: Vec<_> = take(store, 1).await.iter().map(|job| job.ticket).collect();
        store.release_deliveries(SCOPE, at(2), &tickets).await.unwrap();
        let jobs = take(store, 2).await;
        assert_eq!(jobs.iter().map(|job| job.ticket.number).collect::<Vec<_>>(), [1, 1]);
        // The released lease is nobody's any more.
        store.release_deliveries(SCOPE, at(3), &tickets).await.unwrap();
        assert_eq!(count(store, DeliveryState::InFlight).await, 2);
        let cancelled: Vec<_> =
            jobs.iter().map(|job| outcome(job, Verdict::Cancelled { reason: "inactive".to_owned() })).collect();
        assert_eq!(settle(store, 4, &cancelled).await, 2);
        let row = only_row(store).await;
        assert_eq!((row.state, row.attempts, row.error.as_deref()), (3, 0, Some("inactive")));
        assert!(attempts::Entity::find().one(&store.db).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_has_only_so_many_in_flight_and_keeps_its_order() {
    everywhere(async |store: &Store| {
        queued(store, 10).await;
        let mut order = Vec::new();
        let mut jobs = take(store, 1).await;
        assert_eq!(jobs.len(), 4);
        // At its limit it is not even looked at, until a place is free.
        assert_eq!(due_at(store).await, Some(at(61)));
        while !jobs.is_empty() {
            order.extend(jobs.iter().map(|job| job.event));
            assert!(take(store, 2).await.is_empty());
            settle(store, 3, &jobs.iter().map(arrived).collect::<Vec<_>>()).await;
            jobs = take(store, 4).await;
            assert!(jobs.len() <= 4);
        }
        assert_eq!(order.len(), 10);
        assert!(order.is_sorted());
    })
    .await;
}

/// `rows` waiting deliveries of one event for one endpoint.
async fn backlog(store: &Store, to: Destination, event: domain::EventId, rows: usize) {
    let new = || {
        let id = store.ids.uuid(now());
        NewDelivery { id, to, event, name: "user.joined".to_owned(), order: None, max_attempts: 3 }
    };
    let all: Vec<_> = (0..rows).map(|_| new()).collect();
    store.bookkeep(async |tx| super::insert(&tx, &all, now()).await).await.unwrap();
}

#[tokio::test]
async fn nobody_starves_behind_a_long_backlog() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let busy = webhook(store, org, "user.joined").await;
        commit(store, org, 1).await;
        sequence(store).await;
        let event = domain::EventId::new(events::Entity::find().one(&store.db).await.unwrap().unwrap().id);
        backlog(store, Destination { org, webhook: busy }, event, 5000).await;
        let mut others = HashSet::new();
        for _ in 0..30 {
            others.insert(webhook(store, org, "user.joined").await);
        }
        commit(store, org, 1).await;
        sequence(store).await;
        let mut per_webhook: HashMap<WebhookId, usize> = HashMap::new();
        for second in 1..=2 {
            for job in store.claim_deliveries(SCOPE, DeliveryClaim { max_rows: 16, ..claim(store, second) }).await.unwrap() {
                *per_webhook.entry(job.ticket.webhook).or_default() += 1;
            }
        }
        // 31 endpoints, two claims of 16: each had its turn, and the busy one did not have more than its share.
        assert!(others.iter().all(|id| per_webhook.get(id) == Some(&1)), "{per_webhook:?}");
        assert!(per_webhook[&busy] <= 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_claim_and_settle_each_row_once() {
    everywhere(async |store: &Store| {
        let orgs = [organization(store).await, organization(store).await];
        for org in orgs {
            for _ in 0..3 {
                webhook(store, org, "user.joined").await;
            }
        }
        let written = std::cell::Cell::new(false);
        let writer = async {
            for _ in 0..10 {
                commit(store, orgs[0], 2).await;
                commit(store, orgs[1], 2).await;
                while store.sequence(SCOPE, now(), 1000, MAKING).await.is_err() {}
            }
            written.set(true);
        };
        let worker = async |lane: i64| {
            let mut mine = Vec::new();
            let mut idle = 0;
            while idle < 40 {
                let Ok(jobs) = store.claim_deliveries(SCOPE, claim(store, lane)).await else { continue };
                idle = if jobs.is_empty() && written.get() { idle + 1 } else { 0 };
                mine.extend(jobs.iter().map(|job| (job.ticket.id, job.ticket.number)));
                let outcomes: Vec<_> = jobs.iter().map(arrived).collect();
                while store.settle_deliveries(SCOPE, at(lane), BREAKER, &outcomes).await.is_err() {}
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            mine
        };
        let ((), a, b, c) = futures::join!(writer, worker(1), worker(2), worker(3));
        let all: Vec<_> = [a, b, c].concat();
        assert_eq!(all.len(), 120);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 120);
        assert_eq!(count(store, DeliveryState::Delivered).await, 120);
        assert!(destinations::Entity::find().all(&store.db).await.unwrap().iter().all(|row| row.due_at.is_none()));
    })
    .await;
}

#[tokio::test]
async fn the_history_shows_pages_filters_and_test_events_and_no_foreign_endpoint() {
    everywhere(async |store: &Store| {
        let (org, other) = (organization(store).await, organization(store).await);
        let (hook, foreign) = (webhook(store, org, "user.joined").await, webhook(store, other, "user.joined").await);
        commit(store, org, 3).await;
        sequence(store).await;
        settle(store, 2, &take(store, 1).await.iter().map(arrived).collect::<Vec<_>>()).await;
        let write = crate::core::testing::standing::<domain::authorization::policy::Write>(store, org).await;
        let test = store
            .write(&crate::core::testing::stamp(), async |tx: &crate::WriteTx| {
                let scope = domain::authorization::policy::decide(&write)?;
                let endpoint = tx.lock_webhook(scope, hook).await?;
                Ok(crate::Change::new(tx.enqueue_test(scope, &endpoint, MAKING).await?, org, crate::core::testing::joined(store)))
            })
            .await
            .unwrap();
        let read = crate::core::testing::standing::<domain::authorization::policy::Read>(store, org).await;
        let list = async |webhook, page, limit, filter: super::DeliveryFilter| {
            let page = domain::Page::clamped(Some(page), Some(limit), 20);
            store.list_deliveries(domain::authorization::policy::decide(&read).unwrap(), webhook, page, &filter, now()).await
        };
        let (all, total) = list(hook, 1, 2, super::DeliveryFilter::default()).await.unwrap();
        assert_eq!((all.len(), total), (2, Total::exact(4)));
        assert_eq!((all[0].id, all[0].event_type.as_str(), all[0].state), (test, "webhook.test.ping", DeliveryState::Waiting));
        assert!(all[0].payload.contains("test event") && all[1].payload.contains("user.joined"));
        let delivered = super::DeliveryFilter { delivered: Some(true), ..Default::default() };
        assert_eq!(list(hook, 1, 20, delivered).await.unwrap().1, Total::exact(3));
        let waiting = super::DeliveryFilter { delivered: Some(false), event_type: Some("webhook.test.ping".to_owned()) };
        assert_eq!(list(hook, 1, 20, waiting).await.unwrap().1, Total::exact(1));
        assert_eq!(list(hook, 3, 2, super::DeliveryFilter::default()).await.unwrap().0.len(), 0);
        assert_eq!(list(foreign, 1, 2, super::DeliveryFilter::default()).await.unwrap_err().kind, domain::Kind::NotFound);
        assert_eq!(take(store, 3).await[0].ticket.id, test);
    })
    .await;
}
