//! Deliveries: one event on its way to one endpoint. This file is what the API needs; the worker's side is in the files beside it.
//!
//! Workers claim *destinations* and then a few rows of each, because claiming rows in due order would let one endpoint with many waiting
//! rows starve all others. A claim is a lease: whoever does not settle in time loses the row to the next claim.

mod candidates;
pub(crate) mod circuits;
mod claim;
pub(crate) mod destinations;
mod enqueue;
mod outcome;
mod redelivery;
mod set_back;
mod settle;
pub(crate) mod table;

use domain::{
    DeliveryId, EventId, Page, Result, WebhookId,
    authorization::{
        policy::{OrgScope, Read},
        resource::Webhooks,
    },
    delivery::webhooks::{Attempt, Delivery, DeliveryState},
};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

pub(crate) use self::enqueue::{NewDelivery, insert};
pub use self::{
    candidates::DeliveryClaim,
    claim::ClaimedDelivery,
    outcome::{Outcome, Ticket, Verdict},
    redelivery::{MAX_REDELIVERIES, Redelivered, Redelivery},
};
use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this event only.
    pub event_type: Option<String>,
    /// Only those that arrived, or only the others.
    pub delivered: Option<bool>,
}

/// Totals are exact up to here, and this number beyond: counting a long history would cost every reader.
pub const COUNT_LIMIT: i64 = 100_000;

/// Filtered by an event's name (empty: any), and by whether it arrived: 1, 0, or -1 for either.
const MATCHING: &str = "from deliveries d
     where d.org_id = $1 and d.webhook_id = $2 and ($3 = '' or d.event_type = $3)
       and ($4 = -1 or ($4 = 1 and d.state = {delivered}) or ($4 = 0 and d.state <> {delivered}))";

const TOTAL: Sql = sql!("select count(*) from (select 1 {matching} limit $5) as t", matching = MATCHING);

const HISTORY: Sql = sql!(
    "select x.*, w.name as webhook_name, e.body
     from (select d.* {matching} order by d.id desc limit $5 offset $6) as x
     join webhooks w on w.org_id = x.org_id and w.id = x.webhook_id
     join events e on e.org_id = x.org_id and e.id = x.event_id
     order by x.id desc",
    matching = MATCHING
);

const ATTEMPTS: Sql<1> = sql!(
    "select delivery_id, number, at, duration_ms, response_status, error
     from attempts
     where org_id = $1 and delivery_id in (select delivery_id from {rows})
     order by number",
    rows = 2 (delivery_id: Uuid)
);

impl Store {
    /// The history of an endpoint, newest first, and how many deliveries match (up to [`COUNT_LIMIT`]). `NotFound` if the endpoint is
    /// not the organization's.
    pub async fn list_deliveries(
        &self,
        scope: OrgScope<'_, Webhooks, Read>,
        webhook: WebhookId,
        page: Page,
        filter: &DeliveryFilter,
    ) -> Result<(Vec<Delivery>, u64)> {
        self.get_webhook(scope, webhook).await?;
        let delivered = match filter.delivered {
            None => -1_i32,
            Some(true) => 1,
            Some(false) => 0,
        };
        let name = filter.event_type.as_deref().unwrap_or_default();
        let with = |more: &[i64]| -> Vec<Value> {
            let mut values = vec![scope.org().uuid().into(), webhook.uuid().into(), name.into(), delivered.into()];
            values.extend(more.iter().map(|n| Value::from(*n)));
            values
        };
        let total = sql::count(&self.db, TOTAL, with(&[COUNT_LIMIT])).await?.unsigned_abs();
        if page.offset() > Page::MAX_OFFSET {
            return Ok((Vec::new(), total));
        }
        let rows = sql::all(&self.db, HISTORY, with(&[i64::from(page.limit), page.offset().cast_signed()])).await?;
        let mut page: Vec<Delivery> = sql::read_all(&rows, read)?;
        self.add_history(scope, &mut page).await?;
        Ok((page, total))
    }

    /// One more statement for the whole page.
    async fn add_history(&self, scope: OrgScope<'_, Webhooks, Read>, page: &mut [Delivery]) -> Result<()> {
        let ids = page.iter().map(|delivery| [delivery.id.uuid().into()]);
        for row in ATTEMPTS.all(&self.db, vec![scope.org().uuid().into()], ids).await? {
            let (of, attempt) = read_attempt(&row).map_err(from_db)?;
            if let Some(delivery) = page.iter_mut().find(|delivery| delivery.id == of) {
                delivery.history.push(attempt);
            }
        }
        Ok(())
    }
}

fn read(row: &QueryResult) -> Result<Delivery, DbErr> {
    Ok(Delivery {
        id: DeliveryId::new(row.try_get("", "id")?),
        webhook_id: WebhookId::new(row.try_get("", "webhook_id")?),
        webhook_name: row.try_get("", "webhook_name")?,
        event_id: EventId::new(row.try_get("", "event_id")?),
        event_type: row.try_get("", "event_type")?,
        payload: row.try_get("", "body")?,
        state: DeliveryState::stored(row.try_get("", "state")?),
        response_status: row.try_get("", "response_status")?,
        response_body: row.try_get("", "response_body")?,
        attempts: row.try_get("", "attempts")?,
        history: Vec::new(),
        max_attempts: row.try_get("", "max_attempts")?,
        next_at: row.try_get("", "next_at")?,
        error: row.try_get("", "error")?,
        created_at: row.try_get("", "created_at")?,
        updated_at: row.try_get("", "updated_at")?,
    })
}

fn read_attempt(row: &QueryResult) -> Result<(DeliveryId, Attempt), DbErr> {
    let attempt = Attempt {
        number: row.try_get("", "number")?,
        at: row.try_get("", "at")?,
        duration_ms: row.try_get("", "duration_ms")?,
        response_status: row.try_get("", "response_status")?,
        error: row.try_get("", "error")?,
    };
    Ok((DeliveryId::new(row.try_get("", "delivery_id")?), attempt))
}

#[cfg(test)]
mod tests;
