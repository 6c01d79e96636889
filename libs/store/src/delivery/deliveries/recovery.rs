//! Which deliveries go first at an endpoint that was down. The probe is usually the oldest that waits for another attempt: an endpoint that
//! refuses each event the first time, or that cannot take one of the new ones, works all the same. Once a probe arrived, what failed least
//! goes first, so that those which fail everywhere and always do not open the circuit again in front of the others.

use chrono::TimeDelta;
use domain::{DeliveryId, Result, Time, delivery::webhooks::circuit::Probe, events::record::TEST_PING};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{
    candidates::{Candidate, Turn},
    destinations::Destination,
};
use crate::core::{
    error::from_db,
    sql::{Sql, sql},
};

// Brought forward only in place of one that was never tried, and only once for each time that the circuit was open: otherwise the waits
// between attempts would be shortened. The inner limit keeps the index of open rows, which is the short one; it bounds the work too.
//
// An endpoint that has never answered 2xx is verified by a test event before all, then by turns by what failed and by what did not.
const OLDEST: Sql<6> = sql!(
    "select v.org_id, v.webhook_id, coalesce(
       case when v.verified = false then (
         select o.id from deliveries o
         where o.org_id = v.org_id and o.webhook_id = v.webhook_id and o.{open} and o.state = {waiting} and o.attempts = 0
           and o.event_type = '{ping}'
         limit 1) end,
       case when v.least = true then (
         select x.id from (
           select o.id, o.attempts from deliveries o
           where o.org_id = v.org_id and o.webhook_id = v.webhook_id and o.{open} and o.state = {waiting} and o.next_at <= $1
           limit 10000) as x
         order by x.attempts, x.id
         limit 1)
       else (
         select x.id from (
           select o.id from deliveries o
           where o.org_id = v.org_id and o.webhook_id = v.webhook_id and o.{open} and o.state = {waiting} and o.attempts > 0
             and (o.next_at <= $1 or (v.fresh = true and o.updated_at <= v.open_until))
           limit 10000) as x
         order by x.id
         limit 1) end) as id
     from {rows}",
    rows = 2 (org_id: Uuid, webhook_id: Uuid, fresh: bool, open_until: Time, verified: bool, least: bool),
    ping = TEST_PING
);

/// Puts the delivery that is to probe an endpoint in the place of each candidate that would.
pub(super) async fn choose_probes(
    tx: &DatabaseTransaction,
    turns: &[Turn],
    candidates: &mut [Candidate],
    now: Time,
) -> Result<()> {
    let probe = |row: &Candidate| {
        let turn = turns.iter().find(|turn| turn.to == row.to)?;
        let [org, webhook] = row.to.key();
        let (since, least) = (turn.probes_since?, turn.probe == Probe::LeastFailed);
        Some([org, webhook, row.fresh.into(), since.into(), turn.verified.into(), least.into()])
    };
    let rows: Vec<_> = candidates.iter().filter(|row| !row.exhausted && !row.in_order).filter_map(probe).collect();
    if rows.is_empty() {
        return Ok(());
    }
    for row in OLDEST.all(tx, vec![now.into()], rows).await? {
        let to = Destination::read(&row).map_err(from_db)?;
        if let Some(oldest) = row.try_get::<Option<Uuid>>("", "id").map_err(from_db)? {
            candidates.iter_mut().filter(|row| row.to == to).for_each(|row| row.id = DeliveryId::new(oldest));
        }
    }
    Ok(())
}

/// Attempts that are told apart.
const ATTEMPTS: i32 = 20;

const QUEUE: Sql<4> = sql!(
    "update deliveries
     set next_at = v.next_at
     from {rows}
     where deliveries.org_id = v.org_id and deliveries.webhook_id = v.webhook_id and deliveries.attempts = v.attempts
       and deliveries.{open} and deliveries.state = {waiting} and deliveries.next_at <= v.next_at",
    rows = 1 (org_id: Uuid, webhook_id: Uuid, attempts: i32, next_at: Time)
);

/// What is due at these endpoints queues by how often it failed, and behind what was never tried. It stays due, so nothing waits longer.
pub(super) async fn queue_failed_last(tx: &DatabaseTransaction, recovered: &[Destination], now: Time) -> Result<()> {
    if recovered.is_empty() {
        return Ok(());
    }
    let rows = recovered.iter().flat_map(|to| {
        (1..=ATTEMPTS).map(move |attempts| {
            let [org, webhook] = to.key();
            let place = now - TimeDelta::microseconds(i64::from(ATTEMPTS - attempts));
            [org, webhook, attempts.into(), place.into()]
        })
    });
    QUEUE.execute(tx, vec![], rows).await?;
    Ok(())
}
