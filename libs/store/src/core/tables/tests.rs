//! The declarations against the migrated schema of SQLite, whose own catalogue is the easiest to ask.

use std::collections::{BTreeMap, BTreeSet};

use super::ALL;
use crate::{
    Store,
    core::{
        sql,
        table::{Table, WhenOld, WithOrganization},
        testing::on_sqlite,
    },
};

async fn texts(store: &Store, text: &str, name: &str) -> Vec<String> {
    let rows = sql::all(&store.db, text, vec![name.into()]).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn schema(store: &Store) -> BTreeSet<String> {
    let all = "select name from sqlite_master where type = $1 and name not like 'sqlite_%' and name <> 'seaql_migrations'";
    texts(store, all, "table").await.into_iter().collect()
}

async fn columns(store: &Store, table: &str) -> Vec<String> {
    texts(store, "select name from pragma_table_info($1)", table).await
}

/// The tables that take this one's rows along when theirs are deleted.
async fn takes_along(store: &Store, table: &str) -> Vec<String> {
    texts(store, "select distinct \"table\" from pragma_foreign_key_list($1) where on_delete = 'CASCADE'", table).await
}

#[tokio::test]
async fn every_table_of_the_schema_is_declared_once() {
    on_sqlite(async |store: &Store| {
        let declared: Vec<String> = ALL.iter().map(|table| table.name.to_owned()).collect();
        let once: BTreeSet<String> = declared.iter().cloned().collect();
        assert_eq!(declared.len(), once.len(), "a table is declared twice");
        assert_eq!(once, schema(store).await, "declared beside the tables of the schema");
    })
    .await;
}

#[tokio::test]
async fn what_goes_with_another_row_is_taken_along_by_the_schema() {
    on_sqlite(async |store: &Store| {
        for table in ALL {
            let parents = takes_along(store, table.name).await;
            let mut named = Vec::new();
            if let WhenOld::GoesWith(parent) = table.when_old {
                named.push(parent);
            }
            if let WithOrganization::GoesWith(parent) = table.with_organization {
                named.push(parent);
            }
            for parent in named {
                assert!(parents.iter().any(|name| name == parent), "{}: nothing cascades from {parent}", table.name);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_table_of_organizations_says_what_becomes_of_its_rows_when_one_is_deleted() {
    on_sqlite(async |store: &Store| {
        for table in ALL {
            let columns = columns(store, table.name).await;
            if columns.iter().any(|name| name == "org_id" || name == "realm") {
                assert!(!matches!(table.with_organization, WithOrganization::NotOfOne), "{}: rows of organizations", table.name);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_deleted_organization_is_purged_in_an_order_that_the_references_allow() {
    on_sqlite(async |store: &Store| {
        let place: BTreeMap<&str, usize> = ALL.iter().enumerate().map(|(n, table)| (table.name, n)).collect();
        let purged = |table: &&&Table| matches!(table.with_organization, WithOrganization::Deleted(_));
        for table in ALL.iter().filter(purged) {
            let text = "select \"table\" from pragma_foreign_key_list($1) where on_delete <> 'CASCADE'";
            for parent in texts(store, text, table.name).await {
                assert!(place[table.name] < place[parent.as_str()], "{} refers to {parent} and must go before it", table.name);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_unique_constraint_and_every_sealed_column_is_there() {
    on_sqlite(async |store: &Store| {
        for table in ALL {
            let indexes =
                texts(store, "select name from pragma_index_list($1) where \"unique\" = 1 and origin <> 'pk'", table.name);
            let mut found = BTreeSet::new();
            for index in indexes.await {
                let names = texts(store, "select name from pragma_index_info($1) order by seqno", &index).await;
                let of_table = |name: &String| format!("{}.{name}", table.name);
                found.insert(names.iter().map(of_table).collect::<Vec<_>>().join(", "));
            }
            let declared: BTreeSet<String> = table.unique.iter().map(|unique| unique.columns.to_owned()).collect();
            assert_eq!(declared, found, "{}", table.name);
            let columns = columns(store, table.name).await;
            for sealed in table.sealed {
                assert_eq!(sealed.table, table.name);
                assert!(columns.iter().any(|name| name == sealed.column), "{}.{}", table.name, sealed.column);
            }
        }
    })
    .await;
}
