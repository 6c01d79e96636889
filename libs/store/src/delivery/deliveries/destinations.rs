//! Destinations: an endpoint as the workers see it. `due_at` says when to look at it next; null means that nothing waits.
//!
//! Every transaction that changes deliveries locks their destinations first, in one order. So nobody deadlocks, and nobody concludes
//! "nothing waits here" while another is just about to commit a row.

use domain::{OrgId, Result, Time, WebhookId};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::core::{
    dialect,
    sql::{self, Sql, sql},
};

/// An endpoint of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Destination {
    pub(crate) org: OrgId,
    pub(crate) webhook: WebhookId,
}

impl Destination {
    /// From the columns `org_id` and `webhook_id`.
    pub(crate) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self { org: OrgId::new(row.try_get("", "org_id")?), webhook: WebhookId::new(row.try_get("", "webhook_id")?) })
    }

    /// As the statements name it.
    pub(crate) fn key(self) -> [Value; 2] {
        [self.org.uuid().into(), self.webhook.uuid().into()]
    }
}

/// Destinations of one statement.
const CHUNK: usize = 1000;

const LOCK: Sql<2> = sql!(
    "select 1
     from destinations
     where (org_id, webhook_id) in (select org_id, webhook_id from {rows})
     order by org_id, webhook_id
     {for update}",
    rows = 1 (org_id: Uuid, webhook_id: Uuid)
);

/// Locks destinations until the transaction ends, waiting for whoever has them. Sorts `keys`, and removes nothing: one that was deleted
/// meanwhile is simply not there.
pub(crate) async fn lock(tx: &DatabaseTransaction, keys: &mut [Destination]) -> Result<()> {
    keys.sort_unstable();
    // SQLite's writer is alone.
    if dialect::is_sqlite(tx) {
        return Ok(());
    }
    for some in keys.chunks(CHUNK) {
        LOCK.all(tx, vec![], some.iter().map(|key| key.key())).await?;
    }
    Ok(())
}

const MAKE_DUE: Sql<2> = sql!(
    "update destinations
     set due_at = case when open_until > $1 then open_until else $1 end
     where (due_at is null or due_at > case when open_until > $1 then open_until else $1 end)
       and (org_id, webhook_id) in (select org_id, webhook_id from {rows})",
    rows = 2 (org_id: Uuid, webhook_id: Uuid)
);

/// Something waits at these now; where the circuit is open it waits until then. Lock them before the rows are inserted.
pub(crate) async fn make_due(tx: &DatabaseTransaction, keys: &[Destination], now: Time) -> Result<()> {
    for some in keys.chunks(CHUNK) {
        MAKE_DUE.execute(tx, vec![now.into()], some.iter().map(|key| key.key())).await?;
    }
    Ok(())
}

const QUEUED: Sql<3> = sql!(
    "update destinations
     set open_most = v.most, due_at = case
       when due_at <= case when open_until > $1 then open_until else $1 end then due_at
       when open_until > $1 then open_until
       else $1 end
     from {rows}
     where destinations.org_id = v.org_id and destinations.webhook_id = v.webhook_id",
    rows = 2 (org_id: Uuid, webhook_id: Uuid, most: i64)
);

/// The same for locked destinations for which deliveries were made: at most so many are open now.
pub(crate) async fn queued(tx: &DatabaseTransaction, made: &[(Destination, i64)], now: Time) -> Result<()> {
    for some in made.chunks(CHUNK) {
        let rows = some.iter().map(|(to, most)| [to.org.uuid().into(), to.webhook.uuid().into(), (*most).into()]);
        QUEUED.execute(tx, vec![now.into()], rows).await?;
    }
    Ok(())
}

const LOCK_ALL: Sql = sql!(
    "select 1
     from destinations
     where org_id = $1
     order by org_id, webhook_id
     {for update}"
);

const WAKE_ALL: Sql = sql!(
    "update destinations
     set due_at = $1, open_until = case when open_until > $1 then $1 else open_until end
     where org_id = $2 and due_at > $1"
);

/// What was held at an organization's endpoints is looked at now: it may be sent again, or never.
pub(crate) async fn wake_all(tx: &DatabaseTransaction, org: OrgId, now: Time) -> Result<()> {
    sql::all(tx, LOCK_ALL, vec![org.uuid().into()]).await?;
    sql::execute(tx, WAKE_ALL, vec![now.into(), org.uuid().into()]).await?;
    Ok(())
}

// `n` is materialized: its answer is compared three times, and must not be computed as often.
const RESCHEDULE: Sql<3> = sql!(
    "with n as materialized (
       select v.org_id, v.webhook_id, case
         when (select count(*) from (
             select 1 from deliveries x
             where x.org_id = v.org_id and x.webhook_id = v.webhook_id and x.state = {in_flight} and x.next_at > $1
             limit $2) as f) >= case when w.in_order then 1 else v.most end
           then (
             select min(x.next_at) from deliveries x
             where x.org_id = v.org_id and x.webhook_id = v.webhook_id and x.state = {in_flight} and x.next_at > $1)
         when w.in_order
           then (
             select x.next_at from deliveries x
             where x.org_id = v.org_id and x.webhook_id = v.webhook_id and x.{open} and x.line is not null
             order by x.line, x.id limit 1)
         else (
             select min(x.next_at) from deliveries x
             where x.org_id = v.org_id and x.webhook_id = v.webhook_id and x.{open})
         end as next_at
       from {rows} join webhooks w on w.org_id = v.org_id and w.id = v.webhook_id)
     update destinations
     set open_most = case when n.next_at is null then 0 else open_most end, due_at = case
       when n.next_at is null then null
       when open_until > $1 and open_until > n.next_at then open_until
       when n.next_at < $1 then $1
       else n.next_at end
     from n
     where destinations.org_id = n.org_id and destinations.webhook_id = n.webhook_id",
    rows = 3 (org_id: Uuid, webhook_id: Uuid, most: i64)
);

/// Computes anew when each locked destination is due: when its first open row is (where order is kept: the first in order), but not
/// while its circuit is open, and never in the past, so that those which stay behind queue up behind those which have waited for
/// longer. With as many rows in flight as it is given with (one, where order is kept) it has to wait for one of them: for its
/// settling, which calls this again, or for the end of its lease.
pub(crate) async fn reschedule(tx: &DatabaseTransaction, keys: &[(Destination, u64)], now: Time) -> Result<()> {
    let bound = |most: u64| i64::try_from(most).unwrap_or(i64::MAX);
    for some in keys.chunks(CHUNK) {
        // Nobody has to count further than the highest limit.
        let highest = some.iter().map(|(_, most)| bound(*most)).max().unwrap_or(i64::MAX);
        let rows = some.iter().map(|(to, most)| [to.org.uuid().into(), to.webhook.uuid().into(), bound(*most).into()]);
        RESCHEDULE.execute(tx, vec![now.into(), highest.into()], rows).await?;
    }
    Ok(())
}
