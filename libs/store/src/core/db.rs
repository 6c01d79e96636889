//! The pool, and what makes every use of it end.
//!
//! A database that hangs, or a network that swallows packets, closes nothing: whoever waits for an answer waits for ever, and the driver
//! would wait once more before it takes such a connection back. So, on PostgreSQL, every statement and every transaction has a time after
//! which it is given up ([`Bounds`]), and a connection is asked whether it lives, for moments only, after somebody went away from it in the
//! middle of something ([`Doubt`]). What the *server* does about a client that hangs are the settings of [`crate::core::session`].

use std::{
    fmt::Display,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    TransactionOptions, TransactionTrait,
};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::timeout;

/// How long a connection in doubt gets to show that it lives.
const PROOF: Duration = Duration::from_secs(1);

/// The longest that anything takes. None of SQLite's: a file neither hangs nor loses packets, and its waits are bounded elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// A statement outside of a transaction, with getting a connection for it.
    pub(crate) statement: Duration,
    /// A whole transaction of ours; each statement in it has the server's time-out besides.
    pub(crate) transaction: Duration,
}

/// The pool. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    pool: DatabaseConnection,
    bounds: Option<Bounds>,
    doubt: Doubt,
    /// What each transaction begins with, behind a pooler that gives every transaction another session.
    preamble: Option<Arc<str>>,
}

impl Db {
    pub(crate) fn new(pool: DatabaseConnection, bounds: Option<Bounds>, doubt: Doubt) -> Self {
        Self { pool, bounds, doubt, preamble: None }
    }
    /// Behind a pooler in transaction mode nothing may be outside of a transaction: the driver prepares a statement and runs it in two steps,
    /// and between them the pooler may hand the session to somebody else.
    pub(crate) fn pooled(self, preamble: Option<String>) -> Self {
        Self { preamble: preamble.map(Into::into), ..self }
    }
    /// Whether every statement must be in a transaction.
    pub(crate) fn is_pooled(&self) -> bool {
        self.preamble.is_some()
    }
    /// A transaction.
    pub(crate) async fn begin(&self, options: TransactionOptions) -> Result<DatabaseTransaction, DbErr> {
        let begin = async {
            let tx = self.pool.begin_with_options(options).await?;
            if let Some(preamble) = &self.preamble {
                tx.execute_unprepared(preamble).await?;
            }
            Ok(tx)
        };
        self.within(self.transaction_bound(), begin).await?
    }
    /// PostgreSQL's pool, for statements that the ORM would be in the way of. Bound them by [`Db::within`].
    pub(crate) fn postgres(&self) -> &PgPool {
        self.pool.get_postgres_connection_pool()
    }
    /// A transaction's time; `None` on SQLite.
    pub(crate) fn transaction_bound(&self) -> Option<Duration> {
        self.bounds.map(|bounds| bounds.transaction)
    }

    /// What comes of `work` in that time. Whatever it was doing with a connection is given up with it, also when it is dropped.
    pub(crate) async fn within<T>(&self, bound: Option<Duration>, work: impl Future<Output = T>) -> Result<T, DbErr> {
        // In this order: what is dropped first is declared last, and the doubt must be there before the connection goes back.
        let work = pin!(work);
        let unfinished = Unfinished(&self.doubt);
        let outcome = match bound {
            Some(bound) => timeout(bound, work).await.map_err(|_| no_answer("no answer in time")),
            None => Ok(work.await),
        };
        if outcome.is_ok() {
            std::mem::forget(unfinished);
        }
        outcome
    }

    async fn statement<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        self.within(self.bounds.map(|bounds| bounds.statement), work).await?
    }
    /// Whether the database answers.
    pub(crate) async fn ping(&self, bound: Duration) -> Result<(), DbErr> {
        if self.is_pooled() {
            // The pooler would answer by itself.
            return self.within(Some(bound), self.execute_unprepared("select 1")).await?.map(|_| ());
        }
        self.within(Some(bound), self.pool.ping()).await?
    }
    pub(crate) async fn close(self) {
        let _ = self.pool.close().await;
    }
}

/// The error of whoever stops waiting: as that of a connection that broke.
pub(crate) fn no_answer(why: impl Display) -> DbErr {
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, why.to_string());
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(sqlx::Error::Io(error))))
}

/// One statement, in a transaction of its own where there must be one.
macro_rules! alone {
    ($db:ident.$method:ident($statement:ident)) => {{
        if !$db.is_pooled() {
            return $db.statement($db.pool.$method($statement)).await;
        }
        let work = async {
            let tx = $db.begin(TransactionOptions::default()).await?;
            let outcome = tx.$method($statement).await;
            match outcome {
                Ok(_) => tx.commit().await?,
                Err(_) => tx.rollback().await?,
            }
            outcome
        };
        $db.statement(work).await
    }};
}

#[async_trait]
impl ConnectionTrait for Db {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        alone!(self.execute_raw(statement))
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        alone!(self.execute_unprepared(sql))
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        alone!(self.query_one_raw(statement))
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        alone!(self.query_all_raw(statement))
    }
}

/// Whether some connection was left in the middle of something just now. Which one, nobody can say: the pool takes it back by itself.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    began: Instant,
    /// Milliseconds after `began` until which every connection that comes back is asked.
    until: Arc<AtomicU64>,
}

impl Default for Doubt {
    fn default() -> Self {
        Self { began: Instant::now(), until: Arc::default() }
    }
}

impl Doubt {
    /// Longer than it takes until the connection is given back, however busy the machine is.
    const LASTS: Duration = Duration::from_secs(10);

    fn raise(&self) {
        self.until.store((self.began.elapsed() + Self::LASTS).as_millis() as u64, Relaxed);
    }
    /// Whether a connection that came back is to be asked.
    pub(crate) fn stands(&self) -> bool {
        (self.began.elapsed().as_millis() as u64) < self.until.load(Relaxed)
    }
}

/// Raises the doubt when it is dropped.
struct Unfinished<'a>(&'a Doubt);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// Whether a connection answers, soon: one that does not is closed, without a goodbye that would hang as well.
pub(crate) async fn lives(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(PROOF, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the connection does not answer"))),
    }
}
