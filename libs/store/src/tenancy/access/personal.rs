//! Which columns of the schema hold a person, by their names and by what they refer to.

use std::{cell::RefCell, collections::BTreeSet};

use crate::{
    Store,
    core::{sql, tables, testing::on_sqlite},
};

fn holds_a_person(column: &str) -> bool {
    ["user_id", "email", "_by", "_to", "actor_id", "operator_id"].iter().any(|end| column.ends_with(end))
}

/// Each as `table.column`.
pub(crate) async fn person_columns() -> BTreeSet<String> {
    let found = RefCell::new(BTreeSet::new());
    on_sqlite(async |store: &Store| {
        for table in tables::ALL {
            let text = "select name from pragma_table_info($1) union select \"from\" from pragma_foreign_key_list($1) where \"table\" = 'users'";
            for row in sql::all(&store.db, text, vec![table.name.into()]).await.unwrap() {
                let column: String = row.try_get_by_index(0).unwrap();
                if holds_a_person(&column) {
                    found.borrow_mut().insert(format!("{}.{column}", table.name));
                }
            }
        }
    })
    .await;
    found.into_inner()
}
