//! Log streams: an organization's log (or the platform's own), forwarded record by record, in order, to where its owner gathers logs.

pub mod credentials;
pub mod options;
pub mod record;
pub mod verdict;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use self::{credentials::Credentials, options::StreamOptions, verdict::Reason};
use crate::core::id::id;
use crate::{
    OrgId, Time,
    core::value::{BadValue, Name, bad},
};

id! {
    /// A log stream.
    LogStreamKind LogStreamId = "lgs"
}

/// Streams that an organization may have.
pub const MAX_LOG_STREAMS: i64 = 20;

/// What receives the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Provider {
    /// Datadog's log intake, version 2.
    Datadog,
    /// Splunk's HTTP event collector.
    Splunk,
    /// Elasticsearch's bulk requests.
    Elastic,
    /// Any HTTP server.
    Custom,
    /// Syslog over TLS.
    Syslog,
    /// An OpenTelemetry collector.
    #[serde(rename = "OTLP")]
    Otlp,
}

impl Provider {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::Datadog, Self::Splunk, Self::Elastic, Self::Custom, Self::Syslog, Self::Otlp];

    /// As stored, sent and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Datadog => "Datadog",
            Self::Splunk => "Splunk",
            Self::Elastic => "Elastic",
            Self::Custom => "Custom",
            Self::Syslog => "Syslog",
            Self::Otlp => "OTLP",
        }
    }

    /// Whether a receiver of this kind can be at this URL.
    pub fn fits(self, url: &ReceiverUrl) -> Result<(), BadValue> {
        match (self, url.is_http()) {
            (Self::Syslog, true) => bad("bad_url", "Give a URL such as tls://syslog.example.com:6514."),
            (Self::Syslog, false) | (_, true) => Ok(()),
            (_, false) => bad("bad_url", ReceiverUrl::RULE),
        }
    }

    /// Whether nothing can be sent without a key.
    pub const fn needs_key(self) -> bool {
        matches!(self, Self::Datadog | Self::Splunk | Self::Elastic)
    }
}

impl FromStr for Provider {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match Self::ALL.into_iter().find(|provider| provider.as_str() == s) {
            Some(provider) => Ok(provider),
            None => bad("unknown_provider", "Use one of: Datadog, Splunk, Elastic, Custom, Syslog, OTLP."),
        }
    }
}

/// Where a receiver is: http or https, or of syslog tls or tcp, with a host, without credentials or fragment. Whether its address may be
/// called is [`crate::core::ports::LogReceivers`]'s question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReceiverUrl(Url);

impl ReceiverUrl {
    const RULE: &'static str = "Give an https URL such as https://siem.example.com:8088.";

    /// Whether HTTP is spoken there.
    pub fn is_http(&self) -> bool {
        matches!(self.0.scheme(), "http" | "https")
    }
    /// The parsed URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
    /// Scheme, host and port: what may be shown where the rest, which is often a secret, may not.
    pub fn origin(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}", self.0.scheme())
    }
    /// Whether whoever is at the other URL is as entitled to the credentials as whoever is at this one.
    pub fn is_as_trusted_as(&self, other: &Self, provider: Provider) -> bool {
        // One host of an HTTP service in the cloud may serve many customers, each under a path.
        if matches!(provider, Provider::Custom | Provider::Otlp) { self == other } else { self.origin() == other.origin() }
    }
}

impl FromStr for ReceiverUrl {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        const RULE: &str = ReceiverUrl::RULE;
        if s.len() > 2000 {
            return bad("too_long", "A URL has at most 2000 characters.");
        }
        match Url::parse(s) {
            Ok(url) if !matches!(url.scheme(), "http" | "https" | "tls" | "tcp") || url.host_str().is_none_or(str::is_empty) => {
                bad("bad_url", RULE)
            }
            Ok(url) if url.port() == Some(0) => bad("bad_url", RULE),
            Ok(url) if matches!(url.scheme(), "tls" | "tcp") && (!matches!(url.path(), "" | "/") || url.query().is_some()) => {
                bad("bad_url", "A syslog receiver has a host and a port, and no path.")
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                bad("credentials_in_url", "Leave user name and password out of the URL.")
            }
            Ok(url) if url.fragment().is_some() => bad("bad_url", "Leave the fragment (#…) out of the URL."),
            Ok(url) => Ok(Self(url)),
            Err(_) => bad("bad_url", RULE),
        }
    }
}

/// Records of one batch at most: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchSize(i32);

impl BatchSize {
    /// The number.
    pub fn get(self) -> i32 {
        self.0
    }
    /// A size the database gave back.
    pub fn stored(n: i32) -> Self {
        Self(n.clamp(1, 1000))
    }
}

impl Default for BatchSize {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<i64> for BatchSize {
    type Error = BadValue;
    fn try_from(n: i64) -> Result<Self, BadValue> {
        match i32::try_from(n) {
            Ok(n @ 1..=1000) => Ok(Self(n)),
            _ => bad("out_of_range", "Use a whole number from 1 to 1000."),
        }
    }
}

/// Where a stream begins, or goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the oldest record that is kept.
    Start,
    /// Behind the newest: only what happens from now on.
    Now,
}

impl FromStr for From {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "start" => Ok(Self::Start),
            "now" => Ok(Self::Now),
            _ => bad("unknown_place", "Use one of: start, now."),
        }
    }
}

/// A stream, without its credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStream {
    /// Identifier.
    pub id: LogStreamId,
    /// Whose log.
    pub org_id: OrgId,
    /// Unique per organization.
    pub name: Name,
    /// What receives it.
    pub provider: Provider,
    /// Where.
    pub url: ReceiverUrl,
    /// How records are written.
    pub options: StreamOptions,
    /// Records of one batch at most.
    pub batch_size: BatchSize,
    /// Whether records are sent.
    pub enabled: bool,
    /// When it was switched off by us, because it failed for days.
    pub disabled_at: Option<Time>,
    /// Which credentials there are.
    pub has: Has,
    /// How it goes.
    pub progress: Progress,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A receiver, with all that is needed to send to it.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The stream.
    pub id: LogStreamId,
    /// What it is.
    pub provider: Provider,
    /// Where it is.
    pub url: ReceiverUrl,
    /// How records are written.
    pub options: StreamOptions,
    /// What it wants to see.
    pub credentials: Credentials,
}

/// Which credentials a stream has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Has {
    /// A key at the receiver.
    pub api_key: bool,
    /// A header of the organization's choice.
    pub auth_header: bool,
    /// What signs bodies.
    pub signing_secret: bool,
}

impl Has {
    /// Whether there is anything to be stolen.
    pub fn any(self) -> bool {
        self.api_key || self.auth_header || self.signing_secret
    }
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The number of the last record that arrived or was passed over.
    pub seq: i64,
    /// The number of the last record that there is.
    pub head: i64,
    /// When the oldest record happened that waits.
    pub oldest_waiting: Option<Time>,
    /// Failed attempts since the last success.
    pub failures: i32,
    /// When it first failed since the last success.
    pub failing_since: Option<Time>,
    /// When it is tried again, if it failed.
    pub next_try_at: Option<Time>,
    /// When the receiver last took something.
    pub last_sent_at: Option<Time>,
    /// What failed last since then.
    pub last_failure: Option<LastFailure>,
    /// Records that the receiver refused and that were passed over.
    pub set_aside: i64,
    /// Records that were gone before they could be sent.
    pub lost: i64,
}

/// What failed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// When.
    pub at: Time,
    /// Why.
    pub reason: Reason,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
}

impl LogStream {
    /// In one word: `paused`, `disabled`, `failing`, `behind` or `running`.
    pub fn state(&self) -> &'static str {
        match &self.progress {
            _ if self.disabled_at.is_some() && !self.enabled => "disabled",
            _ if !self.enabled => "paused",
            progress if progress.failing_since.is_some() => "failing",
            progress if progress.lag() > i64::from(self.batch_size.get()) => "behind",
            _ => "running",
        }
    }
}

impl Progress {
    /// How many records wait.
    pub fn lag(&self) -> i64 {
        (self.head - self.seq).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_have_exactly_the_contracts_names() {
        for provider in Provider::ALL {
            assert_eq!(provider.as_str().parse(), Ok(provider));
        }
        for other in ["datadog", "SPLUNK", "elastic ", "", "custom"] {
            assert_eq!(other.parse::<Provider>().unwrap_err().code, "unknown_provider", "{other}");
        }
    }

    #[test]
    fn credentials_stay_with_whoever_they_were_given_to() {
        let url = |text: &str| text.parse::<ReceiverUrl>().unwrap();
        let (a, b) = (url("https://splunk.example.com:8088/a"), url("https://splunk.example.com:8088/b"));
        assert!(a.is_as_trusted_as(&b, Provider::Splunk) && !a.is_as_trusted_as(&b, Provider::Custom));
        for other in ["https://splunk.example.com/a", "http://splunk.example.com:8088/a", "https://x.example.com:8088/a"] {
            assert!(!a.is_as_trusted_as(&url(other), Provider::Splunk), "{other}");
        }
        assert_eq!(a.origin(), "https://splunk.example.com:8088");
    }

    #[test]
    fn sizes_have_bounds() {
        assert_eq!((BatchSize::default().get(), BatchSize::try_from(1000).map(BatchSize::get)), (100, Ok(1000)));
        for bad in [0, -1, 1001, i64::MAX] {
            assert_eq!(BatchSize::try_from(bad).unwrap_err().code, "out_of_range");
        }
    }
}
