//! From an event to its deliveries: one for each active endpoint of its organization that subscribed to its name.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{EventId, OrgId, PLATFORM, Result, Time, WebhookId};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};

use super::Waiting;
use crate::{
    Store,
    core::{dialect, error::from_db, sql},
    delivery::deliveries::{
        Fresh,
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
        for (org, subscribers) in subscribers(store, tx, some).await? {
            let events = &by_org[&org];
            let ordered = subscribers.iter().any(|subscriber| subscriber.in_order);
            let numbers = if ordered { numbers(tx, org, events).await? } else { HashMap::new() };
            for subscriber in subscribers {
                let to = Destination { org, webhook: subscriber.webhook };
                let before = rows.len();
                for event in events.iter().filter(|event| subscriber.names.contains(&event.name)) {
                    let line = numbers.get(&event.id).copied().filter(|_| subscriber.in_order);
                    let fresh = Fresh { to, event: event.id, name: event.name.clone(), line, max_attempts };
                    rows.push(fresh.row(store.ids.uuid(now), now));
                }
                if rows.len() > before {
                    due.push(to);
                }
            }
        }
        count += rows.len();
        // The destinations before the deliveries: whoever claims locks in this order as well.
        destinations::lock(tx, &mut due).await?;
        insert(tx, rows).await?;
        destinations::make_due(tx, &due, now).await?;
    }
    Ok(count)
}

/// The numbers that this pass has just given: an id alone does not say in which order events were committed.
async fn numbers(tx: &DatabaseTransaction, org: OrgId, events: &[&Waiting]) -> Result<HashMap<EventId, i64>> {
    let text = format!("select event_id, seq from feed where org_id = $1 and event_id in {}", sql::tuples(2, 1, events.len()));
    let values = std::iter::once(org.uuid().into()).chain(events.iter().map(|event| event.id.uuid().into())).collect();
    let rows = sql::all(tx, &text, values).await?;
    let read = |row: &QueryResult| Ok((EventId::new(row.try_get("", "event_id")?), row.try_get("", "seq")?));
    rows.iter().map(read).collect::<Result<_, _>>().map_err(from_db)
}

/// The active endpoints of `orgs`, kept from being deleted until the pass ends (a delivery must not outlive its endpoint).
async fn subscribers(store: &Store, tx: &DatabaseTransaction, orgs: &[OrgId]) -> Result<HashMap<OrgId, Vec<Subscriber>>> {
    let lock = dialect::row_lock(store.has_one_writer(), "for key share");
    let among = sql::tuples(1, 1, orgs.len());
    let text = format!(
        "select org_id, id, events, in_order from webhooks where is_active and org_id in {among} order by org_id, id {lock}"
    );
    let values: Vec<Value> = orgs.iter().map(|org| org.uuid().into()).collect();
    let mut found: HashMap<OrgId, Vec<Subscriber>> = HashMap::new();
    for row in sql::all(tx, &text, values).await? {
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
