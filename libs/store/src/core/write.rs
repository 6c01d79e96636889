//! The one write path: a change, its audit record and its event are one database transaction.
//!
//! [`Store::write`] runs a use case inside a transaction and commits the [`Change`] it returns; there is no other commit. A use case
//! that loses against another transaction (deadlock, serialization) is run again as a whole.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::TimeDelta;
use domain::{
    Actor, Clock, Error, Event, OrgId, Origin, Result, Stamp, Time, authorization::policy::SystemScope, core::clock::SystemClock,
};
use sea_orm::DatabaseTransaction;
use tokio::{runtime::Handle, sync::OwnedMutexGuard, task::JoinHandle};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        dialect,
        error::{from_db, is_retryable, locked},
        sql,
    },
    events::record,
};

/// Why a change has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEvent {
    /// Nothing changed.
    Unchanged,
    /// Tokens were renewed; the sign-in itself was an event.
    TokenRenewed,
    /// A link was mailed; the event comes when it is used.
    LinkMailed,
    /// Housekeeping of our own.
    Housekeeping,
}

/// What a use case did: its answer, and its events or the reason why there is none.
#[derive(Debug)]
pub struct Change<T> {
    value: T,
    events: Vec<(OrgId, Event)>,
    wakes: bool,
}

impl<T> Change<T> {
    /// A change with the event it causes in `org` ([`domain::PLATFORM`] for the platform's own log).
    pub fn new(value: T, org: OrgId, event: Event) -> Self {
        Self { value, events: vec![(org, event)], wakes: true }
    }
    /// One more event.
    #[must_use]
    pub fn and(mut self, org: OrgId, event: Event) -> Self {
        self.events.push((org, event));
        self.wakes = true;
        self
    }
    /// A change without an event. `why` is for the reader of the code.
    pub fn silent(value: T, why: NoEvent) -> Self {
        Self { value, events: Vec::new(), wakes: why == NoEvent::LinkMailed }
    }
    /// What the caller is answered.
    pub fn value(&self) -> &T {
        &self.value
    }
    /// Another value, same events.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        Change { value: f(self.value), events: self.events, wakes: self.wakes }
    }
}

/// What a caller holds for as long as a transaction of theirs occupies a connection. A transaction that is abandoned (its caller hung up)
/// occupies it for longer than its future lives: until the statement that runs has ended and the database has rolled back.
pub type Holding = Arc<dyn Any + Send + Sync>;

/// An open write transaction.
pub struct WriteTx {
    pub(crate) tx: DatabaseTransaction,
    pub(crate) store: Store,
    stamp: Stamp,
    actor: OnceLock<Actor>,
    _writer_lock: Option<OwnedMutexGuard<()>>,
}

impl WriteTx {
    /// When this change happens.
    pub fn now(&self) -> domain::Time {
        self.stamp.now
    }
    /// The same by the database's clock, the one that all processes share: for what one of them writes down and another compares. Where
    /// [`WriteTx::now`] stands is corrected by how far the machine's clock is from the database's; SQLite has no clock but the machine's.
    pub async fn database_now(&self) -> Result<Time> {
        if self.is_sqlite() {
            return Ok(self.now());
        }
        let row = sql::one(&self.tx, "select clock_timestamp()", vec![]).await?;
        let theirs = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        Ok(self.by_database_clock(theirs))
    }
    /// The same for a statement that read the database's clock beside something else (`{clock}`); `None` on SQLite.
    pub(crate) fn by_database_clock(&self, theirs: Option<Time>) -> Time {
        let Some(theirs) = theirs else { return self.now() };
        // In tenths of a second: what is less is the way of the question.
        let apart = (theirs - SystemClock.now()).num_milliseconds() as f64 / 100.0;
        self.now() + TimeDelta::milliseconds(apart.round() as i64 * 100)
    }
    /// From where.
    pub fn origin(&self) -> &domain::Origin {
        &self.stamp.origin
    }
    /// A new identifier.
    pub fn uuid(&self) -> Uuid {
        self.store.ids.uuid(self.stamp.now)
    }
    /// Who the audit record will name; the first caller that was recognised in this transaction.
    pub fn actor(&self) -> &Actor {
        self.actor.get().unwrap_or(&self.stamp.actor)
    }
    /// Names the actor, once they are known.
    pub fn acts(&self, actor: Actor) {
        let _ = self.actor.set(actor);
    }
    pub(crate) fn is_sqlite(&self) -> bool {
        self.store.has_one_writer()
    }
    async fn finish(self, wakes: bool) -> Result<()> {
        self.tx.commit().await.map_err(from_db)?;
        // After the commit, never inside it: a notification in the transaction halves the write rate.
        if wakes {
            self.store.committed.notify_one();
        }
        Ok(())
    }
}

impl WriteTx {
    pub(crate) async fn rollback(self) -> Result<()> {
        roll_back(self.tx).await;
        Ok(())
    }
}

/// If the connection is lost, the database rolls back by itself.
async fn roll_back(tx: DatabaseTransaction) {
    if let Err(e) = tx.rollback().await {
        tracing::debug!(error = %e, "rollback");
    }
}

/// The longest that a writer of SQLite waits for the writer lock: whoever has it may wait for another process.
const QUEUEING: Duration = Duration::from_secs(15);

impl Store {
    /// SQLite's writers queue here for the writer lock; PostgreSQL has none.
    async fn open_tx(&self) -> Result<(DatabaseTransaction, Option<OwnedMutexGuard<()>>)> {
        let writer_lock = match &self.writer_lock {
            Some(lock) => Some(tokio::time::timeout(QUEUEING, lock.clone().lock_owned()).await.map_err(|_| outwaited())?),
            None => None,
        };
        Ok((dialect::begin(&self.db).await?, writer_lock))
    }

    pub(crate) async fn begin(&self, stamp: &Stamp) -> Result<WriteTx> {
        let (tx, writer_lock) = self.open_tx().await?;
        Ok(WriteTx { tx, store: self.clone(), stamp: stamp.clone(), actor: OnceLock::new(), _writer_lock: writer_lock })
    }

    /// Runs what a job of ours decides, as [`Store::write`] does for a caller; an error leaves nothing behind. Who loses against another
    /// transaction is not run again here: the job comes again by itself.
    ///
    /// `work` gets a handle, not a reference, because the worker's boxed futures cannot hold a closure over any lifetime.
    pub async fn write_as_job<T>(
        &self,
        scope: SystemScope,
        now: Time,
        work: impl AsyncFnOnce(Arc<WriteTx>) -> Result<Change<T>>,
    ) -> Result<T> {
        let stamp = Stamp { actor: Actor::System(scope.job), origin: Origin::default(), now };
        let open = Open { tx: Some(Arc::new(self.begin(&stamp).await?)), holding: Arc::new(()) };
        open.run(work).await
    }

    /// Runs `work` in a transaction of the worker's own bookkeeping (queues, sequencer, retention) and commits it; an error leaves
    /// nothing behind. It changes nothing that an audit record would tell of, so it has no events and wakes nobody; use cases cannot
    /// reach it. A lost race is an error here: the worker repeats whatever fails. `work` gets a handle as above.
    pub(crate) async fn bookkeep<T>(&self, work: impl AsyncFnOnce(Arc<DatabaseTransaction>) -> Result<T>) -> Result<T> {
        let (tx, _writer_lock) = self.open_tx().await?;
        self.in_time(self.db.transaction_bound(), run(tx, work)).await
    }

    /// The same for work that may take long because of what it finds, such as deleting a batch with everything that hangs on it.
    pub(crate) async fn bookkeep_long<T>(&self, work: impl AsyncFnOnce(Arc<DatabaseTransaction>) -> Result<T>) -> Result<T> {
        let (tx, _writer_lock) = self.open_tx().await?;
        let bound = self.db.transaction_bound().map(|_| LONG + Duration::from_secs(5));
        self.in_time(bound, async move {
            if !dialect::is_sqlite(&tx) {
                sql::one(&tx, STATEMENT_TIMEOUT, vec![LONG.as_millis().to_string().into()]).await?;
            }
            run(tx, work).await
        })
        .await
    }

    /// Ends `work`, which owns its transaction, when its time is over. No roll-back then: it would wait for the same connection.
    async fn in_time<T>(&self, bound: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
        // Boxed: none of those who pass here has to carry the room for it.
        self.db.within(bound, Box::pin(work)).await.map_err(from_db).flatten()
    }

    /// Runs `work` in a transaction and commits the change it returns. An error leaves nothing behind, nor does whoever stops waiting
    /// before the commit has begun.
    pub async fn write<T>(&self, stamp: &Stamp, work: impl AsyncFn(&WriteTx) -> Result<Change<T>>) -> Result<T> {
        self.write_holding(stamp, Arc::new(()), work).await
    }

    /// The same for who holds something until the connection is free again.
    pub async fn write_holding<T>(
        &self,
        stamp: &Stamp,
        holding: Holding,
        work: impl AsyncFn(&WriteTx) -> Result<Change<T>>,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.attempt(stamp, &holding, &work).await {
                Err(e) if is_retryable(&e, attempt) => {
                    // Not all at the same time again.
                    let jitter = u64::from(self.ids.uuid(stamp.now).as_bytes()[15] % 16);
                    tokio::time::sleep(Duration::from_millis(u64::from(attempt) * (4 + jitter))).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<T>(
        &self,
        stamp: &Stamp,
        holding: &Holding,
        work: &impl AsyncFn(&WriteTx) -> Result<Change<T>>,
    ) -> Result<T> {
        let open = Open { tx: Some(Arc::new(self.begin(stamp).await?)), holding: holding.clone() };
        open.run(async |tx| work(&tx).await).await
    }
}

/// A transaction at work. Dropped, it is rolled back in order, and only then gives back what it holds: a connection, perhaps the writer
/// lock, and its caller's place.
struct Open {
    tx: Option<Arc<WriteTx>>,
    holding: Holding,
}

impl Open {
    /// Commits the change that comes of `work`, with its records; an error leaves nothing behind.
    async fn run<T>(mut self, work: impl AsyncFnOnce(Arc<WriteTx>) -> Result<Change<T>>) -> Result<T> {
        let tx = self.tx.clone().ok_or_else(ended)?;
        let (db, bound) = (tx.store.db.clone(), tx.store.db.transaction_bound());
        // Boxed as well.
        let recorded = Box::pin(async move {
            let change = work(tx.clone()).await?;
            record::record(&tx, &change.events).await?;
            Ok(change)
        });
        // When its time is over nobody waits for the roll-back as well.
        match db.within(bound, recorded).await.map_err(from_db)? {
            Ok(change) => {
                let wakes = change.wakes;
                self.finally(move |tx| tx.finish(wakes)).await?;
                Ok(change.value)
            }
            Err(e) => {
                self.finally(WriteTx::rollback).await?;
                Err(e)
            }
        }
    }

    /// In a task: what has begun to be committed is finished, with the wake-up, also if the caller hangs up in this moment.
    async fn finally<F: Future<Output = Result<()>> + Send + 'static>(
        &mut self,
        ending: impl FnOnce(WriteTx) -> F,
    ) -> Result<()> {
        let task = self.spawn(ending).ok_or_else(ended)?;
        task.await.unwrap_or_else(|_| Err(Error::unavailable(1, "The server is stopping. Try again.")))
    }

    /// `None` if it has ended.
    fn spawn<F: Future<Output = Result<()>> + Send + 'static>(
        &mut self,
        ending: impl FnOnce(WriteTx) -> F,
    ) -> Option<JoinHandle<Result<()>>> {
        let (tx, runtime) = (Arc::into_inner(self.tx.take()?)?, Handle::try_current().ok()?);
        let (store, holding) = (tx.store.clone(), self.holding.clone());
        let ending = ending(tx);
        Some(runtime.spawn(async move {
            let outcome = store.in_time(store.db.transaction_bound(), ending).await;
            drop(holding);
            outcome
        }))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.spawn(WriteTx::rollback);
    }
}

fn ended() -> Error {
    Error::internal("a transaction that has ended is used, or its handle outlived its work")
}

/// What a long piece of bookkeeping gets.
const LONG: Duration = Duration::from_secs(300);
const STATEMENT_TIMEOUT: &str = "select set_config('statement_timeout', $1, true)";

fn outwaited() -> Error {
    locked().because("the writer lock was not free in time")
}

async fn run<T>(tx: DatabaseTransaction, work: impl AsyncFnOnce(Arc<DatabaseTransaction>) -> Result<T>) -> Result<T> {
    let tx = Arc::new(tx);
    let outcome = work(tx.clone()).await;
    let tx = Arc::into_inner(tx).ok_or_else(|| Error::internal("a transaction's handle outlived its work"))?;
    match outcome {
        Ok(value) => tx.commit().await.map_err(from_db).map(|()| value),
        Err(e) => {
            // Not left to the drop: on SQLite the next writer would find the database still locked.
            roll_back(tx).await;
            Err(e)
        }
    }
}
