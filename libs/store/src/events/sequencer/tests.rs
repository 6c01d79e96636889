use std::collections::HashMap;

use crypto::audit::chain;
use domain::{EventId, Kind, OrgId, PLATFORM, delivery::webhooks::DeliveryState};
use futures::future::join_all;
use sea_orm::{EntityTrait, QueryOrder};

use crate::{
    Store,
    core::{
        entity::{events, feed, heads, outbox},
        testing::{MAKING, SCOPE, commit, count, everywhere, now, organization, sequence, webhook},
    },
};

async fn sequence_until_gone(store: &Store) {
    loop {
        // Taking turns may cost a pass its transaction; the worker's loop repeats it as well.
        match store.sequence(SCOPE, now(), 7, MAKING).await {
            Ok(done) if done.moved == 0 => return,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind, Kind::Unavailable, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Every organization's feed counts from 1 without gaps, holds each of its events once, and its chain can be computed again.
async fn assert_feed_is_whole(store: &Store, expected: &HashMap<OrgId, usize>) {
    let bodies: HashMap<_, _> =
        events::Entity::find().all(&store.db).await.unwrap().into_iter().map(|row| (row.id, row.body)).collect();
    let rows =
        feed::Entity::find().order_by_asc(feed::Column::OrgId).order_by_asc(feed::Column::Seq).all(&store.db).await.unwrap();
    let mut ends: HashMap<OrgId, (i64, String)> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for row in rows {
        let org = OrgId::new(row.org_id);
        let end = ends.entry(org).or_insert_with(|| (0, chain::genesis(org)));
        assert_eq!(row.seq, end.0 + 1);
        let what = if row.chained == 1 { row.leaf.as_ref().unwrap() } else { &bodies[&row.event_id] };
        assert_eq!(row.hash, chain::link(&end.1, row.seq, EventId::new(row.event_id), what));
        assert!(seen.insert(row.event_id));
        *end = (row.seq, row.hash);
    }
    for (org, count) in expected {
        assert_eq!(ends[org].0 as usize, *count);
    }
    for head in heads::Entity::find().all(&store.db).await.unwrap() {
        assert_eq!((head.seq, head.hash), ends[&OrgId::new(head.org_id)]);
    }
    assert!(outbox::Entity::find().one(&store.db).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_and_many_sequencers_leave_no_gap() {
    everywhere(async |store: &Store| {
        let (a, b) = (organization(store).await, organization(store).await);
        let (_, _) = (webhook(store, a, "user.joined user.removed").await, webhook(store, a, "user.removed").await);
        let orgs = [a, b, PLATFORM];
        let writers = (0..6).map(async |n: usize| {
            for i in 0..10 {
                commit(store, orgs[(n + i) % 3], 1 + i % 2).await;
            }
        });
        let sequencers = (0..3).map(async |_| {
            for _ in 0..10 {
                sequence_until_gone(store).await;
                tokio::time::sleep(std::time::Duration::from_millis(3)).await;
            }
        });
        futures::join!(join_all(writers), join_all(sequencers));
        sequence_until_gone(store).await;
        assert_feed_is_whole(store, &HashMap::from([(a, 30), (b, 30), (PLATFORM, 30)])).await;
        // One of the two endpoints asked for it, the other organizations have none.
        assert_eq!(count(store, DeliveryState::Waiting).await, 30);
    })
    .await;
}

#[tokio::test]
async fn a_pass_takes_what_is_there_and_no_more() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        commit(store, org, 5).await;
        assert_eq!(store.sequence(SCOPE, now(), 3, MAKING).await.unwrap().moved, 3);
        assert_eq!(sequence(store).await, 2);
        assert_eq!(store.sequence(SCOPE, now(), 3, MAKING).await.unwrap(), super::Sequenced::default());
        assert_feed_is_whole(store, &HashMap::from([(org, 5)])).await;
    })
    .await;
}
