//! `keys rotate`, of everything that is sealed: what the tables declare, whatever that is. A table's rows are made up from its columns, so that one
//! that comes later is rotated here without a word.

use std::sync::Arc;

use crypto::{Keyring, MasterKeys, OsRandom, sealed::Sealed};
use sea_orm::ConnectionTrait;

use crate::{
    Settings, Store,
    core::{
        sql,
        table::{SealedColumn, SealedRow, Table},
        tables,
        testing::{at, now, on_empty},
    },
};

/// A row with something in every column; of SQLite, whose catalogue is the easiest to ask.
async fn fill(store: &Store, table: &Table) {
    let columns = sql::all(&store.db, "select name, lower(type) from pragma_table_info($1)", vec![table.name.into()]).await;
    let columns: Vec<(String, String)> =
        sql::read_all(&columns.unwrap(), |row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).unwrap();
    let value = |(name, kind): &(String, String)| match kind.as_str() {
        "blob" => format!("x'{}'", "07".repeat(16)),
        "text" => format!("'{name}'"),
        _ => "1".to_owned(),
    };
    let names = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let values = columns.iter().map(value).collect::<Vec<_>>().join(", ");
    // What it refers to is not there, and of no interest.
    let insert = format!(
        "pragma foreign_keys = off; pragma ignore_check_constraints = on; insert into {} ({names}) values ({values});
        pragma ignore_check_constraints = off; pragma foreign_keys = on;",
        table.name
    );
    store.db.execute_unprepared(&insert).await.unwrap_or_else(|e| panic!("{insert}: {e}"));
}

/// The one row of a table with a sealed column, and what stands there.
async fn found(store: &Store, column: &SealedColumn) -> (SealedRow, String) {
    let rows = sql::all(&store.db, column.find, vec![]).await.unwrap();
    assert_eq!(rows.len(), 1, "{}.{} is found once", column.table, column.column);
    ((column.row)(&rows[0]).unwrap(), rows[0].try_get("", "sealed").unwrap())
}

fn canary(column: &SealedColumn) -> String {
    format!("canary of {}.{}", column.table, column.column)
}

async fn opened(settings: &Settings, masters: &str) -> Store {
    let masters = MasterKeys::parse(masters).unwrap();
    let store = Store::open(settings, Keyring::new(masters), Arc::new(OsRandom::new())).await.unwrap();
    store.migrate().await.unwrap();
    store.load_data_keys(now()).await.unwrap();
    store
}

#[tokio::test]
async fn whatever_is_sealed_is_sealed_anew_and_the_old_master_key_is_needed_for_nothing() {
    on_empty(async |settings: &Settings| {
        if !settings.url.starts_with("sqlite") {
            return;
        }
        let (old, _) = MasterKeys::generate(&OsRandom::new());
        let (new, _) = MasterKeys::generate(&OsRandom::new());
        let columns: Vec<_> = tables::sealed().collect();
        assert!(columns.len() >= 12, "what is sealed is declared");

        let store = opened(settings, &old).await;
        for table in tables::ALL.iter().filter(|table| !table.sealed.is_empty()) {
            fill(&store, table).await;
        }
        for column in &columns {
            let (row, made_up) = found(&store, column).await;
            let sealed = store.keyring.seal(&column.place(row.org, &row.name), canary(column).as_bytes()).unwrap();
            let values = [sealed.as_str().into(), made_up.into()].into_iter().chain(row.key).collect();
            assert_eq!(sql::execute(&store.db, column.replace, values).await.unwrap(), 1, "{}", canary(column));
        }
        let first = store.keyring.active_id();
        store.close().await;

        let store = opened(settings, &format!("{new}\n{old}")).await;
        assert_eq!(store.rotate_data_keys(at(9)).await.unwrap(), columns.len() as u64, "each once");
        store.close().await;

        // The new master key alone opens all of it, and none of it is under the key from before.
        let store = opened(settings, &new).await;
        for column in &columns {
            let (row, sealed) = found(&store, column).await;
            let sealed = Sealed::from(sealed);
            assert!(sealed.key_id() != first && sealed.key_id() == store.keyring.active_id(), "{}", canary(column));
            let plain = store.open_sealed(&column.place(row.org, &row.name), &sealed).await;
            assert_eq!(plain.unwrap_or_else(|e| panic!("{}: {e:?}", canary(column))).as_slice(), canary(column).as_bytes());
        }
        store.close().await;
    })
    .await;
}
