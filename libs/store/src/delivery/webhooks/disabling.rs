//! Endpoints to which nothing has arrived for long, for the worker that switches them off.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    Result, Time,
    authorization::policy::SystemScope,
    delivery::webhooks::{Webhook, circuit::Circuit},
};
use sea_orm::{DatabaseTransaction, EntityTrait, QuerySelect, Set};

use super::webhook;
use crate::{
    Store, WriteTx,
    core::{
        entity::webhooks,
        error::from_db,
        sql::{self, Sql, sql},
    },
    delivery::deliveries::{
        Ticket, catching_up, circuits,
        destinations::{self, Destination},
    },
};

/// An endpoint that fails.
#[derive(Clone, Copy, Debug)]
pub struct FailingWebhook(Destination);

impl From<Ticket> for FailingWebhook {
    /// The endpoint of a delivery.
    fn from(ticket: Ticket) -> Self {
        Self(Destination { org: ticket.org, webhook: ticket.webhook })
    }
}

/// What one call of [`Store::cancel_waiting`] did.
#[derive(Clone, Copy, Debug)]
pub struct Cancelled {
    /// Whether the batch was full: call again.
    pub more: bool,
}

/// Deliveries that are cancelled in one transaction.
const BATCH: i64 = 1000;

const FAILING: Sql = sql!(
    "select d.org_id, d.webhook_id
     from destinations d join organizations o on o.id = d.org_id
     where d.failing_seconds > 0 and d.failing_seconds >= $1 and o.deleted_at is null
     order by d.failing_seconds desc
     limit $2"
);

// Only while it is off: it may have been switched on again meanwhile.
const CANCEL: Sql = sql!(
    "update deliveries
     set state = {failed}, error = 'the webhook is not active', updated_at = $1
     where (org_id, id) in (
       select d.org_id, d.id
       from deliveries d join webhooks w on w.org_id = d.org_id and w.id = d.webhook_id
       where d.org_id = $2 and d.webhook_id = $3 and d.state = {waiting} and w.is_active = false
       limit $4)"
);

impl Store {
    /// At most `limit` endpoints that have failed for at least this long, the longest first.
    pub async fn failing_webhooks(&self, _: SystemScope, after: TimeDelta, limit: u64) -> Result<Vec<FailingWebhook>> {
        let rows = sql::all(&self.db, FAILING, vec![after.num_seconds().into(), limit.cast_signed().into()]).await?;
        sql::read_all(&rows, |row| Destination::read(row).map(FailingWebhook))
    }

    /// Cancels a batch of what waits at an endpoint that was switched off.
    pub async fn cancel_waiting(&self, _: SystemScope, webhook: FailingWebhook, now: Time) -> Result<Cancelled> {
        let work = async |tx: Arc<DatabaseTransaction>| {
            let to = webhook.0;
            destinations::lock(&tx, &mut [to]).await?;
            let values = vec![now.into(), to.org.uuid().into(), to.webhook.uuid().into(), BATCH.into()];
            let cancelled = sql::execute(&*tx, CANCEL, values).await?;
            destinations::reschedule(&tx, &[(to, u64::MAX)], now).await?;
            Ok(Cancelled { more: cancelled == BATCH.unsigned_abs() })
        };
        self.bookkeep(work).await
    }
}

impl WriteTx {
    /// An endpoint and how it has been answering, locked until the transaction ends; `None` for one that was deleted meanwhile.
    pub async fn lock_failing_webhook(&self, _: SystemScope, failing: FailingWebhook) -> Result<Option<(Webhook, Circuit)>> {
        let to = failing.0;
        let key = (to.org.uuid(), to.webhook.uuid());
        let row = webhooks::Entity::find_by_id(key).lock_exclusive().one(&self.tx).await.map_err(from_db)?;
        let circuit = circuits::lock(&self.tx, &[to]).await?.remove(&to);
        Ok(match (row, circuit) {
            (Some(row), Some(circuit)) => Some((webhook(row, None)?, circuit)),
            _ => None,
        })
    }

    /// Switches a locked endpoint off, and forgets how it has been answering.
    pub async fn disable_webhook(&self, _: SystemScope, failing: FailingWebhook, reason: &str) -> Result<()> {
        let to = failing.0;
        let row = webhooks::ActiveModel {
            org_id: Set(to.org.uuid()),
            id: Set(to.webhook.uuid()),
            is_active: Set(false),
            disabled_at: Set(Some(self.now())),
            disabled_reason: Set(Some(reason.to_owned())),
            updated_at: Set(self.now()),
            ..Default::default()
        };
        webhooks::Entity::update(row).exec(&self.tx).await.map_err(from_db)?;
        circuits::close(&self.tx, to).await?;
        catching_up::give_up(&self.tx, to).await?;
        destinations::reschedule(&self.tx, &[(to, u64::MAX)], self.now()).await
    }
}
