//! Settling: what became of claimed rows, gathered from many handlers and written in one transaction.
//!
//! Only the lease decides: a worker that was too slow finds its row in other hands and changes nothing. Its attempt happened all the
//! same and is recorded, if the row is still there. The circuit of each endpoint follows from what was settled.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use domain::{
    Result, Time,
    authorization::policy::SystemScope,
    core::clock::fraction,
    delivery::webhooks::circuit::{Breaker, Tried},
};
use sea_orm::{DatabaseTransaction, Value};
use uuid::Uuid;

use super::{
    circuits,
    destinations::{self, Destination},
    outcome::{Outcome, Row, Ticket, Verdict},
    recovery,
};
use crate::{
    Store,
    core::{
        dialect,
        sql::{self, Sql, sql},
    },
};

/// Outcomes of one transaction.
const BATCH: usize = 500;

impl Store {
    /// Writes what became of claimed rows, and frees their places in flight. Answers how many leases still held.
    pub async fn settle_deliveries(&self, _: SystemScope, now: Time, breaker: Breaker, outcomes: &[Outcome]) -> Result<u64> {
        let mut settled = 0;
        for some in outcomes.chunks(BATCH) {
            settled += self.bookkeep(async |tx| settle(self, &tx, now, breaker, some).await).await?;
        }
        Ok(settled)
    }

    /// Gives rows back that were claimed and not started: at once, and as if nobody had claimed them.
    pub async fn release_deliveries(&self, _: SystemScope, now: Time, tickets: &[Ticket]) -> Result<()> {
        for some in tickets.chunks(BATCH) {
            self.bookkeep(async |tx| release(&tx, now, some).await).await?;
        }
        Ok(())
    }
}

async fn settle(store: &Store, tx: &DatabaseTransaction, now: Time, breaker: Breaker, outcomes: &[Outcome]) -> Result<u64> {
    let to = places(outcomes.iter().map(|outcome| &outcome.ticket));
    let circuits = circuits::lock(tx, &to).await?;
    let held = write_rows(tx, now, outcomes).await?;
    let tried = tried(outcomes, &held);
    let (mut changed, mut recovered) = (Vec::new(), Vec::new());
    for (to, circuit) in circuits {
        let Some(tried) = tried.get(&to) else { continue };
        let next = circuit.after(tried, breaker, now, fraction(store.ids.secret()));
        if next != circuit {
            changed.push((to, next));
        }
        if circuit.probes() && !next.probes() {
            recovered.push(to);
        }
    }
    circuits::write(tx, &changed).await?;
    recovery::queue_failed_last(tx, &recovered, now).await?;
    destinations::reschedule(tx, &unlimited(&to), now).await?;
    Ok(held.len() as u64)
}

/// Nothing is claimed here, so what is in flight keeps nobody from being looked at.
fn unlimited(to: &[Destination]) -> Vec<(Destination, u64)> {
    to.iter().map(|to| (*to, u64::MAX)).collect()
}

fn places<'a>(tickets: impl Iterator<Item = &'a Ticket>) -> Vec<Destination> {
    let mut to: Vec<_> = tickets.map(|ticket| Destination { org: ticket.org, webhook: ticket.webhook }).collect();
    to.sort_unstable();
    to.dedup();
    to
}

const SETTLING: &str =
    "set state = v.state, next_at = v.next_at, lease = null, response_status = v.status, response_body = v.body, error = v.error,
       attempts = attempts - v.unsent, updated_at = $1";
const HELD: &str = "where deliveries.org_id = v.org_id and deliveries.id = v.id and deliveries.lease = v.lease
       and deliveries.state = {in_flight}
     returning deliveries.id";

// Joined, because the delivery may have been deleted meanwhile; a number is free unless somebody recorded it before.
const RECORDING: &str = "insert into attempts (org_id, delivery_id, number, at, duration_ms, response_status, error)
     select v.org_id, v.id, v.number, v.at, v.duration_ms, v.status, v.error";
const STILL_THERE: &str = "join deliveries d on d.org_id = v.org_id and d.id = v.id
     where v.unsent = 0
     on conflict do nothing";

/// A statement over [`values`].
macro_rules! of_outcomes {
    ($text:literal, rows = $first:literal, $($parts:tt)*) => {
        sql!($text, rows = $first (
                org_id: Uuid,
                id: Uuid,
                lease: Uuid,
                state: i16,
                next_at: Time,
                status: Option<i32>,
                body: Option<String>,
                error: Option<String>,
                unsent: i32,
                number: i32,
                at: Time,
                duration_ms: i64,
            ), $($parts)*)
    };
}

const SETTLE: Sql<12> =
    of_outcomes!("update deliveries {settling} from {rows} {held}", rows = 2, settling = SETTLING, held = HELD);

const RECORD_ATTEMPTS: Sql<12> =
    of_outcomes!("{recording} from {rows} {still_there}", rows = 1, recording = RECORDING, still_there = STILL_THERE);

/// Both in one, where a statement can hold several changes.
const SETTLE_ON_POSTGRES: Sql<12> = of_outcomes!(
    "with v as (select * from {rows}),
     attempted as ({recording} from v {still_there}),
     settled as (update deliveries {settling} from v {held})
     select id from settled",
    rows = 2,
    recording = RECORDING,
    still_there = STILL_THERE,
    settling = SETTLING,
    held = HELD
);

/// Writes rows and attempts. Answers the rows whose lease still held.
async fn write_rows(tx: &DatabaseTransaction, now: Time, outcomes: &[Outcome]) -> Result<HashSet<Uuid>> {
    let held = if dialect::is_sqlite(tx) {
        let held = SETTLE.all(tx, vec![now.into()], outcomes.iter().map(values)).await?;
        RECORD_ATTEMPTS.execute(tx, vec![], outcomes.iter().map(values)).await?;
        held
    } else {
        SETTLE_ON_POSTGRES.all(tx, vec![now.into()], outcomes.iter().map(values)).await?
    };
    sql::read_all(&held, |row| row.try_get("", "id"))
}

fn values(outcome: &Outcome) -> [Value; 12] {
    let (ticket, row) = (&outcome.ticket, Row::of(outcome));
    [
        ticket.org.uuid().into(),
        ticket.id.uuid().into(),
        ticket.lease.into(),
        (row.state as i16).into(),
        row.next_at.into(),
        row.status.into(),
        row.body.into(),
        row.error.into(),
        row.unsent.into(),
        ticket.number.into(),
        outcome.at.into(),
        outcome.duration_ms.into(),
    ]
}

/// The attempts at each endpoint. What was sent on a lease that had ended says nothing new.
fn tried(outcomes: &[Outcome], held: &HashSet<Uuid>) -> BTreeMap<Destination, Vec<Tried>> {
    let mut tried: BTreeMap<Destination, Vec<Tried>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| held.contains(&outcome.ticket.id.uuid())) {
        let to = Destination { org: outcome.ticket.org, webhook: outcome.ticket.webhook };
        let took = TimeDelta::milliseconds(outcome.duration_ms);
        let not_before = match outcome.verdict {
            Verdict::Held { until, .. } => Some(until),
            _ => outcome.not_before,
        };
        tried.entry(to).or_default().push(Tried { sign: outcome.verdict.sign(), at: outcome.at, took, not_before });
    }
    tried
}

const RELEASE: Sql<3> = sql!(
    "update deliveries
     set state = {waiting}, attempts = attempts - 1, lease = null, next_at = $1, updated_at = $1
     from {rows}
     where deliveries.org_id = v.org_id and deliveries.id = v.id and deliveries.lease = v.lease
       and deliveries.state = {in_flight}",
    rows = 2 (org_id: Uuid, id: Uuid, lease: Uuid)
);

async fn release(tx: &DatabaseTransaction, now: Time, tickets: &[Ticket]) -> Result<()> {
    let mut to = places(tickets.iter());
    destinations::lock(tx, &mut to).await?;
    let rows = tickets.iter().map(|ticket| [ticket.org.uuid().into(), ticket.id.uuid().into(), ticket.lease.into()]);
    RELEASE.execute(tx, vec![now.into()], rows).await?;
    destinations::reschedule(tx, &unlimited(&to), now).await
}
