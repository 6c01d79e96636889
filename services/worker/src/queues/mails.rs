//! Mail: rendering a queued message and handing it to its organization's own mail server, or to the platform's.

mod own_server;
mod places;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{Result, authorization::policy::SystemScope, core::clock::fraction, delivery::mails::Mail};
use infra::mail::{self, MailError, RenderedMail};
use store::delivery::mails::{ClaimedMail, MailClaim, MailOutcome, MailVerdict};

use self::places::Places;
use crate::{
    Deps,
    queue::{Queue, Token},
};

#[expect(clippy::disallowed_methods, reason = "this is the job")]
const SCOPE: SystemScope = SystemScope::job("mails");

/// The queue of mails.
#[derive(Clone)]
pub(crate) struct Mails {
    deps: Arc<Deps>,
    places: Places,
}

#[async_trait]
impl Queue for Mails {
    type Job = ClaimedMail;
    type Outcome = MailOutcome;
    const NAME: &'static str = "mails";

    fn limit(&self) -> Duration {
        // A conversation with a slow mail server, and perhaps with a second one: several commands of ten seconds.
        Duration::from_secs(120)
    }
    fn token(job: &ClaimedMail) -> Token {
        Token { id: job.ticket.id, lease: job.ticket.lease }
    }
    async fn claim(&self, most: usize) -> Result<Vec<ClaimedMail>> {
        let now = self.deps.clock.now();
        let lease_until = now + TimeDelta::from_std(self.limit() * 3).unwrap_or(TimeDelta::minutes(5));
        let max_attempts = self.deps.settings.mails.max_attempts;
        let claim = MailClaim { now, lease: self.deps.ids.uuid(now), lease_until, max_attempts, max_rows: most as u64 };
        self.deps.store.claim_mails(SCOPE, claim).await
    }
    async fn work(&self, job: &ClaimedMail) -> MailOutcome {
        let verdict = match self.rendered(job) {
            Ok((mail, message)) => self.send_own_way(job, mail, &message).await,
            Err(error) => self.unsent(job, error),
        };
        MailOutcome { ticket: job.ticket, verdict }
    }
    fn broken(&self, job: &ClaimedMail, why: &'static str) -> MailOutcome {
        MailOutcome { ticket: job.ticket, verdict: self.retry(job, why.to_owned()) }
    }
    async fn settle(&self, outcomes: &[MailOutcome]) -> Result<()> {
        self.deps.store.settle_mails(SCOPE, self.deps.clock.now(), outcomes).await
    }
    async fn release(&self, jobs: &[&ClaimedMail]) -> Result<()> {
        let tickets: Vec<_> = jobs.iter().map(|job| job.ticket).collect();
        self.deps.store.release_mails(SCOPE, self.deps.clock.now(), &tickets).await
    }
    fn label(outcome: &MailOutcome) -> &'static str {
        match outcome.verdict {
            MailVerdict::Sent => "sent",
            MailVerdict::Retry { .. } => "retried",
            MailVerdict::Postponed { .. } => "postponed",
            MailVerdict::Failed { .. } => "failed",
        }
    }
}

impl Mails {
    /// `concurrency` is how many mails this process works on at once.
    pub(crate) fn new(deps: Arc<Deps>, concurrency: usize) -> Self {
        Self { deps, places: Places::new(concurrency) }
    }

    fn rendered<'j>(&self, job: &'j ClaimedMail) -> Result<(&'j Mail, RenderedMail), MailError> {
        // Perhaps the master key is being put right at this moment.
        let Some(mail) = &job.mail else { return Err(MailError::Transient("the message cannot be opened".to_owned())) };
        let parts = mail::render(mail.template, mail.context.clone()).map_err(|error| MailError::Permanent(explain(&error)))?;
        let id = format!("msg-{}@{}", job.ticket.id.simple(), self.deps.settings.message_host);
        Ok((mail, parts.addressed(mail.to.as_str(), id)))
    }

    /// Through the platform's mail server.
    async fn send(&self, job: &ClaimedMail, message: &RenderedMail) -> MailVerdict {
        match self.deps.mailer.send(message).await {
            Ok(()) => MailVerdict::Sent,
            Err(error) => self.unsent(job, error),
        }
    }

    fn unsent(&self, job: &ClaimedMail, error: MailError) -> MailVerdict {
        match error {
            MailError::Permanent(error) => {
                tracing::error!(mail = %job.ticket.id, error, "a mail cannot be sent and was given up");
                MailVerdict::Failed { error }
            }
            MailError::Transient(error) => self.retry(job, error),
        }
    }

    fn retry(&self, job: &ClaimedMail, error: String) -> MailVerdict {
        let now = self.deps.clock.now();
        match self.deps.settings.mails.next(job.ticket.number, now, fraction(self.deps.ids.secret())) {
            Some(next_at) => {
                tracing::warn!(mail = %job.ticket.id, attempt = job.ticket.number, error, "a mail was not sent; it will be tried again");
                MailVerdict::Retry { error, next_at }
            }
            None => {
                tracing::error!(mail = %job.ticket.id, error, "a mail was given up");
                MailVerdict::Failed { error }
            }
        }
    }
}

/// The cause: which value a template misses.
fn explain(error: &domain::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
