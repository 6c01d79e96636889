//! Sections about running it: metrics, log, traces, bounds, retention.

use serde::Deserialize;

use super::{Secret, parse};

/// `[metrics]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Bearer token for `/metrics`; empty: there are none.
    pub token: Secret,
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Shape of a line.
    pub format: LogFormat,
    /// Levels, overall or per module.
    #[serde(deserialize_with = "parse::log_filter")]
    pub filter: String,
}

/// `[telemetry]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Where traces go (OTLP over HTTP); empty for nowhere.
    #[serde(deserialize_with = "parse::optional_http_url")]
    pub otlp_endpoint: String,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Writes of an organization's members at once.
    pub organization_writes_at_once: usize,
    /// Writes of one account in organizations at once.
    pub account_writes_at_once: usize,
    /// Heavy reads of an organization at once.
    pub organization_heavy_reads_at_once: usize,
    /// Readers of an organization that wait for its feed.
    pub organization_feed_readers: usize,
    /// Those of one account.
    pub account_feed_readers: usize,
}

/// `[retention]`: how many days things are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    /// Events and audit records, where an organization chose nothing else.
    pub events_days: u32,
    /// The least that an organization may choose.
    pub events_min_days: u32,
    /// The most.
    pub events_max_days: u32,
    /// Finished deliveries and their attempts.
    pub deliveries_days: u32,
    /// Outcomes of requests with an idempotency key.
    pub idempotency_days: u32,
    /// Ended sessions.
    pub sessions_days: u32,
    /// Sign-ins.
    pub sign_ins_days: u32,
    /// Numbers of sign-ins.
    pub analytics_days: u32,
}
