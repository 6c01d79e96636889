//! Endpoints that are behind: for what happened while too many deliveries were open none was made. They are made later, from the feed, in
//! its order and in small steps; and until the last of them is made, the sequencer leaves whatever is new to this as well. So nothing is
//! lost, nothing comes twice, and an endpoint that keeps an order keeps it.

use chrono::TimeDelta;
use domain::{
    OrgId, Result, Time,
    authorization::policy::SystemScope,
    delivery::webhooks::{
        Webhook,
        quota::{Behind, Full, Room},
    },
};
use sea_orm::{DatabaseTransaction, Value};
use uuid::Uuid;

use super::{
    destinations::{self, Destination},
    enqueue::{EventToDeliver, Making},
    open::{OpenDeliveries, Others},
};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
    delivery::webhooks,
};

/// An endpoint for which no delivery was made of the event with this number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FellBehind {
    pub(crate) to: Destination,
    pub(crate) from: i64,
    pub(crate) why: Full,
}

const FALL_BEHIND: Sql<4> = sql!(
    "update destinations
     set behind_since = $1, behind_due_at = $1, behind_from = v.seq, behind_why = v.why
     from {rows}
     where destinations.org_id = v.org_id and destinations.webhook_id = v.webhook_id",
    rows = 2 (org_id: Uuid, webhook_id: Uuid, seq: i64, why: String)
);

/// From here on these locked destinations catch up.
pub(crate) async fn fall_behind(tx: &DatabaseTransaction, fell: &[FellBehind], now: Time) -> Result<()> {
    if fell.is_empty() {
        return Ok(());
    }
    let rows = fell.iter().map(|fell| {
        let [org, webhook] = fell.to.key();
        [org, webhook, fell.from.into(), fell.why.as_str().into()]
    });
    FALL_BEHIND.execute(tx, vec![now.into()], rows).await?;
    Ok(())
}

const GIVE_UP: Sql = sql!(
    "update destinations
     set behind_since = null, behind_due_at = null, behind_from = null, behind_why = null
     where org_id = $1 and webhook_id = $2 and behind_from is not null"
);

/// A locked destination catches up with nothing more: it was switched off, and what waited for it is cancelled likewise.
pub(crate) async fn give_up(tx: &DatabaseTransaction, to: Destination) -> Result<()> {
    sql::execute(tx, GIVE_UP, to.key().to_vec()).await?;
    Ok(())
}

/// An endpoint that is behind.
#[derive(Clone, Copy, Debug)]
pub struct BehindWebhook(Destination);

impl BehindWebhook {
    /// Its organization.
    pub const fn org(&self) -> OrgId {
        self.0.org
    }
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    Nothing,
    /// That it fell behind; `mail`: its owners were not told for a day.
    FellBehind {
        /// What is full.
        why: Full,
        /// Whether its owners get a mail.
        mail: bool,
    },
    /// That it has been given everything.
    CaughtUp,
}

/// A step of catching up.
#[derive(Clone, Debug)]
pub struct CaughtUp {
    /// The endpoint.
    pub webhook: Webhook,
    /// Deliveries that were made.
    pub made: usize,
    /// What is to be told.
    pub news: News,
    /// Whether what is open at all endpoints of its organization was counted: for a while nobody has to count that again.
    pub counted: bool,
}

/// Deliveries of one step: it holds the endpoint's lock meanwhile.
const STEP: i64 = 500;
/// Numbers of the feed that one step looks at, whether or not the endpoint subscribed to them.
const LOOKS_AT: i64 = 5000;
/// Where there was no room, it is looked for again after this at the earliest …
const SOON: TimeDelta = TimeDelta::seconds(10);
/// … and after this at the latest: the rarer, the longer an endpoint is behind, because whoever looks has to count.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// Owners get at most one mail about an endpoint in this time.
const BETWEEN_MAILS: TimeDelta = TimeDelta::days(1);

// One that is to come further away than it is ever put off was put off by a clock that was ahead.
const DUE: Sql = sql!(
    "select org_id, webhook_id
     from destinations
     where behind_due_at is not null and (behind_due_at <= $1 or behind_due_at > $2)
     order by behind_due_at
     limit $3"
);

impl Store {
    /// At most `limit` endpoints that are behind and due to be looked at, those first that have waited for longest.
    pub async fn behind_webhooks(&self, _: SystemScope, now: Time, limit: u64) -> Result<Vec<BehindWebhook>> {
        let rows = sql::all(&self.db, DUE, vec![now.into(), (now + AGAIN).into(), limit.cast_signed().into()]).await?;
        sql::read_all(&rows, |row| Destination::read(row).map(BehindWebhook))
    }
}

const STATE: Sql = sql!(
    "select d.behind_since, d.behind_due_at, d.behind_told_at, o.deleted_at is not null as gone, coalesce(h.seq, 0) as head
     from destinations d
     join organizations o on o.id = d.org_id
     left join heads h on h.org_id = d.org_id
     where d.org_id = $1 and d.webhook_id = $2 and d.behind_from is not null"
);

/// What the organization and its feed look like, with the destination locked: whoever numbers more events waits for that lock.
struct Episode {
    since: Time,
    due: Time,
    told: Option<Time>,
    gone: bool,
    head: i64,
}

// What was sent again meanwhile is left out.
const PAGE: Sql<1> = sql!(
    "select f.seq, e.id as event_id, e.name as event_type
     from feed f join events e on e.org_id = f.org_id and e.id = f.event_id
     where f.org_id = $1 and f.seq >= $3 and f.seq < $4 and e.digest is null and e.name in (select name from {rows})
       and not exists (
         select 1 from deliveries d
         where d.org_id = e.org_id and d.event_id = e.id and d.webhook_id = $2 and (d.{open} or d.state = {delivered}))
     order by f.seq
     limit $5",
    rows = 6 (name: String)
);

const ADVANCE: Sql = sql!(
    "update destinations
     set behind_since = $3, behind_from = $4, behind_why = $5, behind_due_at = $6, behind_told_at = $7
     where org_id = $1 and webhook_id = $2"
);

impl WriteTx {
    /// Makes the next deliveries for an endpoint that is behind, if there is room for some; `None` if there is nothing to do any more.
    /// `counts`: whether what is open at all endpoints of its organization is counted, if that matters.
    pub async fn catch_up(
        &self,
        _: SystemScope,
        behind: BehindWebhook,
        making: Making,
        counts: bool,
    ) -> Result<Option<CaughtUp>> {
        let (to, now) = (behind.0, self.now());
        // As the sequencer does: it is not deleted, and does not begin to keep an order, until this ends.
        let Some(webhook) = webhooks::share(&self.tx, to.org, to.webhook).await? else { return Ok(None) };
        destinations::lock(&self.tx, &mut [to]).await?;
        let mut open = OpenDeliveries::read(&self.tx, &[to], making.quotas).await?;
        let (Some(from), Some(episode)) = (open.behind_from(to), self.episode(to).await?) else { return Ok(None) };
        if episode.due > now && episode.due <= now + AGAIN {
            return Ok(None);
        }
        if !webhook.is_active {
            give_up(&self.tx, to).await?;
            return Ok(None);
        }
        let others = if counts { Others::Counted } else { Others::Known };
        let room = open.room(&self.tx, to, STEP, others).await?;
        if !room.is_enough() {
            let put_off = self.put_off(to, webhook, from, room, &episode).await?;
            return Ok(Some(CaughtUp { counted: open.counted_others, ..put_off }));
        }
        let most = usize::try_from(room.left.min(STEP)).unwrap_or(0);
        let (events, next) = self.missed(to, &webhook, from, most, &episode).await?;
        let made = events.len();
        if made > 0 {
            self.make(to, webhook.in_order, events, (making, &mut open)).await?;
        }
        let told = episode.told.is_some_and(|told| told >= episode.since);
        let (rest, news) = match next {
            Some(from) => (Some(Behind { since: episode.since, from, why: room.bound }), News::Nothing),
            None if told => (None, News::CaughtUp),
            // It was over before anybody looked.
            None => (None, News::Nothing),
        };
        self.advance(to, rest, now, episode.told).await?;
        Ok(Some(CaughtUp { webhook, made, news, counted: open.counted_others }))
    }

    /// The next `most` events that it missed, and where to go on; `None`: that was all.
    async fn missed(
        &self,
        to: Destination,
        webhook: &Webhook,
        from: i64,
        most: usize,
        episode: &Episode,
    ) -> Result<(Vec<EventToDeliver>, Option<i64>)> {
        let end = from.saturating_add(LOOKS_AT);
        let [org, id] = to.key();
        let values: Vec<Value> = vec![org, id, from.into(), end.into(), (most as i64 + 1).into()];
        // Of an organization that is gone everything else would be cancelled at its turn.
        let names = webhook.events.iter().map(|name| name.as_str()).filter(|name| !episode.gone || *name == LAST_EVENT);
        let rows = PAGE.all(&self.tx, values, names.map(|name| [name.into()])).await?;
        let mut events: Vec<_> = sql::read_all(&rows, EventToDeliver::read)?;
        let next = match events.get(most) {
            Some(first_left) => first_left.seq,
            None => Some(end).filter(|end| *end <= episode.head),
        };
        events.truncate(most);
        Ok((events, next))
    }

    /// There is no room: it is looked for later, and once for each time that it falls behind its organization is told.
    async fn put_off(&self, to: Destination, webhook: Webhook, from: i64, room: Room, episode: &Episode) -> Result<CaughtUp> {
        let now = self.now();
        let news = match episode.told {
            Some(told) if told >= episode.since => News::Nothing,
            told => News::FellBehind { why: room.bound, mail: told.is_none_or(|told| told + BETWEEN_MAILS <= now) },
        };
        let told = if news == News::Nothing { episode.told } else { Some(now) };
        let behind = Behind { since: episode.since, from, why: room.bound };
        let wait = ((now - episode.since) / 10).clamp(SOON, AGAIN);
        self.advance(to, Some(behind), now + wait, told).await?;
        Ok(CaughtUp { webhook: Webhook { behind: Some(behind), ..webhook }, made: 0, news, counted: false })
    }

    async fn episode(&self, to: Destination) -> Result<Option<Episode>> {
        let row = sql::one(&self.tx, STATE, to.key().to_vec()).await?;
        let read = |row: sea_orm::QueryResult| {
            Ok(Episode {
                since: row.try_get("", "behind_since")?,
                due: row.try_get("", "behind_due_at")?,
                told: row.try_get("", "behind_told_at")?,
                gone: row.try_get("", "gone")?,
                head: row.try_get("", "head")?,
            })
        };
        row.map(read).transpose().map_err(from_db)
    }

    async fn advance(&self, to: Destination, behind: Option<Behind>, due: Time, told: Option<Time>) -> Result<()> {
        let [org, webhook] = to.key();
        let mut values: Vec<Value> = vec![org, webhook, behind.map(|behind| behind.since).into()];
        values.extend([behind.map(|behind| behind.from).into(), behind.map(|behind| behind.why.as_str().to_owned()).into()]);
        values.extend([behind.map(|_| due).into(), told.into()]);
        sql::execute(&self.tx, ADVANCE, values).await?;
        Ok(())
    }
}

/// The last event of an organization: still delivered although it is gone.
const LAST_EVENT: &str = "org.deleted";
