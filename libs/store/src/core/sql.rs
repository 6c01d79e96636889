//! Joins are SQL text: both databases take the same, and a reader sees what is asked. Single tables go through the entities.

use domain::Result;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, TryGetable, Value};

use crate::core::error::from_db;

fn statement(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// The placeholders of a multi-row `values` list: `($3,$4),($5,$6)` for `first` 3, 2 rows and 2 columns.
pub(crate) fn tuples(first: usize, rows: usize, columns: usize) -> String {
    let tuple = |row: usize| {
        let start = first + row * columns;
        let places: Vec<_> = (start..start + columns).map(|n| format!("${n}")).collect();
        format!("({})", places.join(","))
    };
    (0..rows).map(tuple).collect::<Vec<_>>().join(",")
}

/// A row's columns in the order of its select list. Not by their names: looking those up cost as much as reading the values.
pub(crate) struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Columns<'r> {
    /// From the first one on.
    pub(crate) fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    /// The next one.
    pub(crate) fn next<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        self.next += 1;
        self.row.try_get_by_index(self.next - 1)
    }
}

/// Every row.
pub(crate) async fn all(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>> {
    db.query_all_raw(statement(db, sql, values)).await.map_err(from_db)
}

/// The first row.
pub(crate) async fn one(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<Option<QueryResult>> {
    db.query_one_raw(statement(db, sql, values)).await.map_err(from_db)
}

/// How many rows were changed.
pub(crate) async fn execute(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<u64> {
    Ok(db.execute_raw(statement(db, sql, values)).await.map_err(from_db)?.rows_affected())
}

/// The first column of the first row, as a number; zero without a row.
pub(crate) async fn count(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<i64> {
    match one(db, sql, values).await? {
        Some(row) => row.try_get_by_index(0).map_err(from_db),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn tuples_count_on() {
        assert_eq!(super::tuples(3, 2, 2), "($3,$4),($5,$6)");
    }
}
