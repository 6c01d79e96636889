//! Redelivery of the events of a time.

use domain::authorization::policy::{Write, decide};

use super::*;
use crate::{
    Change, NoEvent, WriteTx,
    core::testing::stamp,
    delivery::deliveries::{MAX_REDELIVERIES, Redelivered, Redelivery},
};

async fn redeliver(store: &Store, org: domain::OrgId, hook: WebhookId, which: &Redelivery) -> Redelivered {
    let write = standing::<Write>(store, org).await;
    let work = async |tx: &WriteTx| {
        let scope = decide(&write)?;
        let endpoint = tx.pin_webhook(scope, hook).await?;
        Ok(Change::silent(tx.redeliver_events(scope, &endpoint, which, 3).await?, NoEvent::Unchanged))
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
        let all = Redelivery { from: at(-60), to: at(60), names, only_missing: true, after: None };
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
