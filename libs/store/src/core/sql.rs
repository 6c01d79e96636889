//! Joins are SQL text: both databases take the same, and a reader sees what is asked. Single tables go through the entities.
//!
//! **A statement is a constant above the function that uses it**, written with [`sql!`] over indented lines. What differs between the
//! databases, or would be a bare number, is a word in braces, resolved by the compiler; no text is put together while the program runs:
//!
//! - `{for update skip locked}`: a row lock, on PostgreSQL. SQLite needs none: its writer is alone.
//! - `{clock}`: the database's clock; null on SQLite, which has none but the machine's.
//! - `{bytewise}` after a text: it is compared by its bytes, whatever the database's language is.
//! - `{waiting}`, `{in_flight}`, `{delivered}`, `{failed}`: the number of a queue's state. `{open}`: the condition that a row is not
//!   finished, `{finished}`: that it is; written out, because the partial indexes are found by these very words.
//! - `{name}` with `name = TEXT` after the statement: a constant part, such as a list of columns.
//! - `{rows}` with `rows = 2 (org_id: Uuid, error: Option<String>)` after the statement: a table `v` of many rows, whose parameters begin
//!   with `$2`. PostgreSQL gets one array for each column (`unnest`), SQLite one JSON text (`json_each`), so that the text is the same for
//!   any number of rows: texts of varying length are each planned and cached on every connection, which has cost tens of megabytes. At
//!   most 1,000 or so rows at once. Where one row is the usual case on a hot path, it has a statement of its own.
//! - `{hidden $3}`, `{hidden rows}`: a number, or the arrays of `{rows}`, that PostgreSQL's planner does not look at. A plan for these very values would
//!   always look cheaper than one for any, and be made anew at each execution, which takes longer than a page does.
//!
//! ```ignore
//! const GIVE_UP: Sql<2> = sql!(
//!     "update deliveries
//!     set state = {failed}, updated_at = $1
//!     where (org_id, id) in (select org_id, id from {rows})",
//!     rows = 2 (org_id: Uuid, id: Uuid)
//! );
//! GIVE_UP.execute(tx, vec![now.into()], keys.iter().map(|key| [key.org.uuid().into(), key.id.uuid().into()])).await?;
//! const LAST: Sql = sql!("select seq from heads where org_id = $1");
//! sql::count(tx, LAST, vec![org.uuid().into()]).await?;
//! ```
//!
//! Rows are read by the names of their columns, in one function for each entity, given to [`read_all`].

mod rows;
pub(crate) mod template;
#[cfg(test)]
mod tests;

use domain::Result;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TryGetable, Value};

pub(crate) use self::rows::Column;
pub(crate) use self::template::sql;
use crate::core::error::from_db;

/// Follows a page that is then joined with other tables. PostgreSQL takes a limit that it does not know for a tenth of all rows, and would
/// rather join the tables as a whole; this it knows. No page has more rows.
pub(crate) const ONE_PAGE: &str = "limit 100";

/// A statement, as each of the databases takes it; with `N` columns of many rows as its last parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql<const N: usize = 0> {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) columns: [Column; N],
    /// The number of the first parameter of the rows.
    pub(crate) first: usize,
}

/// The text of a statement.
pub(crate) trait Text {
    fn on(&self, backend: DbBackend) -> &str;
}

impl Text for str {
    fn on(&self, _: DbBackend) -> &str {
        self
    }
}

impl Text for String {
    fn on(&self, _: DbBackend) -> &str {
        self
    }
}

impl<T: Text + ?Sized> Text for &T {
    fn on(&self, backend: DbBackend) -> &str {
        (**self).on(backend)
    }
}

impl<const N: usize> Text for Sql<N> {
    fn on(&self, backend: DbBackend) -> &str {
        if backend == DbBackend::Sqlite { self.sqlite } else { self.postgres }
    }
}

fn statement(db: &impl ConnectionTrait, sql: impl Text, values: Vec<Value>) -> Statement {
    let backend = db.get_database_backend();
    Statement::from_sql_and_values(backend, sql.on(backend), values)
}

/// Every row.
pub(crate) async fn all(db: &impl ConnectionTrait, sql: impl Text, values: Vec<Value>) -> Result<Vec<QueryResult>> {
    db.query_all_raw(statement(db, sql, values)).await.map_err(from_db)
}

/// The first row.
pub(crate) async fn one(db: &impl ConnectionTrait, sql: impl Text, values: Vec<Value>) -> Result<Option<QueryResult>> {
    db.query_one_raw(statement(db, sql, values)).await.map_err(from_db)
}

/// How many rows were changed.
pub(crate) async fn execute(db: &impl ConnectionTrait, sql: impl Text, values: Vec<Value>) -> Result<u64> {
    try_execute(db, sql, values).await.map_err(from_db)
}

/// The same, with the database's own error: for a violated constraint that means something.
pub(crate) async fn try_execute(db: &impl ConnectionTrait, sql: impl Text, values: Vec<Value>) -> Result<u64, DbErr> {
    Ok(db.execute_raw(statement(db, sql, values)).await?.rows_affected())
}

/// The first column of the first row, as a number; zero without a row.
pub(crate) async fn count(db: &impl ConnectionTrait, sql: impl Text, values: Vec<Value>) -> Result<i64> {
    match one(db, sql, values).await? {
        Some(row) => row.try_get_by_index(0).map_err(from_db),
        None => Ok(0),
    }
}

impl<const N: usize> Sql<N> {
    /// Every row; `rows` are the last parameters, `values` those before.
    pub(crate) fn all(
        &self,
        db: &impl ConnectionTrait,
        values: Vec<Value>,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> impl Future<Output = Result<Vec<QueryResult>>> {
        // Bound before the future is made, which so does not carry the rows.
        let bound = statement(db, self, self.bind(db.get_database_backend(), values, rows));
        async move { db.query_all_raw(bound).await.map_err(from_db) }
    }

    /// How many rows were changed; `rows` are the last parameters, `values` those before.
    pub(crate) fn execute(
        &self,
        db: &impl ConnectionTrait,
        values: Vec<Value>,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> impl Future<Output = Result<u64>> {
        let bound = statement(db, self, self.bind(db.get_database_backend(), values, rows));
        async move { Ok(db.execute_raw(bound).await.map_err(from_db)?.rows_affected()) }
    }
}

/// Turns every row into an entity.
pub(crate) fn read_all<T, C: FromIterator<T>>(
    rows: &[QueryResult],
    read: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<C> {
    rows.iter().map(read).collect::<Result<_, _>>().map_err(from_db)
}

/// A row's columns in the order of its select list, for the few statements of every request: looking columns up by their names cost as
/// much there as reading the values. Two columns of one type can be swapped unnoticed, so each statement that is read like this has a
/// test that writes distinguishable values into every column and reads them back.
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
