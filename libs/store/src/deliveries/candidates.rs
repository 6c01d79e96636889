//! Which rows a claim could take: destinations in turn, and the first few rows of each.

use domain::{DeliveryId, OrgId, Result, WebhookId};
use sea_orm::{DatabaseTransaction, QueryResult, Value};

use super::{claim::DeliveryClaim, destinations::Destination};
use crate::{dialect, error::from_db, sql};

/// A row that could be claimed.
pub(super) struct Candidate {
    pub(super) to: Destination,
    pub(super) id: DeliveryId,
    pub(super) exhausted: bool,
}

/// Locks the destinations that are due for the longest, passing over those that somebody else has.
pub(super) async fn due(tx: &DatabaseTransaction, claim: DeliveryClaim) -> Result<Vec<Destination>> {
    let lock = dialect::row_lock(dialect::is_sqlite(tx), "for update skip locked");
    let text = format!("select org_id, webhook_id from destinations where due_at <= $1 order by due_at limit $2 {lock}");
    // Not more than rows: each that is locked gets its turn.
    let limit = claim.destinations.min(claim.max_rows).cast_signed();
    let rows = sql::all(tx, &text, vec![claim.now.into(), limit.into()]).await?;
    let read = |row: &QueryResult| {
        Ok(Destination { org: OrgId::new(row.try_get("", "org_id")?), webhook: WebhookId::new(row.try_get("", "webhook_id")?) })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(from_db)
}

/// The first due rows of each destination, as many as it has room for: first the first row of each, then the second, …
pub(super) async fn candidates(tx: &DatabaseTransaction, due: &[Destination], claim: DeliveryClaim) -> Result<Vec<Candidate>> {
    // "The n-th due row" for each n, because SQLite has no lateral join; each is a short walk on the index of open rows.
    let slot = |n: u64| {
        format!(
            "select d.org_id, {n} as n, (select x.id from deliveries x where x.org_id = d.org_id and x.webhook_id = d.webhook_id
  and x.state < 2 and x.next_at <= $1 order by x.next_at, x.id limit 1 offset {n}) as id
from d where {n} < $2 - (select count(*) from deliveries f
  where f.org_id = d.org_id and f.webhook_id = d.webhook_id and f.state = 1 and f.next_at > $1)"
        )
    };
    let slots: Vec<String> = (0..claim.per_destination).map(slot).collect();
    let text = format!(
        "with d(org_id, webhook_id) as (values {}), c as ({})
select x.org_id, x.webhook_id, x.id, x.state, x.attempts, x.max_attempts from c join deliveries x on x.org_id = c.org_id and x.id = c.id
order by c.n, x.next_at, x.id limit $3",
        sql::tuples(4, due.len(), 2),
        slots.join("\nunion all ")
    );
    let mut values: Vec<Value> =
        vec![claim.now.into(), claim.per_destination.cast_signed().into(), claim.max_rows.cast_signed().into()];
    values.extend(due.iter().flat_map(|to| [Value::from(to.org.uuid()), to.webhook.uuid().into()]));
    let read = |row: &QueryResult| {
        let (state, attempts, most): (i16, i32, i32) =
            (row.try_get("", "state")?, row.try_get("", "attempts")?, row.try_get("", "max_attempts")?);
        Ok(Candidate {
            to: Destination {
                org: OrgId::new(row.try_get("", "org_id")?),
                webhook: WebhookId::new(row.try_get("", "webhook_id")?),
            },
            id: DeliveryId::new(row.try_get("", "id")?),
            exhausted: state == 1 && attempts >= most,
        })
    };
    sql::all(tx, &text, values).await?.iter().map(read).collect::<Result<_, _>>().map_err(from_db)
}
