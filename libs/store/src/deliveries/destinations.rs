//! Destinations: an endpoint as the workers see it. `due_at` says when to look at it next; null means that nothing waits.
//!
//! Every transaction that changes deliveries locks their destinations first, in one order. So nobody deadlocks, and nobody concludes
//! "nothing waits here" while another is just about to commit a row.

use domain::{OrgId, Result, Time, WebhookId};
use sea_orm::{DatabaseTransaction, Value};

use crate::{dialect, sql};

/// An endpoint of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Destination {
    pub(crate) org: OrgId,
    pub(crate) webhook: WebhookId,
}

/// Two parameters each must stay below SQLite's 32,766.
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

/// Something waits at these now. Lock them before the rows are inserted.
pub(crate) async fn make_due(tx: &DatabaseTransaction, keys: &[Destination], now: Time) -> Result<()> {
    for some in keys.chunks(CHUNK) {
        let among = sql::tuples(2, some.len(), 2);
        let text = format!(
            "update destinations set due_at = $1 where (due_at is null or due_at > $1) and (org_id, webhook_id) in (values {among})"
        );
        let parameters = std::iter::once(now.into()).chain(values(some)).collect();
        sql::execute(tx, &text, parameters).await?;
    }
    Ok(())
}

/// Computes anew when each locked destination is due: when its first open row is, but never in the past, so that those which stay
/// behind queue up behind those which have waited for longer. With `most` rows in flight already it has to wait for one of them: for
/// its settling, which calls this again, or for the end of its lease.
pub(crate) async fn reschedule(tx: &DatabaseTransaction, keys: &[Destination], now: Time, most: u64) -> Result<()> {
    for some in keys.chunks(CHUNK) {
        let among = sql::tuples(3, some.len(), 2);
        let text = format!(
            "update destinations set due_at = case when n.next_at < $1 then $1 else n.next_at end from (
select d.org_id as org, d.webhook_id as webhook, case
  when (select count(*) from (select 1 from deliveries x where x.org_id = d.org_id and x.webhook_id = d.webhook_id and x.state = 1 and x.next_at > $1 limit $2) as f) >= $2
  then (select min(x.next_at) from deliveries x where x.org_id = d.org_id and x.webhook_id = d.webhook_id and x.state = 1 and x.next_at > $1)
  else (select min(x.next_at) from deliveries x where x.org_id = d.org_id and x.webhook_id = d.webhook_id and x.state < 2)
end as next_at from destinations d where (d.org_id, d.webhook_id) in (values {among})) as n
where destinations.org_id = n.org and destinations.webhook_id = n.webhook"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let parameters = [now.into(), most.into()].into_iter().chain(values(some)).collect();
        sql::execute(tx, &text, parameters).await?;
    }
    Ok(())
}
