//! The configuration: what an operator may change, typed and checked once at the start, so that nothing later meets a bad value.
//!
//! `deploy/config/default.toml` is compiled in. It is at once the list of valid keys, the type of each, its default and its
//! documentation; over it come an optional file and then the environment. Everything that is wrong is reported together, because
//! a start that fails once for each mistake wastes an operator's evening.

mod checks;
mod draft;
mod operations;
mod outside;
mod parse;
mod problems;
mod runtime;
mod schema;
mod secret;
mod security;
mod servers;
#[cfg(test)]
mod tests;

use std::{ffi::OsString, path::Path};

use serde::Deserialize;
use url::Url;

pub use operations::{LimitsConfig, LogConfig, LogFormat, MetricsConfig, RetentionConfig, TelemetryConfig};
pub use outside::{
    BillingConfig, DnsConfig, DomainsConfig, EgressConfig, LogStreamsConfig, MailConfig, MailTransport, SmtpSecurity,
    WebhooksConfig,
};
pub use problems::{ConfigErrors, Problem};
pub use runtime::{DataConfig, DatabaseConfig, Pooler, RedisConfig, ServerConfig, WorkerConfig};
pub use schema::DEFAULTS;
pub use secret::Secret;
pub use security::{
    AccessAlg, BootstrapConfig, KeysConfig, OrganizationsConfig, PasswordsConfig, RateLimitsConfig, RiskConfig, SamlConfig,
    SessionsConfig, TokensConfig,
};
pub use servers::place;

/// The whole configuration. Each section is described, key by key, in `deploy/config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub server: ServerConfig,
    /// Where files are kept.
    pub data: DataConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The shared forgetful store.
    pub redis: RedisConfig,
    /// Background work.
    pub worker: WorkerConfig,
    /// How mails leave.
    pub mail: MailConfig,
    /// Calls of customers' URLs.
    pub egress: EgressConfig,
    /// Name resolution.
    pub dns: DnsConfig,
    /// Customers' domains.
    pub domains: DomainsConfig,
    /// The first platform owner.
    pub bootstrap: BootstrapConfig,
    /// Whether requests are limited.
    pub rate_limits: RateLimitsConfig,
    /// Rules for new organizations.
    pub organizations: OrganizationsConfig,
    /// Access and refresh tokens.
    pub tokens: TokensConfig,
    /// Sign-ins.
    pub sessions: SessionsConfig,
    /// Password hashing.
    pub passwords: PasswordsConfig,
    /// Sign-ins by SAML.
    pub saml: SamlConfig,
    /// Risky sign-ins.
    pub risk: RiskConfig,
    /// The master key.
    pub keys: KeysConfig,
    /// The metrics endpoint.
    pub metrics: MetricsConfig,
    /// Logging.
    pub log: LogConfig,
    /// Tracing.
    pub telemetry: TelemetryConfig,
    /// Bounds of requests.
    pub limits: LimitsConfig,
    /// Webhook deliveries.
    pub webhooks: WebhooksConfig,
    /// Forwarding logs.
    pub log_streams: LogStreamsConfig,
    /// Payment providers.
    pub billing: BillingConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
}

impl Config {
    /// The origins of this server and its web clients.
    pub fn page_origins(&self) -> Vec<String> {
        let server = &self.server;
        let all = [&server.public_url, &server.dashboard_url].into_iter().chain(&server.cors_origins);
        all.filter(|url| !url.is_empty() && *url != "*").cloned().collect()
    }

    /// The names under which this server and its web client are reached, and those that the operator keeps.
    pub fn own_names(&self) -> Vec<String> {
        let (server, kept) = (&self.server, &self.domains.reserved);
        let urls = [&server.public_url, &server.dashboard_url].into_iter().chain(&server.cors_origins);
        let names = urls.filter_map(|url| Url::parse(url).ok()?.host_str().map(str::to_owned));
        names.chain(kept.iter().map(|name| name.as_str().to_owned())).collect()
    }
}

/// Reads the built-in defaults, then `file`, then the `TENANTRY__…` variables of `env`, and answers either a configuration in
/// which every value is usable, or everything that is wrong.
pub fn load<T: Into<OsString>>(file: Option<&Path>, env: impl Iterator<Item = (T, T)>) -> Result<Config, ConfigErrors> {
    load_checked(file, env, |_| Vec::new())
}

/// The same, asking `more` too: what those who will use the values have to say about them, each by its key. Their problems are told together
/// with ours.
pub fn load_checked<T: Into<OsString>>(
    file: Option<&Path>,
    env: impl Iterator<Item = (T, T)>,
    more: impl Fn(&Config) -> Vec<(&'static str, String)>,
) -> Result<Config, ConfigErrors> {
    let mut draft = draft::Draft::new();
    if let Some(path) = file {
        draft.read_file(path);
    }
    draft.read_env(env.map(|(name, value)| (name.into(), value.into())));
    let mut config: Config = draft.finish(more)?;
    if config.server.public_url.is_empty() {
        config.server.public_url = format!("http://{}", config.server.listen);
    }
    Ok(config)
}
