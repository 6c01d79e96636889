//! Sealing: puts what is new of each organization's feed under a signed checkpoint, a segment at a time.
//!
//! It only looks at organizations with something new (a partial index knows them), reads and signs outside of any transaction, and
//! then writes checkpoint and watermark in one short one, if nobody else has moved the watermark meanwhile. So any number of workers
//! may seal at once, a crash leaves nothing half done, and no writer ever waits: writers touch neither `heads` nor `checkpoints`.

use std::collections::HashSet;

use crypto::{
    SigningKey,
    audit::{
        checkpoint::{self, Claims, fingerprint},
        export::MAX_SEGMENT,
        leaf::moment,
        merkle,
    },
};
use domain::{OrgId, Result, Time, authorization::policy::SystemScope};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::leaves::{self, StoredRecord, record_columns};
use crate::{
    Store,
    core::{
        entity::checkpoints,
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// Organizations of one transaction: enough to make many small logs cheap, few enough that the sequencer hardly notices the locks.
const BATCH: i64 = 50;
#[allow(clippy::cast_possible_wrap, reason = "a few thousand")]
const SEGMENT: i64 = MAX_SEGMENT as i64;

/// What to seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Whatever is new.
    All,
    /// Full segments only.
    Full,
}

/// An organization with something new.
#[derive(Clone, Copy)]
struct Due {
    org: OrgId,
    sealed: i64,
    seq: i64,
}

impl Due {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self { org: OrgId::new(row.try_get("", "org_id")?), sealed: row.try_get("", "sealed")?, seq: row.try_get("", "seq")? })
    }
    fn last(self) -> i64 {
        self.seq.min(self.sealed + SEGMENT)
    }
}

/// `org_id >= $1` and not `>`: the platform's own log has the nil id.
const DUE: Sql = sql!(
    "select org_id, sealed, seq
    from heads
    where seq > sealed and seq - sealed >= $2 and org_id >= $1
    order by org_id
    limit $3"
);

const SIGNED: &str = "select signed from checkpoints where org_id = $1 and last_seq = $2";

const LEAVES: Sql = sql!(
    "select leaf, hash
    from feed
    where org_id = $1 and seq > $2 and seq <= $3
    order by seq"
);

const WITHOUT_LEAVES: &str = concat!(
    "select f.seq, ",
    record_columns!(),
    " from feed f
    join events e on e.org_id = f.org_id and e.id = f.event_id
    where f.org_id = $1 and f.seq > $2 and f.seq <= $3 and f.leaf is null
    order by f.seq"
);

impl Store {
    /// Seals what is new. Answers how many records.
    pub async fn seal(&self, _: SystemScope, now: Time, what: Seal) -> Result<u64> {
        let least = if what == Seal::Full { SEGMENT } else { 1 };
        let (mut from, mut key, mut records) = (Uuid::nil(), None, 0);
        loop {
            let rows = sql::all(&self.db, DUE, vec![from.into(), least.into(), BATCH.into()]).await?;
            let mut due: Vec<Due> = rows.iter().map(Due::read).collect::<Result<_, _>>().map_err(from_db)?;
            let Some(last) = due.last() else { return Ok(records) };
            from = Uuid::from_u128(last.org.uuid().as_u128() + 1);
            let key = match &mut key {
                Some(key) => key,
                none => none.insert(self.audit_key(now).await?),
            };
            while !due.is_empty() {
                records += self.seal_next(key, &due, now).await?;
                // A long log has more segments; a short one is done.
                due = due
                    .into_iter()
                    .map(|due| Due { sealed: due.last(), ..due })
                    .filter(|due| due.seq - due.sealed >= least)
                    .collect();
            }
        }
    }

    /// One segment of each.
    async fn seal_next(&self, key: &SigningKey, due: &[Due], now: Time) -> Result<u64> {
        let mut made = Vec::with_capacity(due.len());
        for due in due {
            made.extend(self.segment(key, *due, now).await?);
        }
        if made.is_empty() {
            return Ok(0);
        }
        self.bookkeep(async |tx| keep(&tx, made).await).await
    }

    /// The next checkpoint of an organization; none if its records were removed meanwhile.
    async fn segment(&self, key: &SigningKey, due: Due, now: Time) -> Result<Option<checkpoints::Model>> {
        let (mut leaves, mut hash) = self.leaves(due).await?;
        if leaves.iter().any(Option::is_none) {
            self.give_leaves(due, now).await?;
            (leaves, hash) = self.leaves(due).await?;
        }
        let leaves: Vec<String> = leaves.into_iter().flatten().collect();
        if leaves.len() as i64 != due.last() - due.sealed {
            return Ok(None);
        }
        let previous = sql::one(&self.db, SIGNED, vec![due.org.uuid().into(), due.sealed.into()]).await?;
        let previous: Option<String> = previous.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        let claims = Claims {
            organization_id: due.org,
            first_seq: due.sealed + 1,
            last_seq: due.last(),
            root: merkle::root(&leaves),
            hash,
            previous: previous.as_deref().map(fingerprint),
            created_at: moment(now),
        };
        Ok(Some(checkpoints::Model {
            org_id: due.org.uuid(),
            first_seq: claims.first_seq,
            last_seq: claims.last_seq,
            signed: checkpoint::sign(key, &claims)?,
            root: claims.root,
            hash: claims.hash,
            created_at: now,
        }))
    }

    /// The leaves of a segment, and the chain at its end.
    async fn leaves(&self, due: Due) -> Result<(Vec<Option<String>>, String)> {
        let rows = sql::all(&self.db, LEAVES, vec![due.org.uuid().into(), due.sealed.into(), due.last().into()]).await?;
        let read = |row: &QueryResult| row.try_get("", "leaf");
        let leaves = rows.iter().map(read).collect::<Result<_, _>>().map_err(from_db)?;
        let hash = rows.last().map(|row| row.try_get("", "hash")).transpose().map_err(from_db)?;
        Ok((leaves, hash.unwrap_or_default()))
    }

    /// Records from before there were leaves get salt and leaf now, so that the checkpoint covers more of them than the chain does.
    async fn give_leaves(&self, due: Due, now: Time) -> Result<()> {
        let records = self
            .bookkeep(async |tx| {
                let rows =
                    sql::all(&*tx, WITHOUT_LEAVES, vec![due.org.uuid().into(), due.sealed.into(), due.last().into()]).await?;
                for row in &rows {
                    let (seq, mut record) = (row.try_get("", "seq").map_err(from_db)?, StoredRecord::read(row).map_err(from_db)?);
                    give_leaf(&tx, due.org, seq, &mut record, leaves::salt(self.ids.as_ref())).await?;
                }
                Ok(rows.len())
            })
            .await?;
        tracing::info!(org = %due.org, records, at = %now, "old audit records got their leaves");
        Ok(())
    }
}

const SET_SALT: &str = "update events set salt = $3 where org_id = $1 and id = $2 and salt is null and digest is null";

const SET_LEAF: &str = "update feed set leaf = $3 where org_id = $1 and seq = $2 and leaf is null";

/// Gives a record without a salt this one, and its leaf. Of two who do this at once, the second changes nothing and is answered false.
pub(super) async fn give_leaf(
    tx: &DatabaseTransaction,
    org: OrgId,
    seq: i64,
    record: &mut StoredRecord,
    salt: String,
) -> Result<bool> {
    if sql::execute(tx, SET_SALT, vec![org.uuid().into(), record.id.uuid().into(), salt.as_str().into()]).await? == 0 {
        return Ok(false);
    }
    record.salt = Some(salt);
    sql::execute(tx, SET_LEAF, vec![org.uuid().into(), seq.into(), record.leaf(org).into()]).await?;
    Ok(true)
}

/// In the order of their ids: everybody who locks several takes them in the same order.
const LOCK_HEADS: Sql<1> = sql!(
    "select org_id, sealed
    from heads
    where org_id in (select org_id from {rows})
    order by org_id
    {for no key update}",
    rows = 1 (org_id: Uuid)
);

const INSERT: Sql<7> = sql!(
    "insert into checkpoints (org_id, first_seq, last_seq, root, hash, signed, created_at)
    select org_id, first_seq, last_seq, root, hash, signed, created_at
    from {rows}",
    rows = 1 (org_id: Uuid, first_seq: i64, last_seq: i64, root: String, hash: String, signed: String, created_at: Time)
);

const MOVE_WATERMARKS: Sql<1> = sql!(
    "update heads
    set sealed = (select max(c.last_seq) from checkpoints c where c.org_id = heads.org_id)
    where org_id in (select org_id from {rows})
      and exists (select 1 from checkpoints c where c.org_id = heads.org_id)",
    rows = 1 (org_id: Uuid)
);

/// Writes checkpoints whose organizations nobody else has sealed meanwhile. Answers how many records they cover.
async fn keep(tx: &DatabaseTransaction, made: Vec<checkpoints::Model>) -> Result<u64> {
    let orgs: Vec<[Value; 1]> = made.iter().map(|row| [row.org_id.into()]).collect();
    let read = |row: &QueryResult| Ok((row.try_get::<Uuid>("", "org_id")?, row.try_get::<i64>("", "sealed")?));
    let unmoved: HashSet<_> = sql::read_all(&LOCK_HEADS.all(tx, vec![], orgs.clone()).await?, read)?;
    let rows: Vec<_> = made.into_iter().filter(|row| unmoved.contains(&(row.org_id, row.first_seq - 1))).collect();
    if rows.is_empty() {
        return Ok(0);
    }
    let records: i64 = rows.iter().map(|row| row.last_seq - row.first_seq + 1).sum();
    INSERT.execute(tx, vec![], rows.into_iter().map(values)).await?;
    MOVE_WATERMARKS.execute(tx, vec![], orgs).await?;
    Ok(records.unsigned_abs())
}

fn values(row: checkpoints::Model) -> [Value; 7] {
    [
        row.org_id.into(),
        row.first_seq.into(),
        row.last_seq.into(),
        row.root.into(),
        row.hash.into(),
        row.signed.into(),
        row.created_at.into(),
    ]
}

#[cfg(test)]
pub(crate) mod tests;
