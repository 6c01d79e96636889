//! The register: what was sealed last of each log, sealed under the key ring and bound to the organization. Whoever can write to the
//! database can change records, chain, checkpoints and watermarks; what the server signs next continues what the register says, or nothing
//! is signed.
//!
//! An organization without an entry has not been sealed yet, or somebody took its entry out. To tell these apart each entry names the
//! organization whose entry is next, in the order of ids, and the platform's comes first: an organization is new only if the entry before
//! its place says that there is none. So entries are never deleted.
//!
//! What this cannot see is an older entry, of one log or of all, that somebody copied and put back, as a restored backup does. As long as a process
//! lives, it remembers how far it has sealed ([`Watermarks`]); beyond that, kept checkpoints tell.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crypto::{Sealed, audit::chain};
use domain::{Error, OrgId, PLATFORM, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        error::{from_db, retry},
        sql::{self, Sql, sql},
    },
    events::audit::table::ENTRY,
};

/// What was sealed last of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The last number under a checkpoint.
    pub(crate) seq: i64,
    /// The chain there.
    pub(crate) hash: String,
    /// The fingerprint of that checkpoint; none before the first.
    pub(crate) checkpoint: Option<String>,
    /// The organization whose entry is next.
    next: Option<Uuid>,
}

impl Entry {
    /// Of a log of which nothing is sealed.
    pub(crate) fn new(org: OrgId) -> Self {
        Self { seq: 0, hash: chain::genesis(org), checkpoint: None, next: None }
    }
    /// The same organization, sealed further.
    pub(crate) fn moved(&self, seq: i64, hash: String, checkpoint: Option<String>) -> Self {
        Self { seq, hash, checkpoint, next: self.next }
    }
    pub(crate) fn before(self, next: Option<Uuid>) -> Self {
        Self { next, ..self }
    }
}

/// An entry as it was found, to be replaced only if it still stands.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    pub(crate) stored: String,
}

/// How far this process has seen each log sealed.
#[derive(Debug, Default)]
pub(crate) struct Watermarks(Mutex<HashMap<Uuid, i64>>);

impl Watermarks {
    pub(super) fn of(&self, org: OrgId) -> i64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&org.uuid()).copied().unwrap_or(0)
    }
    pub(super) fn raise(&self, org: OrgId, seq: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = all.entry(org.uuid()).or_default();
        *seen = seq.max(*seen);
    }
}

/// What is said of a log that somebody changed in the database.
pub(crate) fn forged(org: OrgId, why: &str) -> Error {
    Error::internal(format!("the sealed audit log of {org} was changed in the database: {why}"))
}

const INSERT: &str = "insert into audit_register (org_id, entry) values ($1, $2)";
const REPLACE: &str = "update audit_register set entry = $3 where org_id = $1 and entry = $2";
const READ: &str = "select entry from audit_register where org_id = $1";
/// The row with which the register begins: locked, it keeps two new organizations from the same place.
const LOCK: Sql = sql!("select org_id from audit_register where org_id = $1 {for update}");
const BEFORE: Sql = sql!(
    "select org_id, entry
    from audit_register
    where org_id < $1
    order by org_id desc
    limit 1"
);
const LOCK_BEFORE: Sql = sql!(
    "select org_id, entry
    from audit_register
    where org_id < $1
    order by org_id desc
    limit 1
    {for update}"
);

/// Makes the register, with the platform's entry.
pub(super) async fn begin(store: &Store, tx: &DatabaseTransaction) -> Result<()> {
    insert(store, tx, PLATFORM, &Entry::new(PLATFORM)).await
}

pub(super) async fn insert(store: &Store, tx: &DatabaseTransaction, org: OrgId, entry: &Entry) -> Result<()> {
    sql::execute(tx, INSERT, vec![org.uuid().into(), store.seal_entry(org, entry)?.into()]).await.map(|_| ())
}

/// Puts `entry` in the place of the one that was found. False if that one does not stand any more.
pub(super) async fn replace(store: &Store, tx: &DatabaseTransaction, org: OrgId, found: &str, entry: &Entry) -> Result<bool> {
    let values = vec![org.uuid().into(), found.into(), store.seal_entry(org, entry)?.into()];
    Ok(sql::execute(tx, REPLACE, values).await? > 0)
}

impl Store {
    pub(super) fn seal_entry(&self, org: OrgId, entry: &Entry) -> Result<String> {
        Ok(self.keyring.seal_json(&ENTRY.place(org, &org.to_string()), entry)?.as_str().to_owned())
    }

    /// Reads an entry.
    pub(super) async fn open_entry(&self, db: &impl ConnectionTrait, org: OrgId, stored: String) -> Result<Found> {
        let opened = self.try_open_sealed(db, &ENTRY.place(org, &org.to_string()), &Sealed::from(stored.clone())).await?;
        let bytes = opened.map_err(|_| forged(org, "its entry in the register is not ours"))?;
        let entry = serde_json::from_slice(&bytes).map_err(Error::internal)?;
        Ok(Found { entry, stored })
    }

    /// What was sealed last of a log; a new one's beginning if it has never been sealed.
    pub(super) async fn sealed_last(&self, org: OrgId) -> Result<Entry> {
        if let Some(found) = self.find_entry(org).await? {
            return Ok(found);
        }
        let row = sql::one(&self.db, BEFORE, vec![org.uuid().into()]).await?;
        match self.is_new(&self.db, org, row).await {
            Ok(_) => Ok(Entry::new(org)),
            // It may have been entered between the two statements.
            Err(e) => self.find_entry(org).await?.ok_or(e),
        }
    }

    async fn find_entry(&self, org: OrgId) -> Result<Option<Entry>> {
        let row = sql::one(&self.db, READ, vec![org.uuid().into()]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(self.open_entry(&self.db, org, row.try_get_by_index(0).map_err(from_db)?).await?.entry))
    }

    /// Enters organizations that have not been sealed yet.
    pub(super) async fn enter(&self, orgs: &[OrgId]) -> Result<()> {
        self.bookkeep(async |tx| {
            sql::one(&*tx, LOCK, vec![PLATFORM.uuid().into()]).await?;
            for org in orgs {
                let row = sql::one(&*tx, READ, vec![org.uuid().into()]).await?;
                if row.is_none() {
                    self.enter_one(&tx, *org).await?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn enter_one(&self, tx: &DatabaseTransaction, org: OrgId) -> Result<()> {
        let row = sql::one(tx, LOCK_BEFORE, vec![org.uuid().into()]).await?;
        let (before, found) = match self.is_new(tx, org, row).await {
            Ok(place) => place,
            Err(e) => {
                tracing::error!(%org, error = %e, "it is not sealed");
                return Ok(());
            }
        };
        let entry = Entry::new(org).before(found.entry.next);
        let last = found.entry.clone().before(Some(org.uuid()));
        if !replace(self, tx, before, &found.stored, &last).await? {
            return Err(retry());
        }
        insert(self, tx, org, &entry).await
    }

    /// The entry before the place of an organization that has none, if that one says so.
    async fn is_new(&self, db: &impl ConnectionTrait, org: OrgId, before: Option<QueryResult>) -> Result<(OrgId, Found)> {
        let row = before.ok_or_else(|| forged(org, "the beginning of the register is gone"))?;
        let read = || Ok((row.try_get("", "org_id")?, row.try_get("", "entry")?));
        let (id, stored) = read().map_err(from_db)?;
        let before = OrgId::new(id);
        let found = self.open_entry(db, before, stored).await?;
        let next = found.entry.next;
        if next.is_none_or(|next| next > org.uuid()) {
            Ok((before, found))
        } else {
            Err(forged(org, "its entry in the register is gone"))
        }
    }
}
