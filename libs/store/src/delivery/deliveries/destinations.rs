//! Destinations: an endpoint as the workers see it. `due_at` says when to look at it next; null means that nothing waits.
//!
//! Every transaction that changes deliveries locks their destinations first, in one order. So nobody deadlocks, and nobody concludes
//! "nothing waits here" while another is just about to commit a row.

use domain::{OrgId, Result, Time, WebhookId};
use sea_orm::{DatabaseTransaction, Value};

use crate::core::{dialect, sql};

/// An endpoint of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Destination {
    pub(crate) org: OrgId,
    pub(crate) webhook: WebhookId,
}

/// Three parameters each must stay below SQLite's 32,766.
const CHUNK: usize = 5000;

fn values(keys: &[Destination]) -> Vec<Value> {
    keys.iter().flat_map(|key| [key.org.uuid().into(), key.webhook.uuid().into()]).collect()
}

/// Locks destinations until the transaction ends, waiting for whoever has them. Sorts `keys`, and removes nothing: one that was deleted
/// meanwhile is simply not there.
pub(crate) async fn lock(tx: &DatabaseTransaction, keys: &mut [Destination]) -> Result<()> {
    let clause = dialect::row_lock(dialect::is_sqlite(tx), "for update");
    keys.sort_unstable();
    if clause.is_empty() {
        return Ok(());
    }
    for some in keys.chunks(CHUNK) {
        let among = sql::tuples(1, some.len(), 2);
        let text = format!(
            "select 1 from destinations where (org_id, webhook_id) in (values {among}) order by org_id, webhook_id {clause}"
        );
        sql::all(tx, &text, values(some)).await?;
    }
    Ok(())
}

/// Something waits at these now; where the circuit is open it waits until then. Lock them before the rows are inserted.
pub(crate) async fn make_due(tx: &DatabaseTransaction, keys: &[Destination], now: Time) -> Result<()> {
    for some in keys.chunks(CHUNK) {
        let among = sql::tuples(2, some.len(), 2);
        let text = format!(
            "update destinations set due_at = case when open_until > $1 then open_until else $1 end
where (due_at is null or due_at > case when open_until > $1 then open_until else $1 end) and (org_id, webhook_id) in (values {among})"
        );
        let parameters = std::iter::once(now.into()).chain(values(some)).collect();
        sql::execute(tx, &text, parameters).await?;
    }
    Ok(())
}

/// Computes anew when each locked destination is due: when its first open row is (where order is kept: the first in line), but not
/// while its circuit is open, and never in the past, so that those which stay behind queue up behind those which have waited for
/// longer. With as many rows in flight as it is given with (one, where order is kept) it has to wait for one of them: for its
/// settling, which calls this again, or for the end of its lease.
pub(crate) async fn reschedule(tx: &DatabaseTransaction, keys: &[(Destination, u64)], now: Time) -> Result<()> {
    for some in keys.chunks(CHUNK) {
        let (of, open) = ("x.org_id = v_org and x.webhook_id = v_webhook", "x.state < 2");
        let in_flight = format!("from deliveries x where {of} and x.state = 1 and x.next_at > $1");
        // Materialized: its answer is compared three times, and must not be computed as often.
        let text = format!(
            "with v(v_org, v_webhook, v_most) as (values {}), n as materialized (select v_org, v_webhook, case
  when (select count(*) from (select 1 {in_flight} limit $2) as f) >= case when w.in_order then 1 else v_most end
    then (select min(x.next_at) {in_flight})
  when w.in_order then (select x.next_at from deliveries x where {of} and {open} and x.line is not null order by x.line, x.id limit 1)
  else (select min(x.next_at) from deliveries x where {of} and {open}) end as v_next
from v join webhooks w on w.org_id = v_org and w.id = v_webhook)
update destinations set due_at = case when v_next is null then null when open_until > $1 and open_until > v_next then open_until
  when v_next < $1 then $1 else v_next end from n where org_id = v_org and webhook_id = v_webhook",
            sql::tuples(3, some.len(), 3)
        );
        let bound = |most: u64| i64::try_from(most).unwrap_or(i64::MAX);
        // Nobody has to count further than the highest limit.
        let highest = some.iter().map(|(_, most)| bound(*most)).max().unwrap_or(i64::MAX);
        let mut parameters: Vec<Value> = vec![now.into(), highest.into()];
        parameters.extend(
            some.iter().flat_map(|(key, most)| [key.org.uuid().into(), key.webhook.uuid().into(), Value::from(bound(*most))]),
        );
        sql::execute(tx, &text, parameters).await?;
    }
    Ok(())
}
