//! Redelivery of the events of a time: also those from before the endpoint existed, and from when it was switched off. The source is
//! the organization's feed, so the test event is never among them; nor is an event whose content was erased.

use chrono::TimeDelta;
use domain::{
    EventId, EventName, Result, Time,
    authorization::{
        policy::{OrgScope, Write},
        resource::Webhooks,
    },
    delivery::webhooks::Webhook,
};
use sea_orm::{QueryResult, Value};

use super::enqueue::{EventToDeliver, Making, destination};
use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{Sql, sql},
    },
    events::record::first_id,
};

/// Which events to redeliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redelivery {
    /// Those that happened from here on …
    pub from: Time,
    /// … and before this.
    pub to: Time,
    /// With one of these names; at least one.
    pub names: Vec<EventName>,
    /// Only those that have not arrived at this endpoint yet, whether or not they were tried.
    pub only_missing: bool,
    /// Only those after this one: where the call before stopped.
    pub after: Option<EventId>,
    /// So many at most; never more than [`MAX_REDELIVERIES`].
    pub most: usize,
}

/// What became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redelivered {
    /// How many deliveries were made.
    pub queued: usize,
    /// Where to go on; `None` if that was all.
    pub next: Option<EventId>,
}

/// Deliveries that one call makes: it holds the endpoint's lock meanwhile.
pub const MAX_REDELIVERIES: usize = 1000;
/// Events that one call looks at, whether or not they are sent.
const LOOKS_AT: i64 = 5000;

/// Events are found by their ids, which begin with the moment they were made at; only a clock that was set back lets an id say later
/// than its event. Events are missed if it was set back by more than this.
const CLOCK_SET_BACK: TimeDelta = TimeDelta::hours(1);

/// How an event fared at this endpoint: null or 0 = not arrived, 1 = arrived, 2 = still on its way.
const PAGE: Sql<1> = sql!(
    "select e.id as event_id, e.name as event_type, f.seq, (
       select max(case when d.{open} then 2 when d.state = {delivered} then 1 else 0 end)
       from deliveries d
       where d.org_id = e.org_id and d.event_id = e.id and d.webhook_id = $2) as fared
     from events e join feed f on f.org_id = e.org_id and f.event_id = e.id
     where e.org_id = $1 and e.id > $3 and e.id < $4 and e.created_at >= $5 and e.created_at < $6 and e.digest is null
       and e.name in (select name from {rows})
     order by e.id
     limit $7",
    rows = 8 (name: String)
);

impl WriteTx {
    /// Queues a new delivery of each event of `which`, up to [`MAX_REDELIVERIES`] and to what may wait, in their order. `Conflict`
    /// (`too_many_waiting`). What is still on its way to the endpoint, or what it is going to catch up with, is not queued a second time, so
    /// two calls at once, or a repeated one, do no harm.
    pub async fn redeliver_events(
        &self,
        scope: OrgScope<'_, Webhooks, Write>,
        webhook: &Webhook,
        which: &Redelivery,
        making: Making,
    ) -> Result<Redelivered> {
        let to = destination(scope, webhook)?;
        let lowest = first_id(which.from).max(which.after.map(EventId::uuid).unwrap_or_default());
        let mut values: Vec<Value> = vec![to.org.uuid().into(), to.webhook.uuid().into(), lowest.into()];
        values.extend([first_id(which.to + CLOCK_SET_BACK).into(), which.from.into(), which.to.into()]);
        values.push(LOOKS_AT.into());
        let rows = PAGE.all(&self.tx, values, which.names.iter().map(|name| [name.as_str().into()])).await?;
        if rows.is_empty() {
            return Ok(Redelivered { queued: 0, next: None });
        }
        let (mut open, left) = self.room(to, making, MAX_REDELIVERIES as i64).await?;
        let caught_up_from = open.behind_from(to).unwrap_or(i64::MAX);
        let (mut events, next) = choose(&rows, which.only_missing, caught_up_from, left.min(which.most).min(MAX_REDELIVERIES))?;
        let queued = events.len();
        if queued > 0 {
            events.sort_by_key(|event| event.seq);
            self.enqueue(to, webhook.in_order, events, (making, &mut open)).await?;
        }
        Ok(Redelivered { queued, next })
    }
}

/// What the endpoint catches up with is on its way as well, and in its order.
fn choose(
    rows: &[QueryResult],
    only_missing: bool,
    caught_up_from: i64,
    most: usize,
) -> Result<(Vec<EventToDeliver>, Option<EventId>)> {
    let (mut chosen, mut last) = (Vec::new(), None);
    for row in rows {
        let fared: i32 = row.try_get::<Option<i32>>("", "fared").map_err(from_db)?.unwrap_or(0);
        let event = EventToDeliver::read(row).map_err(from_db)?;
        if chosen.len() == most {
            return Ok((chosen, last));
        }
        last = Some(event.event);
        let comes = event.seq.is_some_and(|seq| seq >= caught_up_from);
        if !comes && (fared == 0 || (fared == 1 && !only_missing)) {
            chosen.push(event);
        }
    }
    Ok((chosen, last.filter(|_| rows.len() as i64 == LOOKS_AT)))
}
