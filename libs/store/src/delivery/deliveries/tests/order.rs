//! Endpoints that keep their events in order, as the claim treats them.

use super::*;
use crate::{core::sql, delivery::deliveries::insert};

/// An endpoint in order, whose rows have the ids in the opposite order of their places.
async fn in_order_reversed(store: &Store, rows: i64) -> Vec<domain::DeliveryId> {
    let org = organization(store).await;
    let hook = webhook(store, org, "user.removed").await;
    sql::execute(&store.db, "update webhooks set in_order = true", vec![]).await.unwrap();
    commit(store, org, 1).await;
    sequence(store).await;
    let event = domain::EventId::new(events::Entity::find().one(&store.db).await.unwrap().unwrap().id);
    let to = Destination { org, webhook: hook };
    let (mut ids, mut all) = (Vec::new(), Vec::new());
    for place in (1..=rows).rev() {
        let id = store.ids.uuid(now());
        all.push(NewDelivery { id, to, event, name: "user.joined".to_owned(), order: Some(place), max_attempts: 3 });
        ids.insert(0, domain::DeliveryId::new(id));
    }
    let queue = async |tx: std::sync::Arc<sea_orm::DatabaseTransaction>| {
        insert(&tx, &all, now()).await?;
        crate::delivery::deliveries::destinations::make_due(&tx, &[to], now()).await
    };
    store.bookkeep(queue).await.unwrap();
    ids
}

#[tokio::test]
async fn one_at_a_time_by_its_place_in_the_feed() {
    everywhere(async |store: &Store| {
        let ids = in_order_reversed(store, 4).await;
        for (n, id) in ids.iter().enumerate() {
            let second = 10 * n as i64;
            let jobs = take(store, second + 1).await;
            assert_eq!(jobs.iter().map(|job| job.ticket.id).collect::<Vec<_>>(), [*id]);
            assert!(take(store, second + 2).await.is_empty());
            settle(store, second + 3, &[arrived(&jobs[0])]).await;
        }
        assert_eq!(due_at(store).await, None);
    })
    .await;
}

#[tokio::test]
async fn the_first_in_order_holds_up_the_rest_even_if_its_worker_vanishes() {
    everywhere(async |store: &Store| {
        let ids = in_order_reversed(store, 2).await;
        let later = |job: &ClaimedDelivery, second| {
            outcome(job, Verdict::Retry { status: None, body: None, error: "no".to_owned(), next_at: at(second) })
        };
        let jobs = take(store, 1).await;
        settle(store, 2, &[later(&jobs[0], 50)]).await;
        assert_eq!(due_at(store).await, Some(at(50)));
        assert!(take(store, 49).await.is_empty());
        // Claimed, and never settled.
        assert_eq!(take(store, 50).await[0].ticket.id, ids[0]);
        assert!(take(store, 100).await.is_empty());
        let last = take(store, 111).await;
        assert_eq!((last[0].ticket.id, last[0].ticket.number), (ids[0], 3));
        // Given up with the end of the last lease; the next one moves up.
        assert!(take(store, 172).await.is_empty());
        assert_eq!(take(store, 173).await[0].ticket.id, ids[1]);
    })
    .await;
}

#[tokio::test]
async fn a_new_event_gets_its_number_as_its_place() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let (ordered, other) = (webhook(store, org, "user.joined").await, webhook(store, org, "user.joined").await);
        let text = "update webhooks set in_order = true where id = $1";
        sql::execute(&store.db, text, vec![ordered.uuid().into()]).await.unwrap();
        commit(store, org, 3).await;
        sequence(store).await;
        let mut rows = deliveries::Entity::find().all(&store.db).await.unwrap();
        rows.sort_by_key(|row| row.id);
        let lines =
            |hook: WebhookId| rows.iter().filter(|row| row.webhook_id == hook.uuid()).map(|row| row.line).collect::<Vec<_>>();
        assert_eq!(lines(ordered), [Some(1), Some(2), Some(3)]);
        assert_eq!(lines(other), [None, None, None]);
    })
    .await;
}

#[tokio::test]
async fn what_is_in_flight_when_order_is_switched_on_is_waited_for() {
    everywhere(async |store: &Store| {
        let ids = in_order_reversed(store, 4).await;
        sql::execute(&store.db, "update webhooks set in_order = false", vec![]).await.unwrap();
        let claim = DeliveryClaim { max_rows: 2, ..claim(store, 1) };
        let jobs = store.claim_deliveries(SCOPE, claim).await.unwrap();
        sql::execute(&store.db, "update webhooks set in_order = true", vec![]).await.unwrap();
        // Those two were not the first in line.
        assert!(!jobs.iter().any(|job| job.ticket.id == ids[0]));
        assert!(take(store, 2).await.is_empty());
        settle(store, 3, &[arrived(&jobs[0])]).await;
        assert!(take(store, 3).await.is_empty());
        settle(store, 4, &[arrived(&jobs[1])]).await;
        assert_eq!(take(store, 5).await[0].ticket.id, ids[0]);
    })
    .await;
}
