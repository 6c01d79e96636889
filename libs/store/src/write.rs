//! The one write path: a change, its audit record and its event are one database transaction.
//!
//! [`Store::write`] runs a use case inside a transaction and commits the [`Change`] it returns; there is no other commit. A use case
//! that loses against another transaction (deadlock, serialization) is run again as a whole. [`Store::write_once`] does the same under
//! an idempotency key: claiming the key is the transaction's first statement, so a repeated request waits there for the first one's
//! outcome and gets the same answer.

use std::sync::OnceLock;

use domain::{Actor, Error, Event, OrgId, Result, Stamp};
use sea_orm::{DatabaseTransaction, EntityTrait, Set, sea_query::OnConflict};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use crate::{Store, dialect, entity::idempotency, error::{from_db, is_retryable}, events};

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
        self
    }
    /// A change without an event. `why` is for the reader of the code.
    pub fn silent(value: T, why: NoEvent) -> Self {
        Self { value, events: Vec::new(), wakes: why == NoEvent::LinkMailed }
    }
    /// Another value, same events.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        Change { value: f(self.value), events: self.events, wakes: self.wakes }
    }
}

/// A caller's `Idempotency-Key` for one operation, and what the request said.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    id: String,
    digest: String,
}

impl IdempotencyKey {
    /// `caller` and `operation` keep the keys of different callers and operations apart; `request` is the body.
    pub fn new(caller: &str, operation: &str, key: &str, request: &[u8]) -> Self {
        let id = [caller, operation, key].map(|part| format!("{}:{part}", part.len())).concat();
        Self { id: hex::encode(Sha256::digest(id)), digest: hex::encode(Sha256::digest(request)) }
    }
}

/// An open write transaction.
pub struct WriteTx {
    pub(crate) tx: DatabaseTransaction,
    pub(crate) store: Store,
    stamp: Stamp,
    actor: OnceLock<Actor>,
    _gate: Option<OwnedMutexGuard<()>>,
}

impl WriteTx {
    /// When this change happens.
    pub fn now(&self) -> domain::Time {
        self.stamp.now
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
        self.store.gate.is_some()
    }
    pub(crate) async fn commit<T>(self, change: Change<T>) -> Result<T> {
        events::record(&self, &change.events).await?;
        let committed = self.store.committed.clone();
        self.tx.commit().await.map_err(from_db)?;
        // After the commit, never inside it: a notification in the transaction halves the write rate.
        if change.wakes {
            committed.notify_one();
        }
        Ok(change.value)
    }
}

/// A transaction of the worker's own: it changes nothing that an audit record would tell of, so it has no events and wakes nobody. Use
/// cases cannot get one. A lost race is an error here: the worker repeats whatever fails.
pub(crate) struct Bookkeeping {
    pub(crate) tx: DatabaseTransaction,
    _gate: Option<OwnedMutexGuard<()>>,
}

impl Bookkeeping {
    pub(crate) async fn commit(self) -> Result<()> {
        self.tx.commit().await.map_err(from_db)
    }
}

/// How often a use case is run before the caller is told that the server is busy.
const ATTEMPTS: u32 = 4;

impl Store {
    /// SQLite's writers queue here; PostgreSQL has no gate.
    async fn open_tx(&self) -> Result<(DatabaseTransaction, Option<OwnedMutexGuard<()>>)> {
        let gate = match &self.gate {
            Some(gate) => Some(gate.clone().lock_owned().await),
            None => None,
        };
        Ok((dialect::begin(&self.db).await?, gate))
    }

    pub(crate) async fn begin(&self, stamp: &Stamp) -> Result<WriteTx> {
        let (tx, gate) = self.open_tx().await?;
        Ok(WriteTx { tx, store: self.clone(), stamp: stamp.clone(), actor: OnceLock::new(), _gate: gate })
    }

    /// A transaction of the worker's own bookkeeping: queues, sequencer, retention.
    pub(crate) async fn bookkeep(&self) -> Result<Bookkeeping> {
        let (tx, gate) = self.open_tx().await?;
        Ok(Bookkeeping { tx, _gate: gate })
    }

    /// Runs `work` in a transaction and commits the change it returns. An error leaves nothing behind.
    pub async fn write<T>(&self, stamp: &Stamp, work: impl AsyncFn(&WriteTx) -> Result<Change<T>>) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.attempt(stamp, &work).await {
                Err(e) if is_retryable(&e) && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn attempt<T>(&self, stamp: &Stamp, work: &impl AsyncFn(&WriteTx) -> Result<Change<T>>) -> Result<T> {
        let tx = self.begin(stamp).await?;
        let change = work(&tx).await?;
        tx.commit(change).await
    }

    /// Like [`Store::write`], but a second call with the same key gets the first one's answer instead of a second change. Only
    /// successes are kept, sealed (they hold one-time secrets), for a day. Another request under a used key is refused.
    pub async fn write_once<T: Serialize + DeserializeOwned>(
        &self,
        stamp: &Stamp,
        key: Option<&IdempotencyKey>,
        work: impl AsyncFn(&WriteTx) -> Result<Change<T>>,
    ) -> Result<T> {
        let Some(key) = key else { return self.write(stamp, work).await };
        self.write(stamp, async |tx| {
            if let Some(answer) = claim(tx, key).await? {
                return Ok(Change::silent(answer, NoEvent::Unchanged));
            }
            let change = work(tx).await?;
            keep(tx, key, &change.value).await?;
            Ok(change)
        })
        .await
    }
}

/// `None`: the key is ours now. `Some`: the answer of the request that had it before.
async fn claim<T: DeserializeOwned>(tx: &WriteTx, key: &IdempotencyKey) -> Result<Option<T>> {
    let row = idempotency::ActiveModel { id: Set(key.id.clone()), digest: Set(key.digest.clone()), output: Set(None), created_at: Set(tx.now()) };
    let inserted = idempotency::Entity::insert(row)
        .on_conflict(OnConflict::column(idempotency::Column::Id).do_nothing().to_owned())
        .exec_without_returning(&tx.tx)
        .await
        .map_err(from_db)?;
    if inserted == 1 {
        return Ok(None);
    }
    let row = idempotency::Entity::find_by_id(key.id.clone()).one(&tx.tx).await.map_err(from_db)?;
    let Some(row) = row.filter(|row| row.digest == key.digest) else {
        return Err(Error::conflict("idempotency_key_reused", "This Idempotency-Key was used for another request. Use a new key for each request."));
    };
    let sealed = row.output.ok_or_else(|| Error::internal("an idempotency row without an answer was committed"))?;
    Ok(Some(tx.store.keyring.open_json(&crate::keys::place(domain::PLATFORM, "idempotency", "output", &key.id), &sealed.into())?))
}

async fn keep<T: Serialize>(tx: &WriteTx, key: &IdempotencyKey, answer: &T) -> Result<()> {
    let sealed = tx.store.keyring.seal_json(&crate::keys::place(domain::PLATFORM, "idempotency", "output", &key.id), answer)?;
    let row = idempotency::ActiveModel { id: Set(key.id.clone()), output: Set(Some(sealed.as_str().to_owned())), ..Default::default() };
    idempotency::Entity::update(row).exec(&tx.tx).await.map_err(from_db)?;
    Ok(())
}
