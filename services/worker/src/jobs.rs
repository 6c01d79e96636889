//! What is done by the clock: one file a job, with its name, its schedule and its body. To add one, write its file and put it into
//! [`JOBS`].

mod catching_up;
mod clock_changes;
mod connections;
mod domains;
mod erasure;
mod invitations;
mod log_streams;
mod platform;
mod purge;
mod seal;
mod sign_ins;
mod usage;
mod webhooks;

use chrono::TimeDelta;
use domain::{Result, Time, authorization::policy::SystemScope};
use futures::future::BoxFuture;

use crate::Deps;

/// A scheduled job. Every process has its own schedule; two that do the same job at once only share its work.
pub(crate) struct Job {
    /// In logs, and as the actor in audit records.
    pub(crate) name: &'static str,
    /// From one start to the next. A start that comes while the job is still at work is left out.
    pub(crate) every: TimeDelta,
    /// Does the job. Answers how many rows it concerned.
    pub(crate) run: for<'a> fn(Context<'a>) -> BoxFuture<'a, Result<u64>>,
}

/// What a job works with.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    deps: &'a Deps,
    scope: SystemScope,
    now: Time,
}

/// What a job may take at one go. It works in small steps, remembers in the database what it did, and goes on when it comes again.
const BUDGET: TimeDelta = TimeDelta::minutes(5);

impl Context<'_> {
    /// Whether there is time for another step.
    fn has_time(&self) -> bool {
        self.deps.clock.now() - self.now < BUDGET
    }
}

impl Job {
    /// Does the job now.
    #[expect(clippy::disallowed_methods, reason = "the one place that gives a scheduled job its scope")]
    pub(crate) async fn perform(&self, deps: &Deps) -> Result<u64> {
        (self.run)(Context { deps, scope: SystemScope::job(self.name), now: deps.clock.now() }).await
    }
}

/// All of them, in the order in which tests do them.
pub(crate) const JOBS: &[Job] = &[
    invitations::JOB,
    seal::JOB,
    seal::FULL_SEGMENTS,
    erasure::JOB,
    sign_ins::JOB,
    usage::JOB,
    platform::JOB,
    purge::JOB,
    webhooks::JOB,
    catching_up::JOB,
    log_streams::SWEEP,
    log_streams::SWITCHING_OFF,
    clock_changes::JOB,
    domains::JOB,
    connections::JOB,
];

/// Rows of one statement, so that none holds its locks for long.
const BATCH: u64 = 500;
