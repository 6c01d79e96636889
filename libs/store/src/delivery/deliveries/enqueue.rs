//! Making deliveries: those of new events, the test event, and redeliveries.

use domain::{
    DeliveryId, Error, EventId, Result, Time,
    authorization::{
        policy::{OrgScope, Write},
        resource::Webhooks,
    },
    delivery::webhooks::Webhook,
    events::record::TEST_PING,
};
use sea_orm::{DatabaseTransaction, QueryResult};
use uuid::Uuid;

use super::{
    circuits,
    destinations::{self, Destination},
};
use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
    events::record,
};

/// A delivery that nobody has tried yet.
pub(crate) struct NewDelivery {
    pub(crate) id: Uuid,
    pub(crate) to: Destination,
    pub(crate) event: EventId,
    pub(crate) name: String,
    /// Its place, if the endpoint keeps its events in order.
    pub(crate) order: Option<i64>,
    pub(crate) max_attempts: i32,
}

const INSERT: Sql<7> = sql!(
    "insert into deliveries
       (org_id, id, webhook_id, event_id, event_type, state, attempts, max_attempts, next_at, created_at, updated_at, line)
     select v.org_id, v.id, v.webhook_id, v.event_id, v.event_type, {waiting}, 0, v.max_attempts, $1, $1, $1, v.line
     from {rows}",
    rows = 2 (
        org_id: Uuid,
        id: Uuid,
        webhook_id: Uuid,
        event_id: Uuid,
        event_type: String,
        max_attempts: i32,
        line: Option<i64>,
    )
);

/// Rows of one insert.
const ROWS: usize = 1000;

/// Inserts deliveries whose destinations are locked.
pub(crate) async fn insert(tx: &DatabaseTransaction, rows: &[NewDelivery], now: Time) -> Result<()> {
    for some in rows.chunks(ROWS) {
        let rows = some.iter().map(|row| {
            [
                row.to.org.uuid().into(),
                row.id.into(),
                row.to.webhook.uuid().into(),
                row.event.uuid().into(),
                row.name.as_str().into(),
                row.max_attempts.into(),
                row.order.into(),
            ]
        });
        INSERT.execute(tx, vec![now.into()], rows).await?;
    }
    Ok(())
}

const DELIVERED_EVENT: Sql = sql!(
    "select d.event_id, d.event_type, f.seq, e.digest
     from deliveries d
     join events e on e.org_id = d.org_id and e.id = d.event_id
     left join feed f on f.org_id = d.org_id and f.event_id = d.event_id
     where d.org_id = $1 and d.webhook_id = $2 and d.id = $3"
);

/// Deliveries that may wait at an endpoint, and at all endpoints of its organization, when somebody asks for more. New events are
/// delivered all the same.
pub const OPEN_AT_ENDPOINT: i64 = 10_000;
/// The same for an organization.
pub const OPEN_IN_ORGANIZATION: i64 = 50_000;

// Nobody has to count further than the limits.
const ROOM: Sql = sql!(
    "select case when e.room < o.room then e.room else o.room end
     from (select $3 - count(*) as room from (
         select 1 from deliveries d where d.org_id = $1 and d.webhook_id = $2 and d.{open} limit $3) as at_endpoint) as e
     cross join (select $4 - count(*) as room from (
         select 1 from deliveries d where d.org_id = $1 and d.{open} limit $4) as in_organization) as o"
);

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
        self.room(to).await?;
        let event = record::ping(self, to.org, to.webhook).await?;
        let ping = EventToDeliver { event, name: TEST_PING.to_owned(), seq: None };
        Ok(self.enqueue(to, webhook.in_order, vec![ping], max_attempts).await?[0])
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
        let row = sql::one(&self.tx, DELIVERED_EVENT, values).await?.ok_or_else(|| Error::not_found("delivery"))?;
        if row.try_get::<Option<String>>("", "digest").map_err(from_db)?.is_some() {
            return Err(Error::conflict("event_erased", "The content of this event was erased; it cannot be sent again."));
        }
        let event = EventToDeliver::read(&row).map_err(from_db)?;
        self.room(to).await?;
        Ok(self.enqueue(to, webhook.in_order, vec![event], max_attempts).await?[0])
    }

    /// How many more deliveries may wait at an endpoint because somebody asked for them; locks it. `Conflict` (`too_many_waiting`).
    pub(super) async fn room(&self, to: Destination) -> Result<usize> {
        destinations::lock(&self.tx, &mut [to]).await?;
        let values = vec![to.org.uuid().into(), to.webhook.uuid().into(), OPEN_AT_ENDPOINT.into(), OPEN_IN_ORGANIZATION.into()];
        let room = usize::try_from(sql::count(&self.tx, ROOM, values).await?).unwrap_or(0);
        if room > 0 {
            return Ok(room);
        }
        let message =
            "As many deliveries wait as may wait. Nothing is lost: the event feed has every event. Redeliver when fewer wait.";
        Err(Error::conflict("too_many_waiting", message))
    }

    /// New deliveries, in the order in which they are given. Whoever asks for them wants to see them tried: an open circuit probes.
    pub(super) async fn enqueue(
        &self,
        to: Destination,
        in_order: bool,
        events: Vec<EventToDeliver>,
        max_attempts: i32,
    ) -> Result<Vec<DeliveryId>> {
        let (mut ids, mut rows) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
        for EventToDeliver { event, name, seq } in events {
            let id = self.uuid();
            let order = in_order.then_some(seq.unwrap_or(0));
            let max_attempts = if order == Some(0) { 1 } else { max_attempts };
            rows.push(NewDelivery { id, to, event, name, order, max_attempts });
            ids.push(DeliveryId::new(id));
        }
        destinations::lock(&self.tx, &mut [to]).await?;
        insert(&self.tx, &rows, self.now()).await?;
        circuits::probe(&self.tx, to, self.now()).await?;
        destinations::make_due(&self.tx, &[to], self.now()).await?;
        Ok(ids)
    }
}

pub(super) fn destination(scope: OrgScope<'_, Webhooks, Write>, webhook: &Webhook) -> Result<Destination> {
    let to = Destination { org: scope.org(), webhook: webhook.id };
    if webhook.org_id == to.org { Ok(to) } else { Err(Error::not_found("webhook")) }
}

/// An event that somebody wants delivered; `seq` is its number in the feed, which a test event has none of.
pub(super) struct EventToDeliver {
    pub(super) event: EventId,
    pub(super) name: String,
    pub(super) seq: Option<i64>,
}

impl EventToDeliver {
    pub(super) fn read(row: &QueryResult) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            event: EventId::new(row.try_get("", "event_id")?),
            name: row.try_get("", "event_type")?,
            seq: row.try_get("", "seq")?,
        })
    }
}
