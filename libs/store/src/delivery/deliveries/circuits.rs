//! The circuit of each endpoint, in its destination's row. What it means is [`domain::delivery::webhooks::circuit`]'s.

use std::collections::BTreeMap;

use domain::{OrgId, Result, Time, WebhookId, delivery::webhooks::circuit::Circuit};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};

use super::destinations::Destination;
use crate::core::{dialect, error::from_db, sql};

pub(super) const COLUMNS: &str = "org_id, webhook_id, failures, failing_since, failing_seconds, opened, open_until, slow";

pub(super) fn read(row: &QueryResult) -> Result<(Destination, Circuit), DbErr> {
    let to = Destination { org: OrgId::new(row.try_get("", "org_id")?), webhook: WebhookId::new(row.try_get("", "webhook_id")?) };
    let circuit = Circuit {
        failures: row.try_get("", "failures")?,
        failing_since: row.try_get("", "failing_since")?,
        failing_seconds: row.try_get("", "failing_seconds")?,
        opened: row.try_get("", "opened")?,
        open_until: row.try_get("", "open_until")?,
        slow: row.try_get("", "slow")?,
    };
    Ok((to, circuit))
}

/// Locks destinations as [`super::destinations::lock`] does, and reads their circuits.
pub(crate) async fn lock(tx: &DatabaseTransaction, keys: &[Destination]) -> Result<BTreeMap<Destination, Circuit>> {
    let clause = dialect::row_lock(dialect::is_sqlite(tx), "for update");
    let among = sql::tuples(1, keys.len(), 2);
    let text = format!(
        "select {COLUMNS} from destinations where (org_id, webhook_id) in (values {among}) order by org_id, webhook_id {clause}"
    );
    let values = keys.iter().flat_map(|key| [key.org.uuid().into(), key.webhook.uuid().into()]).collect();
    sql::all(tx, &text, values).await?.iter().map(read).collect::<Result<_, _>>().map_err(from_db)
}

/// Writes circuits of locked destinations.
pub(super) async fn write(tx: &DatabaseTransaction, changed: &[(Destination, Circuit)]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let text = format!(
        "with v(v_org, v_webhook, v_failures, v_since, v_seconds, v_opened, v_until, v_slow) as (values {})
update destinations set failures = v_failures, failing_since = v_since, failing_seconds = v_seconds, opened = v_opened,
open_until = v_until, slow = v_slow from v where org_id = v_org and webhook_id = v_webhook",
        sql::tuples(1, changed.len(), 8)
    );
    let mut values: Vec<Value> = Vec::with_capacity(changed.len() * 8);
    for (to, c) in changed {
        values.extend([to.org.uuid().into(), to.webhook.uuid().into(), c.failures.into(), c.failing_since.into()]);
        values.extend([c.failing_seconds.into(), c.opened.into(), c.open_until.into(), c.slow.into()]);
    }
    sql::execute(tx, &text, values).await?;
    Ok(())
}

/// Forgets every failure of a locked destination.
pub(crate) async fn close(tx: &DatabaseTransaction, to: Destination) -> Result<()> {
    write(tx, &[(to, Circuit::default())]).await
}

/// Makes an open circuit of a locked destination take its next probe now: a person wants to know whether it works again.
pub(super) async fn probe(tx: &DatabaseTransaction, to: Destination, now: Time) -> Result<()> {
    let text = "update destinations set open_until = $1 where org_id = $2 and webhook_id = $3 and open_until > $1";
    sql::execute(tx, text, vec![now.into(), to.org.uuid().into(), to.webhook.uuid().into()]).await?;
    Ok(())
}
