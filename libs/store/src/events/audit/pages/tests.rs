use std::collections::HashSet;

use domain::{EventId, OrgId, Total};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, sea_query::Expr};

use super::AuditFilter;
use crate::{
    Store,
    core::{
        entity::heads,
        testing::{commit, everywhere, organization, sequence},
    },
};

async fn move_anchor(store: &Store, org: OrgId, to: i64) {
    let update = heads::Entity::update_many().col_expr(heads::Column::Anchor, Expr::value(to));
    update.filter(heads::Column::OrgId.eq(org.uuid())).exec(&store.db).await.unwrap();
}

/// Every record by pages of 7, and the total that each page told.
async fn walk(store: &Store, org: OrgId, filter: &AuditFilter) -> (Vec<EventId>, HashSet<u64>) {
    let (mut ids, mut totals) = (Vec::new(), HashSet::new());
    loop {
        let (records, total) = store.log(org, filter, ids.len() as u64, 7).await.unwrap();
        totals.insert(total.n);
        if records.is_empty() {
            return (ids, totals);
        }
        ids.extend(records.iter().map(|record| record.id));
    }
}

/// Lets the log grow to `end` records that are like its last one, past the sequencer, which would take long.
async fn many(store: &Store, org: OrgId, end: i64) {
    let (id, of) = match store.db.get_database_backend() {
        DbBackend::Sqlite => ("unhex(printf('%032x', n.i))", format!("x'{}'", org.uuid().simple())),
        _ => ("lpad(to_hex(n.i), 32, '0')::uuid", format!("'{}'", org.uuid())),
    };
    let columns = "name, actor_kind, target_type, target_id, success, metadata, body, created_at";
    let numbers = format!(
        "(with recursive n(i) as (select (select seq + 1 from heads where org_id = {of}) union all select i + 1 from n where i < {end})
          select i from n) as n"
    );
    for text in [
        format!(
            "insert into events (org_id, id, {columns}) select {of}, {id}, {columns} from {numbers}
             cross join (select {columns} from events where org_id = {of} limit 1) as e"
        ),
        format!("insert into feed (org_id, seq, event_id, hash, chained) select {of}, n.i, {id}, '', 1 from {numbers}"),
        format!("update heads set seq = {end} where org_id = {of}"),
    ] {
        store.db.execute_unprepared(&text).await.unwrap();
    }
}

fn joined() -> AuditFilter {
    AuditFilter { action: Some("user.joined".to_owned()), ..AuditFilter::default() }
}

#[tokio::test]
async fn pages_hold_each_record_once_numbered_or_not_and_none_before_the_anchor() {
    everywhere(async |store: &Store| {
        let (org, other) = (organization(store).await, organization(store).await);
        for filter in [AuditFilter::default(), joined()] {
            assert_eq!(walk(store, org, &filter).await, (vec![], HashSet::from([0])), "an empty log");
        }
        commit(store, org, 30).await;
        commit(store, other, 3).await;
        sequence(store).await;
        commit(store, other, 2).await;
        commit(store, org, 5).await;
        for filter in [AuditFilter::default(), joined()] {
            let (ids, totals) = walk(store, org, &filter).await;
            assert_eq!(totals, HashSet::from([35]), "{filter:?}");
            assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (35, 35), "{filter:?}");
            assert_eq!(walk(store, other, &filter).await.0.len(), 5);
        }
        move_anchor(store, org, 10).await;
        for filter in [AuditFilter::default(), joined()] {
            let (ids, totals) = walk(store, org, &filter).await;
            assert_eq!((ids.len(), totals), (25, HashSet::from([25])), "past its time, but not purged yet: {filter:?}");
        }
        sequence(store).await;
        commit(store, org, 2).await;
        for filter in [AuditFilter::default(), joined()] {
            assert_eq!(walk(store, org, &filter).await.1, HashSet::from([27]), "{filter:?}");
        }
        let nobody = AuditFilter { target_id: Some("usr_0".to_owned()), ..joined() };
        assert_eq!(walk(store, org, &nobody).await, (vec![], HashSet::from([0])));
    })
    .await;
}

#[tokio::test]
async fn totals_with_a_filter_are_exact_to_ten_thousand_and_only_what_is_new_is_counted() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let total = async || store.log(org, &joined(), 0, 1).await.unwrap().1;
        commit(store, org, 10).await;
        sequence(store).await;
        many(store, org, 9960).await;
        assert_eq!(total().await, Total::exact(9960));
        let known = store.audit_totals.0.get(&(org, joined())).unwrap();
        assert_eq!((known.total, known.seq), (Total::exact(9960), 9960));
        commit(store, org, 39).await;
        sequence(store).await;
        commit(store, org, 1).await;
        assert_eq!(total().await, Total::exact(10_000));
        let known = store.audit_totals.0.get(&(org, joined())).unwrap();
        assert_eq!((known.total, known.seq), (Total::exact(9999), 9999), "what has no number yet is not remembered");
        commit(store, org, 1).await;
        assert_eq!(total().await, Total { n: 10_000, is_minimum: true });
        sequence(store).await;
        assert_eq!(total().await, Total { n: 10_000, is_minimum: true });
        assert_eq!(store.log(org, &AuditFilter::default(), 0, 1).await.unwrap().1, Total::exact(10_001), "without one, always");
        let last = async |filter| store.log(org, &filter, 9_995, 100).await.unwrap().0.len();
        assert_eq!((last(joined()).await, last(AuditFilter::default()).await), (5, 6), "pages end where the total does");
        // Retention takes some, and the count begins anew.
        move_anchor(store, org, 101).await;
        assert_eq!(total().await, Total::exact(9900));
    })
    .await;
}
