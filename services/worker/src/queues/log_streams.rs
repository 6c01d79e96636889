//! Log streams: what is claimed is a stream, for a turn ([`turn`]): batch after batch until it has caught up or others are to have a turn.
//!
//! A stream that failed last may only take a share of the places, so that receivers which hang keep no others from being served.

mod turn;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{Result, Time, authorization::policy::SystemScope, delivery::log_streams::verdict::Reason};
use store::delivery::log_streams::turns::{ClaimedStream, StreamClaim, StreamTicket, TurnEnd};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

use crate::{
    Deps,
    queue::{Queue, Token, failed},
};

#[expect(clippy::disallowed_methods, reason = "this is the job")]
const SCOPE: SystemScope = SystemScope::job("log_streams");
/// One in this many places is shared by all streams that failed last.
const FAILING_SHARE: usize = 4;
/// How long a stream that has more than it can send keeps its place; it may finish a batch beyond that.
const TURN: Duration = Duration::from_secs(2);
/// When to look again at a stream whose organization may not send. Whatever ends that makes it due at once.
const HELD: TimeDelta = TimeDelta::minutes(5);

/// A turn that nobody renews is over: whoever had it is dead.
const LEASE: TimeDelta = TimeDelta::seconds(20);
const RENEWED: Duration = Duration::from_secs(5);

fn lease_until(now: Time) -> Time {
    now + LEASE
}

/// The queue of streams.
#[derive(Clone)]
pub(crate) struct LogStreams {
    deps: Arc<Deps>,
    /// The places of streams that failed last in this process.
    failing: Arc<Semaphore>,
}

/// A claimed stream, with the shared place it takes if it failed last.
pub(crate) struct Job {
    stream: ClaimedStream,
    _place: Option<OwnedSemaphorePermit>,
}

#[async_trait]
impl Queue for LogStreams {
    type Job = Job;
    type Outcome = (StreamTicket, TurnEnd);
    const NAME: &'static str = "log_streams";

    fn limit(&self) -> Duration {
        TURN + self.deps.receivers.longest() + Duration::from_secs(5)
    }
    fn token(job: &Job) -> Token {
        Token { id: job.stream.ticket.stream.uuid(), lease: job.stream.ticket.lease }
    }
    async fn claim(&self, most: usize) -> Result<Vec<Job>> {
        let now = self.deps.clock.now();
        let gather = TimeDelta::from_std(self.deps.settings.log_streams.gather).unwrap_or_default();
        let claim = StreamClaim {
            due_by: now - gather,
            lease: self.deps.ids.uuid(now),
            lease_until: lease_until(now),
            most: most as u64,
            most_failing: self.failing.available_permits() as u64,
        };
        let claimed = self.deps.store.claim_log_streams(SCOPE, claim).await?;
        Ok(claimed.into_iter().map(|stream| self.in_place(stream)).collect())
    }
    async fn work(&self, job: &Job) -> Self::Outcome {
        let ticket = job.stream.ticket;
        let span = tracing::info_span!("log_stream", stream = %ticket.stream);
        let end = tokio::select! {
            end = self.take_turn(&job.stream).instrument(span) => end,
            // Whoever lost the lease notices when they write down what arrived.
            () = self.keep(ticket) => TurnEnd::Paused,
        };
        (ticket, end)
    }
    fn broken(&self, job: &Job, _: &'static str) -> Self::Outcome {
        (job.stream.ticket, self.wait(Reason::Timeout, job.stream.failures))
    }
    async fn settle(&self, outcomes: &[Self::Outcome]) -> Result<()> {
        self.deps.store.end_log_stream_turns(SCOPE, self.deps.clock.now(), outcomes).await
    }
    async fn release(&self, jobs: &[&Job]) -> Result<()> {
        let ends: Vec<_> = jobs.iter().map(|job| (job.stream.ticket, TurnEnd::Paused)).collect();
        self.deps.store.end_log_stream_turns(SCOPE, self.deps.clock.now(), &ends).await
    }
    fn label((_, end): &Self::Outcome) -> &'static str {
        match end {
            TurnEnd::Paused => "paused",
            TurnEnd::Held(_) => "held",
            TurnEnd::Failed(..) => "failed",
        }
    }
}

impl LogStreams {
    pub(crate) fn new(deps: Arc<Deps>) -> Self {
        let share = (deps.settings.log_streams.concurrency / FAILING_SHARE).max(1);
        Self { deps, failing: Arc::new(Semaphore::new(share)) }
    }

    /// Keeps the lease for as long as the turn takes.
    async fn keep(&self, ticket: StreamTicket) {
        loop {
            tokio::time::sleep(RENEWED).await;
            if let Err(error) = self.deps.store.renew_log_stream(SCOPE, ticket, lease_until(self.deps.clock.now())).await {
                failed(Self::NAME, "renew", &error);
            }
        }
    }

    /// A stream that failed last takes a shared place, which its claim left for it.
    fn in_place(&self, stream: ClaimedStream) -> Job {
        let place = (stream.failures > 0).then(|| self.failing.clone().try_acquire_owned().ok()).flatten();
        Job { stream, _place: place }
    }
}
