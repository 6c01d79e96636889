//! Redelivery of the events of a time.

use domain::authorization::policy::{Write, decide};

use super::*;
use crate::{
    Change, NoEvent, WriteTx,
    core::testing::{stamp, standing},
    delivery::deliveries::{MAX_REDELIVERIES, Redelivered, Redelivery},
};

async fn redeliver(store: &Store, org: domain::OrgId, hook: WebhookId, which: &Redelivery) -> Redelivered {
    let write = standing::<Write>(store, org).await;
    let work = async |tx: &WriteTx| {
        let scope = decide(&write)?;
        let endpoint = tx.pin_webhook(scope, hook).await?;
        Ok(Change::silent(tx.redeliver_events(scope, &endpoint, which, MAKING).await?, NoEvent::Unchanged))
    };
    store.write(&stamp(), work).await.unwrap()
}

#[tokio::test]
async fn a_call_is_bounded_and_tells_where_to_go_on() {
    everywhere(async |store: &Store| {
        let (org, other) = (organization(store).await, organization(store).await);
        for (org, count) in [(org, MAX_REDELIVERIES + 7), (other, 9)] {
            for some in (0..count).collect::<Vec<_>>().chunks(500) {
                commit(store, org, some.len()).await;
            }
        }
        // Not numbered yet: it will be delivered as any other, and is none of the range's business.
        sequence(store).await;
        let hook = webhook(store, org, "user.joined").await;
        commit(store, org, 1).await;
        let names = vec!["user.joined".parse().unwrap()];
        let all = Redelivery { from: at(-60), to: at(60), names, only_missing: true, after: None, most: usize::MAX };
        let first = redeliver(store, org, hook, &all).await;
        assert_eq!(first.queued, MAX_REDELIVERIES);
        let second = redeliver(store, org, hook, &Redelivery { after: first.next, ..all.clone() }).await;
        assert_eq!(second, Redelivered { queued: 7, next: None });
        assert_eq!(redeliver(store, org, hook, &all).await.queued, 0, "all of them are on their way");
        let rows = deliveries::Entity::find().all(&store.db).await.unwrap();
        assert_eq!(rows.len(), MAX_REDELIVERIES + 7);
        assert_eq!(rows.iter().map(|row| row.event_id).collect::<HashSet<_>>().len(), MAX_REDELIVERIES + 7, "each once");
        assert!(rows.iter().all(|row| row.org_id == org.uuid()));
        assert_eq!(redeliver(store, org, hook, &Redelivery { from: at(1), ..all }).await, Redelivered { queued: 0, next: None });
    })
    .await;
}

#[tokio::test]
async fn nobody_asks_for_more_than_may_wait() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        commit(store, org, 20).await;
        sequence(store).await;
        let hook = webhook(store, org, "user.joined").await;
        let event = domain::EventId::new(events::Entity::find().one(&store.db).await.unwrap().unwrap().id);
        let waiting = usize::try_from(MAKING.quotas.endpoint).unwrap() - 5;
        backlog(store, Destination { org, webhook: hook }, event, waiting).await;
        let names = vec!["user.joined".parse().unwrap()];
        let all = Redelivery { from: at(-60), to: at(60), names, only_missing: false, after: None, most: usize::MAX };
        let first = redeliver(store, org, hook, &all).await;
        assert!(first.queued == 5 && first.next.is_some(), "{first:?}");
        let write = standing::<Write>(store, org).await;
        let refused = store
            .write(&stamp(), async |tx: &WriteTx| {
                let scope = decide(&write)?;
                let endpoint = tx.pin_webhook(scope, hook).await?;
                let which = Redelivery { after: first.next, ..all.clone() };
                Ok(Change::silent(tx.redeliver_events(scope, &endpoint, &which, MAKING).await?, NoEvent::Unchanged))
            })
            .await;
        assert_eq!(refused.unwrap_err().code, "too_many_waiting");
        // Where there is room again it goes on from there; the endpoint catches up with what happened meanwhile by itself.
        commit(store, org, 1).await;
        assert_eq!(sequence(store).await, 1);
        crate::core::sql::execute(&store.db, "update deliveries set state = 3", vec![]).await.unwrap();
        let rest = redeliver(store, org, hook, &Redelivery { after: first.next, ..all }).await.queued;
        assert!((14..=15).contains(&rest), "all but five, the one that waits in bulk, and the one it catches up with: {rest}");
    })
    .await;
}
