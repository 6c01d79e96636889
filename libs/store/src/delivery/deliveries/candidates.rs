//! Which rows a claim could take: destinations in turn, and the first few rows of each.

use domain::{DeliveryId, OrgId, Result, WebhookId};
use sea_orm::{DatabaseTransaction, QueryResult, Value};

use super::{circuits, claim::DeliveryClaim, destinations::Destination};
use crate::core::{dialect, error::from_db, sql};

/// A destination whose turn it is.
pub(super) struct Turn {
    pub(super) to: Destination,
    /// Rows of it that may be in flight.
    pub(super) room: u64,
    /// Whether it takes one of the hands that slow endpoints share.
    pub(super) slow: bool,
}

impl Turn {
    /// Rows of one claim: a slow endpoint takes one, so that not more of the shared hands are taken than endpoints were locked.
    fn rows(&self) -> u64 {
        if self.slow { 1 } else { self.room }
    }
}

/// A row that could be claimed.
pub(super) struct Candidate {
    pub(super) to: Destination,
    pub(super) id: DeliveryId,
    pub(super) exhausted: bool,
}

/// Locks the destinations that are due for the longest, passing over those that somebody else has. Slow ones queue by themselves:
/// however many are due, the others do not wait behind them.
pub(super) async fn due(tx: &DatabaseTransaction, claim: DeliveryClaim) -> Result<Vec<Turn>> {
    let lock = dialect::row_lock(dialect::is_sqlite(tx), "for update skip locked");
    let among = |slow: bool, limit: &str| {
        let columns = circuits::COLUMNS;
        format!(
            "select {columns}, due_at from destinations where slow = {slow} and due_at <= $1 order by due_at limit {limit} {lock}"
        )
    };
    let (quick, slow) = (among(false, "$2"), among(true, "$3"));
    let text = format!(
        "with quick as ({quick}), slow as ({slow}), turns as (select * from quick union all select * from slow) select * from turns order by due_at"
    );
    // Not more than rows: each that is locked gets its turn.
    let limit = claim.destinations.min(claim.max_rows);
    let values = vec![claim.now.into(), limit.cast_signed().into(), limit.min(claim.max_slow).cast_signed().into()];
    let read = |row: &QueryResult| {
        let (to, circuit) = circuits::read(row)?;
        Ok(Turn { to, room: circuit.room(claim.per_destination), slow: circuit.slow })
    };
    sql::all(tx, &text, values).await?.iter().map(read).collect::<Result<_, _>>().map_err(from_db)
}

const IN_FLIGHT: &str = "(select count(*) from deliveries f
  where f.org_id = d.org_id and f.webhook_id = d.webhook_id and f.state = 1 and f.next_at > $1)";

/// "The n-th due row" of each destination without an order. One for each n, because SQLite has no lateral join; each is a short walk
/// on the index of open rows.
fn slot(n: u64) -> String {
    format!(
        "select d.org_id, {n} as n, (select x.id from deliveries x where x.org_id = d.org_id and x.webhook_id = d.webhook_id
           and x.state < 2 and x.next_at <= $1 order by x.next_at, x.id limit 1 offset {n}) as id
         from d where d.in_order = false and {n} < d.per_claim and {n} < d.room - {IN_FLIGHT}"
    )
}

/// The first in line of each destination that keeps an order, if nothing of it is in flight. While that one waits for its next attempt
/// the others wait behind it.
fn first_in_line() -> String {
    format!(
        "select d.org_id, 0 as n, (select case when x.next_at <= $1 then x.id end from deliveries x where x.org_id = d.org_id
           and x.webhook_id = d.webhook_id and x.state < 2 and x.line is not null order by x.line, x.id limit 1) as id
         from d where d.in_order = true and {IN_FLIGHT} = 0"
    )
}

/// The first due rows of each destination, as many as it has room for: first the first row of each, then the second, …
pub(super) async fn candidates(tx: &DatabaseTransaction, turns: &[Turn], claim: DeliveryClaim) -> Result<Vec<Candidate>> {
    // `in_order` is read here, with the destinations already locked, because a change of it holds that lock.
    let rows = turns.iter().map(Turn::rows).max().unwrap_or(0);
    let slots: Vec<String> = (0..rows).map(slot).chain([first_in_line()]).collect();
    let text = format!(
        "with v(v_org, v_webhook, v_room, v_rows) as (values {}),
         d(org_id, webhook_id, in_order, room, per_claim) as (select v_org, v_webhook, w.in_order, v_room, v_rows from v
           join webhooks w on w.org_id = v_org and w.id = v_webhook), c as ({})
         select x.org_id, x.webhook_id, x.id, x.state, x.attempts, x.max_attempts from c join deliveries x on x.org_id = c.org_id and x.id = c.id
         order by c.n, x.next_at, x.id limit $2",
        sql::tuples(3, turns.len(), 4),
        slots.join("\nunion all ")
    );
    let mut values: Vec<Value> = vec![claim.now.into(), claim.max_rows.cast_signed().into()];
    values.extend(turns.iter().flat_map(|turn| {
        let (to, numbers) = (turn.to, [turn.room, turn.rows()].map(|n| Value::from(n.cast_signed())));
        [to.org.uuid().into(), to.webhook.uuid().into()].into_iter().chain(numbers)
    }));
    sql::all(tx, &text, values).await?.iter().map(read).collect::<Result<_, _>>().map_err(from_db)
}

fn read(row: &QueryResult) -> Result<Candidate, sea_orm::DbErr> {
    let (state, attempts, most): (i16, i32, i32) =
        (row.try_get("", "state")?, row.try_get("", "attempts")?, row.try_get("", "max_attempts")?);
    Ok(Candidate {
        to: Destination { org: OrgId::new(row.try_get("", "org_id")?), webhook: WebhookId::new(row.try_get("", "webhook_id")?) },
        id: DeliveryId::new(row.try_get("", "id")?),
        exhausted: state == 1 && attempts >= most,
    })
}
