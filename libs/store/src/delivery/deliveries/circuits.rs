//! The circuit of each endpoint, in its destination's row. What it means is [`domain::delivery::webhooks::circuit`]'s.

use std::collections::BTreeMap;

use domain::{Result, Time, delivery::webhooks::circuit::Circuit};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::destinations::Destination;
use crate::core::sql::{self, Sql, sql};

pub(super) const COLUMNS: &str = "org_id, webhook_id, failures, failing_since, failing_seconds, opened, open_until, slow";

pub(super) fn read(row: &QueryResult) -> Result<(Destination, Circuit), DbErr> {
    let circuit = Circuit {
        failures: row.try_get("", "failures")?,
        failing_since: row.try_get("", "failing_since")?,
        failing_seconds: row.try_get("", "failing_seconds")?,
        opened: row.try_get("", "opened")?,
        open_until: row.try_get("", "open_until")?,
        slow: row.try_get("", "slow")?,
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

const WRITE: Sql<8> = sql!(
    "update destinations
     set failures = v.failures, failing_since = v.failing_since, failing_seconds = v.failing_seconds, opened = v.opened,
       open_until = v.open_until, slow = v.slow
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
        ]
    });
    WRITE.execute(tx, vec![], rows).await?;
    Ok(())
}

/// Forgets every failure of a locked destination.
pub(crate) async fn close(tx: &DatabaseTransaction, to: Destination) -> Result<()> {
    write(tx, &[(to, Circuit::default())]).await
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
