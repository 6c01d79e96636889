//! Events past their time, which each organization may choose. Event ids begin with the time, so whether there are old ones is seen at the
//! first row of its primary key. They go in whole sealed segments; the last entry of the feed that went, and its checkpoint, are kept:
//! they anchor what stays. What no checkpoint covers yet is not removed.

use chrono::TimeDelta;
use domain::{OrgId, PLATFORM, Result, Time, events::audit::RetentionDays};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::Purged;
use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
    events::{
        audit::{Signer, register::forged},
        record::first_id,
    },
};

/// Organizations looked at with one statement.
const PAGE: i64 = 500;

/// Where an organization's events begin, and for how long it keeps them.
const BEGINNING: &str = "h.org_id, (select e.id from events e where e.org_id = h.org_id order by e.id limit 1) as oldest, r.days
     from heads h left join audit_retention r on r.org_id = h.org_id";

/// One whose events wait for the sequencer is left out: nothing may go before it is numbered.
const OLDEST: Sql = sql!(
    "select {beginning}
     where h.org_id > $1 and not exists (select 1 from outbox q where q.org_id = h.org_id)
     order by h.org_id
     limit $2",
    beginning = BEGINNING
);
/// The platform's own log has the nil id, which nothing is greater than: it is asked apart.
const OF_PLATFORM: Sql = sql!("select {beginning} where h.org_id = $1", beginning = BEGINNING);

pub(super) async fn purge(store: &Store, now: Time, keep: RetentionDays, batch: u64, purged: &mut Purged) -> Result<()> {
    let due = candidates(store, now, keep).await?;
    if due.is_empty() {
        return Ok(());
    }
    let signer = store.signer(now).await?;
    for (org, floor) in due {
        let deleted = store.bookkeep_long(async |tx| trim(&tx, &signer, (org, floor), now, batch).await).await;
        let part = deleted.map(|rows| purged.add(rows, batch));
        purged.note(part);
    }
    Ok(())
}

/// Organizations with something old enough, and the smallest id that stays; page by page.
async fn candidates(store: &Store, now: Time, keep: RetentionDays) -> Result<Vec<(Uuid, Time)>> {
    let mut found = Vec::new();
    let mut rows = sql::all(&store.db, OF_PLATFORM, vec![PLATFORM.uuid().into()]).await?;
    let mut after = PLATFORM.uuid();
    loop {
        for row in &rows {
            let (org, oldest, own) = read(row).map_err(from_db)?;
            let floor = now - TimeDelta::days(i64::from(keep.effective(own)));
            if oldest.is_none_or(|id| id < first_id(floor)) {
                found.push((org, floor));
            }
        }
        rows = sql::all(&store.db, OLDEST, vec![after.into(), PAGE.into()]).await?;
        match rows.last() {
            Some(row) => after = read(row).map_err(from_db)?.0,
            None => return Ok(found),
        }
    }
}

fn read(row: &QueryResult) -> Result<(Uuid, Option<Uuid>, Option<u32>), DbErr> {
    let days: Option<i32> = row.try_get("", "days")?;
    Ok((row.try_get("", "org_id")?, row.try_get("", "oldest")?, days.map(i32::unsigned_abs)))
}

/// What is old and neither numbered above the anchor nor waiting for its number: test events never get one. An event whose delivery is
/// kept stays for as long.
const TRIM_EVENTS: Sql = sql!(
    "delete from events
     where org_id = $1 and id in (
       select e.id
       from events e
       where e.org_id = $1 and e.id < $2
         and not exists (select 1 from feed f where f.org_id = e.org_id and f.event_id = e.id and f.seq > $3)
         and not exists (select 1 from deliveries d where d.org_id = e.org_id and d.event_id = e.id)
         and not exists (select 1 from outbox q where q.org_id = $1)
       order by e.id
       limit $4)"
);
const TRIM_FEED: Sql = sql!(
    "delete from feed
     where org_id = $1 and seq in (select seq from feed where org_id = $1 and seq < $2 order by seq limit $3)"
);
const TRIM_CHECKPOINTS: Sql = sql!("delete from checkpoints where org_id = $1 and last_seq < $2");
/// What an organization leaves in the end: nothing.
const NOTHING_IS_LEFT: &str = "not exists (select 1 from organizations where id = $1)
     and not exists (select 1 from events where org_id = $1)";
const FORGET: [Sql; 3] = [
    sql!("delete from feed where org_id = $1 and {nothing_is_left}", nothing_is_left = NOTHING_IS_LEFT),
    sql!("delete from checkpoints where org_id = $1 and {nothing_is_left}", nothing_is_left = NOTHING_IS_LEFT),
    sql!("delete from heads where org_id = $1 and {nothing_is_left}", nothing_is_left = NOTHING_IS_LEFT),
];

async fn trim(tx: &DatabaseTransaction, signer: &Signer, (org, oldest): (Uuid, Time), now: Time, batch: u64) -> Result<u64> {
    let floor = first_id(oldest);
    let anchor = anchor(tx, signer, (org, oldest), now).await?;
    let limit: Value = batch.cast_signed().into();
    let events = sql::execute(tx, TRIM_EVENTS, vec![org.into(), floor.into(), anchor.into(), limit.clone()]).await?;
    let numbers = sql::execute(tx, TRIM_FEED, vec![org.into(), anchor.into(), limit]).await?;
    sql::execute(tx, TRIM_CHECKPOINTS, vec![org.into(), anchor.into()]).await?;
    if org != PLATFORM.uuid() {
        for text in FORGET {
            sql::execute(tx, text, vec![org.into()]).await?;
        }
    }
    Ok(events.max(numbers))
}

const FIRST_KEPT: Sql = sql!(
    "select seq
     from feed
     where org_id = $1 and event_id >= $2
     order by seq
     limit 1"
);
const NEXT_NUMBER: Sql = sql!("select seq + 1 from heads where org_id = $1");
/// Everything in a segment happened before its checkpoint was made.
const LAST_SEALED: Sql = sql!(
    "select signed
     from checkpoints
     where org_id = $1 and last_seq < $2 and created_at <= $3
     order by last_seq desc
     limit 1"
);
const SET_RETAINED: Sql = sql!("update audit_register set retained = $2 where org_id = $1");
const MOVE_ANCHOR: Sql = sql!("update heads set anchor = $2 where org_id = $1 and anchor < $2");
const ANCHOR: Sql = sql!("select anchor from heads where org_id = $1");

/// Moves the anchor to the end of the last segment in which everything is past its time. It moves first: an export that is under way
/// breaks off rather than miss a record.
async fn anchor(tx: &DatabaseTransaction, signer: &Signer, (org, oldest): (Uuid, Time), now: Time) -> Result<i64> {
    let floor = first_id(oldest);
    let first_kept = match sql::one(tx, FIRST_KEPT, vec![org.into(), floor.into()]).await? {
        Some(row) => row.try_get_by_index::<i64>(0).map_err(from_db)?,
        None => sql::count(tx, NEXT_NUMBER, vec![org.into()]).await?,
    };
    let last = sql::one(tx, LAST_SEALED, vec![org.into(), first_kept.into(), oldest.into()]).await?;
    if let Some(row) = last {
        let checkpoint: String = row.try_get_by_index(0).map_err(from_db)?;
        let (last, retained) = signer.retained(OrgId::new(org), &checkpoint, oldest, now)?;
        if sql::execute(tx, MOVE_ANCHOR, vec![org.into(), last.into()]).await? > 0
            && sql::execute(tx, SET_RETAINED, vec![org.into(), retained.into()]).await? == 0
        {
            return Err(forged(OrgId::new(org), "its entry in the register is gone"));
        }
    }
    sql::count(tx, ANCHOR, vec![org.into()]).await
}
