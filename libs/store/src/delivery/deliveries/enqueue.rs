//! Deliveries that somebody asked for: the test event, and events that are sent again.

use domain::{
    DeliveryId, Error, EventId, Result, Time,
    authorization::{
        policy::{OrgScope, Write},
        resource::Webhooks,
    },
    delivery::webhooks::{DeliveryState, Webhook},
    events::record::TEST_PING,
};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryResult, Set};
use uuid::Uuid;

use super::{
    circuits,
    destinations::{self, Destination},
};
use crate::{
    WriteTx,
    core::{entity::deliveries, error::from_db, sql},
    events::record,
};

/// A delivery that nobody has tried yet.
pub(crate) struct Fresh {
    pub(crate) to: Destination,
    pub(crate) event: EventId,
    pub(crate) name: String,
    /// Its place, if the endpoint wants its events in order.
    pub(crate) line: Option<i64>,
    pub(crate) max_attempts: i32,
}

impl Fresh {
    pub(crate) fn row(self, id: Uuid, now: Time) -> deliveries::ActiveModel {
        deliveries::ActiveModel {
            org_id: Set(self.to.org.uuid()),
            id: Set(id),
            webhook_id: Set(self.to.webhook.uuid()),
            event_id: Set(self.event.uuid()),
            event_type: Set(self.name),
            state: Set(DeliveryState::Waiting as i16),
            attempts: Set(0),
            max_attempts: Set(self.max_attempts),
            next_at: Set(now),
            lease: Set(None),
            response_status: Set(None),
            response_body: Set(None),
            error: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
            line: Set(self.line),
        }
    }
}

/// Rows of one insert: 16 columns each must stay below SQLite's 32,766 parameters.
const ROWS: usize = 2000;

/// Inserts deliveries whose destinations are locked.
pub(crate) async fn insert(tx: &DatabaseTransaction, mut rows: Vec<deliveries::ActiveModel>) -> Result<()> {
    while !rows.is_empty() {
        let some: Vec<_> = rows.drain(..rows.len().min(ROWS)).collect();
        deliveries::Entity::insert_many(some).exec_without_returning(tx).await.map_err(from_db)?;
    }
    Ok(())
}

impl WriteTx {
    /// Queues the test event for one endpoint. It goes to nobody else, and is not part of the log or the feed. Where order is kept it
    /// goes before everything else and is tried once, so that it holds nothing up.
    pub async fn enqueue_test(
        &self,
        scope: OrgScope<'_, Webhooks, Write>,
        webhook: &Webhook,
        max_attempts: i32,
    ) -> Result<DeliveryId> {
        let to = destination(scope, webhook)?;
        let event = record::ping(self, to.org, to.webhook).await?;
        let again = Again { event, name: TEST_PING.to_owned(), seq: None };
        Ok(self.enqueue(to, webhook.in_order, vec![again], max_attempts).await?[0])
    }

    /// Queues a new delivery of the event that another delivery was about. `NotFound` if the endpoint never had it, `Conflict`
    /// (`event_erased`).
    pub async fn redeliver(
        &self,
        scope: OrgScope<'_, Webhooks, Write>,
        webhook: &Webhook,
        delivery: DeliveryId,
        max_attempts: i32,
    ) -> Result<DeliveryId> {
        let to = destination(scope, webhook)?;
        let values = vec![to.org.uuid().into(), to.webhook.uuid().into(), delivery.uuid().into()];
        let row = sql::one(&self.tx, ABOUT, values).await?.ok_or_else(|| Error::not_found("delivery"))?;
        if row.try_get::<Option<String>>("", "digest").map_err(from_db)?.is_some() {
            return Err(Error::conflict("event_erased", "The content of this event was erased; it cannot be sent again."));
        }
        let again = Again::read(&row).map_err(from_db)?;
        Ok(self.enqueue(to, webhook.in_order, vec![again], max_attempts).await?[0])
    }

    /// New deliveries, in the order in which they are given. Whoever asks for them wants to see them tried: an open circuit probes.
    pub(super) async fn enqueue(
        &self,
        to: Destination,
        in_order: bool,
        events: Vec<Again>,
        max_attempts: i32,
    ) -> Result<Vec<DeliveryId>> {
        let (mut ids, mut rows) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
        for Again { event, name, seq } in events {
            let id = self.uuid();
            let line = in_order.then_some(seq.unwrap_or(0));
            let max_attempts = if line == Some(0) { 1 } else { max_attempts };
            rows.push(Fresh { to, event, name, line, max_attempts }.row(id, self.now()));
            ids.push(DeliveryId::new(id));
        }
        destinations::lock(&self.tx, &mut [to]).await?;
        insert(&self.tx, rows).await?;
        circuits::probe(&self.tx, to, self.now()).await?;
        destinations::make_due(&self.tx, &[to], self.now()).await?;
        Ok(ids)
    }
}

pub(super) fn destination(scope: OrgScope<'_, Webhooks, Write>, webhook: &Webhook) -> Result<Destination> {
    let to = Destination { org: scope.org(), webhook: webhook.id };
    if webhook.org_id == to.org { Ok(to) } else { Err(Error::not_found("webhook")) }
}

/// An event to be sent (again); `seq` is its number in the feed, which a test event has none of.
pub(super) struct Again {
    pub(super) event: EventId,
    pub(super) name: String,
    pub(super) seq: Option<i64>,
}

impl Again {
    pub(super) fn read(row: &QueryResult) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            event: EventId::new(row.try_get("", "event_id")?),
            name: row.try_get("", "event_type")?,
            seq: row.try_get("", "seq")?,
        })
    }
}

const ABOUT: &str = "select d.event_id, d.event_type, f.seq, e.digest from deliveries d
                     join events e on e.org_id = d.org_id and e.id = d.event_id left join feed f on f.org_id = d.org_id and f.event_id = d.event_id where d.org_id = $1 and d.webhook_id = $2 and d.id = $3";
