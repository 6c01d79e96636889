//! The sequencer: gives every organization's committed events their gap-free order, extends its hash chain, and turns each event into
//! one delivery for each endpoint that asked for it.
//!
//! Numbering happens after the commit, by one pass at a time, so that writers never wait for a counter: only committed rows are
//! visible here, and within a pass their insert position orders them. What one caller saw acknowledged before another began is
//! numbered before it. The pass is one transaction: a crash repeats it as if it had not begun.

mod fan_out;
pub(crate) mod table;

use std::collections::BTreeMap;

use crypto::audit::chain;
use domain::{EventId, OrgId, Result, Time, authorization::policy::SystemScope};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryResult, Set, sea_query::OnConflict};

use crate::{
    Store,
    core::{
        entity::{feed, heads, outbox},
        error::from_db,
        sql,
    },
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
    /// When the oldest of them happened, to tell how far behind the sequencer is.
    pub oldest: Option<Time>,
}

/// An event that was committed and has no number yet.
struct Waiting {
    pos: i64,
    org: OrgId,
    id: EventId,
    name: String,
    body: String,
    at: Time,
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
            at: record.at,
        })
    }
}

const WAITING: &str = concat!(
    "select q.pos, q.org_id, ",
    record_columns!(),
    " from outbox q join events e on e.org_id = q.org_id and e.id = q.event_id order by q.pos limit $1"
);

impl Store {
    /// One pass over at most `limit` (and [`MAX_PASS`]) events. Any number of processes may call it at once: they take turns. A
    /// delivery made here is tried at most `max_attempts` times.
    pub async fn sequence(&self, _: SystemScope, now: Time, limit: u64, max_attempts: i32) -> Result<Sequenced> {
        // Looking costs nothing; a pass over an empty outbox would still occupy SQLite's writer and sync the disk.
        if sql::one(&self.db, "select 1 from outbox limit 1", vec![]).await?.is_none() {
            return Ok(Sequenced::default());
        }
        let work = self.bookkeep().await?;
        let done = self.pass(&work.tx, now, limit.min(MAX_PASS), max_attempts).await?;
        work.commit().await?;
        Ok(done)
    }

    async fn pass(&self, tx: &DatabaseTransaction, now: Time, limit: u64, max_attempts: i32) -> Result<Sequenced> {
        // Its own statement: the next one then sees everything that the last holder of this row committed.
        sql::execute(tx, "update sequencer set passes = passes + 1 where id = 1", vec![]).await?;
        let rows = sql::all(tx, WAITING, vec![limit.cast_signed().into()]).await?;
        let events = rows.iter().map(Waiting::read).collect::<Result<Vec<_>, _>>().map_err(from_db)?;
        if events.is_empty() {
            return Ok(Sequenced::default());
        }
        number(tx, &events).await?;
        let deliveries = fan_out::fan_out(self, tx, &events, now, max_attempts).await?;
        // By their positions, never up to the highest: a row with a smaller position may be committed only now.
        let moved = outbox::Entity::delete_many().filter(outbox::Column::Pos.is_in(events.iter().map(|e| e.pos)));
        moved.exec(tx).await.map_err(from_db)?;
        Ok(Sequenced { moved: events.len(), deliveries, oldest: events.iter().map(|e| e.at).min() })
    }
}

/// Writes the feed and the new ends of the chains.
async fn number(tx: &DatabaseTransaction, events: &[Waiting]) -> Result<()> {
    let mut ends = ends(tx, events).await?;
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let end = ends.entry(event.org).or_insert_with(|| (0, chain::genesis(event.org)));
        end.0 += 1;
        let what = event.leaf.as_ref().unwrap_or(&event.body);
        end.1 = chain::link(&end.1, end.0, event.id, what);
        rows.push(feed::ActiveModel {
            org_id: Set(event.org.uuid()),
            seq: Set(end.0),
            event_id: Set(event.id.uuid()),
            hash: Set(end.1.clone()),
            leaf: Set(event.leaf.clone()),
            chained: Set(i16::from(event.leaf.is_some())),
        });
    }
    feed::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(from_db)?;
    // In this order, as everybody locks them who locks several.
    let ends = ends.into_iter().map(|(org, (seq, hash))| heads::ActiveModel {
        org_id: Set(org.uuid()),
        seq: Set(seq),
        hash: Set(hash),
        ..Default::default()
    });
    let mut keep = OnConflict::column(heads::Column::OrgId);
    keep.update_columns([heads::Column::Seq, heads::Column::Hash]);
    heads::Entity::insert_many(ends).on_conflict(keep).exec_without_returning(tx).await.map_err(from_db)?;
    Ok(())
}

/// The last number and hash of each organization that has any.
async fn ends(tx: &DatabaseTransaction, events: &[Waiting]) -> Result<BTreeMap<OrgId, (i64, String)>> {
    let mut orgs: Vec<_> = events.iter().map(|e| e.org.uuid()).collect();
    orgs.sort_unstable();
    orgs.dedup();
    let rows = heads::Entity::find().filter(heads::Column::OrgId.is_in(orgs)).all(tx).await.map_err(from_db)?;
    Ok(rows.into_iter().map(|row| (OrgId::new(row.org_id), (row.seq, row.hash))).collect())
}

#[cfg(test)]
mod tests;
