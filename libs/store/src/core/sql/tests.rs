use chrono::TimeDelta;
use domain::Time;
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{Sql, read_all, sql};
use crate::{
    Store,
    core::testing::{at, everywhere},
};

const KEYS: Sql<2> = sql!(
    "select 1
     from deliveries d
     where d.{open} and d.state <> {in_flight}
       and (d.org_id, d.id) in (select org_id, id from {rows})
     {for update of d skip locked}",
    rows = 3 (org_id: Uuid, id: Uuid)
);

#[test]
fn a_statement_has_one_text_for_each_database() {
    assert_eq!(
        KEYS.postgres,
        "select 1 from deliveries d where d.state < 2 and d.state <> 1 and (d.org_id, d.id) in \
         (select org_id, id from unnest($3::uuid[], $4::uuid[]) as v(org_id, id)) for update of d skip locked"
    );
    assert_eq!(
        KEYS.sqlite,
        "select 1 from deliveries d where d.state < 2 and d.state <> 1 and (d.org_id, d.id) in \
         (select org_id, id from (select unhex(j.value ->> 0) as org_id, unhex(j.value ->> 1) as id from json_each($3) as j) as v)"
    );
}

#[test]
fn what_the_planner_shall_not_see_stands_in_a_select_of_its_own() {
    const HIDDEN: Sql<1> = sql!("select id from {hidden rows} limit {hidden $1}", rows = 2 (id: Uuid));
    assert_eq!(HIDDEN.postgres, "select id from unnest((select $2::uuid[])) as v(id) limit (select $1::bigint)");
    assert_eq!(HIDDEN.sqlite, "select id from (select unhex(j.value ->> 0) as id from json_each($2) as j) as v limit $1");
}

const COLUMNS: &str = "v.a, v.b";

#[test]
fn constant_parts_are_put_in() {
    const WITH_PARTS: Sql = sql!("select {columns} from {from}", columns = COLUMNS, from = COLUMNS);
    assert_eq!(WITH_PARTS.postgres, "select v.a, v.b from v.a, v.b");
}

type Row = (Uuid, String, bool, i16, i32, i64, Time, Option<String>, Option<i32>, Option<i64>, Option<Time>);

const EVERY_KIND: Sql<11> = sql!(
    "select id, name, truth, small, number, big, moment, note, maybe_number, maybe_big, maybe_moment
     from {rows}
     where $1 = 7
     order by number",
    rows = 2 (
        id: Uuid,
        name: String,
        truth: bool,
        small: i16,
        number: i32,
        big: i64,
        moment: Time,
        note: Option<String>,
        maybe_number: Option<i32>,
        maybe_big: Option<i64>,
        maybe_moment: Option<Time>,
    )
);

fn read(row: &QueryResult) -> Result<Row, DbErr> {
    Ok((
        row.try_get("", "id")?,
        row.try_get("", "name")?,
        row.try_get("", "truth")?,
        row.try_get("", "small")?,
        row.try_get("", "number")?,
        row.try_get("", "big")?,
        row.try_get("", "moment")?,
        row.try_get("", "note")?,
        row.try_get("", "maybe_number")?,
        row.try_get("", "maybe_big")?,
        row.try_get("", "maybe_moment")?,
    ))
}

fn values(r: Row) -> [Value; 11] {
    [
        r.0.into(),
        r.1.into(),
        r.2.into(),
        r.3.into(),
        r.4.into(),
        r.5.into(),
        r.6.into(),
        r.7.into(),
        r.8.into(),
        r.9.into(),
        r.10.into(),
    ]
}

#[tokio::test]
async fn rows_of_every_kind_come_back_as_they_were() {
    everywhere(async |store: &Store| {
        let id = |n: u128| Uuid::from_u128(n << 120 | 0x27);
        let odd = at(0) + TimeDelta::microseconds(123_457);
        let full: Row = (
            id(1),
            "a 'q' \"=\" ä\n{}".to_owned(),
            true,
            -3,
            1,
            i64::MAX,
            odd,
            Some("=x".to_owned()),
            Some(0),
            Some(-1),
            Some(at(5)),
        );
        let empty: Row = (id(255), String::new(), false, 0, 2, 0, at(1), None, None, None, None);
        let blank: Row = (id(0), "null".to_owned(), false, 1, 3, -1, at(2), Some(String::new()), None, Some(2), None);
        let all = vec![full, empty, blank];
        let rows = EVERY_KIND.all(&store.db, vec![7_i32.into()], all.iter().cloned().map(values)).await.unwrap();
        assert_eq!(read_all::<_, Vec<Row>>(&rows, read).unwrap(), all);
        assert!(EVERY_KIND.all(&store.db, vec![7_i32.into()], []).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_row_is_found_by_what_the_driver_has_stored() {
    const FIND: Sql<3> = sql!(
        "select o.id
         from organizations o join {rows} on v.id = o.id and v.at = o.created_at and v.slug = o.slug",
        rows = 1 (id: Uuid, at: Time, slug: String)
    );
    everywhere(async |store: &Store| {
        let orgs = [crate::core::testing::organization(store).await, crate::core::testing::organization(store).await];
        let keys = orgs.iter().map(|org| [org.uuid().into(), at(0).into(), org.to_string().into()]);
        assert_eq!(FIND.all(&store.db, vec![], keys).await.unwrap().len(), 2);
    })
    .await;
}
