//! What every kind of job has in common, whoever runs it.

use std::{panic::AssertUnwindSafe, time::Duration};

use async_trait::async_trait;
use domain::Result;
use futures::FutureExt;
use uuid::Uuid;

/// What identifies a claimed job: the row, and the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    pub(crate) id: Uuid,
    pub(crate) lease: Uuid,
}

/// A queue in the database. A claim is a lease; settling ends it, and so does its age.
#[async_trait]
pub(crate) trait Queue: Clone + Send + Sync + Unpin + 'static {
    /// A claimed job.
    type Job: Send + Sync + Unpin + 'static;
    /// What became of it.
    type Outcome: Send + Sync + 'static;
    /// In logs and metrics.
    const NAME: &'static str;

    /// The longest that a job may take. The lease outlives it at least twice.
    fn limit(&self) -> Duration;
    /// Which job this is.
    fn token(job: &Self::Job) -> Token;
    /// Claims at most `most` due jobs.
    async fn claim(&self, most: usize) -> Result<Vec<Self::Job>>;
    /// Does the job. May panic or take too long.
    async fn work(&self, job: &Self::Job) -> Self::Outcome;
    /// The outcome of a job whose work ended without one.
    fn broken(&self, job: &Self::Job, why: &'static str) -> Self::Outcome;
    /// Writes what became of jobs.
    async fn settle(&self, outcomes: &[Self::Outcome]) -> Result<()>;
    /// Gives jobs back that were not started.
    async fn release(&self, jobs: &[&Self::Job]) -> Result<()>;
    /// One word for an outcome, for metrics.
    fn label(outcome: &Self::Outcome) -> &'static str;
}

/// Does a job, whatever happens in it.
pub(crate) async fn attempt<Q: Queue>(queue: &Q, job: &Q::Job) -> Q::Outcome {
    let work = AssertUnwindSafe(queue.work(job)).catch_unwind();
    let outcome = match tokio::time::timeout(queue.limit(), work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => {
            tracing::error!(queue = Q::NAME, job = %Q::token(job).id, "a handler panicked");
            queue.broken(job, "the attempt failed on our side")
        }
        Err(_) => queue.broken(job, "the attempt was not finished in time"),
    };
    metrics::counter!("tenantry_jobs_total", "queue" => Q::NAME, "outcome" => Q::label(&outcome)).increment(1);
    outcome
}

/// Says that a step of a queue failed; it will be tried again.
pub(crate) fn failed(queue: &'static str, step: &'static str, error: &domain::Error) {
    metrics::counter!("tenantry_queue_errors_total", "queue" => queue, "step" => step).increment(1);
    tracing::warn!(queue, step, %error, cause = std::error::Error::source(error).map(tracing::field::display), "a queue's step failed and will be repeated");
}
