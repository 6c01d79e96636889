//! What is done by the clock: a queue whose jobs come from a timetable instead of the database. Every process has its own timetable;
//! two that do the same chore at once only share it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::delivery::webhooks::disabling::disable_failing;
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{Result, Time, authorization::policy::SystemScope};
use store::events::audit::Seal;
use uuid::Uuid;

use crate::{
    Deps,
    queue::{Queue, Token, failed},
};

/// A chore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Close invitations that ran out.
    Invitations,
    /// Delete what is past its time.
    Purge,
    /// Make due what waits because the clock was ahead.
    Hasten,
    /// Put what is new in the audit logs under checkpoints.
    Seal,
    /// The same for logs that have grown by a whole segment, so that a busy one does not wait for its minute.
    SealFull,
    /// Switch off endpoints that have failed for days.
    FailingWebhooks,
    /// Erase people from audit logs, where that was ordered.
    Erase,
}

/// When each chore comes again.
const TIMETABLE: [(Chore, TimeDelta); 7] = [
    (Chore::Invitations, TimeDelta::minutes(1)),
    (Chore::Purge, TimeDelta::minutes(10)),
    (Chore::Hasten, TimeDelta::minutes(10)),
    (Chore::Seal, TimeDelta::minutes(1)),
    (Chore::SealFull, TimeDelta::seconds(5)),
    (Chore::FailingWebhooks, TimeDelta::minutes(10)),
    (Chore::Erase, TimeDelta::seconds(20)),
];
/// Rows of one statement of the purge.
const BATCH: u64 = 500;
/// Batches of one purge; the next one goes on.
const ROUNDS: usize = 200;

/// The queue of chores.
#[derive(Clone)]
pub(crate) struct Schedules {
    deps: Arc<Deps>,
    due: Arc<Mutex<[Option<Time>; TIMETABLE.len()]>>,
}

impl Schedules {
    pub(crate) fn new(deps: Arc<Deps>) -> Self {
        Self { deps, due: Arc::default() }
    }

    /// Does a chore. Answers how many rows it concerned.
    pub(crate) async fn perform(&self, chore: Chore) -> Result<u64> {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let mut rows = 0;
        match chore {
            Chore::Invitations => loop {
                let closed =
                    app::tenancy::invitations::expiry::expire(store, SystemScope::job("invitations"), now, BATCH).await?;
                rows += closed;
                if closed < BATCH {
                    return Ok(rows);
                }
            },
            Chore::Purge => {
                for _ in 0..ROUNDS {
                    let purged = store.purge(SystemScope::job("purge"), now, &self.deps.settings.retention, BATCH).await?;
                    rows += purged.rows;
                    if !purged.more {
                        break;
                    }
                }
                Ok(rows)
            }
            Chore::Hasten => store.reschedule_after_clock_change(SystemScope::job("hasten"), now).await,
            Chore::Seal => self.seal(now, Seal::All).await,
            Chore::Erase => {
                let scope = SystemScope::job("erasure");
                while let Some(looked) = app::events::audit::erasure::erase_next(store, scope, now, BATCH).await? {
                    rows += looked;
                }
                Ok(rows)
            }
            Chore::SealFull => self.seal(now, Seal::Full).await,
            Chore::FailingWebhooks => match &self.deps.settings.disabling {
                Some(when) => disable_failing(store, SystemScope::job("webhooks"), now, when, BATCH).await,
                None => Ok(0),
            },
        }
    }

    async fn seal(&self, now: Time, what: Seal) -> Result<u64> {
        let records = self.deps.store.seal(SystemScope::job("seal"), now, what).await?;
        metrics::counter!("tenantry_audit_records_sealed_total").increment(records);
        Ok(records)
    }
}

/// Whether a chore is due that was to come again at `next`. If that is further away than its pace, the clock was set back since.
fn is_due(next: Option<Time>, now: Time, every: TimeDelta) -> bool {
    next.is_none_or(|at| at <= now || at > now + every)
}

#[async_trait]
impl Queue for Schedules {
    type Job = Chore;
    type Outcome = Option<u64>;
    const NAME: &'static str = "schedules";

    fn limit(&self) -> Duration {
        Duration::from_secs(600)
    }
    fn token(job: &Chore) -> Token {
        // A chore is itself: while it is at work it is not begun again.
        Token { id: Uuid::from_u128(*job as u128 + 1), lease: Uuid::nil() }
    }
    async fn claim(&self, most: usize) -> Result<Vec<Chore>> {
        let now = self.deps.clock.now();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let mut chores = Vec::new();
        for (next, (chore, every)) in due.iter_mut().zip(TIMETABLE) {
            if chores.len() < most && is_due(*next, now, every) {
                *next = Some(now + every);
                chores.push(chore);
            }
        }
        Ok(chores)
    }
    async fn work(&self, job: &Chore) -> Option<u64> {
        self.perform(*job).await.inspect_err(|error| failed(Self::NAME, "work", error)).ok()
    }
    fn broken(&self, _: &Chore, _: &'static str) -> Option<u64> {
        None
    }
    async fn settle(&self, _: &[Option<u64>]) -> Result<()> {
        Ok(())
    }
    async fn release(&self, _: &[&Chore]) -> Result<()> {
        Ok(())
    }
    fn label(outcome: &Option<u64>) -> &'static str {
        if outcome.is_some() { "done" } else { "failed" }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_chore_keeps_its_pace_and_outlives_a_clock_that_was_ahead() {
        let (now, every) = (DateTime::from_timestamp(1_800_000_000, 0).expect("a moment"), TimeDelta::minutes(10));
        assert!(is_due(None, now, every) && is_due(Some(now), now, every));
        assert!(!is_due(Some(now + every), now, every));
        assert!(is_due(Some(now + every), now - TimeDelta::days(1), every));
    }
}
