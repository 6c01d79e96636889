//! What configuration tells the use cases, in their own terms.

use std::time::Duration;

use app::{
    Settings,
    core::{
        admission::Places,
        limits::{Limits, Rates},
    },
    events::feed::Share,
};
use chrono::TimeDelta;
use domain::{
    Error, Result,
    applications::billing::{calls::Account, platform::PlatformBilling},
    core::{rate::Limit, secret::ProviderSecret},
    delivery::webhooks::quota::Quotas,
    events::audit::RetentionDays,
};
use infra::config::{Config, DatabaseConfig, Pooler, RateLimitsConfig, RetentionConfig, Secret, WebhooksConfig};
use store::{Session, delivery::deliveries::Making};

/// Settings of the use cases.
pub fn app(config: &Config) -> Result<Settings> {
    let seconds = |n: u64| TimeDelta::seconds(n.cast_signed());
    Ok(Settings {
        public_url: config.server.public_url.clone(),
        access_alg: config.tokens.access_alg.as_str().parse().map_err(Error::internal)?,
        access_ttl: seconds(config.tokens.access_seconds),
        refresh_ttl: TimeDelta::days(i64::from(config.tokens.refresh_days)),
        session_longest: TimeDelta::days(i64::from(config.sessions.absolute_days)),
        refresh_race: seconds(config.tokens.refresh_race_seconds),
        key_publish: seconds(config.tokens.key_publish_seconds),
        max_organizations: i64::from(config.organizations.max_per_user),
        require_approval: config.organizations.require_approval,
        first_tier: config.organizations.tier.clone(),
        own_names: config.own_names(),
        page_origins: config.page_origins(),
        billing: billing(config),
        limits: limits(&config.rate_limits),
        feed_readers: Share {
            organization: config.limits.organization_feed_readers,
            account: config.limits.account_feed_readers,
        },
        places: Places {
            connections: usize::try_from(config.database.max_connections).unwrap_or(usize::MAX),
            organization_writes: config.limits.organization_writes_at_once,
            account_writes: config.limits.account_writes_at_once,
            organization_heavy_reads: config.limits.organization_heavy_reads_at_once,
        },
        audit_days: audit_days(&config.retention),
        making: making(&config.webhooks),
    })
}

/// How the platform bills organizations; `None`: it does not.
pub fn billing(config: &Config) -> Option<PlatformBilling> {
    let billing = &config.billing;
    let secret = |secret: &Secret| ProviderSecret::stored(secret.expose().to_owned());
    Some(PlatformBilling {
        account: Account { provider: billing.provider?, mode: billing.mode, key: secret(&billing.api_key) },
        webhook_secret: (!billing.webhook_secret.is_empty()).then(|| secret(&billing.webhook_secret)),
        tiers: billing.tiers.clone(),
        first_tier: config.organizations.tier.clone(),
        meter: (!billing.usage_meter.is_empty()).then(|| billing.usage_meter.clone()),
    })
}

/// What sessions on PostgreSQL are told.
pub(crate) fn session(database: &DatabaseConfig) -> Session {
    let seconds = Duration::from_secs;
    Session {
        lock_timeout: seconds(database.lock_timeout_seconds),
        statement_timeout: seconds(database.statement_timeout_seconds),
        idle_in_transaction: seconds(database.idle_in_transaction_seconds),
        told: database.startup_options,
        pooled: database.pooler == Pooler::Transaction,
    }
}

/// How deliveries are made.
pub fn making(hooks: &WebhooksConfig) -> Making {
    Making {
        max_attempts: i32::try_from(hooks.max_attempts).unwrap_or(i32::MAX),
        quotas: Quotas {
            endpoint: hooks.open_at_endpoint.into(),
            organization: hooks.open_in_organization.into(),
            unverified: hooks.open_at_unverified.into(),
        },
    }
}

/// How long audit records are kept, and what organizations may choose.
pub fn audit_days(keep: &RetentionConfig) -> RetentionDays {
    RetentionDays { default: keep.events_days, least: keep.events_min_days, most: keep.events_max_days }
}

fn limits(c: &RateLimitsConfig) -> Limits {
    Limits {
        enabled: c.enabled,
        sign_in: Limit::each(c.sign_in_per_minute, 60, c.sign_in_burst),
        account: Rates {
            reads: Limit::each(c.account_reads_per_second, 1, c.account_reads_burst),
            writes: Limit::each(c.account_writes_per_second, 1, c.account_writes_burst),
            exports: Limit::each(c.account_exports_per_minute, 60, c.account_exports_burst),
        },
        organization: Rates {
            reads: Limit::each(c.organization_reads_per_second, 1, c.organization_reads_burst),
            writes: Limit::each(c.organization_writes_per_second, 1, c.organization_writes_burst),
            exports: Limit::each(c.organization_exports_per_minute, 60, c.organization_exports_burst),
        },
        redeliveries: Limit::each(c.organization_redeliveries_per_hour, 3600, c.organization_redeliveries_burst),
    }
}
