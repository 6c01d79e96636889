use domain::EventId;
use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};

use super::*;
use crate::{
    core::{
        entity::{events, feed},
        testing::{SCOPE, commit, everywhere, now, organization, sequence, stamp},
    },
    events::audit::Seal,
};

/// Orders that the person in every event of the tests is erased.
async fn order(store: &Store, org: OrgId) -> ErasureId {
    let id = ErasureId::new(store.ids.uuid(now()));
    let write = async |tx: &WriteTx| {
        let text = "insert into erasures (org_id, id, user_id, email, done_seq, erased, created_at) values ($1, $2, null, 'ann@example.com', 0, 0, $3)";
        sql::execute(&tx.tx, text, vec![org.uuid().into(), id.uuid().into(), now().into()]).await?;
        Ok(Change::new((), org, Event::AuditErasureRequested { erasure_id: id }))
    };
    store.write(&stamp(), write).await.unwrap();
    id
}

async fn erased(store: &Store) -> usize {
    events::Entity::find().all(&store.db).await.unwrap().iter().filter(|row| row.digest.is_some()).count()
}

async fn leaves(store: &Store) -> Vec<(i64, EventId, Option<String>, String)> {
    let rows = feed::Entity::find().all(&store.db).await.unwrap();
    let mut all: Vec<_> = rows.into_iter().map(|row| (row.seq, EventId::new(row.event_id), row.leaf, row.hash)).collect();
    all.sort();
    all
}

#[tokio::test]
async fn an_erasure_goes_on_where_it_stopped_and_ends_at_its_order() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        commit(store, org, 5).await;
        order(store, org).await;
        commit(store, org, 2).await;
        assert_eq!(store.erase_next(SCOPE, now(), 2).await.unwrap(), None, "nothing is numbered yet");
        sequence(store).await;
        let before = leaves(store).await;
        assert_eq!(store.erase_next(SCOPE, now(), 2).await.unwrap(), Some(2));
        assert_eq!(erased(store).await, 2, "a batch is whole, whatever becomes of the next");
        assert_eq!(store.erase_next(SCOPE, now(), 2).await.unwrap(), Some(2));
        assert_eq!(store.erase_next(SCOPE, now(), 2).await.unwrap(), Some(1));
        assert_eq!(store.erase_next(SCOPE, now(), 2).await.unwrap(), None);
        assert_eq!(erased(store).await, 5, "what came after the order stays");
        assert_eq!(leaves(store).await, before, "neither chain nor leaves moved");
        let told = events::Entity::find().all(&store.db).await.unwrap();
        let told: Vec<_> = told.iter().filter(|row| row.name == "audit_log.erased").collect();
        assert!(told.len() == 1 && told[0].metadata.contains("\"count\":5"), "{told:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_workers_share_erasures_beside_the_sealing() {
    everywhere(async |store: &Store| {
        let orgs = [organization(store).await, organization(store).await];
        for org in orgs {
            commit(store, org, 30).await;
            // As if from before there were leaves: erasing and sealing both want to give them.
            sql::execute(&store.db, "update events set salt = null where org_id = $1", vec![org.uuid().into()]).await.unwrap();
            order(store, org).await;
        }
        sequence(store).await;
        let patient = async |outcome: Result<Option<u64>>| match outcome {
            Ok(looked) => looked.is_some(),
            Err(e) => {
                assert_eq!(e.kind, domain::Kind::Unavailable, "{e}");
                true
            }
        };
        let workers = (0..4).map(async |_| {
            while patient(store.erase_next(SCOPE, now(), 7).await).await {
                let _ = store.seal(SCOPE, now(), Seal::All).await;
            }
        });
        join_all(workers).await;
        while patient(store.erase_next(SCOPE, now(), 7).await).await {}
        assert_eq!(erased(store).await, 60);
        let done = events::Entity::find().all(&store.db).await.unwrap();
        assert_eq!(done.iter().filter(|row| row.name == "audit_log.erased" && row.metadata.contains("\"count\":30")).count(), 2);
        sequence(store).await;
        store.seal(SCOPE, now(), Seal::All).await.unwrap();
        for org in orgs {
            assert_eq!(crate::events::audit::seal::tests::exported(store, org).await.erased, 30);
        }
        assert_eq!(events::Entity::find().count(&store.db).await.unwrap(), 64);
    })
    .await;
}
