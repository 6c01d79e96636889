//! A mail on its way through its organization's own mail server.

use app::tenancy::smtp::sending::{self, Next, Way};
use chrono::TimeDelta;
use domain::{Result, delivery::mails::Mail};
use infra::mail::{self, RelayError, RenderedMail};
use store::delivery::mails::{ClaimedMail, MailVerdict};

use super::{Mails, SCOPE};

/// When a mail comes again whose organization has as many on their way as it may.
const BUSY: TimeDelta = TimeDelta::seconds(1);

impl Mails {
    /// Through its organization's own server, if it has one that works; else through the platform's.
    pub(super) async fn send_own_way(&self, job: &ClaimedMail, mail: &Mail, message: &RenderedMail) -> MailVerdict {
        let deps = &self.deps;
        match sending::way(&deps.store, SCOPE, deps.clock.now(), job.org, mail).await {
            Ok(None) => self.send(job, message).await,
            Ok(Some(way)) => match self.places.take(job.org) {
                None => MailVerdict::Postponed { next_at: deps.clock.now() + BUSY },
                Some(place) => {
                    let next = self.send_through(job, mail, message, &way).await;
                    drop(place);
                    match next {
                        Ok(Some(verdict)) => verdict,
                        Ok(None) => self.send(job, message).await,
                        Err(error) => self.retry(job, error.to_string()),
                    }
                }
            },
            Err(error) => self.retry(job, error.to_string()),
        }
    }

    /// What became of it there; `None`: it is to leave through the platform's.
    async fn send_through(
        &self,
        job: &ClaimedMail,
        mail: &Mail,
        message: &RenderedMail,
        Way { relay, says }: &Way,
    ) -> Result<Option<MailVerdict>> {
        let (deps, settings) = (&self.deps, &relay.settings);
        let own = says.as_ref().map(|says| mail::own_text(says, &mail.context, message));
        let message = own.as_ref().unwrap_or(message);
        let failure = match deps.relays.send(&settings.server, relay.password.as_ref(), &settings.sender, message).await {
            Ok(()) => {
                // It has left: what is not noted now is noted by the next one.
                if let Err(error) = sending::sent(&deps.store, SCOPE, deps.clock.now(), settings).await {
                    tracing::warn!(org = %job.org, %error, "an organization's mail server works, and that could not be noted");
                }
                return Ok(Some(MailVerdict::Sent));
            }
            Err(RelayError::Mail(error)) => return Ok(Some(self.unsent(job, error))),
            Err(RelayError::Failed(failure)) => failure,
        };
        tracing::info!(mail = %job.ticket.id, org = %job.org, %failure, "an organization's mail server did not take a mail");
        let attempt = (mail.template, job.ticket.number);
        Ok(match sending::failed(&deps.store, SCOPE, deps.clock.now(), settings, failure, attempt).await? {
            Next::GiveUp => Some(MailVerdict::Failed { error: failure.to_string() }),
            Next::Again => Some(self.retry(job, failure.to_string())),
            Next::Elsewhere => None,
        })
    }
}
