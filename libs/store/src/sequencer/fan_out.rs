//! From an event to its deliveries: one for each active endpoint of its organization that subscribed to its name.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{OrgId, PLATFORM, Result, Time, WebhookId};
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, QueryResult, Value};

use super::Waiting;
use crate::{
    Store,
    deliveries::{
        destinations::{self, Destination},
        waiting,
    },
    dialect,
    entity::deliveries,
    error::from_db,
    sql,
};

/// Rows of one insert: 15 columns each must stay below SQLite's 32,766 parameters.
const ROWS: usize = 2000;
/// Organizations asked for at once: each has at most 50 endpoints, so this bounds what is in memory.
const ORGS: usize = 200;

/// An endpoint's names of events.
struct Subscriber {
    webhook: WebhookId,
    names: HashSet<String>,
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
        let subscribers = subscribers(store, tx, some).await?;
        let (mut rows, mut due) = (Vec::new(), Vec::new());
        for (org, subscribers) in &subscribers {
            for subscriber in subscribers {
                let wanted = by_org[org].iter().filter(|event| subscriber.names.contains(&event.name));
                let before = rows.len();
                rows.extend(wanted.map(|event| {
                    let to = Destination { org: *org, webhook: subscriber.webhook };
                    waiting(store.ids.uuid(now), to, event.id, &event.name, now, max_attempts)
                }));
                if rows.len() > before {
                    due.push(Destination { org: *org, webhook: subscriber.webhook });
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

/// The active endpoints of `orgs`, kept from being deleted until the pass ends (a delivery must not outlive its endpoint).
async fn subscribers(store: &Store, tx: &DatabaseTransaction, orgs: &[OrgId]) -> Result<HashMap<OrgId, Vec<Subscriber>>> {
    let lock = dialect::row_lock(store.has_one_writer(), "for key share");
    let among = sql::tuples(1, 1, orgs.len());
    let text =
        format!("select org_id, id, events from webhooks where is_active and org_id in {among} order by org_id, id {lock}");
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
    Ok((OrgId::new(row.try_get("", "org_id")?), Subscriber { webhook: WebhookId::new(row.try_get("", "id")?), names }))
}

async fn insert(tx: &DatabaseTransaction, mut rows: Vec<deliveries::ActiveModel>) -> Result<()> {
    while !rows.is_empty() {
        let some: Vec<_> = rows.drain(..rows.len().min(ROWS)).collect();
        deliveries::Entity::insert_many(some).exec_without_returning(tx).await.map_err(from_db)?;
    }
    Ok(())
}
