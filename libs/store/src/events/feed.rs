//! The feed: an organization's events in the one order that the sequencer gave them, for readers who keep their place.
//!
//! The promise, which [`crate::events::sequencer`] makes true: numbers count from 1 without a gap, one event never changes its number, and a
//! reader who sees number n sees every kept number below it. A reader who was away for longer than events are kept is told so, instead
//! of silently skipping what was deleted.

use std::collections::HashMap;

use domain::{
    Error, EventId, OrgId, Result,
    authorization::{
        policy::{OrgScope, Read, SystemScope},
        resource::Feed,
    },
};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// One event at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEvent {
    /// Its number in the organization's feed, from 1.
    pub seq: i64,
    /// The same id as in the audit log and in the `webhook-id` header.
    pub id: EventId,
    /// What webhooks post, as JSON text.
    pub body: String,
}

const AFTER: Sql = sql!(
    "select f.seq, e.id, e.body
     from feed f join events e on e.org_id = f.org_id and e.id = f.event_id
     where f.org_id = $1 and f.seq > $2
     order by f.seq
     limit $3"
);
const OLDEST: Sql = sql!(
    "select f.seq
     from feed f join events e on e.org_id = f.org_id and e.id = f.event_id
     where f.org_id = $1
     order by f.seq
     limit 1"
);
const LATEST: Sql = sql!("select seq from heads where org_id = $1");
const PLACE: Sql = sql!("select seq from feed where org_id = $1 and event_id = $2");
const PASSES: Sql = sql!("select passes from sequencer where id = 1");
const HEADS: Sql<1> = sql!(
    "select org_id, seq
     from heads
     where org_id in (select org_id from {rows})",
    rows = 1 (org_id: Uuid)
);

fn read(row: &QueryResult) -> Result<FeedEvent, DbErr> {
    Ok(FeedEvent { seq: row.try_get("", "seq")?, id: EventId::new(row.try_get("", "id")?), body: row.try_get("", "body")? })
}

impl Store {
    /// At most `limit` events after number `after`, in order. `Invalid`: what follows `after` was deleted (`cursor_expired`), or the feed
    /// has not come that far (`cursor_ahead`).
    pub async fn feed_after(&self, scope: OrgScope<'_, Feed, Read>, after: i64, limit: u64) -> Result<Vec<FeedEvent>> {
        let values = vec![scope.org().uuid().into(), after.into(), limit.cast_signed().into()];
        let rows = sql::all(&self.db, AFTER, values).await?;
        let events: Vec<FeedEvent> = sql::read_all(&rows, read)?;
        match events.first() {
            Some(first) if first.seq == after + 1 => Ok(events),
            Some(first) => Err(expired(first.seq)),
            None => self.nothing_after(scope, after).await.map(|()| events),
        }
    }

    /// Nothing follows: is that the end of the feed?
    async fn nothing_after(&self, scope: OrgScope<'_, Feed, Read>, after: i64) -> Result<()> {
        match self.feed_latest(scope).await? {
            head if head == after => Ok(()),
            head if head < after => Err(Error::field("after", "cursor_ahead", format!("The feed has {head} events so far."))),
            // Deleted, or numbered since we looked.
            _ => match self.feed_oldest(scope).await? {
                oldest if oldest > after => Err(expired(oldest + 1)),
                _ => Ok(()),
            },
        }
    }

    /// The last number; 0 before the first event.
    pub async fn feed_latest(&self, scope: OrgScope<'_, Feed, Read>) -> Result<i64> {
        sql::count(&self.db, LATEST, vec![scope.org().uuid().into()]).await
    }

    /// The number before the oldest event that is kept.
    pub async fn feed_oldest(&self, scope: OrgScope<'_, Feed, Read>) -> Result<i64> {
        match sql::one(&self.db, OLDEST, vec![scope.org().uuid().into()]).await? {
            Some(row) => Ok(row.try_get_by_index::<i64>(0).map_err(from_db)? - 1),
            None => self.feed_latest(scope).await,
        }
    }

    /// The number of an event; `None` for one that is not, or not yet, in this organization's feed.
    pub async fn feed_place(&self, scope: OrgScope<'_, Feed, Read>, event: EventId) -> Result<Option<i64>> {
        let row = sql::one(&self.db, PLACE, vec![scope.org().uuid().into(), event.uuid().into()]).await?;
        row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)
    }

    /// A number that grows whenever the sequencer has done something, in whichever process.
    pub async fn sequencer_passes(&self, _: SystemScope) -> Result<i64> {
        sql::count(&self.db, PASSES, vec![]).await
    }

    /// The last numbers of these organizations.
    pub async fn feed_heads(&self, _: SystemScope, orgs: &[OrgId]) -> Result<HashMap<OrgId, i64>> {
        let mut found = HashMap::with_capacity(orgs.len());
        for some in orgs.chunks(CHUNK) {
            let rows = HEADS.all(&self.db, vec![], some.iter().map(|org| [org.uuid().into()])).await?;
            let heads: Vec<(OrgId, i64)> = sql::read_all(&rows, read_head)?;
            found.extend(heads);
        }
        Ok(found)
    }
}

/// Organizations of one statement.
const CHUNK: usize = 1000;

fn read_head(row: &QueryResult) -> Result<(OrgId, i64), DbErr> {
    Ok((OrgId::new(row.try_get("", "org_id")?), row.try_get("", "seq")?))
}

fn expired(oldest: i64) -> Error {
    let message = format!(
        "What follows was deleted after its time. The oldest event is number {oldest}: go on with `after={}`, knowing that some are missing.",
        oldest - 1
    );
    Error::field("after", "cursor_expired", message)
}
