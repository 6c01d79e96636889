//! After the clock was set back: what waits for a moment that a clock which was ahead had named.
//!
//! A lease is short, and what was never tried is due at once; so a row of either kind that is more than an hour away is one of those. Left
//! alone, the few that were in flight would hold up everything behind them at their endpoint until then.

use chrono::TimeDelta;
use domain::{OrgId, Result, Time, WebhookId, authorization::policy::SystemScope};
use sea_orm::{DatabaseTransaction, QueryResult, Value};

use super::destinations::{self, Destination};
use crate::{
    Store,
    core::{error::from_db, sql},
};

/// Further away than any lease.
const AN_HOUR: TimeDelta = TimeDelta::hours(1);
/// Endpoints of one transaction.
const BATCH: i64 = 200;

impl Store {
    /// Makes such deliveries and mails due. Answers how many there were.
    pub async fn hasten(&self, _: SystemScope, now: Time) -> Result<u64> {
        let mut hastened = 0;
        loop {
            let work = self.bookkeep().await?;
            let (endpoints, rows) = deliveries(&work.tx, now).await?;
            hastened += rows;
            if endpoints == 0 {
                hastened += mails(&work.tx, now).await?;
                work.commit().await?;
                return Ok(hastened);
            }
            work.commit().await?;
        }
    }
}

async fn deliveries(tx: &DatabaseTransaction, now: Time) -> Result<(usize, u64)> {
    let text = "select distinct org_id, webhook_id from deliveries where state < 2 and next_at > $1 and (state = 1 or attempts = 0) limit $2";
    let rows = sql::all(tx, text, vec![(now + AN_HOUR).into(), BATCH.into()]).await?;
    let read = |row: &QueryResult| {
        Ok(Destination { org: OrgId::new(row.try_get("", "org_id")?), webhook: WebhookId::new(row.try_get("", "webhook_id")?) })
    };
    let mut to: Vec<Destination> = rows.iter().map(read).collect::<Result<_, _>>().map_err(from_db)?;
    if to.is_empty() {
        return Ok((0, 0));
    }
    destinations::lock(tx, &mut to).await?;
    let text = format!(
        "update deliveries set next_at = $1 where state < 2 and next_at > $2 and (state = 1 or attempts = 0) and (org_id, webhook_id) in (values {})",
        sql::tuples(3, to.len(), 2)
    );
    let keys = to.iter().flat_map(|to| [Value::from(to.org.uuid()), to.webhook.uuid().into()]);
    let changed = sql::execute(tx, &text, [now.into(), (now + AN_HOUR).into()].into_iter().chain(keys).collect()).await?;
    destinations::make_due(tx, &to, now).await?;
    Ok((to.len(), changed))
}

async fn mails(tx: &DatabaseTransaction, now: Time) -> Result<u64> {
    let text = "update mails set next_at = $1 where state < 2 and next_at > $2 and (state = 1 or attempts = 0)";
    sql::execute(tx, text, vec![now.into(), (now + AN_HOUR).into()]).await
}
