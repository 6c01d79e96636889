//! After the clock was set back: what waits for a moment that a clock which was ahead had named.
//!
//! A lease is short, and what was never tried is due at once; so a row of either kind that is more than an hour away is one of those. Left
//! alone, the few that were in flight would hold up everything behind them at their endpoint until then.

use chrono::TimeDelta;
use domain::{Result, Time, authorization::policy::SystemScope};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::destinations::{self, Destination};
use crate::{
    Store,
    core::sql::{self, Sql, sql},
};

/// Further away than any lease.
const AN_HOUR: TimeDelta = TimeDelta::hours(1);
/// Endpoints of one transaction.
const BATCH: i64 = 200;

impl Store {
    /// Makes such deliveries and mails due. Answers how many there were.
    pub async fn reschedule_after_clock_change(&self, _: SystemScope, now: Time) -> Result<u64> {
        let mut rescheduled = 0;
        loop {
            let (endpoints, rows) = self.bookkeep(async |tx| deliveries(&tx, now).await).await?;
            rescheduled += rows;
            if endpoints == 0 {
                return Ok(rescheduled + self.bookkeep(async |tx| mails(&tx, now).await).await?);
            }
        }
    }
}

const TOO_FAR_AWAY: Sql = sql!(
    "select distinct org_id, webhook_id
     from deliveries
     where {open} and next_at > $1 and (state = {in_flight} or attempts = 0)
     limit $2"
);

const MAKE_DUE: Sql<2> = sql!(
    "update deliveries
     set next_at = $1
     where {open} and next_at > $2 and (state = {in_flight} or attempts = 0)
       and (org_id, webhook_id) in (select org_id, webhook_id from {rows})",
    rows = 3 (org_id: Uuid, webhook_id: Uuid)
);

async fn deliveries(tx: &DatabaseTransaction, now: Time) -> Result<(usize, u64)> {
    let rows = sql::all(tx, TOO_FAR_AWAY, vec![(now + AN_HOUR).into(), BATCH.into()]).await?;
    let mut to: Vec<Destination> = sql::read_all(&rows, Destination::read)?;
    if to.is_empty() {
        return Ok((0, 0));
    }
    destinations::lock(tx, &mut to).await?;
    let changed = MAKE_DUE.execute(tx, vec![now.into(), (now + AN_HOUR).into()], to.iter().map(|to| to.key())).await?;
    destinations::make_due(tx, &to, now).await?;
    Ok((to.len(), changed))
}

const MAKE_MAILS_DUE: Sql = sql!(
    "update mails
     set next_at = $1
     where {open} and next_at > $2 and (state = {in_flight} or attempts = 0)"
);

async fn mails(tx: &DatabaseTransaction, now: Time) -> Result<u64> {
    sql::execute(tx, MAKE_MAILS_DUE, vec![now.into(), (now + AN_HOUR).into()]).await
}
