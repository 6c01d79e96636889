//! Bringing the schema up to date, and saying whether this program can work with it.
//!
//! A step and its row in `seaql_migrations` are one transaction: a crash leaves the step done or not begun, nothing between. Whether it
//! is still to be done is asked again under the transaction's lock (PostgreSQL: an advisory lock; SQLite: the writer's), so processes
//! that start together take turns. Where nothing is missing, nothing is written: a role without the right to make tables can serve.
//!
//! Rows of steps that this program does not know are a newer version's, and tolerated: steps only expand. One that does more names itself
//! in `schema_requirements`, and programs that do not know it refuse to start.

pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Duration};

use domain::{Clock, Error, Result, core::clock::SystemClock};
use migrations::{Dialect, Step};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::core::{
    db::Db,
    dialect,
    error::{from_db, is_retryable},
    sql::{self, Sql, sql},
};

/// A step may take as long as it takes, and so may somebody else's. Any number that is ours.
const LOCK: &str = "set local statement_timeout = 0; set local lock_timeout = 0; select pg_advisory_xact_lock(127978992397940)";

/// But it does not queue for a table for long, because whoever wants the table queues behind it: it goes away, and comes again.
const BRIEFLY: &str = "set local lock_timeout = 5000";

/// SQLite's writer may be somebody who migrates; they are given this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// As the library made it that ran the steps of the first versions.
const BOOKKEEPING: Sql = Sql {
    postgres: "create table if not exists seaql_migrations (version varchar not null primary key, applied_at bigint not null)",
    sqlite: "create table if not exists \"seaql_migrations\" ( \"version\" varchar NOT NULL PRIMARY KEY, \"applied_at\" integer NOT NULL )",
    columns: [],
    first: 0,
};

const HAS_TABLE: Sql = Sql {
    postgres: "select count(*) from pg_tables where schemaname = current_schema() and tablename = $1",
    sqlite: "select count(*) from sqlite_master where type = 'table' and name = $1",
    columns: [],
    first: 0,
};

const APPLIED: Sql = sql!("select version from seaql_migrations");
const APPLY: Sql = sql!("insert into seaql_migrations (version, applied_at) values ($1, $2)");
const REQUIREMENTS: Sql = sql!("select step, version from schema_requirements order by step");

const NO_RIGHT: &str = "The database's user may not make tables. Make it the owner of the database, or run `grant create, usage on schema public to <user>` as the owner.";

/// PostgreSQL 15 gives nobody but a database's owner the right to make tables in the schema `public`.
const MAY_CREATE: &str = "select case when has_schema_privilege(current_schema(), 'CREATE') then 1::bigint else 0::bigint end";

/// Runs what is missing of `steps`, after saying whether this program may work on the database at all.
pub(crate) async fn up(db: &Db, steps: &[Step]) -> Result<()> {
    refuse_newer(db, steps).await?;
    let done = applied(db).await?;
    let missing: Vec<_> = steps.iter().filter(|step| !done.contains(step.name)).collect();
    if !missing.is_empty() && !dialect::is_sqlite(db) && sql::count(db, MAY_CREATE, vec![]).await? == 0 {
        return Err(Error::unavailable(60, NO_RIGHT));
    }
    for step in missing {
        let began = tokio::time::Instant::now();
        loop {
            match apply(db, step).await {
                Err(e) if is_retryable(&e, 1) && began.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                outcome => break outcome?,
            }
        }
    }
    // Meanwhile another process may have run steps of a newer version.
    refuse_newer(db, steps).await
}

/// Fails unless every step was run, and no newer version's asks for a newer program.
pub(crate) async fn expect(db: &Db, steps: &[Step]) -> Result<()> {
    refuse_newer(db, steps).await?;
    let done = applied(db).await?;
    match steps.iter().find(|step| !done.contains(step.name)) {
        None => Ok(()),
        Some(missing) => Err(Error::unavailable(
            60,
            format!(
                "The database has no tables that this version can use ({} is missing). Start tenantry-api first, or run `tenantry-api migrate`.",
                missing.name
            ),
        )),
    }
}

async fn apply(db: &Db, step: &Step) -> Result<()> {
    let tx = dialect::begin(db).await?;
    let outcome = apply_in(&tx, step).await;
    match outcome {
        Ok(()) => tx.commit().await.map_err(from_db),
        Err(e) => {
            // Not left to the drop: on SQLite the next attempt would find the database still locked.
            let _ = tx.rollback().await;
            Err(e)
        }
    }
}

async fn apply_in(tx: &DatabaseTransaction, step: &Step) -> Result<()> {
    let dialect = if dialect::is_sqlite(tx) { Dialect::Sqlite } else { Dialect::Postgres };
    if dialect == Dialect::Postgres {
        tx.execute_unprepared(LOCK).await.map_err(from_db)?;
        tx.execute_unprepared(BRIEFLY).await.map_err(from_db)?;
    }
    sql::execute(tx, BOOKKEEPING, vec![]).await?;
    if applied(tx).await?.contains(step.name) {
        return Ok(());
    }
    tx.execute_unprepared(&step.sql(dialect)).await.map_err(from_db)?;
    // The time is for people who look at the table; nothing reads it.
    let now = SystemClock.now().timestamp();
    sql::execute(tx, APPLY, vec![step.name.into(), now.into()]).await.map(|_| ())
}

async fn has_table(db: &impl ConnectionTrait, name: &str) -> Result<bool> {
    Ok(sql::count(db, HAS_TABLE, vec![name.into()]).await? > 0)
}

/// The names of the steps that were run.
async fn applied(db: &impl ConnectionTrait) -> Result<BTreeSet<String>> {
    if !has_table(db, "seaql_migrations").await? {
        return Ok(BTreeSet::new());
    }
    let rows = sql::all(db, APPLIED, vec![]).await?;
    rows.iter().map(|row| row.try_get("", "version").map_err(from_db)).collect()
}

async fn refuse_newer(db: &impl ConnectionTrait, steps: &[Step]) -> Result<()> {
    if !has_table(db, "schema_requirements").await? {
        return Ok(());
    }
    for row in sql::all(db, REQUIREMENTS, vec![]).await? {
        let (step, version): (String, String) =
            (row.try_get("", "step").map_err(from_db)?, row.try_get("", "version").map_err(from_db)?);
        if !steps.iter().any(|known| known.name == step) {
            let advice = format!(
                "A newer version has changed this database ({step}) so that this one cannot work with it. Start version {version} or later."
            );
            return Err(Error::unavailable(60, advice));
        }
    }
    Ok(())
}
