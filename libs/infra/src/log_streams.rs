//! Handing records over to the receivers of log streams: one file for each protocol, which writes batches ([`encoding`]) and reads what is
//! answered. What follows from an answer is not decided here but in [`domain::delivery::log_streams::verdict`].
//!
//! A receiver's words are not kept, only the status and what it means: a customer can point a stream at whatever answers, and would read it
//! through us (T35).

mod custom;
mod datadog;
mod elastic;
mod encoding;
mod mapping;
mod otlp;
mod splunk;
mod syslog;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use domain::{
    Clock, Error, Time, Violation,
    core::ports::{LogReceivers, UrlGuard},
    delivery::log_streams::{
        Provider, Receiver, ReceiverUrl,
        record::Record,
        verdict::{self, Answer, Failure, Reason},
    },
};

use self::encoding::{Batch, Entry};
use crate::{
    config::Config,
    egress::{Egress, EgressError, Incoming, Method, Outgoing},
    mail::Encryption,
};

/// Sends batches. Clones share connections.
#[derive(Clone)]
pub struct Receivers {
    egress: Egress,
    clock: Arc<dyn Clock>,
    encryption: Arc<Encryption>,
    timeout: Duration,
    /// What we say that we are: the host of our public URL.
    host: Arc<str>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Records in it: as many, from the first, as fit.
    pub sent: usize,
    /// What came of them.
    pub answer: Answer,
}

/// What may be wrong with what is to be sent.
const NO_KEY: Answer = Answer::No(Reason::NoKey);

impl Receivers {
    /// Nothing is connected yet.
    pub fn new(config: &Config, egress: Egress, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let url = url::Url::parse(&config.server.public_url).ok();
        let host = url.as_ref().and_then(url::Url::host_str).unwrap_or("localhost");
        let timeout = Duration::from_secs(config.log_streams.timeout_seconds).min(egress.ceiling());
        let encryption = Arc::new(Encryption::new(config.egress.ca_file.as_deref())?);
        Ok(Self { egress, clock, encryption, timeout, host: host.into() })
    }

    /// The longest that handing over one batch takes.
    pub fn longest(&self) -> Duration {
        self.timeout + splunk::ACKNOWLEDGED_WITHIN + self.timeout
    }

    /// Hands over as many of the records, from the first, as one request takes; there is at least one. Sending them twice is the caller's
    /// risk.
    pub async fn send(&self, to: &Receiver, records: &[Record]) -> Handed {
        let entries = records.iter().map(|record| Entry::of(record, to.options.mapping));
        self.hand_over(to, entries).await
    }

    async fn hand_over(&self, to: &Receiver, entries: impl Iterator<Item = Entry<'_>>) -> Handed {
        let batch = match to.provider {
            Provider::Splunk => splunk::encode(to, &self.host, entries),
            Provider::Datadog => datadog::encode(to, &self.host, entries),
            Provider::Elastic => elastic::encode(to, entries),
            Provider::Custom => custom::encode(to, self.clock.now(), entries),
            Provider::Otlp => otlp::encode(to, &self.host, self.clock.now(), entries),
            Provider::Syslog => {
                let body = syslog::encode(&self.host, entries);
                return Handed { sent: body.records, answer: self.syslog(to, &body.bytes).await };
            }
        };
        let Some(batch) = batch else { return Handed { sent: 0, answer: NO_KEY } };
        let sent = batch.records;
        let answer = match self.post(batch).await {
            Err(error) => Answer::No(unanswered(error)),
            Ok(incoming) => self.answer(to, sent, &incoming).await,
        };
        Handed { sent, answer }
    }

    async fn post(&self, batch: Batch) -> Result<Incoming, EgressError> {
        let Batch { url, headers, body, max_response, .. } = batch;
        self.egress.send(Outgoing { method: Method::POST, url, headers, body, timeout: self.timeout, max_response }).await
    }

    async fn answer(&self, to: &Receiver, sent: usize, incoming: &Incoming) -> Answer {
        if !(200..300).contains(&incoming.status) {
            return Answer::Status { status: incoming.status, wait: self.asked(incoming) };
        }
        match to.provider {
            Provider::Splunk => match splunk::taken(incoming) {
                Ok(None) => Answer::Taken,
                Ok(Some(id)) => self.acknowledged(to, id).await,
                Err(reason) => Answer::No(reason),
            },
            Provider::Elastic => elastic::judge(incoming, sent),
            Provider::Otlp => otlp::judge(incoming),
            Provider::Datadog | Provider::Custom | Provider::Syslog => Answer::Taken,
        }
    }

    /// How long a receiver asks to be left alone: `Retry-After` in seconds or as a date, or what Datadog sends instead.
    fn asked(&self, incoming: &Incoming) -> Option<TimeDelta> {
        let text = incoming.header("retry-after").or_else(|| incoming.header("x-ratelimit-reset"))?.trim();
        if let Ok(seconds) = text.parse::<u32>() {
            return Some(TimeDelta::seconds(seconds.into()));
        }
        let until: Time = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
        Some(until - self.clock.now()).filter(|wait| *wait > TimeDelta::zero())
    }
}

const fn unanswered(error: EgressError) -> Reason {
    match error {
        EgressError::NotAllowed(_) => Reason::NotAllowed,
        EgressError::NoAddress => Reason::NoAddress,
        EgressError::Connect => Reason::Unreachable,
        EgressError::Tls => Reason::Tls,
        EgressError::Timeout => Reason::Timeout,
        EgressError::Protocol => Reason::BadAnswer,
    }
}

#[async_trait]
impl LogReceivers for Receivers {
    async fn check(&self, field: &str, url: &ReceiverUrl) -> Result<(), Violation> {
        if url.is_http() {
            return UrlGuard::check(&self.egress, field, url.url()).await;
        }
        let encrypted = url.url().scheme() == "tls";
        match self.egress.addresses(syslog::host(url.url()), encrypted).await {
            Ok(_) => Ok(()),
            Err(_) if encrypted => {
                Err(Violation::new(field, "address_not_allowed", "The host must lead to public addresses only."))
            }
            Err(_) => {
                let rule = "Without encryption only receivers in networks that the operator named are called. Use tls://.";
                Err(Violation::new(field, "https_required", rule))
            }
        }
    }

    async fn try_out(&self, to: &Receiver) -> Result<(), Failure> {
        let entry = Entry::test(self.clock.now());
        let failure = match self.hand_over(to, std::iter::once(entry)).await.answer {
            Answer::Taken => return Ok(()),
            Answer::Status { status, .. } | Answer::Items { rest: Some(status), .. } => {
                Failure { reason: verdict::reason(status), status: Some(status) }
            }
            Answer::Items { refused, .. } => {
                Failure { reason: Reason::Refused, status: refused.first().map(|(_, status)| *status) }
            }
            Answer::No(reason) => Failure { reason, status: None },
        };
        Err(failure)
    }
}

#[cfg(test)]
mod tests;
