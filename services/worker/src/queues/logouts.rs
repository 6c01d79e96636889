//! Back-channel logout: telling a client that a session has ended (OpenID Connect Back-Channel Logout).

use std::{sync::Arc, time::Duration};

use app::{delivery::deliveries::Schedule, identity::logouts::logout_token};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{Result, authorization::policy::SystemScope, core::clock::fraction};
use infra::egress::{Method, Outgoing};
use store::identity::logouts::{ClaimedLogout, LogoutClaim, LogoutTicket, LogoutVerdict, ToldClient};

use crate::{
    Deps,
    queue::{Queue, Token},
};

#[expect(clippy::disallowed_methods, reason = "this is the job")]
const SCOPE: SystemScope = SystemScope::job("logouts");
/// Five attempts, over two and a half minutes: who is away for longer hears of it when its tokens hold no more.
const SCHEDULE: Schedule = Schedule { first: TimeDelta::seconds(10), max_attempts: 5 };
/// What a client gets to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of its answer that are read; nobody looks at them.
const MAX_ANSWER: usize = 1024;

/// The queue of logouts.
#[derive(Clone)]
pub(crate) struct Logouts {
    deps: Arc<Deps>,
}

#[async_trait]
impl Queue for Logouts {
    type Job = ClaimedLogout;
    type Outcome = (LogoutTicket, LogoutVerdict);
    const NAME: &'static str = "logouts";

    fn limit(&self) -> Duration {
        TIMEOUT + Duration::from_secs(5)
    }
    fn token(job: &ClaimedLogout) -> Token {
        Token { id: job.ticket.id, lease: job.ticket.lease }
    }
    async fn claim(&self, most: usize) -> Result<Vec<ClaimedLogout>> {
        let now = self.deps.clock.now();
        let lease_until = now + TimeDelta::from_std(self.limit() * 3).unwrap_or(TimeDelta::minutes(1));
        let (lease, max_attempts) = (self.deps.ids.uuid(now), SCHEDULE.max_attempts);
        self.deps.store.claim_logouts(SCOPE, LogoutClaim { now, lease, lease_until, max_attempts, max_rows: most as u64 }).await
    }
    async fn work(&self, job: &ClaimedLogout) -> Self::Outcome {
        let verdict = match &job.client {
            None => LogoutVerdict::Failed("the client wants to hear nothing any more".to_owned()),
            Some(client) => match self.tell(job, client).await {
                Ok(()) => LogoutVerdict::Told,
                Err(error) => self.retry(job, error),
            },
        };
        (job.ticket, verdict)
    }
    fn broken(&self, job: &ClaimedLogout, why: &'static str) -> Self::Outcome {
        (job.ticket, self.retry(job, why.to_owned()))
    }
    async fn settle(&self, outcomes: &[Self::Outcome]) -> Result<()> {
        self.deps.store.settle_logouts(SCOPE, self.deps.clock.now(), outcomes).await
    }
    async fn release(&self, jobs: &[&ClaimedLogout]) -> Result<()> {
        let tickets: Vec<_> = jobs.iter().map(|job| job.ticket).collect();
        self.deps.store.release_logouts(SCOPE, self.deps.clock.now(), &tickets).await
    }
    fn label((_, verdict): &Self::Outcome) -> &'static str {
        match verdict {
            LogoutVerdict::Told => "told",
            LogoutVerdict::Retry(..) => "retried",
            LogoutVerdict::Failed(_) => "failed",
        }
    }
}

impl Logouts {
    pub(crate) fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }

    async fn tell(&self, job: &ClaimedLogout, client: &ToldClient) -> Result<(), String> {
        let (ids, now) = (self.deps.ids.as_ref(), self.deps.clock.now());
        let signed = logout_token(&self.deps.store, ids, (&self.deps.settings.issuer, job, client), now).await;
        let token = signed.map_err(|error| error.to_string())?;
        let outgoing = Outgoing {
            method: Method::POST,
            url: client.uri.parse().map_err(|_| "the address is none".to_owned())?,
            headers: vec![
                ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
                ("User-Agent".to_owned(), "Tenantry-Logout/1".to_owned()),
            ],
            // A JWT has nothing in it that a form encodes.
            body: format!("logout_token={token}").into_bytes(),
            timeout: TIMEOUT,
            max_response: MAX_ANSWER,
        };
        match self.deps.egress.send(outgoing).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(format!("the client answered {}", answer.status)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn retry(&self, job: &ClaimedLogout, error: String) -> LogoutVerdict {
        match SCHEDULE.next(job.ticket.number, self.deps.clock.now(), fraction(self.deps.ids.secret())) {
            Some(next_at) => LogoutVerdict::Retry(error, next_at),
            None => {
                tracing::warn!(logout = %job.ticket.id, error, "a client was not told that a session has ended");
                LogoutVerdict::Failed(error)
            }
        }
    }
}
