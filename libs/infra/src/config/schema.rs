//! What keys there are, read from the built-in default file: name, type (that of the default), example (from the comment). The
//! only thing that is not in the file is the range of each number.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The commented default configuration.
pub const DEFAULTS: &str = include_str!("../../../../deploy/config/default.toml");

/// Smallest and largest sensible value of each number.
const RANGES: &[(&str, i64, i64)] = &[
    ("server.shutdown_seconds", 0, 600),
    ("server.workers", 0, 1024),
    ("database.max_connections", 1, 1000),
    ("database.lock_timeout_seconds", 1, 300),
    ("database.statement_timeout_seconds", 1, 300),
    ("database.idle_in_transaction_seconds", 1, 300),
    ("worker.concurrency", 1, 10_000),
    ("worker.poll_ms", 10, 60_000),
    ("mail.smtp_port", 1, 65_535),
    ("egress.timeout_seconds", 1, 300),
    ("domains.http_port", 1, 65_535),
    ("organizations.max_per_user", 0, 1_000_000),
    ("rate_limits.sign_in_per_minute", 0, 1_000_000),
    ("rate_limits.sign_in_burst", 1, 1_000_000),
    ("rate_limits.account_reads_per_second", 0, 1_000_000),
    ("rate_limits.account_reads_burst", 1, 1_000_000),
    ("rate_limits.account_writes_per_second", 0, 1_000_000),
    ("rate_limits.account_writes_burst", 1, 1_000_000),
    ("rate_limits.account_exports_per_minute", 0, 1_000_000),
    ("rate_limits.account_exports_burst", 1, 1_000_000),
    ("rate_limits.organization_reads_per_second", 0, 1_000_000),
    ("rate_limits.organization_reads_burst", 1, 1_000_000),
    ("rate_limits.organization_writes_per_second", 0, 1_000_000),
    ("rate_limits.organization_writes_burst", 1, 1_000_000),
    ("rate_limits.organization_exports_per_minute", 0, 1_000_000),
    ("rate_limits.organization_exports_burst", 1, 1_000_000),
    ("rate_limits.organization_redeliveries_per_hour", 0, 10_000_000),
    ("rate_limits.organization_redeliveries_burst", 1, 1_000_000),
    ("tokens.access_seconds", 10, 86_400),
    ("tokens.refresh_days", 1, 3650),
    ("tokens.refresh_race_seconds", 0, 60),
    ("tokens.key_publish_seconds", 0, 604_800),
    ("sessions.absolute_days", 1, 3650),
    ("passwords.threads", 0, 256),
    ("passwords.queue", 0, 10_000),
    ("limits.body_bytes", 4096, 67_108_864),
    ("limits.organization_writes_at_once", 1, 1000),
    ("limits.account_writes_at_once", 1, 1000),
    ("limits.organization_heavy_reads_at_once", 1, 1000),
    ("limits.organization_feed_readers", 1, 100_000),
    ("limits.account_feed_readers", 1, 100_000),
    ("webhooks.max_attempts", 1, 50),
    ("webhooks.first_retry_seconds", 1, 86_400),
    ("webhooks.timeout_seconds", 1, 60),
    ("webhooks.open_after_failures", 0, 1_000_000),
    ("webhooks.disable_after_days", 0, 365),
    ("webhooks.open_at_endpoint", 1, 1_000_000),
    ("webhooks.open_in_organization", 1, 10_000_000),
    ("webhooks.open_at_unverified", 1, 1_000_000),
    ("log_streams.concurrency", 1, 1_000),
    ("log_streams.gather_ms", 0, 10_000),
    ("log_streams.timeout_seconds", 1, 60),
    ("log_streams.disable_after_days", 0, 365),
    ("billing.timeout_seconds", 1, 60),
    ("retention.events_days", 1, 36_500),
    ("retention.events_min_days", 1, 36_500),
    ("retention.events_max_days", 1, 36_500),
    ("retention.deliveries_days", 1, 36_500),
    ("retention.idempotency_days", 1, 365),
    ("retention.sessions_days", 1, 36_500),
    ("retention.sign_ins_days", 1, 36_500),
    ("retention.analytics_days", 1, 36_500),
];

/// One key.
pub(super) struct Key {
    /// Its value when nobody says otherwise; also its type.
    pub default: Value,
    /// A good value, as a person would write it.
    pub example: Option<String>,
    /// Bounds, for a number.
    pub range: Option<(i64, i64)>,
}

/// All keys by dotted name.
pub(super) struct Schema(pub BTreeMap<String, Key>);

impl Schema {
    /// Reads the built-in file.
    pub(super) fn new() -> Self {
        let mut examples = examples();
        let mut keys = BTreeMap::new();
        for (section, table) in defaults() {
            for (name, default) in table.as_table().into_iter().flatten() {
                let key = format!("{section}.{name}");
                let range = RANGES.iter().find(|(name, ..)| *name == key).map(|(_, low, high)| (*low, *high));
                let example = examples.remove(&key);
                keys.insert(key, Key { default: default.clone(), example, range });
            }
        }
        Self(keys)
    }

    /// The key that was probably meant, if one is near enough.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        let scored = self.0.keys().map(|key| (strsim::jaro_winkler(key, name), key));
        scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, key)| key.as_str())
    }
}

/// The built-in values.
pub(super) fn defaults() -> Table {
    // The file is part of the program and every test reads it: it cannot be wrong in a program that was tested.
    DEFAULTS.parse().unwrap_or_else(|e| panic!("deploy/config/default.toml: {e}"))
}

/// The text behind `# Example:` above each key.
fn examples() -> BTreeMap<String, String> {
    let (mut section, mut example, mut found) = ("", None, BTreeMap::new());
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some(text) = line.strip_prefix("# Example: ") {
            example = Some(text.to_owned());
        } else if let (Some((name, _)), false) = (line.split_once(" = "), line.starts_with('#')) {
            found.extend(example.take().map(|text| (format!("{section}.{name}"), text)));
        }
    }
    found
}
