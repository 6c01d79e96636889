//! Making deliveries: those of new events, the test event, and redeliveries.

use domain::{
    DeliveryId, Error, EventId, Result, Time,
    authorization::{
        policy::{OrgScope, Write},
        resource::Webhooks,
    },
    delivery::webhooks::{
        Webhook,
        quota::{Full, Quotas, Room},
    },
    events::record::TEST_PING,
};
use sea_orm::{DatabaseTransaction, QueryResult};
use uuid::Uuid;

use super::{
    circuits,
    destinations::{self, Destination},
    open::{OpenDeliveries, Others},
};
use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
    events::record,
};

/// How deliveries are made.
#[derive(Clone, Copy, Debug)]
pub struct Making {
    /// How often each is tried at most.
    pub max_attempts: i32,
    /// How many may be open.
    pub quotas: Quotas,
}

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

impl WriteTx {
    /// Queues the test event for one endpoint. It goes to nobody else, and is not part of the log or the feed. Where order is kept it
    /// goes before everything else and is tried once, so that it holds nothing up.
    pub async fn enqueue_test(
        &self,
        scope: OrgScope<'_, Webhooks, Write>,
        webhook: &Webhook,
        making: Making,
    ) -> Result<DeliveryId> {
        let to = destination(scope, webhook)?;
        let (mut open, _) = self.room(to, making, 1).await?;
        let event = record::ping(self, to.org, to.webhook).await?;
        let ping = EventToDeliver { event, name: TEST_PING.to_owned(), seq: None };
        Ok(self.enqueue(to, webhook.in_order, vec![ping], (making, &mut open)).await?[0])
    }

    /// Queues a new delivery of the event that another delivery was about. `NotFound` if the endpoint never had it, `Conflict`
    /// (`event_erased`).
    pub async fn redeliver(
        &self,
        scope: OrgScope<'_, Webhooks, Write>,
        webhook: &Webhook,
        delivery: DeliveryId,
        making: Making,
    ) -> Result<DeliveryId> {
        let to = destination(scope, webhook)?;
        let values = vec![to.org.uuid().into(), to.webhook.uuid().into(), delivery.uuid().into()];
        let row = sql::one(&self.tx, DELIVERED_EVENT, values).await?.ok_or_else(|| Error::not_found("delivery"))?;
        if row.try_get::<Option<String>>("", "digest").map_err(from_db)?.is_some() {
            return Err(Error::conflict("event_erased", "The content of this event was erased; it cannot be sent again."));
        }
        let event = EventToDeliver::read(&row).map_err(from_db)?;
        let (mut open, _) = self.room(to, making, 1).await?;
        Ok(self.enqueue(to, webhook.in_order, vec![event], (making, &mut open)).await?[0])
    }

    /// What more may be made for an endpoint because somebody asked for it; locks it. `Conflict` (`too_many_waiting`).
    pub(super) async fn room(&self, to: Destination, making: Making, wanted: i64) -> Result<(OpenDeliveries, usize)> {
        destinations::lock(&self.tx, &mut [to]).await?;
        let mut open = OpenDeliveries::read(&self.tx, &[to], making.quotas).await?;
        let room = open.room(&self.tx, to, wanted, Others::Counted).await?;
        match usize::try_from(room.left) {
            Ok(left) if left > 0 => Ok((open, left)),
            _ => Err(too_many(room)),
        }
    }

    /// New deliveries, in the order in which they are given. Whoever asks for them wants to see them tried: an open circuit probes.
    pub(super) async fn enqueue(
        &self,
        to: Destination,
        in_order: bool,
        events: Vec<EventToDeliver>,
        making: (Making, &mut OpenDeliveries),
    ) -> Result<Vec<DeliveryId>> {
        circuits::probe(&self.tx, to, self.now()).await?;
        self.make(to, in_order, events, making).await
    }

    /// New deliveries for a locked destination, in the order in which they are given.
    pub(super) async fn make(
        &self,
        to: Destination,
        in_order: bool,
        events: Vec<EventToDeliver>,
        (making, open): (Making, &mut OpenDeliveries),
    ) -> Result<Vec<DeliveryId>> {
        let (mut ids, mut rows) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
        for EventToDeliver { event, name, seq } in events {
            let id = self.uuid();
            let order = in_order.then_some(seq.unwrap_or(0));
            let max_attempts = if order == Some(0) { 1 } else { making.max_attempts };
            rows.push(NewDelivery { id, to, event, name, order, max_attempts });
            ids.push(DeliveryId::new(id));
        }
        insert(&self.tx, &rows, self.now()).await?;
        destinations::queued(&self.tx, &[(to, open.make(to, rows.len()))], self.now()).await?;
        Ok(ids)
    }
}

fn too_many(room: Room) -> Error {
    let of = room.of;
    let message = match room.bound {
        Full::Endpoint => {
            format!("{of} deliveries wait at this webhook, as many as may. Ask again when fewer do; new events are not lost meanwhile.")
        }
        Full::Organization => {
            "As many deliveries wait at the organization's webhooks as may. Ask again when fewer do; new events are not lost meanwhile."
                .to_owned()
        }
        Full::Unverified => format!(
            "This webhook has never answered 2xx, and {of} deliveries wait at it, as many as may. Nothing is lost: once it answers, it \
             catches up. Switch it on (`is_active`) to have it tried at once."
        ),
    };
    Error::conflict("too_many_waiting", message)
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
