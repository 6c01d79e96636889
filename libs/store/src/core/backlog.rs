//! How old the oldest work is that nobody has done yet. Whoever is asked reads it from the database: a worker that hangs tells nothing of
//! itself, but the next process that is asked does.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::{Result, Time};
use tokio::sync::Mutex;

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// Readers within this time share one look: probes are open to everybody.
const FRESH: Duration = Duration::from_secs(1);

/// Whoever probes does not wait for this.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the oldest of each kind has waited; zero where nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Committed events that the sequencer has not numbered.
    pub unsequenced: TimeDelta,
    /// Deliveries whose time has come.
    pub deliveries: TimeDelta,
    /// Mails whose time has come.
    pub mails: TimeDelta,
    /// Audit records that no checkpoint covers, over the first thousand logs that have some. A minute is usual.
    pub unsealed: TimeDelta,
}

impl Backlog {
    /// An event without its number for this long means that no worker is at work, or none can be.
    const MUCH: TimeDelta = TimeDelta::seconds(60);

    /// Whether the workers do not keep up. Only the sequencer's work counts: how long the others wait is up to customers' endpoints too.
    pub fn is_behind(&self) -> bool {
        self.unsequenced >= Self::MUCH
    }

    /// What metrics show, in seconds.
    pub fn gauges(&self) -> [(&'static str, f64); 4] {
        [
            ("tenantry_sequencer_lag_seconds", self.unsequenced),
            ("tenantry_oldest_due_delivery_seconds", self.deliveries),
            ("tenantry_oldest_due_mail_seconds", self.mails),
            ("tenantry_oldest_unsealed_record_seconds", self.unsealed),
        ]
        .map(|(name, age)| (name, age.as_seconds_f64()))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Option<(Instant, Option<Backlog>)>>);

// Each looks at the front of an index.
const OLDEST: Sql = sql!(
    "select
       (select e.created_at from outbox q join events e on e.org_id = q.org_id and e.id = q.event_id
         order by q.pos limit 1) as unsequenced,
       (select d.due_at from destinations d where d.slow = false and d.due_at <= $1 order by d.due_at limit 1) as quick,
       (select d.due_at from destinations d where d.slow = true and d.due_at <= $1 order by d.due_at limit 1) as slow,
       (select m.next_at from mails m where m.{open} and m.next_at <= $1 order by m.next_at limit 1) as mail,
       (select e.created_at
          from (select org_id, sealed from heads where seq > sealed order by org_id limit 1000) h
          join feed f on f.org_id = h.org_id and f.seq = h.sealed + 1
          join events e on e.org_id = f.org_id and e.id = f.event_id
         order by e.created_at limit 1) as unsealed"
);

impl Store {
    /// How old the oldest undone work is, at `now`; read at most once a second, over a connection that nothing else uses. `None` if the
    /// database does not say within a second.
    pub async fn backlog(&self, now: Time) -> Option<Backlog> {
        let mut last = self.backlog.0.lock().await;
        if let Some((read, backlog)) = *last
            && read.elapsed() < FRESH
        {
            return backlog;
        }
        let read = self.probes.within(Some(PATIENCE), self.read_backlog(now)).await;
        let read = read.map_err(from_db).flatten();
        let backlog = read.inspect_err(|e| tracing::warn!(error = ?e, "how old the undone work is cannot be read")).ok();
        *last = Some((Instant::now(), backlog));
        backlog
    }

    async fn read_backlog(&self, now: Time) -> Result<Backlog> {
        let Some(row) = sql::one(&self.probes, OLDEST, vec![now.into()]).await? else { return Ok(Backlog::default()) };
        let since = |name: &str| -> Result<TimeDelta> {
            let at: Option<Time> = row.try_get("", name).map_err(from_db)?;
            Ok(at.map_or(TimeDelta::zero(), |at| (now - at).max(TimeDelta::zero())))
        };
        Ok(Backlog {
            unsequenced: since("unsequenced")?,
            deliveries: since("quick")?.max(since("slow")?),
            mails: since("mail")?,
            unsealed: since("unsealed")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use crate::{
        Store,
        core::testing::{SCOPE, at, commit, everywhere, now, organization, sequence, webhook},
        events::audit::Seal,
    };

    #[tokio::test]
    async fn each_kind_of_work_has_the_age_of_its_oldest() {
        everywhere(async |store: &Store| {
            assert_eq!(store.read_backlog(now()).await.unwrap(), super::Backlog::default());
            let org = organization(store).await;
            webhook(store, org, "user.joined").await;
            commit(store, org, 3).await;
            let waiting = store.read_backlog(at(70)).await.unwrap();
            assert_eq!((waiting.unsequenced, waiting.deliveries), (TimeDelta::seconds(70), TimeDelta::zero()));
            assert!(waiting.is_behind(), "nobody sequences");
            sequence(store).await;
            let owed = store.read_backlog(at(70)).await.unwrap();
            assert_eq!(
                (owed.unsequenced, owed.deliveries, owed.unsealed),
                (TimeDelta::zero(), TimeDelta::seconds(70), TimeDelta::seconds(70))
            );
            store.seal(SCOPE, at(70), Seal::All).await.unwrap();
            assert_eq!(store.read_backlog(at(80)).await.unwrap().unsealed, TimeDelta::zero());
        })
        .await;
    }

    #[tokio::test]
    async fn readers_of_one_second_share_a_look() {
        everywhere(async |store: &Store| {
            store.backlog(now()).await.unwrap();
            let org = organization(store).await;
            commit(store, org, 1).await;
            let began = std::time::Instant::now();
            let seen = store.backlog(at(70)).await.unwrap();
            assert!(seen.unsequenced.is_zero() || began.elapsed() > std::time::Duration::from_millis(500));
            store.backlog.0.lock().await.take();
            assert_eq!(store.backlog(at(70)).await.unwrap().unsequenced, TimeDelta::seconds(70));
        })
        .await;
    }
}
