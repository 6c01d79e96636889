use domain::Kind;
use sea_orm::ConnectionTrait;

use super::{Meaning, from_db, meaning};
use crate::{
    Store,
    core::{
        dialect::{begin, is_sqlite},
        testing::everywhere,
    },
};

#[test]
fn every_class_means_what_whoever_waits_can_do() {
    for (codes, expected) in [
        ("40001 40P01 6 17 517", Meaning::Retry),
        ("55P03 5", Meaning::Locked),
        ("42P05", Meaning::Pooler),
        ("57014 57P01 57P03 57P04 53300 53400 53100 08006 08P01 58030 25006 25P03 25P04 40003 55000 26000", Meaning::Outage),
        ("13 14 8 10 7 9", Meaning::Outage),
        ("42501 28P01 28000 3D000 3F000 42P01 42703 22P05 F0000 XX001 XX002 11 26", Meaning::SetUp),
        ("23505 23503 23514 22003 22021 42601 25P02 P0001 1 19 20", Meaning::Defect),
    ] {
        for code in codes.split(' ') {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }
}

#[tokio::test]
async fn what_an_operator_imposes_is_no_defect() {
    everywhere(async |store: &Store| {
        if is_sqlite(&store.db) {
            return;
        }
        for (imposed, statement, expected) in [
            ("set local statement_timeout = 20", "select pg_sleep(5)", (2, "not available")),
            ("set local lock_timeout = 20", "select 1 / 0", (0, "")),
            ("set transaction read only", "delete from idempotency", (2, "not available")),
            ("create role guest_of_a_test nologin; set local role guest_of_a_test", "select 1 from users", (60, "operator")),
            ("set local search_path = nowhere", "select 1 from users", (60, "operator")),
        ] {
            let tx = begin(&store.db).await.unwrap();
            tx.execute_unprepared(imposed).await.unwrap();
            let error = from_db(tx.execute_unprepared(statement).await.unwrap_err());
            tx.rollback().await.unwrap();
            match expected {
                (0, _) => assert_eq!(error.kind, Kind::Internal, "{imposed}"),
                (seconds, text) => {
                    assert_eq!((error.kind, error.retry_after), (Kind::Unavailable, Some(seconds)), "{imposed}: {error}");
                    assert!(error.message.contains(text), "{imposed}: {error}");
                }
            }
        }
    })
    .await;
}
