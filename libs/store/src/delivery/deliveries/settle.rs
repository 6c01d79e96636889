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
    delivery::webhooks::circuit::{Breaker, Circuit, Tried},
};
use sea_orm::{DatabaseTransaction, Value};
use uuid::Uuid;

use super::{
    circuits,
    destinations::{self, Destination},
    outcome::{Outcome, Row, Ticket, Verdict},
};
use crate::{
    Store,
    core::{error::from_db, sql},
};

/// Outcomes of one transaction: nine parameters each.
const BATCH: usize = 500;

impl Store {
    /// Writes what became of claimed rows, and frees their places in flight. Answers how many leases still held.
    pub async fn settle_deliveries(&self, _: SystemScope, now: Time, breaker: Breaker, outcomes: &[Outcome]) -> Result<u64> {
        let mut settled = 0;
        for some in outcomes.chunks(BATCH) {
            let work = self.bookkeep().await?;
            let held = settle(self, &work.tx, now, breaker, some).await?;
            work.commit().await?;
            settled += held;
        }
        Ok(settled)
    }

    /// Gives rows back that were claimed and not started: at once, and as if nobody had claimed them.
    pub async fn release_deliveries(&self, _: SystemScope, now: Time, tickets: &[Ticket]) -> Result<()> {
        for some in tickets.chunks(BATCH) {
            let work = self.bookkeep().await?;
            release(&work.tx, now, some).await?;
            work.commit().await?;
        }
        Ok(())
    }
}

async fn settle(store: &Store, tx: &DatabaseTransaction, now: Time, breaker: Breaker, outcomes: &[Outcome]) -> Result<u64> {
    let to = places(outcomes.iter().map(|outcome| &outcome.ticket));
    let circuits = circuits::lock(tx, &to).await?;
    let held = write_rows(tx, now, outcomes).await?;
    write_attempts(tx, outcomes).await?;
    let tried = tried(outcomes, &held);
    let after = |(to, circuit): (Destination, Circuit)| {
        let next = circuit.after(tried.get(&to)?, breaker, now, fraction(store.ids.secret()));
        (next != circuit).then_some((to, next))
    };
    let changed: Vec<_> = circuits.into_iter().filter_map(after).collect();
    circuits::write(tx, &changed).await?;
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

/// Answers the rows whose lease still held.
async fn write_rows(tx: &DatabaseTransaction, now: Time, outcomes: &[Outcome]) -> Result<HashSet<Uuid>> {
    let text = format!(
        "with v(v_org, v_id, v_lease, v_state, v_next, v_status, v_body, v_error, v_unsent) as (values {})
         update deliveries set state = v_state, next_at = v_next, lease = null, response_status = v_status, response_body = v_body, error = v_error,
         attempts = attempts - v_unsent, updated_at = $1 from v where org_id = v_org and id = v_id and lease = v_lease and state = 1 returning id",
        sql::tuples(2, outcomes.len(), 9)
    );
    let mut values: Vec<Value> = vec![now.into()];
    for outcome in outcomes {
        let (ticket, row) = (&outcome.ticket, Row::of(outcome));
        values.extend([ticket.org.uuid().into(), ticket.id.uuid().into(), ticket.lease.into(), (row.state as i16).into()]);
        values.extend([row.next_at.into(), row.status.into(), row.body.into(), row.error.into(), row.unsent.into()]);
    }
    let rows = sql::all(tx, &text, values).await?;
    rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>().map_err(from_db)
}

async fn write_attempts(tx: &DatabaseTransaction, outcomes: &[Outcome]) -> Result<()> {
    let sent: Vec<_> = outcomes.iter().filter(|outcome| !matches!(outcome.verdict, Verdict::Cancelled { .. })).collect();
    if sent.is_empty() {
        return Ok(());
    }
    // Joined, because the delivery may have been deleted meanwhile; a number is free unless somebody recorded it before.
    let text = format!(
        "with v(v_org, v_id, v_number, v_at, v_ms, v_status, v_error) as (values {})
         insert into attempts (org_id, delivery_id, number, at, duration_ms, response_status, error)
         select v_org, v_id, v_number, v_at, v_ms, v_status, v_error from v join deliveries d on d.org_id = v_org and d.id = v_id where true
         on conflict do nothing",
        sql::tuples(1, sent.len(), 7)
    );
    let mut values: Vec<Value> = Vec::with_capacity(sent.len() * 7);
    for outcome in sent {
        let (ticket, row) = (&outcome.ticket, Row::of(outcome));
        values.extend([ticket.org.uuid().into(), ticket.id.uuid().into(), ticket.number.into(), outcome.at.into()]);
        values.extend([outcome.duration_ms.into(), row.status.into(), row.error.into()]);
    }
    sql::execute(tx, &text, values).await?;
    Ok(())
}

/// The attempts at each endpoint. What was not sent, or was sent on a lease that had ended, says nothing new.
fn tried(outcomes: &[Outcome], held: &HashSet<Uuid>) -> BTreeMap<Destination, Vec<Tried>> {
    let mut tried: BTreeMap<Destination, Vec<Tried>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| held.contains(&outcome.ticket.id.uuid())) {
        let arrived = match outcome.verdict {
            Verdict::Delivered { .. } => true,
            Verdict::Retry { .. } | Verdict::Failed { .. } => false,
            Verdict::Cancelled { .. } => continue,
        };
        let to = Destination { org: outcome.ticket.org, webhook: outcome.ticket.webhook };
        let took = TimeDelta::milliseconds(outcome.duration_ms);
        tried.entry(to).or_default().push(Tried { arrived, at: outcome.at, took });
    }
    tried
}

async fn release(tx: &DatabaseTransaction, now: Time, tickets: &[Ticket]) -> Result<()> {
    let mut to = places(tickets.iter());
    destinations::lock(tx, &mut to).await?;
    let text = format!(
        "with v(v_org, v_id, v_lease) as (values {})
         update deliveries set state = 0, attempts = attempts - 1, lease = null, next_at = $1, updated_at = $1 from v
         where org_id = v_org and id = v_id and lease = v_lease and state = 1",
        sql::tuples(2, tickets.len(), 3)
    );
    let mut values: Vec<Value> = vec![now.into()];
    values
        .extend(tickets.iter().flat_map(|ticket| [Value::from(ticket.org.uuid()), ticket.id.uuid().into(), ticket.lease.into()]));
    sql::execute(tx, &text, values).await?;
    destinations::reschedule(tx, &unlimited(&to), now).await
}
