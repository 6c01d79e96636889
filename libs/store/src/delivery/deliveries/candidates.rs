//! Which rows a claim could take: destinations in turn, and the first few rows of each.

use domain::{DeliveryId, Result, Time, delivery::webhooks::circuit::Probe};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{circuits, destinations::Destination};
use crate::core::{
    dialect,
    sql::{self, Sql, sql},
};

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryClaim {
    /// Now.
    pub now: Time,
    /// Names this claim: only who knows it can settle.
    pub lease: Uuid,
    /// When the rows go to somebody else. At least twice as long as handling them can take.
    pub lease_until: Time,
    /// Endpoints at most.
    pub destinations: u64,
    /// Rows of one endpoint that may be in flight, over all workers. 1 keeps them in order.
    pub per_destination: u64,
    /// Rows at most.
    pub max_rows: u64,
    /// Rows of slow or failing endpoints among them at most.
    pub max_slow: u64,
}

/// A destination whose turn it is.
pub(super) struct Turn {
    pub(super) to: Destination,
    /// Rows of it that may be in flight.
    pub(super) room: u64,
    /// Whether it takes one of the concurrency slots that slow endpoints share.
    pub(super) slow: bool,
    /// Until when its circuit was open, where what is sent now is a probe.
    pub(super) probes_since: Option<Time>,
    /// With which delivery, then.
    pub(super) probe: Probe,
    /// Whether it has answered 2xx before.
    pub(super) verified: bool,
}

impl Turn {
    /// Rows of one claim: a slow endpoint takes one, so that not more of the shared slots are taken than endpoints were locked.
    fn per_claim(&self) -> u64 {
        if self.slow { 1 } else { self.room }
    }
}

/// A row that could be claimed.
pub(super) struct Candidate {
    pub(super) to: Destination,
    pub(super) id: DeliveryId,
    pub(super) exhausted: bool,
    /// Whether it was never tried.
    pub(super) fresh: bool,
    /// Whether its endpoint keeps an order, which chooses it.
    pub(super) in_order: bool,
}

impl Candidate {
    /// As the statements name it.
    pub(super) fn key(&self) -> [Value; 2] {
        [self.to.org.uuid().into(), self.id.uuid().into()]
    }
}

const DUE: Sql = sql!(
    "with quick as (
       select {columns}, due_at
       from destinations
       where slow = false and due_at <= $1
       order by due_at
       limit $2
       {for update skip locked}),
     slow as (
       select {columns}, due_at
       from destinations
       where slow = true and due_at <= $1
       order by due_at
       limit $3
       {for update skip locked}),
     turns as (select * from quick union all select * from slow)
     select * from turns order by due_at",
    columns = circuits::COLUMNS
);

/// Locks the destinations that are due for the longest, passing over those that somebody else has. Slow ones queue by themselves:
/// however many are due, the others do not wait behind them.
pub(super) async fn due(tx: &DatabaseTransaction, claim: DeliveryClaim) -> Result<Vec<Turn>> {
    // Not more than rows: each that is locked gets its turn.
    let limit = claim.destinations.min(claim.max_rows);
    let values = vec![claim.now.into(), limit.cast_signed().into(), limit.min(claim.max_slow).cast_signed().into()];
    let rows = sql::all(tx, DUE, values).await?;
    sql::read_all(&rows, |row| {
        let (to, circuit) = circuits::read(row)?;
        let probes_since = circuit.open_until.filter(|_| circuit.probes());
        let (room, probe) = (circuit.room(claim.per_destination), circuit.probe());
        Ok(Turn { to, room, slow: circuit.slow, probes_since, probe, verified: circuit.verified_at.is_some() })
    })
}

/// The first due rows of each destination without an order, as many as it has room for; of one that keeps an order the first, if it is
/// due and nothing is in flight (while that one waits for its next attempt the others wait behind it). Each is a short walk on the index
/// of open rows.
const ON_POSTGRES: Sql<4> = sql!(
    "with d as materialized (
       select v.org_id, v.webhook_id, v.room, v.per_claim, w.in_order, (
         select count(*) from deliveries f
         where f.org_id = v.org_id and f.webhook_id = v.webhook_id and f.state = {in_flight} and f.next_at > $1) as in_flight
       from {rows} join webhooks w on w.org_id = v.org_id and w.id = v.webhook_id),
     c as (
       select d.org_id, x.id, x.n
       from d cross join lateral (
         select due.id, row_number() over (order by due.next_at, due.id) as n
         from (
           select o.id, o.next_at from deliveries o
           where o.org_id = d.org_id and o.webhook_id = d.webhook_id and o.{open} and o.next_at <= $1
           order by o.next_at, o.id
           limit greatest(0, least(d.per_claim, d.room - d.in_flight))) as due) as x
       where not d.in_order
       union all
       select d.org_id, (
         select case when o.next_at <= $1 then o.id end from deliveries o
         where o.org_id = d.org_id and o.webhook_id = d.webhook_id and o.{open} and o.line is not null
         order by o.line, o.id
         limit 1), 1
       from d
       where d.in_order and d.in_flight = 0)
     select x.org_id, x.webhook_id, x.id, x.state = {in_flight} and x.attempts >= x.max_attempts as exhausted,
       x.attempts = 0 as fresh, x.line is not null as in_order
     from c join deliveries x on x.org_id = c.org_id and x.id = c.id
     order by c.n, x.next_at, x.id
     limit $2",
    rows = 3 (org_id: Uuid, webhook_id: Uuid, room: i64, per_claim: i64)
);

/// The same where there are no lateral joins: from each due row a step to the next.
const ON_SQLITE: Sql<4> = sql!(
    "with recursive d as materialized (
       select v.org_id, v.webhook_id, v.per_claim, w.in_order, v.room - (
         select count(*) from deliveries f
         where f.org_id = v.org_id and f.webhook_id = v.webhook_id and f.state = {in_flight} and f.next_at > $1) as free, exists (
         select 1 from deliveries f
         where f.org_id = v.org_id and f.webhook_id = v.webhook_id and f.state = {in_flight} and f.next_at > $1) as busy
       from {rows} join webhooks w on w.org_id = v.org_id and w.id = v.webhook_id),
     walk (org_id, webhook_id, most, n, id) as (
       select d.org_id, d.webhook_id, min(d.per_claim, d.free), 1, (
         select o.id from deliveries o
         where o.org_id = d.org_id and o.webhook_id = d.webhook_id and o.{open} and o.next_at <= $1
         order by o.next_at, o.id
         limit 1)
       from d
       where d.in_order = false and d.per_claim > 0 and d.free > 0
       union all
       select w.org_id, w.webhook_id, w.most, w.n + 1, (
         select o.id from deliveries o
         where o.org_id = w.org_id and o.webhook_id = w.webhook_id and o.{open} and o.next_at <= $1
           and (o.next_at, o.id) > (last.next_at, last.id)
         order by o.next_at, o.id
         limit 1)
       from walk w join deliveries last on last.org_id = w.org_id and last.id = w.id
       where w.n < w.most),
     c as (
       select walk.org_id, walk.id, walk.n from walk
       union all
       select d.org_id, (
         select case when o.next_at <= $1 then o.id end from deliveries o
         where o.org_id = d.org_id and o.webhook_id = d.webhook_id and o.{open} and o.line is not null
         order by o.line, o.id
         limit 1), 1
       from d
       where d.in_order = true and not d.busy)
     select x.org_id, x.webhook_id, x.id, x.state = {in_flight} and x.attempts >= x.max_attempts as exhausted,
       x.attempts = 0 as fresh, x.line is not null as in_order
     from c join deliveries x on x.org_id = c.org_id and x.id = c.id
     order by c.n, x.next_at, x.id
     limit $2",
    rows = 3 (org_id: Uuid, webhook_id: Uuid, room: i64, per_claim: i64)
);

/// The first due rows of each destination, as many as it has room for: first the first row of each, then the second, …
pub(super) async fn candidates(tx: &DatabaseTransaction, turns: &[Turn], claim: DeliveryClaim) -> Result<Vec<Candidate>> {
    // `in_order` is read here, with the destinations already locked, because a change of it holds that lock.
    let statement = if dialect::is_sqlite(tx) { ON_SQLITE } else { ON_POSTGRES };
    let turns = turns.iter().map(|turn| {
        let (to, [room, per_claim]) = (turn.to, [turn.room, turn.per_claim()].map(u64::cast_signed));
        [to.org.uuid().into(), to.webhook.uuid().into(), room.into(), per_claim.into()]
    });
    let rows = statement.all(tx, vec![claim.now.into(), claim.max_rows.cast_signed().into()], turns).await?;
    sql::read_all(&rows, read)
}

fn read(row: &QueryResult) -> Result<Candidate, DbErr> {
    let (to, id) = (Destination::read(row)?, DeliveryId::new(row.try_get("", "id")?));
    let (exhausted, fresh) = (row.try_get("", "exhausted")?, row.try_get("", "fresh")?);
    Ok(Candidate { to, id, exhausted, fresh, in_order: row.try_get("", "in_order")? })
}
