//! Events past their time. Event ids begin with the time, so an organization's old events are a range of its primary key. One entry
//! of the feed is kept before the first one that stays: it anchors the hash chain.

use domain::{PLATFORM, Result, Time};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::Purged;
use crate::{Store, error::from_db, sql};

/// Organizations looked at with one statement.
const PAGE: i64 = 500;

/// Where each organization's events begin. One whose events wait for the sequencer is left out: nothing may go before it is numbered.
const OLDEST: &str =
    "select h.org_id, (select e.id from events e where e.org_id = h.org_id order by e.id limit 1) as oldest from heads h
where h.org_id > $1 and not exists (select 1 from outbox q where q.org_id = h.org_id) order by h.org_id limit $2";

/// The smallest id that an event of `at` can have.
fn floor(at: Time) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

pub(super) async fn purge(store: &Store, before: Time, batch: u64, purged: &mut Purged) -> Result<()> {
    let floor = floor(before);
    for org in candidates(store, floor).await? {
        let work = store.bookkeep().await?;
        let rows = trim(&work.tx, org, floor, batch).await?;
        work.commit().await?;
        purged.add(rows, batch);
    }
    Ok(())
}

/// Organizations with something old enough, page by page.
async fn candidates(store: &Store, floor: Uuid) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    // The platform's own log has the nil id, which nothing is greater than: it is asked apart.
    let platform = "select h.org_id, (select e.id from events e where e.org_id = h.org_id order by e.id limit 1) as oldest from heads h where h.org_id = $1";
    let mut rows = sql::all(&store.db, platform, vec![PLATFORM.uuid().into()]).await?;
    let mut after = PLATFORM.uuid();
    loop {
        for row in &rows {
            let (org, oldest) = read(row).map_err(from_db)?;
            if oldest.is_none_or(|id| id < floor) {
                found.push(org);
            }
        }
        rows = sql::all(&store.db, OLDEST, vec![after.into(), PAGE.into()]).await?;
        match rows.last() {
            Some(row) => after = read(row).map_err(from_db)?.0,
            None => return Ok(found),
        }
    }
}

fn read(row: &QueryResult) -> Result<(Uuid, Option<Uuid>), DbErr> {
    Ok((row.try_get("", "org_id")?, row.try_get("", "oldest")?))
}

const FIRST_KEPT: &str = "select seq from feed where org_id = $1 and event_id >= $2 order by seq limit 1";
const TRIM_FEED: &str = "delete from feed where org_id = $1 and seq < $2";
const TRIM_EVENTS: &str =
    "delete from events where org_id = $1 and id in (select e.id from events e where e.org_id = $1 and e.id < $2
and not exists (select 1 from deliveries d where d.org_id = e.org_id and d.event_id = e.id) order by e.id limit $3)";
/// What an organization leaves in the end: nothing.
const FORGET: &[&str] = &[
    "delete from feed where org_id = $1 and not exists (select 1 from organizations where id = $1) and not exists (select 1 from events where org_id = $1)",
    "delete from heads where org_id = $1 and not exists (select 1 from organizations where id = $1) and not exists (select 1 from events where org_id = $1)",
];

async fn trim(tx: &DatabaseTransaction, org: Uuid, floor: Uuid, batch: u64) -> Result<u64> {
    let first_kept = match sql::one(tx, FIRST_KEPT, vec![org.into(), floor.into()]).await? {
        Some(row) => row.try_get_by_index::<i64>(0).map_err(from_db)?,
        None => sql::count(tx, "select seq + 1 from heads where org_id = $1", vec![org.into()]).await?,
    };
    sql::execute(tx, TRIM_FEED, vec![org.into(), (first_kept - 1).into()]).await?;
    let rows = sql::execute(tx, TRIM_EVENTS, vec![org.into(), floor.into(), batch.cast_signed().into()]).await?;
    if org != PLATFORM.uuid() {
        for text in FORGET {
            sql::execute(tx, text, vec![org.into()]).await?;
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use domain::{Clock, IdGen, clock::ManualClock};

    #[test]
    fn the_floor_lies_before_every_id_of_its_moment() {
        let at = "2026-11-23T00:00:00Z".parse().unwrap();
        let clock = ManualClock::at(at);
        let ids = crypto::OsRandom::new();
        let of_then = ids.uuid(clock.now());
        assert!(super::floor(at) <= of_then);
        assert!(super::floor(at + chrono::TimeDelta::milliseconds(1)) > of_then);
    }
}
