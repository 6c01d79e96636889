//! Deliveries: one event on its way to one endpoint. This file is what the API needs; the worker's side is in the files beside it.
//!
//! Workers claim *destinations* and then a few rows of each, because claiming rows in due order would let one endpoint with many waiting
//! rows starve all others. A claim is a lease: whoever does not settle in time loses the row to the next claim.

mod candidates;
pub(crate) mod catching_up;
pub(crate) mod circuits;
mod claim;
pub(crate) mod destinations;
mod enqueue;
mod open;
mod outcome;
mod recovery;
mod redelivery;
mod set_back;
mod settle;
pub(crate) mod table;
pub(crate) mod totals;

use domain::{
    DeliveryId, Error, EventId, OrgId, Page, Result, Time, Total, WebhookId,
    authorization::{
        policy::{OrgScope, Read},
        resource::Webhooks,
    },
    delivery::webhooks::{Attempt, Delivery, DeliveryState},
};
use sea_orm::{DbErr, QueryResult, Value};

pub use self::{
    candidates::DeliveryClaim,
    catching_up::{BehindWebhook, CaughtUp, News},
    claim::ClaimedDelivery,
    enqueue::Making,
    outcome::{MAX_ANSWER, Outcome, Ticket, Verdict},
    redelivery::{MAX_REDELIVERIES, Redelivered, Redelivery},
};
pub(crate) use self::{
    catching_up::{FellBehind, fall_behind},
    enqueue::{NewDelivery, insert},
    open::{OpenDeliveries, Others},
};
use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeliveryFilter {
    /// Of this event only.
    pub event_type: Option<String>,
    /// Only those that arrived, or only the others.
    pub delivered: Option<bool>,
}

impl DeliveryFilter {
    /// The parameters of [`MATCHING`], [`Total::EXACT`] among them.
    fn values(&self, org: OrgId, webhook: WebhookId) -> Vec<Value> {
        let delivered = self.delivered.map_or(-1_i32, i32::from);
        let name = self.event_type.as_deref().unwrap_or_default();
        let newest = Total::EXACT.cast_signed();
        vec![org.uuid().into(), webhook.uuid().into(), newest.into(), name.into(), delivered.into()]
    }
}

/// Without the answer, which can be long.
const SHOWN: &str =
    "d.org_id, d.id, d.webhook_id, d.event_id, d.event_type, d.state, d.response_status, d.attempts, d.max_attempts, d.next_at,
  d.error, d.created_at, d.updated_at";

/// The newest `$3`.
const NEWEST: &str = "from deliveries d where d.org_id = $1 and d.webhook_id = $2 order by d.id desc limit $3";

/// Those of the newest `$3` that a filter chooses: by an event's name (empty: any), and by whether it arrived: 1, 0, or -1 for either. No
/// index answers that, so it is the newest that are looked at, where pages without a filter end, too.
const MATCHING: &str = "from (select {shown} {newest}) d
     where ($4 = '' or d.event_type = $4)
       and ($5 = -1 or ($5 = 1 and d.state = {delivered}) or ($5 = 0 and d.state <> {delivered}))";

const HISTORY: Sql = sql!(
    "select x.*, w.name as webhook_name, e.body
     from (select {shown} {newest} offset $4) as x
     join webhooks w on w.org_id = x.org_id and w.id = x.webhook_id
     join events e on e.org_id = x.org_id and e.id = x.event_id
     order by x.id desc",
    shown = SHOWN,
    newest = NEWEST
);

const FILTERED: Sql = sql!(
    "select x.*, w.name as webhook_name, e.body
     from (select {shown} {matching} order by d.id desc limit $6 offset $7) as x
     join webhooks w on w.org_id = x.org_id and w.id = x.webhook_id
     join events e on e.org_id = x.org_id and e.id = x.event_id
     order by x.id desc",
    matching = MATCHING,
    shown = SHOWN,
    newest = NEWEST
);

const ONE: Sql = sql!(
    "select {shown}, d.response_body, w.name as webhook_name, e.body
     from deliveries d
     join webhooks w on w.org_id = d.org_id and w.id = d.webhook_id
     join events e on e.org_id = d.org_id and e.id = d.event_id
     where d.org_id = $1 and d.webhook_id = $2 and d.id = $3",
    shown = SHOWN
);

const ATTEMPTS: Sql = sql!(
    "select number, at, duration_ms, response_status, error
     from attempts
     where org_id = $1 and delivery_id = $2
     order by number"
);

impl Store {
    /// The history of an endpoint, newest first, and how many deliveries match: what is beyond [`Total::EXACT`] is in no page, nor does a
    /// filter find it. Without answers and attempts: [`Store::get_delivery`] has those. `NotFound` if the endpoint is not the organization's.
    pub async fn list_deliveries(
        &self,
        scope: OrgScope<'_, Webhooks, Read>,
        webhook: WebhookId,
        page: Page,
        filter: &DeliveryFilter,
        now: Time,
    ) -> Result<(Vec<Delivery>, Total)> {
        self.get_webhook(scope, webhook).await?;
        let total = self.delivery_total(scope.org(), webhook, filter, now).await?;
        if page.offset() >= total.n {
            return Ok((Vec::new(), total));
        }
        let limit = u64::from(page.limit).min(total.n - page.offset());
        let [limit, offset]: [Value; 2] = [limit, page.offset()].map(|n| n.cast_signed().into());
        let rows = if *filter == DeliveryFilter::default() {
            sql::all(&self.db, HISTORY, vec![scope.org().uuid().into(), webhook.uuid().into(), limit, offset]).await?
        } else {
            let values = filter.values(scope.org(), webhook).into_iter().chain([limit, offset]).collect();
            sql::all(&self.db, FILTERED, values).await?
        };
        Ok((sql::read_all(&rows, read)?, total))
    }

    /// One delivery with its attempts and the last answer, cut to [`MAX_ANSWER`] bytes. `NotFound` if the endpoint never had it.
    pub async fn get_delivery(
        &self,
        scope: OrgScope<'_, Webhooks, Read>,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Delivery> {
        let (org, id): (Value, Value) = (scope.org().uuid().into(), id.uuid().into());
        let row = sql::one(&self.db, ONE, vec![org.clone(), webhook.uuid().into(), id.clone()]).await?;
        let row = row.ok_or_else(|| Error::not_found("delivery"))?;
        let answer: Option<String> = row.try_get("", "response_body").map_err(from_db)?;
        let history = sql::read_all(&sql::all(&self.db, ATTEMPTS, vec![org, id]).await?, read_attempt)?;
        let delivery = read(&row).map_err(from_db)?;
        // What was kept by versions before can be longer.
        Ok(Delivery { response_body: answer.map(|text| outcome::clip(&text)), history, ..delivery })
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
        response_body: None,
        attempts: row.try_get("", "attempts")?,
        history: Vec::new(),
        max_attempts: row.try_get("", "max_attempts")?,
        next_at: row.try_get("", "next_at")?,
        error: row.try_get("", "error")?,
        created_at: row.try_get("", "created_at")?,
        updated_at: row.try_get("", "updated_at")?,
    })
}

fn read_attempt(row: &QueryResult) -> Result<Attempt, DbErr> {
    Ok(Attempt {
        number: row.try_get("", "number")?,
        at: row.try_get("", "at")?,
        duration_ms: row.try_get("", "duration_ms")?,
        response_status: row.try_get("", "response_status")?,
        error: row.try_get("", "error")?,
    })
}

#[cfg(test)]
mod tests;
