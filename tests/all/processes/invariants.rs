//! What must hold of an organization's history, whatever happened to the processes: checked past the API, in the tables.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::DatabaseConnection;
use sha2::{Digest, Sha256};
use tenantry_tests::Received;
use uuid::Uuid;

use super::{
    http::Api,
    load::Record,
    process::Process,
    until,
    world::{EVENTS, Org, rows},
};

/// Waits until a worker has numbered everything that was committed.
pub(super) async fn numbered(db: &DatabaseConnection) {
    until("the outbox is empty", async || rows(db, "select 1 from outbox limit 1").await.is_empty().then_some(())).await;
}

/// Stops the APIs and, when everything that they committed is numbered, the workers. None of them panicked; answers what they wrote.
pub(super) async fn stop_in_order(
    db: &DatabaseConnection,
    apis: impl IntoIterator<Item = Process>,
    workers: impl IntoIterator<Item = Process>,
) -> String {
    let mut said = String::new();
    for api in apis {
        said += &api.stop().await;
    }
    numbered(db).await;
    for worker in workers {
        said += &worker.stop().await;
    }
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// Every feed counts from 1 without a gap, holds each event of its organization once, and its chain of hashes can be computed again,
/// in the format that `libs/crypto/src/audit/chain.rs` documents. Answers how many events there are. Stop workers with [`stop_in_order`]
/// before: what is not numbered by then never will be.
pub(super) async fn feeds_are_whole(db: &DatabaseConnection) -> usize {
    numbered(db).await;
    let sql = "select f.org_id, f.seq, f.hash, f.leaf, e.id, e.salt from feed f join events e on e.org_id = f.org_id and e.id = f.event_id \
               order by f.org_id, f.seq";
    let mut ends: BTreeMap<Uuid, (i64, String)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for row in rows(db, sql).await {
        let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id").expect("org"), row.try_get("", "id").expect("id"));
        let (seq, hash, leaf): (i64, String, String) = (
            row.try_get("", "seq").expect("seq"),
            row.try_get("", "hash").expect("hash"),
            row.try_get("", "leaf").expect("leaf"),
        );
        assert_eq!(row.try_get::<String>("", "salt").expect("salt").len(), 32);
        let end = ends.entry(org).or_insert_with(|| (0, hex::encode(Sha256::digest(format!("org_{}", org.simple())))));
        assert_eq!(seq, end.0 + 1, "a gap in the feed of {org}");
        let event = format!("evt_{}", id.simple());
        let mut bytes = Vec::new();
        for (at, part) in [&end.1, &event, &leaf].into_iter().enumerate() {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
            if at == 0 {
                bytes.extend(seq.to_be_bytes());
            }
        }
        assert_eq!(hash, hex::encode(Sha256::digest(bytes)), "the chain of {org} is broken at {seq}");
        assert!(seen.insert((org, id)), "{event} is in the feed twice");
        *end = (seq, hash);
    }
    let events = count(db, "select count(*) from events").await;
    assert_eq!(seen.len() as i64, events, "events without a number");
    assert_eq!(count(db, "select count(*) from feed").await, events, "numbers without an event");
    for row in rows(db, "select org_id, seq, hash from heads").await {
        let org: Uuid = row.try_get("", "org_id").expect("org");
        let head: (i64, String) = (row.try_get("", "seq").expect("seq"), row.try_get("", "hash").expect("hash"));
        assert_eq!(ends.remove(&org), Some(head), "the head of {org}");
    }
    assert!(ends.is_empty(), "feeds without a head: {ends:?}");
    seen.len()
}

pub(super) async fn count(db: &DatabaseConnection, sql: &str) -> i64 {
    rows(db, sql).await.first().map_or(0, |row| row.try_get_by_index(0).expect("a number"))
}

/// Waits until the receiver of `org` has everything that it is owed; it has nothing else. Answers the audit log, and the ids of what it got.
pub(super) async fn all_arrived(db: &DatabaseConnection, api: &Api, org: &Org) -> (Vec<Record>, BTreeSet<String>) {
    numbered(db).await;
    let audit = org.audit(api).await;
    let owed = owed(&audit);
    until("every event arrives", async || owed.is_subset(&arrived(org).into_keys().collect()).then_some(())).await;
    assert_eq!(owed, arrived(org).into_keys().collect(), "what arrived");
    (audit, owed)
}

/// The ids of the audit records that the receiver of [`Org`] is owed.
fn owed(audit: &[Record]) -> BTreeSet<String> {
    let ids = audit.iter().filter(|(_, action, _)| EVENTS.contains(&action.as_str())).map(|(id, ..)| id.clone());
    let ids: Vec<_> = ids.collect();
    let distinct: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len(), "an id stands in the audit log twice");
    distinct
}

/// Each id that arrived, with how often. The same id always comes with the same bytes.
pub(super) fn arrived(org: &Org) -> BTreeMap<String, usize> {
    let mut first: BTreeMap<String, Received> = BTreeMap::new();
    let mut times = BTreeMap::new();
    for received in org.receiver.received() {
        let id = received.header("webhook-id").to_owned();
        let before = first.entry(id.clone()).or_insert_with(|| received.clone());
        assert_eq!(before.body, received.body, "{id} came with two bodies");
        *times.entry(id).or_default() += 1;
    }
    times
}
