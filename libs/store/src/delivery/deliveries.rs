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
mod range;
mod set_back;
mod settle;
pub(crate) mod table;

use domain::{
    DeliveryId, EventId, OrgId, Page, Result, WebhookId,
    authorization::{
        policy::{OrgScope, Read},
        resource::Webhooks,
    },
    delivery::webhooks::{Attempt, Delivery, DeliveryState},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult, Value};

pub(crate) use self::enqueue::{Fresh, insert};
pub use self::{
    claim::{ClaimedDelivery, DeliveryClaim},
    outcome::{Outcome, Ticket, Verdict},
    range::{MAX_REPLAY, Replay, Replayed},
};
use crate::{
    Store,
    core::{entity::attempts, error::from_db, sql},
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

macro_rules! matching {
    ($columns:literal) => {
        concat!(
            "select ",
            $columns,
            " from deliveries d where d.org_id = $1 and d.webhook_id = $2 and ($3 = '' or d.event_type = $3)
and ($4 = 0 or ($4 = 1 and d.state = 2) or ($4 = 2 and d.state <> 2))"
        )
    };
}

const TOTAL: &str = concat!("select count(*) from (", matching!("1"), " limit $5) as t");

const HISTORY: &str = concat!(
    "select x.*, w.name as webhook_name, e.body from (",
    matching!("d.*"),
    " order by d.id desc limit $5 offset $6) as x
join webhooks w on w.org_id = x.org_id and w.id = x.webhook_id
join events e on e.org_id = x.org_id and e.id = x.event_id order by x.id desc"
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
            None => 0_i32,
            Some(true) => 1,
            Some(false) => 2,
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
        let mut page: Vec<Delivery> = rows.iter().map(read).collect::<Result<_, _>>().map_err(from_db)?;
        self.add_history(scope, &mut page).await?;
        Ok((page, total))
    }

    /// One more statement for the whole page.
    async fn add_history(&self, scope: OrgScope<'_, Webhooks, Read>, page: &mut [Delivery]) -> Result<()> {
        let tried = attempts::Entity::find()
            .filter(attempts::Column::OrgId.eq(scope.org().uuid()))
            .filter(attempts::Column::DeliveryId.is_in(page.iter().map(|delivery| delivery.id.uuid())))
            .order_by_asc(attempts::Column::Number);
        for row in tried.all(&self.db).await.map_err(from_db)? {
            let Some(delivery) = page.iter_mut().find(|delivery| delivery.id.uuid() == row.delivery_id) else { continue };
            let (number, at, duration_ms) = (row.number, row.at, row.duration_ms);
            delivery.history.push(Attempt { number, at, duration_ms, response_status: row.response_status, error: row.error });
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

/// The organization and id of a delivery, as the statements below name rows.
pub(crate) fn key(org: OrgId, id: DeliveryId) -> [Value; 2] {
    [org.uuid().into(), id.uuid().into()]
}

#[cfg(test)]
mod tests;
