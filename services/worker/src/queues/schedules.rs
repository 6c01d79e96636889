//! Scheduled jobs: a queue that is filled by the clock instead of the database. Each job has a concurrency slot of its own, so a long
//! one keeps no other waiting, and none is at work twice in a process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{Result, Time};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    Deps,
    jobs::JOBS,
    queue::{Queue, Token, failed},
};

/// The queue of scheduled jobs. What it hands out are places in [`JOBS`].
#[derive(Clone)]
pub(crate) struct Schedules {
    deps: Arc<Deps>,
    /// When each comes again.
    next: Arc<Mutex<Vec<Option<Time>>>>,
}

impl Schedules {
    /// A concurrency slot for each job.
    pub(crate) const SLOTS: usize = JOBS.len();

    pub(crate) fn new(deps: Arc<Deps>) -> Self {
        Self { deps, next: Arc::new(Mutex::new(vec![None; JOBS.len()])) }
    }
}

/// Whether a job is due that was to come again at `next`. If that is further away than its interval, the clock was set back since.
fn is_due(next: Option<Time>, now: Time, every: TimeDelta) -> bool {
    next.is_none_or(|at| at <= now || at > now + every)
}

#[async_trait]
impl Queue for Schedules {
    type Job = usize;
    type Outcome = Option<u64>;
    const NAME: &'static str = "schedules";

    /// Twice what a job allows itself (`jobs::BUDGET`): what is cut off here hangs.
    fn limit(&self) -> Duration {
        Duration::from_secs(600)
    }
    fn token(job: &usize) -> Token {
        // A job is itself: while it is at work it is not begun again.
        Token { id: Uuid::from_u128(*job as u128 + 1), lease: Uuid::nil() }
    }
    async fn claim(&self, most: usize) -> Result<Vec<usize>> {
        let now = self.deps.clock.now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.iter_mut().zip(JOBS).enumerate().filter(|(_, (next, job))| is_due(**next, now, job.every));
        let claimed = due.take(most).map(|(index, (next, job))| {
            *next = Some(now + job.every);
            index
        });
        Ok(claimed.collect())
    }
    async fn work(&self, job: &usize) -> Option<u64> {
        let job = &JOBS[*job];
        let done = job.perform(&self.deps).instrument(tracing::info_span!("job", name = job.name)).await;
        done.inspect_err(|error| failed(Self::NAME, "work", error)).ok()
    }
    fn broken(&self, _: &usize, _: &'static str) -> Option<u64> {
        None
    }
    async fn settle(&self, _: &[Option<u64>]) -> Result<()> {
        Ok(())
    }
    async fn release(&self, _: &[&usize]) -> Result<()> {
        Ok(())
    }
    fn label(outcome: &Option<u64>) -> &'static str {
        if outcome.is_some() { "done" } else { "failed" }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_job_keeps_its_interval_and_outlives_a_clock_that_was_ahead() {
        let (now, every) = (DateTime::from_timestamp(1_800_000_000, 0).expect("a moment"), TimeDelta::minutes(10));
        assert!(is_due(None, now, every) && is_due(Some(now), now, every));
        assert!(!is_due(Some(now + every), now, every));
        assert!(is_due(Some(now + every), now - TimeDelta::days(1), every));
    }

    #[test]
    fn every_job_has_a_name_of_its_own() {
        let names: BTreeSet<_> = JOBS.iter().map(|job| job.name).collect();
        assert_eq!(names.len(), JOBS.len());
    }
}
