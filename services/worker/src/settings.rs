//! What the worker is told by configuration.

use std::time::Duration;

use app::{
    applications::billing::usage::Reporting,
    delivery::{
        deliveries::Schedule,
        webhooks::{catching_up::CatchingUp, disabling::Disabling},
    },
};
use chrono::TimeDelta;
use domain::delivery::webhooks::circuit::Breaker;
use infra::config::Config;
use store::core::retention::Retention;

/// Settings of the background work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Jobs of each kind at the same time.
    pub concurrency: usize,
    /// Between two looks for work when no wake-up came.
    pub poll: Duration,
    /// What an endpoint gets to answer.
    pub webhook_timeout: Duration,
    /// When failed deliveries are repeated.
    pub webhooks: Schedule,
    /// When an endpoint that fails is left alone for a while.
    pub breaker: Breaker,
    /// When an endpoint that fails is switched off; `None`: never.
    pub disabling: Option<Disabling>,
    /// How endpoints that are behind catch up; how deliveries are made.
    pub catching_up: CatchingUp,
    /// Where mails about an endpoint that was switched off and about a domain lead to.
    pub webhooks_link: String,
    /// When failed mails are repeated.
    pub mails: Schedule,
    /// How logs are forwarded.
    pub log_streams: LogStreams,
    /// How long things are kept.
    pub retention: Retention,
    /// For how many days sign-ins can be seen in numbers.
    pub analytics_days: u32,
    /// Who is told how many users are active; `None`: nobody.
    pub usage: Option<Reporting>,
    /// What jobs in flight get to finish at shutdown.
    pub shutdown: Duration,
    /// The host in the ids of mails.
    pub message_host: String,
    /// Who issues tokens for clients: us, with a slash.
    pub issuer: String,
}

/// How logs are forwarded.
#[derive(Clone, Debug)]
pub struct LogStreams {
    /// Streams at the same time.
    pub concurrency: usize,
    /// How long a record waits for others.
    pub gather: Duration,
    /// When a stream that fails is switched off; `None`: never.
    pub disabling: Option<Disabling>,
}

/// Mails are repeated for some four hours: longer than a mail server's restart, shorter than a link lives.
const MAILS: Schedule = Schedule { first: TimeDelta::seconds(30), max_attempts: 10 };

impl Settings {
    /// Takes from the configuration what concerns the worker.
    pub fn of(config: &Config) -> Self {
        let (hooks, keep) = (&config.webhooks, &config.retention);
        let host = config.server.public_url.split("://").last().unwrap_or_default();
        Self {
            concurrency: config.worker.concurrency,
            poll: Duration::from_millis(config.worker.poll_ms),
            webhook_timeout: Duration::from_secs(hooks.timeout_seconds),
            webhooks: Schedule {
                first: TimeDelta::seconds(hooks.first_retry_seconds.cast_signed()),
                max_attempts: hooks.max_attempts.cast_signed(),
            },
            breaker: Breaker {
                after_failures: hooks.open_after_failures.into(),
                first: TimeDelta::seconds(hooks.first_retry_seconds.cast_signed()),
            },
            disabling: disabling(config, config.webhooks.disable_after_days),
            catching_up: CatchingUp { making: runtime::settings::making(hooks), link: webhooks_link(config) },
            webhooks_link: webhooks_link(config),
            mails: MAILS,
            log_streams: LogStreams {
                concurrency: config.log_streams.concurrency,
                gather: Duration::from_millis(config.log_streams.gather_ms),
                disabling: disabling(config, config.log_streams.disable_after_days),
            },
            retention: Retention {
                events: runtime::settings::audit_days(keep),
                deliveries_days: keep.deliveries_days,
                idempotency_days: keep.idempotency_days,
                sessions_days: keep.sessions_days,
                sign_ins_days: keep.sign_ins_days,
                refresh_days: config.tokens.refresh_days,
            },
            analytics_days: keep.analytics_days,
            usage: runtime::settings::billing(config)
                .and_then(|billing| Some(Reporting { account: billing.account, meter: billing.meter? })),
            shutdown: Duration::from_secs(config.server.shutdown_seconds),
            issuer: format!("{}/", config.server.public_url.trim_end_matches('/')),
            message_host: host.split([':', '/']).next().filter(|name| !name.is_empty()).unwrap_or("localhost").to_owned(),
        }
    }
}

fn disabling(config: &Config, days: u32) -> Option<Disabling> {
    (days > 0).then(|| Disabling { after: TimeDelta::days(i64::from(days)), link: webhooks_link(config) })
}

/// The web client, or this server's description of the API.
fn webhooks_link(config: &Config) -> String {
    let server = &config.server;
    if server.dashboard_url.is_empty() { format!("{}/docs", server.public_url) } else { server.dashboard_url.clone() }
}
