//! Webhooks: posting one event to one endpoint.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::delivery::{
    deliveries::{self, Addressee, NotSent},
    webhooks::disabling,
};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{Result, Time, authorization::policy::SystemScope, core::clock::fraction, delivery::webhooks::EndpointUrl};
use infra::egress::{Incoming, Method, Outgoing};
use store::delivery::deliveries::{ClaimedDelivery, DeliveryClaim, MAX_ANSWER, Outcome, Verdict};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

use crate::{
    Deps,
    queue::{Queue, Token},
};

#[expect(clippy::disallowed_methods, reason = "this is the job")]
const SCOPE: SystemScope = SystemScope::job("webhooks");
/// Endpoints of one claim.
const DESTINATIONS: u64 = 64;
/// Deliveries of one endpoint in flight at once, over all workers: a slow endpoint may not take all concurrency slots.
const PER_DESTINATION: u64 = 4;
/// One in this many slots is shared by all endpoints that are slow or failing; the rest never wait for them.
const SLOW_SHARE: usize = 4;
/// When to look again at what is held. Whatever ends the hold makes it due at once; this is for the case that it did not.
const HELD: TimeDelta = TimeDelta::minutes(5);

/// What follows from an attempt, and until when the endpoint asked to be left alone.
type Judged = (Verdict, Option<Time>);

/// The queue of deliveries.
#[derive(Clone)]
pub(crate) struct Webhooks {
    deps: Arc<Deps>,
    /// The concurrency slots of slow endpoints in this process.
    slow: Arc<Semaphore>,
}

/// A claimed delivery, with the shared slot it takes if its endpoint is slow.
pub(crate) struct Job {
    delivery: ClaimedDelivery,
    _slot: Option<OwnedSemaphorePermit>,
}

#[async_trait]
impl Queue for Webhooks {
    type Job = Job;
    type Outcome = Outcome;
    const NAME: &'static str = "webhooks";

    fn limit(&self) -> Duration {
        self.deps.settings.webhook_timeout + Duration::from_secs(5)
    }
    fn token(job: &Job) -> Token {
        let ticket = &job.delivery.ticket;
        Token { id: ticket.id.uuid(), lease: ticket.lease }
    }
    async fn claim(&self, most: usize) -> Result<Vec<Job>> {
        let now = self.deps.clock.now();
        // Twice the time it can take, and as much again for the settling of a busy database.
        let lease_until = now + TimeDelta::from_std(self.limit() * 3).unwrap_or(TimeDelta::minutes(5));
        let claim = DeliveryClaim {
            now,
            lease: self.deps.ids.uuid(now),
            lease_until,
            destinations: DESTINATIONS,
            per_destination: PER_DESTINATION,
            max_rows: most as u64,
            max_slow: self.slow.available_permits() as u64,
        };
        let claimed = self.deps.store.claim_deliveries(SCOPE, claim).await?;
        Ok(claimed.into_iter().map(|delivery| self.in_slot(delivery)).collect())
    }
    async fn work(&self, job: &Job) -> Outcome {
        let job = &job.delivery;
        let span = tracing::info_span!("deliver", delivery = %job.ticket.id, event = job.event_type, attempt = job.ticket.number);
        if let Some(parent) = &job.traceparent {
            infra::telemetry::with_parent(&span, parent);
        }
        self.deliver(job).instrument(span).await
    }
    fn broken(&self, job: &Job, why: &'static str) -> Outcome {
        let (job, now) = (&job.delivery, self.deps.clock.now());
        self.outcome(job, now, Duration::ZERO, self.retry(job, None, None, why.to_owned(), None))
    }
    async fn settle(&self, outcomes: &[Outcome]) -> Result<()> {
        let (now, breaker) = (self.deps.clock.now(), self.deps.settings.breaker);
        self.deps.store.settle_deliveries(SCOPE, now, breaker, outcomes).await?;
        self.disable_gone(now, outcomes).await;
        Ok(())
    }
    async fn release(&self, jobs: &[&Job]) -> Result<()> {
        let tickets: Vec<_> = jobs.iter().map(|job| job.delivery.ticket).collect();
        self.deps.store.release_deliveries(SCOPE, self.deps.clock.now(), &tickets).await
    }
    fn label(outcome: &Outcome) -> &'static str {
        match outcome.verdict {
            Verdict::Delivered { .. } => "delivered",
            Verdict::Retry { .. } => "retried",
            Verdict::Failed { .. } => "failed",
            Verdict::Cancelled { .. } => "cancelled",
            Verdict::Held { .. } => "held",
        }
    }
}

impl Webhooks {
    /// `concurrency` is how many deliveries this process works on at once.
    pub(crate) fn new(deps: Arc<Deps>, concurrency: usize) -> Self {
        Self { deps, slow: Arc::new(Semaphore::new((concurrency / SLOW_SHARE).max(1))) }
    }

    fn in_slot(&self, delivery: ClaimedDelivery) -> Job {
        // There are as many as were asked for: only this queue's one claim at a time takes them.
        let slot = delivery.slow.then(|| self.slow.clone().try_acquire_owned().ok()).flatten();
        Job { delivery, _slot: slot }
    }

    async fn deliver(&self, job: &ClaimedDelivery) -> Outcome {
        let (at, began) = (self.deps.clock.now(), Instant::now());
        let to = Addressee {
            is_active: job.is_active,
            org_status: job.org_status,
            org_deleted: job.org_deleted,
            event: &job.event_type,
        };
        let verdict = match deliveries::may_send(to) {
            Err(NotSent::Cancelled(reason)) => (Verdict::Cancelled { reason: reason.to_owned() }, None),
            Err(NotSent::Held(reason)) => (Verdict::Held { reason: reason.to_owned(), until: at + HELD }, None),
            Ok(()) => match self.outgoing(job, at) {
                Err(error) => self.retry(job, None, None, error, None),
                Ok(outgoing) => match self.deps.egress.send(outgoing).await {
                    Err(error) => self.retry(job, None, None, error.to_string(), None),
                    Ok(answer) => self.judge(job, &answer),
                },
            },
        };
        self.outcome(job, at, began.elapsed(), verdict)
    }

    /// The rows are settled and wait for another attempt; where this fails, that attempt is told the same.
    async fn disable_gone(&self, now: Time, outcomes: &[Outcome]) {
        let (store, link) = (&self.deps.store, &self.deps.settings.webhooks_link);
        for outcome in outcomes.iter().filter(|outcome| outcome.verdict.status().is_some_and(deliveries::gone)) {
            if let Err(error) = disabling::disable_gone(store, SCOPE, now, outcome.ticket.into(), outcome.at, link).await {
                tracing::warn!(webhook = %outcome.ticket.webhook, %error, "an endpoint that is gone could not be switched off");
            }
        }
    }

    fn outgoing(&self, job: &ClaimedDelivery, at: Time) -> Result<Outgoing, String> {
        let url = EndpointUrl::stored(&job.url).map_err(|error| error.to_string())?;
        if job.secrets.is_empty() {
            return Err("the webhook's secret cannot be read".to_owned());
        }
        let body = job.body.clone().into_bytes();
        let signed =
            crypto::webhook::headers(&job.secrets, &job.event.to_string(), at, &body).map_err(|error| error.to_string())?;
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("User-Agent".to_owned(), "Tenantry-Webhooks/1".to_owned()),
            ("X-Webhook-Delivery".to_owned(), job.ticket.id.to_string()),
            ("X-Webhook-Event".to_owned(), job.event_type.clone()),
        ];
        headers.extend(signed.into_iter().map(|(name, value)| (name.to_owned(), value)));
        // Our own span where traces are gathered, else the caller's.
        let trace = infra::telemetry::current_traceparent().or_else(|| job.traceparent.clone());
        headers.extend(trace.map(|value| ("traceparent".to_owned(), value)));
        let timeout = self.deps.settings.webhook_timeout;
        Ok(Outgoing { method: Method::POST, url: url.url().clone(), headers, body, timeout, max_response: MAX_ANSWER })
    }

    fn judge(&self, job: &ClaimedDelivery, answer: &Incoming) -> Judged {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if deliveries::arrived(answer.status) {
            let since = (self.deps.clock.now() - job.happened_at).to_std().unwrap_or_default();
            metrics::histogram!("tenantry_delivery_latency_seconds").record(since.as_secs_f64());
            return (Verdict::Delivered { status: answer.status, body }, None);
        }
        let asked = deliveries::asked_to_wait(answer.status, answer.header("retry-after"), self.deps.clock.now());
        self.retry(job, Some(answer.status), Some(body), deliveries::refusal(answer.status), asked)
    }

    /// Later, if there is another attempt, and not before the endpoint wants it.
    fn retry(
        &self,
        job: &ClaimedDelivery,
        status: Option<u16>,
        body: Option<String>,
        error: String,
        asked: Option<Time>,
    ) -> Judged {
        let schedule = deliveries::Schedule { max_attempts: job.max_attempts, ..self.deps.settings.webhooks };
        let jitter = fraction(self.deps.ids.secret());
        match schedule.next(job.ticket.number, self.deps.clock.now(), jitter) {
            Some(next_at) => {
                let next_at = asked.map_or(next_at, |until| until.max(next_at));
                (Verdict::Retry { status, body, error, next_at }, asked)
            }
            None => (Verdict::Failed { status, body, error }, asked),
        }
    }

    fn outcome(&self, job: &ClaimedDelivery, at: Time, took: Duration, (verdict, not_before): Judged) -> Outcome {
        let duration_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        Outcome { ticket: job.ticket, at, duration_ms, not_before, verdict }
    }
}

#[cfg(test)]
mod tests;
