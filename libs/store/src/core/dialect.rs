//! What differs between PostgreSQL and SQLite, all in one place.

use std::time::Duration;

use domain::Result;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sqlx::{
    Connection,
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use crate::core::{error::from_db, reach};

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `postgres://…` or `sqlite://path?mode=rwc`.
    pub url: String,
    /// Size of the pool.
    pub max_connections: u32,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
    /// Whether a SQLite file that is not there is made. Who only looks after a database must not make an empty one elsewhere.
    pub create: bool,
}

pub(crate) async fn connect(settings: &Settings) -> Result<DatabaseConnection> {
    let db = Database::connect(options(settings)).await.map_err(reach::unreachable)?;
    reach::inspect(&db).await?;
    Ok(db)
}

/// One connection, opened when it is first used.
pub(crate) async fn connect_for_probes(settings: &Settings) -> Result<DatabaseConnection> {
    let mut options = options(settings);
    options.max_connections(1).connect_lazy(true);
    Database::connect(options).await.map_err(reach::unreachable)
}

fn options(settings: &Settings) -> ConnectOptions {
    let mut options = ConnectOptions::new(&settings.url);
    options.max_connections(settings.max_connections).acquire_timeout(Duration::from_secs(5)).sqlx_logging(false);
    // sqlx asks a connection whether it lives before each use, a round trip that doubles the time of a short statement. Only after a
    // pause: under load a dead connection is found, and thrown away, by the statement that fails on it.
    options.test_before_acquire_if_idle_for(Duration::from_secs(1));
    // `FULL`: an acknowledged commit survives a power cut. Waiting for the writer happens at our own writer lock; the busy time-out is for a
    // second process, such as the command line beside the server.
    let create = settings.create;
    options.map_sqlx_sqlite_opts(move |o| {
        o.create_if_missing(create)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
    });
    // A commit that fails because the disk is full leaves sqlx and SQLite of two minds about whether a transaction is open. On such a
    // connection the next one would only be a part of the failed one: acknowledged, and never written. It is closed instead.
    options.map_sqlx_sqlite_before_acquire(|connection, _| {
        let clean = !connection.is_in_transaction();
        Box::pin(async move { Ok(clean) })
    });
    let name = settings.application_name.clone();
    options.map_sqlx_postgres_opts(move |o| o.application_name(&name).statement_cache_capacity(256));
    options
}

pub(crate) fn is_sqlite(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Sqlite
}

/// Every SQLite write begins `IMMEDIATE`: a transaction that reads first and writes later fails when another wrote in between.
pub(crate) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction> {
    let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    db.begin_with_options(options).await.map_err(from_db)
}
