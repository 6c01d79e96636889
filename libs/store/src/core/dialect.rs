//! What differs between PostgreSQL and SQLite, all in one place.

use std::time::Duration;

use domain::Result;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions};
use sqlx::{
    Connection,
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use crate::core::{
    db::{Db, Doubt, lives},
    error::from_db,
    reach,
    session::Session,
};

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
    /// What sessions on PostgreSQL are told.
    pub session: Session,
}

/// A connection that nobody used for this long is asked whether it lives. Before each use, as sqlx has it, would be a round trip that
/// doubles the time of a short statement: under load a dead connection is found, and thrown away, by the statement that fails on it.
const IDLE: Duration = Duration::from_secs(1);

pub(crate) async fn connect(settings: &Settings) -> Result<Db> {
    let db = open(settings, |_| {}).await?;
    reach::inspect(&db).await?;
    Ok(db)
}

/// Connections for probes, opened when they are first used: one asks how old the work is, which may wait, and one whether the database lives.
pub(crate) async fn connect_for_probes(settings: &Settings) -> Result<Db> {
    open(settings, |options| {
        options.max_connections(2).connect_lazy(true);
    })
    .await
}

async fn open(settings: &Settings, adapt: impl FnOnce(&mut ConnectOptions)) -> Result<Db> {
    let (mut options, doubt) = (ConnectOptions::new(&settings.url), Doubt::default());
    options.max_connections(settings.max_connections).acquire_timeout(Duration::from_secs(5)).sqlx_logging(false);
    sqlite(&mut options, settings.create);
    postgres(&mut options, settings, &doubt);
    adapt(&mut options);
    let pool = reach::connect(options).await?;
    let bounds = (!is_sqlite(&pool)).then(|| settings.session.bounds());
    let preamble = bounds.and_then(|_| settings.session.preamble());
    Ok(Db::new(pool, bounds, doubt).pooled(preamble))
}

fn sqlite(options: &mut ConnectOptions, create: bool) {
    // `FULL`: an acknowledged commit survives a power cut. Waiting for the writer happens at our own writer lock; the busy time-out is for a
    // second process, such as the command line beside the server.
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
}

fn postgres(options: &mut ConnectOptions, settings: &Settings, doubt: &Doubt) {
    let (name, session) = (settings.application_name.clone(), settings.session);
    options.map_sqlx_postgres_opts(move |o| session.begin(o.application_name(&name)));
    options.test_before_acquire(false);
    options.map_sqlx_postgres_before_acquire(|connection, meta| {
        Box::pin(async move { if meta.idle_for < IDLE { Ok(true) } else { lives(connection).await } })
    });
    let doubt = doubt.clone();
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let doubt = doubt.clone();
        pool.after_release(move |connection, _| {
            let doubted = doubt.stands();
            Box::pin(async move { if doubted { lives(connection).await } else { Ok(true) } })
        })
    });
}

pub(crate) fn is_sqlite(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Sqlite
}

/// Every SQLite write begins `IMMEDIATE`: a transaction that reads first and writes later fails when another wrote in between.
pub(crate) async fn begin(db: &Db) -> Result<DatabaseTransaction> {
    let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    db.begin(options).await.map_err(from_db)
}
