//! From an event to its deliveries: one for each active endpoint of its organization that subscribed to its name, as far as there is room.

use std::collections::{BTreeMap, HashSet};

use domain::{OrgId, PLATFORM, Result, Time, WebhookId};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::Waiting;
use crate::{
    Store,
    core::sql::{self, Sql, sql},
    delivery::deliveries::{
        FellBehind, Making, NewDelivery, OpenDeliveries, Others,
        destinations::{self, Destination},
        fall_behind, insert,
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

/// An endpoint with the events that it subscribed to, in their order.
struct Wanted<'a> {
    to: Destination,
    in_order: bool,
    events: Vec<&'a (i64, Waiting)>,
}

/// Makes the deliveries and their destinations due. Answers how many.
pub(super) async fn fan_out(
    store: &Store,
    tx: &DatabaseTransaction,
    events: &[(i64, Waiting)],
    now: Time,
    making: Making,
) -> Result<usize> {
    let mut by_org: BTreeMap<OrgId, Vec<&(i64, Waiting)>> = BTreeMap::new();
    // The platform's own log has no endpoints.
    for numbered in events.iter().filter(|(_, event)| event.org != PLATFORM) {
        by_org.entry(numbered.1.org).or_default().push(numbered);
    }
    let mut count = 0;
    let orgs: Vec<OrgId> = by_org.keys().copied().collect();
    for some in orgs.chunks(ORGS) {
        let wanted = wanted(tx, some, &by_org).await?;
        if wanted.is_empty() {
            continue;
        }
        // The destinations before the deliveries: whoever claims locks in this order as well.
        let mut keys: Vec<_> = wanted.iter().map(|wanted| wanted.to).collect();
        destinations::lock(tx, &mut keys).await?;
        let mut open = OpenDeliveries::read(tx, &keys, making.quotas).await?;
        let (mut rows, mut made, mut fell) = (Vec::new(), Vec::new(), Vec::new());
        for Wanted { to, in_order, events } in wanted {
            let most = room(tx, &mut open, to, &events, &mut fell).await?;
            rows.extend(events[..most].iter().map(|(seq, event)| NewDelivery {
                id: store.ids.uuid(now),
                to,
                event: event.id,
                name: event.name.clone(),
                order: in_order.then_some(*seq),
                max_attempts: making.max_attempts,
            }));
            if most > 0 {
                made.push((to, open.make(to, most)));
            }
        }
        count += rows.len();
        insert(tx, &rows, now).await?;
        destinations::queued(tx, &made, now).await?;
        fall_behind(tx, &fell, now).await?;
    }
    Ok(count)
}

/// For how many of the events, from the first on, deliveries may be made. From the first for which none may, the endpoint is behind: all
/// that comes later is left to its catching up, which keeps the order and forgets nothing.
async fn room(
    tx: &DatabaseTransaction,
    open: &mut OpenDeliveries,
    to: Destination,
    events: &[&(i64, Waiting)],
    fell: &mut Vec<FellBehind>,
) -> Result<usize> {
    if open.behind_from(to).is_some() {
        return Ok(0);
    }
    let wanted = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let room = open.room(tx, to, wanted, Others::Counted).await?;
    let most = usize::try_from(room.left.min(wanted)).unwrap_or(0);
    if let Some((seq, _)) = events.get(most) {
        fell.push(FellBehind { to, from: *seq, why: room.bound });
    }
    Ok(most)
}

/// Which endpoints of `orgs` want which of the events.
async fn wanted<'a>(
    tx: &DatabaseTransaction,
    orgs: &[OrgId],
    by_org: &BTreeMap<OrgId, Vec<&'a (i64, Waiting)>>,
) -> Result<Vec<Wanted<'a>>> {
    let mut wanted = Vec::new();
    for (org, subscriber) in subscribers(tx, orgs).await? {
        let events = by_org.get(&org).into_iter().flatten().copied();
        let events: Vec<_> = events.filter(|(_, event)| subscriber.names.contains(&event.name)).collect();
        if !events.is_empty() {
            let to = Destination { org, webhook: subscriber.webhook };
            wanted.push(Wanted { to, in_order: subscriber.in_order, events });
        }
    }
    Ok(wanted)
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
async fn subscribers(tx: &DatabaseTransaction, orgs: &[OrgId]) -> Result<Vec<(OrgId, Subscriber)>> {
    let rows = SUBSCRIBERS.all(tx, vec![], orgs.iter().map(|org| [org.uuid().into()])).await?;
    sql::read_all(&rows, subscriber)
}

fn subscriber(row: &QueryResult) -> Result<(OrgId, Subscriber), DbErr> {
    let names: String = row.try_get("", "events")?;
    let names = names.split_whitespace().map(ToOwned::to_owned).collect();
    let webhook = WebhookId::new(row.try_get("", "id")?);
    Ok((OrgId::new(row.try_get("", "org_id")?), Subscriber { webhook, names, in_order: row.try_get("", "in_order")? }))
}
