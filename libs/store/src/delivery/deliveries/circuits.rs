//! The circuit of each endpoint, in its destination's row. What it means is [`domain::delivery::webhooks::circuit`]'s.

use std::collections::BTreeMap;

use domain::{Result, Time, delivery::webhooks::circuit::Circuit};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::destinations::Destination;
use crate::core::sql::{self, Sql, sql};

pub(super) const COLUMNS: &str =
    "org_id, webhook_id, failures, failing_since, failing_seconds, opened, open_until, slow, verified_at";

pub(super) fn read(row: &QueryResult) -> Result<(Destination, Circuit), DbErr> {
    let circuit = Circuit {
        failures: row.try_get("", "failures")?,
        failing_since: row.try_get("", "failing_since")?,
        failing_seconds: row.try_get("", "failing_seconds")?,
        opened: row.try_get("", "opened")?,
        open_until: row.try_get("", "open_until")?,
        slow: row.try_get("", "slow")?,
        verified_at: row.try_get("", "verified_at")?,
    };
    Ok((Destination::read(row)?, circuit))
}

const LOCK: Sql<2> = sql!(
    "select {columns}
     from destinations
     where (org_id, webhook_id) in (select org_id, webhook_id from {rows})
     order by org_id, webhook_id
     {for update}",
    rows = 1 (org_id: Uuid, webhook_id: Uuid),
    columns = COLUMNS
);

/// Locks destinations as [`super::destinations::lock`] does, and reads their circuits.
pub(crate) async fn lock(tx: &DatabaseTransaction, keys: &[Destination]) -> Result<BTreeMap<Destination, Circuit>> {
    let rows = LOCK.all(tx, vec![], keys.iter().map(|key| key.key())).await?;
    sql::read_all(&rows, read)
}

// Only [`UNVERIFY`] takes back that an endpoint was verified.
const WRITE: Sql<9> = sql!(
    "update destinations
     set failures = v.failures, failing_since = v.failing_since, failing_seconds = v.failing_seconds, opened = v.opened,
       open_until = v.open_until, slow = v.slow, verified_at = coalesce(destinations.verified_at, v.verified_at)
     from {rows}
     where destinations.org_id = v.org_id and destinations.webhook_id = v.webhook_id",
    rows = 1 (
        org_id: Uuid,
        webhook_id: Uuid,
        failures: i64,
        failing_since: Option<Time>,
        failing_seconds: i64,
        opened: i32,
        open_until: Option<Time>,
        slow: bool,
        verified_at: Option<Time>,
    )
);

/// Writes circuits of locked destinations.
pub(super) async fn write(tx: &DatabaseTransaction, changed: &[(Destination, Circuit)]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let rows = changed.iter().map(|(to, c)| {
        [
            to.org.uuid().into(),
            to.webhook.uuid().into(),
            c.failures.into(),
            c.failing_since.into(),
            c.failing_seconds.into(),
            c.opened.into(),
            c.open_until.into(),
            c.slow.into(),
            c.verified_at.into(),
        ]
    });
    WRITE.execute(tx, vec![], rows).await?;
    Ok(())
}

/// Forgets every failure of a locked destination.
pub(crate) async fn close(tx: &DatabaseTransaction, to: Destination) -> Result<()> {
    write(tx, &[(to, Circuit::default())]).await
}

const UNVERIFY: Sql = sql!(
    "update destinations
     set verified_at = null
     where org_id = $1 and webhook_id = $2"
);
const TAKE_BACK: Sql = sql!(
    "update deliveries
     set state = {waiting}, lease = null, next_at = $1, updated_at = $1
     where org_id = $2 and webhook_id = $3 and state = {in_flight}"
);

/// A locked destination leads elsewhere: nothing is known of who is there. What is in flight to where it led before is taken back, so that
/// an answer from there verifies nothing.
pub(crate) async fn moved(tx: &DatabaseTransaction, to: Destination, now: Time) -> Result<()> {
    sql::execute(tx, UNVERIFY, to.key().to_vec()).await?;
    let [org, webhook] = to.key();
    sql::execute(tx, TAKE_BACK, vec![now.into(), org, webhook]).await?;
    Ok(())
}

const PROBE: Sql = sql!(
    "update destinations
     set open_until = $1
     where org_id = $2 and webhook_id = $3 and open_until > $1"
);

/// Makes an open circuit of a locked destination take its next probe now: a person wants to know whether it works again.
pub(super) async fn probe(tx: &DatabaseTransaction, to: Destination, now: Time) -> Result<()> {
    sql::execute(tx, PROBE, vec![now.into(), to.org.uuid().into(), to.webhook.uuid().into()]).await?;
    Ok(())
}
