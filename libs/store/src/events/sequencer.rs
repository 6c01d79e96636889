//! The sequencer: gives every organization's committed events their gap-free order, extends its hash chain, and turns each event into
//! one delivery for each endpoint that asked for it.
//!
//! Numbering happens after the commit, by one pass at a time, so that writers never wait for a counter: only committed rows are
//! visible here, and within a pass their insert position orders them. What one caller saw acknowledged before another began is
//! numbered before it. The pass is one transaction: a crash repeats it as if it had not begun.

mod fan_out;
pub(crate) mod table;

use std::collections::{BTreeMap, BTreeSet};

use crypto::audit::chain;
use domain::{EventId, OrgId, Result, Time, authorization::policy::SystemScope};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::{
    Store,
    core::sql::{self, Sql, sql},
    delivery::{deliveries::Making, log_streams},
    events::audit::leaves::{StoredRecord, record_columns},
};

/// More rows than this would make a pass hold its locks for too long, and a statement too long for the databases.
pub const MAX_PASS: u64 = 1000;

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequenced {
    /// Events that got their number. Fewer than asked for: nothing is left.
    pub moved: usize,
    /// Deliveries that were made of them.
    pub deliveries: usize,
}

/// An event that was committed and has no number yet.
struct Waiting {
    pos: i64,
    org: OrgId,
    id: EventId,
    name: String,
    body: String,
    /// None for an event from before there were leaves.
    leaf: Option<String>,
}

impl Waiting {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let (org, record) = (OrgId::new(row.try_get("", "org_id")?), StoredRecord::read(row)?);
        Ok(Self {
            pos: row.try_get("", "pos")?,
            org,
            id: record.id,
            leaf: record.leaf(org),
            name: record.name,
            body: record.content.body,
        })
    }
}

const COLUMNS: &str = record_columns!();

const WAITING: Sql = sql!(
    "select q.pos, q.org_id, {columns}
     from outbox q join events e on e.org_id = q.org_id and e.id = q.event_id
     order by q.pos
     limit $1",
    columns = COLUMNS
);

const ANY_WAITING: Sql = sql!("select 1 from outbox limit 1");
const TAKE_TURN: Sql = sql!("update sequencer set passes = passes + 1 where id = 1");

const REMOVE: Sql<1> = sql!(
    "delete from outbox
     where pos in (select pos from {rows})",
    rows = 1 (pos: i64)
);

impl Store {
    /// One pass over at most `limit` (and [`MAX_PASS`]) events. Any number of processes may call it at once: they take turns.
    pub async fn sequence(&self, _: SystemScope, now: Time, limit: u64, making: Making) -> Result<Sequenced> {
        // Looking costs nothing; a pass over an empty outbox would still occupy SQLite's writer and sync the disk.
        if sql::one(&self.db, ANY_WAITING, vec![]).await?.is_none() {
            return Ok(Sequenced::default());
        }
        self.bookkeep(async |tx| self.pass(&tx, now, limit.min(MAX_PASS), making).await).await
    }

    async fn pass(&self, tx: &DatabaseTransaction, now: Time, limit: u64, making: Making) -> Result<Sequenced> {
        // Its own statement: the next one then sees everything that the last holder of this row committed.
        sql::execute(tx, TAKE_TURN, vec![]).await?;
        let rows = sql::all(tx, WAITING, vec![limit.cast_signed().into()]).await?;
        let events: Vec<Waiting> = sql::read_all(&rows, Waiting::read)?;
        if events.is_empty() {
            return Ok(Sequenced::default());
        }
        let events = number(tx, events).await?;
        let logs: BTreeSet<OrgId> = events.iter().map(|(_, event)| event.org).collect();
        log_streams::wake::wake(tx, logs.into_iter(), now).await?;
        let deliveries = fan_out::fan_out(self, tx, &events, now, making).await?;
        // By their positions, never up to the highest: a row with a smaller position may be committed only now.
        REMOVE.execute(tx, vec![], events.iter().map(|(_, event)| [event.pos.into()])).await?;
        Ok(Sequenced { moved: events.len(), deliveries })
    }
}

const WRITE_FEED: Sql<6> = sql!(
    "insert into feed (org_id, seq, event_id, hash, leaf, chained)
     select v.org_id, v.seq, v.event_id, v.hash, v.leaf, v.chained
     from {rows}",
    rows = 1 (org_id: Uuid, seq: i64, event_id: Uuid, hash: String, leaf: Option<String>, chained: i16)
);

// In this order, as everybody locks them who locks several.
const WRITE_HEADS: Sql<3> = sql!(
    "insert into heads (org_id, seq, hash)
     select v.org_id, v.seq, v.hash
     from {rows}
     where true
     order by v.org_id
     on conflict (org_id) do update set seq = excluded.seq, hash = excluded.hash",
    rows = 1 (org_id: Uuid, seq: i64, hash: String)
);

/// Writes the feed and the new ends of the chains. Answers each event's number.
async fn number(tx: &DatabaseTransaction, events: Vec<Waiting>) -> Result<Vec<(i64, Waiting)>> {
    let mut heads = heads(tx, &events).await?;
    let (mut feed, mut numbers): (Vec<[Value; 6]>, Vec<i64>) = (Vec::with_capacity(events.len()), Vec::new());
    for event in &events {
        let (seq, hash) = heads.entry(event.org).or_insert_with(|| (0, chain::genesis(event.org)));
        *seq += 1;
        numbers.push(*seq);
        let what = event.leaf.as_ref().unwrap_or(&event.body);
        *hash = chain::link(hash, *seq, event.id, what);
        feed.push([
            event.org.uuid().into(),
            (*seq).into(),
            event.id.uuid().into(),
            hash.as_str().into(),
            event.leaf.clone().into(),
            i16::from(event.leaf.is_some()).into(),
        ]);
    }
    WRITE_FEED.execute(tx, vec![], feed).await?;
    let heads = heads.into_iter().map(|(org, (seq, hash))| [org.uuid().into(), seq.into(), hash.into()]);
    WRITE_HEADS.execute(tx, vec![], heads).await?;
    Ok(numbers.into_iter().zip(events).collect())
}

const HEADS: Sql<1> = sql!(
    "select org_id, seq, hash
     from heads
     where org_id in (select org_id from {rows})",
    rows = 1 (org_id: Uuid)
);

/// The last number and hash of each organization that has any.
async fn heads(tx: &DatabaseTransaction, events: &[Waiting]) -> Result<BTreeMap<OrgId, (i64, String)>> {
    let orgs: BTreeSet<OrgId> = events.iter().map(|event| event.org).collect();
    let rows = HEADS.all(tx, vec![], orgs.into_iter().map(|org| [org.uuid().into()])).await?;
    sql::read_all(&rows, |row| Ok((OrgId::new(row.try_get("", "org_id")?), (row.try_get("", "seq")?, row.try_get("", "hash")?))))
}

#[cfg(test)]
mod tests;
