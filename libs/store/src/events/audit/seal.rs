//! Sealing: puts what is new of each organization's feed under a signed checkpoint, a segment at a time.
//!
//! What is signed continues what the register says was sealed last ([`super::register`]): the chain is computed from there, so that
//! nobody who only writes to the database gets a signature under another history. A log of which that cannot be said is not sealed any
//! further, and the log of this program says so; the others are.
//!
//! It only looks at organizations with something new (a partial index knows them), reads and signs outside of any transaction, and
//! then writes checkpoint, register and watermark in one short one, if nobody else has moved the register meanwhile. So any number of
//! workers may seal at once, a crash leaves nothing half done, and no writer ever waits: writers touch none of these tables.

mod keep;
mod links;
mod signer;

use crypto::audit::{checkpoint::fingerprint, export::MAX_SEGMENT};
use domain::{Error, Kind, OrgId, Result, Time, authorization::policy::SystemScope};
use sea_orm::{DbErr, EntityTrait, QueryResult};
use uuid::Uuid;

pub(super) use self::links::give_leaf;
pub(crate) use self::signer::Signer;
use self::{keep::keep, links::Linked};
use super::{
    leaves::{self, StoredRecord, record_columns},
    register::{Entry, Found, forged},
};
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
struct Due {
    org: OrgId,
    seq: i64,
    /// What is sealed, by the plain column that finds the organization; the register is what counts.
    sealed: i64,
    /// The register's entry; none for one that was never sealed.
    entry: Option<String>,
}

impl Due {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            org: OrgId::new(row.try_get("", "org_id")?),
            seq: row.try_get("", "seq")?,
            sealed: row.try_get("", "sealed")?,
            entry: row.try_get("", "entry")?,
        })
    }
}

/// The next records of a log that go under one checkpoint.
struct Segment<'a> {
    org: OrgId,
    entry: &'a Entry,
    last: i64,
}

/// What is to be written: the entry that takes the place of the one that was found, and its checkpoint, unless that is there already.
struct Made {
    org: Uuid,
    found: String,
    entry: Entry,
    checkpoint: Option<checkpoints::Model>,
}

/// `org_id >= $1` and not `>`: the platform's own log has the nil id.
const DUE: Sql = sql!(
    "select h.org_id, h.seq, h.sealed, r.entry
    from heads h
    left join audit_register r on r.org_id = h.org_id
    where h.seq > h.sealed and h.seq - h.sealed >= $2 and h.org_id >= $1 and h.org_id <= $4
    order by h.org_id
    limit $3"
);

/// An old record's link is over its body.
const LEAVES: Sql = sql!(
    "select f.seq, f.event_id, f.leaf, f.hash, f.chained, e.body, e.digest
    from feed f
    left join events e on f.chained = 0 and e.org_id = f.org_id and e.id = f.event_id
    where f.org_id = $1 and f.seq > $2 and f.seq <= $3
    order by f.seq"
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
        self.register_old_logs(now).await?;
        let least = if what == Seal::Full { SEGMENT } else { 1 };
        let (mut from, mut signer, mut records) = (Uuid::nil(), None, 0);
        loop {
            let due = self.due(from, Uuid::max(), least).await?;
            let Some(last) = due.last().map(|due| due.org.uuid()) else { return Ok(records) };
            let signer = match &mut signer {
                Some(signer) => signer,
                none => none.insert(self.signer(now).await?),
            };
            records += self.seal_page(signer, due, (from, last, least), now).await?;
            from = Uuid::from_u128(last.as_u128() + 1);
        }
    }

    /// What signs now.
    pub(crate) async fn signer(&self, now: Time) -> Result<Signer> {
        let key = self.audit_key(now).await?;
        let keys = self.audit_public_keys().await?.ok_or_else(|| Error::internal("there is no audit key"))?;
        Ok(Signer { key, keys })
    }

    async fn due(&self, from: Uuid, to: Uuid, least: i64) -> Result<Vec<Due>> {
        let rows = sql::all(&self.db, DUE, vec![from.into(), least.into(), BATCH.into(), to.into()]).await?;
        sql::read_all(&rows, Due::read)
    }

    /// A segment of each, until no long log has another.
    async fn seal_page(
        &self,
        signer: &Signer,
        mut due: Vec<Due>,
        (from, to, least): (Uuid, Uuid, i64),
        now: Time,
    ) -> Result<u64> {
        let new: Vec<OrgId> = due.iter().filter(|due| due.entry.is_none()).map(|due| due.org).collect();
        if !new.is_empty() {
            self.enter(&new).await?;
            due = self.due(from, to, least).await?;
        }
        let mut records = 0;
        loop {
            let sealed = self.seal_next(signer, due, now).await?;
            if sealed == 0 {
                return Ok(records);
            }
            records += sealed;
            due = self.due(from, to, least).await?;
        }
    }

    /// One segment of each.
    async fn seal_next(&self, signer: &Signer, due: Vec<Due>, now: Time) -> Result<u64> {
        let mut made = Vec::with_capacity(due.len());
        for due in due {
            let org = due.org;
            match self.segment(signer, due, now).await {
                Ok(segment) => made.extend(segment),
                Err(e) if e.kind == Kind::Internal => {
                    tracing::error!(%org, error = %e, "this audit log is not sealed any further");
                }
                Err(e) => return Err(e),
            }
        }
        if made.is_empty() {
            return Ok(0);
        }
        let kept = self.bookkeep(async |tx| keep(self, &tx, made).await).await?;
        for (org, seq) in &kept.logs {
            self.watermarks.raise(*org, *seq);
        }
        Ok(kept.records)
    }

    /// The next checkpoint of an organization; none if there is nothing to seal after all.
    async fn segment(&self, signer: &Signer, due: Due, now: Time) -> Result<Option<Made>> {
        let Due { org, seq, sealed, entry: Some(stored) } = due else { return Ok(None) };
        let found = self.open_entry(&self.db, org, stored).await?;
        if !self.is_newest(org, &found.entry).await? {
            return Ok(None);
        }
        let Found { entry, stored: found } = found;
        if let Some(there) = self.signed_already(signer, org, &entry).await? {
            return Ok(Some(Made { org: org.uuid(), found, entry: there, checkpoint: None }));
        }
        let segment = Segment { org, entry: &entry, last: seq.min(entry.seq + SEGMENT) };
        match seq - entry.seq {
            ..0 => return Err(forged(org, "records that were sealed are gone")),
            0 if sealed != seq => return Ok(Some(Made { org: org.uuid(), found, entry: entry.clone(), checkpoint: None })),
            0 => return Ok(None),
            _ => {}
        }
        let (mut leaves, mut hash) = self.leaves(&segment).await?;
        if leaves.iter().any(Option::is_none) {
            self.give_leaves(&segment, now).await?;
            (leaves, hash) = self.leaves(&segment).await?;
        }
        let leaves: Vec<String> = leaves.into_iter().flatten().collect();
        if leaves.len() as i64 != segment.last - entry.seq {
            return Ok(None);
        }
        let checkpoint = signer.checkpoint(&segment, &leaves, hash, now)?;
        let entry = entry.moved(checkpoint.last_seq, checkpoint.hash.clone(), Some(fingerprint(&checkpoint.signed)));
        Ok(Some(Made { org: org.uuid(), found, entry, checkpoint: Some(checkpoint) }))
    }

    /// Whether this entry is not older than what this process has sealed itself. Another worker of this process may just have moved on.
    async fn is_newest(&self, org: OrgId, entry: &Entry) -> Result<bool> {
        let seen = self.watermarks.of(org);
        if entry.seq >= seen {
            return Ok(true);
        }
        if self.sealed_last(org).await?.seq >= seen {
            return Ok(false);
        }
        Err(forged(org, "an older entry was put back into the register"))
    }

    /// What a checkpoint behind the register's last one says: it was signed by a process of the version before, or somebody put it there.
    async fn signed_already(&self, signer: &Signer, org: OrgId, entry: &Entry) -> Result<Option<Entry>> {
        let row = checkpoints::Entity::find_by_id((org.uuid(), entry.seq + 1)).one(&self.db).await.map_err(from_db)?;
        let Some(row) = row else { return Ok(None) };
        let claims = signer.keys.open(&row.signed).map_err(|why| forged(org, &format!("a checkpoint was added: {why}")))?;
        let follows = claims.organization_id == org && claims.first_seq == entry.seq + 1 && claims.previous == entry.checkpoint;
        if !follows || claims.last_seq != row.last_seq {
            return Err(forged(org, "a checkpoint was added that does not follow the last one"));
        }
        Ok(Some(entry.moved(claims.last_seq, claims.hash, Some(fingerprint(&row.signed)))))
    }

    /// The leaves of a segment, and the chain at its end, which is computed from what was sealed last.
    async fn leaves(&self, segment: &Segment<'_>) -> Result<(Vec<Option<String>>, String)> {
        let Segment { org, entry, last } = *segment;
        let rows = sql::all(&self.db, LEAVES, vec![org.uuid().into(), entry.seq.into(), last.into()]).await?;
        let (mut hash, mut leaves) = (entry.hash.clone(), Vec::with_capacity(rows.len()));
        for row in sql::read_all::<_, Vec<_>>(&rows, Linked::read)? {
            hash = row.follow(&hash).ok_or_else(|| forged(org, &format!("record {} does not follow the one before", row.seq)))?;
            leaves.push(row.leaf);
        }
        Ok((leaves, hash))
    }

    /// Records from before there were leaves get salt and leaf now, so that the checkpoint covers more of them than the chain does.
    async fn give_leaves(&self, segment: &Segment<'_>, now: Time) -> Result<()> {
        let Segment { org, entry, last } = *segment;
        let records = self
            .bookkeep(async |tx| {
                let rows = sql::all(&*tx, WITHOUT_LEAVES, vec![org.uuid().into(), entry.seq.into(), last.into()]).await?;
                for row in &rows {
                    let (seq, mut record) = (row.try_get("", "seq").map_err(from_db)?, StoredRecord::read(row).map_err(from_db)?);
                    give_leaf(&tx, org, seq, &mut record, leaves::salt(self.ids.as_ref())).await?;
                }
                Ok(rows.len())
            })
            .await?;
        tracing::info!(%org, records, at = %now, "old audit records got their leaves");
        Ok(())
    }
}

#[cfg(test)]
mod forgeries;
#[cfg(test)]
pub(crate) mod tests;
