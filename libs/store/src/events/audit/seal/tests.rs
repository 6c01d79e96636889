use std::collections::HashMap;

use crypto::audit::{
    checkpoint::PublicKeys,
    export::Line,
    merkle,
    verify::{Report, Verifier},
};
use domain::{OrgId, PLATFORM};
use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder};

use super::*;
use crate::{
    core::{
        entity::{audit_keys, events, heads},
        testing::{MAKING, SCOPE, at, commit, everywhere, now, organization, sequence},
    },
    events::audit::ExportFrame,
};

/// Every checkpoint of every organization is signed by a published key, follows the one before, and says what the feed says.
async fn assert_checkpoints_are_true(store: &Store) -> HashMap<OrgId, i64> {
    let keys = PublicKeys::from_jwks(&store.audit_jwks().await.unwrap()).unwrap();
    let rows = checkpoints::Entity::find().order_by_asc(checkpoints::Column::OrgId).order_by_asc(checkpoints::Column::FirstSeq);
    let mut ends: HashMap<OrgId, Entry> = HashMap::new();
    for row in rows.all(&store.db).await.unwrap() {
        let (org, claims) = (OrgId::new(row.org_id), keys.open(&row.signed).unwrap());
        let end = ends.entry(org).or_insert_with(|| Entry::new(org));
        assert_eq!((claims.organization_id, claims.first_seq, &claims.previous), (org, end.seq + 1, &end.checkpoint));
        let (leaves, hash) = store.leaves(&Segment { org, entry: end, last: row.last_seq }).await.unwrap();
        let leaves: Vec<String> = leaves.into_iter().map(Option::unwrap).collect();
        assert_eq!((claims.root, &claims.hash), (merkle::root(&leaves), &hash));
        *end = end.moved(row.last_seq, hash, Some(fingerprint(&row.signed)));
    }
    for head in heads::Entity::find().all(&store.db).await.unwrap() {
        assert_eq!(head.sealed, ends.get(&OrgId::new(head.org_id)).map_or(0, |end| end.seq));
    }
    ends.into_iter().map(|(org, end)| (org, end.seq)).collect()
}

async fn seal(store: &Store) -> u64 {
    store.seal(SCOPE, now(), Seal::All).await.unwrap()
}

#[tokio::test]
async fn what_is_new_is_sealed_once() {
    everywhere(async |store: &Store| {
        let (a, b) = (organization(store).await, organization(store).await);
        assert_eq!(seal(store).await, 0, "nothing happened yet");
        assert_eq!(audit_keys::Entity::find().count(&store.db).await.unwrap(), 0, "and no key was needed");
        commit(store, a, 5).await;
        commit(store, PLATFORM, 2).await;
        assert_eq!(seal(store).await, 0, "nothing is numbered yet");
        sequence(store).await;
        assert_eq!(store.seal(SCOPE, now(), Seal::Full).await.unwrap(), 0, "no segment is full");
        assert_eq!(seal(store).await, 7);
        assert_eq!(seal(store).await, 0);
        commit(store, a, 1).await;
        commit(store, b, 1).await;
        sequence(store).await;
        assert_eq!(seal(store).await, 2);
        assert_eq!(assert_checkpoints_are_true(store).await, HashMap::from([(a, 6), (b, 1), (PLATFORM, 2)]));
    })
    .await;
}

#[tokio::test]
async fn a_long_log_is_sealed_in_segments() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        for _ in 0..9 {
            commit(store, org, 1000).await;
        }
        sequence(store).await;
        assert_eq!(store.seal(SCOPE, now(), Seal::Full).await.unwrap(), 8192);
        assert_eq!(seal(store).await, 808);
        assert_eq!(checkpoints::Entity::find().count(&store.db).await.unwrap(), 3);
        assert_eq!(assert_checkpoints_are_true(store).await, HashMap::from([(org, 9000)]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_workers_beside_writers_seal_everything_once() {
    everywhere(async |store: &Store| {
        let mut orgs = vec![PLATFORM];
        for _ in 0..4 {
            orgs.push(organization(store).await);
        }
        let patient = async |outcome: Result<u64>| match outcome {
            Ok(n) => n,
            // Taking turns may cost one of them its transaction; the timetable repeats it.
            Err(e) => {
                assert_eq!(e.kind, domain::Kind::Unavailable, "{e}");
                0
            }
        };
        let writers = orgs.iter().map(async |org| {
            for n in 0..12 {
                commit(store, *org, 1 + n % 3).await;
                let _ = store.sequence(SCOPE, now(), 10, MAKING).await;
            }
        });
        let workers = (0..4).map(async |_| {
            let mut sealed = 0;
            for _ in 0..15 {
                sealed += patient(store.seal(SCOPE, now(), Seal::All).await).await;
                tokio::task::yield_now().await;
            }
            sealed
        });
        let (_, sealed) = futures::join!(join_all(writers), join_all(workers));
        sequence(store).await;
        let total = sealed.iter().sum::<u64>() + seal(store).await;
        assert_eq!(total, 5 * 24, "each record under one checkpoint");
        assert_eq!(assert_checkpoints_are_true(store).await, orgs.iter().map(|org| (*org, 24)).collect());
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_dies_before_it_commits_leaves_nothing_behind() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        commit(store, org, 3).await;
        sequence(store).await;
        let signer = store.signer(now()).await.unwrap();
        store.enter(&[org]).await.unwrap();
        let made = async || {
            let due = store.due(org.uuid(), org.uuid(), 1).await.unwrap().remove(0);
            store.segment(&signer, due, now()).await.unwrap().unwrap()
        };
        let (first, late) = (made().await, made().await);
        let dies = async |tx: std::sync::Arc<sea_orm::DatabaseTransaction>| {
            assert_eq!(keep(store, &tx, vec![first]).await.unwrap().records, 3);
            Err::<(), _>(domain::Error::internal("the worker dies"))
        };
        assert!(store.bookkeep(dies).await.is_err());
        assert_eq!(seal(store).await, 3, "as if it had never begun");
        // And one that comes late with what it had computed before changes nothing.
        let late = store.bookkeep(async |tx| keep(store, &tx, vec![late]).await).await;
        assert_eq!(late.unwrap().records, 0);
        assert_checkpoints_are_true(store).await;
    })
    .await;
}

#[tokio::test]
async fn records_from_before_there_were_leaves_are_sealed_too() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        commit(store, org, 3).await;
        sql::execute(&store.db, "update events set salt = null", vec![]).await.unwrap();
        sequence(store).await;
        commit(store, org, 2).await;
        sequence(store).await;
        assert_eq!(seal(store).await, 5);
        assert!(events::Entity::find().all(&store.db).await.unwrap().iter().all(|row| row.salt.is_some()));
        assert_checkpoints_are_true(store).await;
        let report = exported(store, org).await;
        assert_eq!((report.records, report.sealed), (5, 5));
    })
    .await;
}

#[tokio::test]
async fn another_key_signs_from_when_it_is_made_and_the_old_one_stays_known() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        for n in 0..2 {
            commit(store, org, 1).await;
            sequence(store).await;
            store.seal(SCOPE, at(n), Seal::All).await.unwrap();
            store.add_audit_key(at(n)).await.unwrap();
        }
        store.rotate_data_keys(at(3)).await.unwrap();
        commit(store, org, 1).await;
        sequence(store).await;
        seal(store).await;
        let mut kids: Vec<_> = checkpoints::Entity::find().all(&store.db).await.unwrap();
        kids.dedup_by_key(|row| row.signed.split('.').next().map(ToOwned::to_owned));
        assert_eq!(kids.len(), 3, "three keys have signed");
        assert_checkpoints_are_true(store).await;
    })
    .await;
}

#[tokio::test]
async fn an_export_shows_one_moment_of_the_log() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        commit(store, org, 3).await;
        sequence(store).await;
        seal(store).await;
        commit(store, org, 3).await;
        sequence(store).await;
        let frame = store.frame(org, now()).await.unwrap();
        let (mut lines, next) = store.lines_after(org, &frame, 0, 5).await.unwrap();
        // Behind what is already written a checkpoint appears, and more happens.
        commit(store, org, 4).await;
        sequence(store).await;
        assert_eq!(seal(store).await, 7);
        let (more, next) = store.lines_after(org, &frame, next.unwrap(), 5).await.unwrap();
        lines.extend(more);
        assert_eq!(store.lines_after(org, &frame, next.unwrap(), 5).await.unwrap(), (Vec::new(), None));
        let report = verified(frame, lines);
        assert_eq!((report.last, report.sealed, report.checkpoints), (6, 3, 1));
    })
    .await;
}

#[tokio::test]
async fn an_export_that_retention_overtakes_breaks_off() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        for _ in 0..2 {
            commit(store, org, 3).await;
            sequence(store).await;
            seal(store).await;
        }
        let frame = store.frame(org, now()).await.unwrap();
        sql::execute(&store.db, "update heads set anchor = 3", vec![]).await.unwrap();
        assert_eq!(store.lines_after(org, &frame, 2, 5).await.unwrap_err().code, "export_outlived");
        assert_eq!(store.lines_after(org, &frame, 3, 5).await.unwrap().1, Some(6), "it was past that already");
    })
    .await;
}

/// What the verifier says of an export, which the test reads past the proof of a right to it.
pub(crate) async fn exported(store: &Store, org: OrgId) -> Report {
    let frame = store.frame(org, now()).await.unwrap();
    let (mut lines, mut after) = (Vec::new(), Some(frame.header.anchor.seq));
    while let Some(seq) = after {
        let (more, next) = store.lines_after(org, &frame, seq, 2).await.unwrap();
        lines.extend(more);
        after = next;
    }
    verified(frame, lines)
}

fn verified(frame: ExportFrame, lines: Vec<Line>) -> Report {
    let mut verifier = Verifier::new(None, Vec::new());
    let all = [vec![Line::Header(frame.header)], lines, vec![Line::End(frame.end)]].concat();
    for (n, line) in all.iter().enumerate() {
        verifier.line(n as u64 + 1, &serde_json::to_string(line).unwrap()).unwrap();
    }
    verifier.finish().unwrap()
}
