//! From an event to its deliveries: one for each active endpoint of its organization that subscribed to its name.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{EventId, OrgId, PLATFORM, Result, Time, WebhookId};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::Waiting;
use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
    delivery::deliveries::{
        NewDelivery,
        destinations::{self, Destination},
        insert,
    },
};

/// Organizations asked for at once: each has at most 50 endpoints, so this bounds what is in memory.
const ORGS: usize = 200;

/// An endpoint's names of events.
struct Subscriber {
    webhook: WebhookId,
    names: HashSet<String>,
    in_order: bool,
}

/// Makes the deliveries and their destinations due. Answers how many.
pub(super) async fn fan_out(
    store: &Store,
    tx: &DatabaseTransaction,
    events: &[Waiting],
    now: Time,
    max_attempts: i32,
) -> Result<usize> {
    let mut by_org: BTreeMap<OrgId, Vec<&Waiting>> = BTreeMap::new();
    // The platform's own log has no endpoints.
    for event in events.iter().filter(|event| event.org != PLATFORM) {
        by_org.entry(event.org).or_default().push(event);
    }
    let mut count = 0;
    let orgs: Vec<OrgId> = by_org.keys().copied().collect();
    for some in orgs.chunks(ORGS) {
        let (mut rows, mut due) = (Vec::new(), Vec::new());
        for (org, subscribers) in subscribers(tx, some).await? {
            let events = &by_org[&org];
            let ordered = subscribers.iter().any(|subscriber| subscriber.in_order);
            let numbers = if ordered { numbers(tx, org, events).await? } else { HashMap::new() };
            for subscriber in subscribers {
                let to = Destination { org, webhook: subscriber.webhook };
                let before = rows.len();
                for event in events.iter().filter(|event| subscriber.names.contains(&event.name)) {
                    let order = numbers.get(&event.id).copied().filter(|_| subscriber.in_order);
                    let id = store.ids.uuid(now);
                    rows.push(NewDelivery { id, to, event: event.id, name: event.name.clone(), order, max_attempts });
                }
                if rows.len() > before {
                    due.push(to);
                }
            }
        }
        count += rows.len();
        // The destinations before the deliveries: whoever claims locks in this order as well.
        destinations::lock(tx, &mut due).await?;
        insert(tx, &rows, now).await?;
        destinations::make_due(tx, &due, now).await?;
    }
    Ok(count)
}

const NUMBERS: Sql<1> = sql!(
    "select event_id, seq
     from feed
     where org_id = $1 and event_id in (select event_id from {rows})",
    rows = 2 (event_id: Uuid)
);

/// The numbers that this pass has just given: an id alone does not say in which order events were committed.
async fn numbers(tx: &DatabaseTransaction, org: OrgId, events: &[&Waiting]) -> Result<HashMap<EventId, i64>> {
    let rows = NUMBERS.all(tx, vec![org.uuid().into()], events.iter().map(|event| [event.id.uuid().into()])).await?;
    sql::read_all(&rows, |row| Ok((EventId::new(row.try_get("", "event_id")?), row.try_get("", "seq")?)))
}

const SUBSCRIBERS: Sql<1> = sql!(
    "select org_id, id, events, in_order
     from webhooks
     where is_active and org_id in (select org_id from {rows})
     order by org_id, id
     {for key share}",
    rows = 1 (org_id: Uuid)
);

/// The active endpoints of `orgs`, kept from being deleted until the pass ends (a delivery must not outlive its endpoint).
async fn subscribers(tx: &DatabaseTransaction, orgs: &[OrgId]) -> Result<HashMap<OrgId, Vec<Subscriber>>> {
    let mut found: HashMap<OrgId, Vec<Subscriber>> = HashMap::new();
    for row in SUBSCRIBERS.all(tx, vec![], orgs.iter().map(|org| [org.uuid().into()])).await? {
        let (org, subscriber) = subscriber(&row).map_err(from_db)?;
        found.entry(org).or_default().push(subscriber);
    }
    Ok(found)
}

fn subscriber(row: &QueryResult) -> Result<(OrgId, Subscriber), DbErr> {
    let names: String = row.try_get("", "events")?;
    let names = names.split_whitespace().map(ToOwned::to_owned).collect();
    let webhook = WebhookId::new(row.try_get("", "id")?);
    Ok((OrgId::new(row.try_get("", "org_id")?), Subscriber { webhook, names, in_order: row.try_get("", "in_order")? }))
}
