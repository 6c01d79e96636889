//! From configuration to a running process: master key, database, use cases, worker, listener.

use std::{fs, net::TcpListener, os::unix::fs::DirBuilderExt, sync::Arc};

use app::{
    App, Parts, Settings,
    core::limits::{Limits, Rates},
};
use chrono::TimeDelta;
use crypto::{Hasher, HasherConfig, OsRandom};
use domain::{
    Clock, Error, IdGen, Result,
    core::{ports::UrlGuard, rate::Limit},
};
use infra::config::{Config, RateLimitsConfig};
use store::Store;

use crate::http::{
    health::MetricsAccess,
    proxies::TrustedProxies,
    server::{Draining, Shared},
};

/// Everything a process is made of.
pub struct Assembled {
    /// What the HTTP server needs.
    pub shared: Shared,
    /// What a worker needs.
    pub worker: worker::Deps,
}

/// Where the time and the randomness come from; tests give their own.
pub struct Sources {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub ids: Arc<dyn IdGen>,
}

impl Sources {
    /// The machine's.
    pub fn system() -> Self {
        Self { clock: Arc::new(domain::core::clock::SystemClock), ids: Arc::new(OsRandom::new()) }
    }
}

/// Opens the database, without migrating it. The data folder and the master key are made if they are missing.
pub async fn open_store(config: &Config, sources: &Sources) -> Result<Store> {
    // Database, mails and master key are for this user only.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data.dir).map_err(|e| {
        Error::unavailable(
            60,
            format!("The data folder {} cannot be made. Choose another with `data.dir`.", config.data.dir.display()),
        )
        .because(e)
    })?;
    let masters = worker::boot::master_keys(config, Some(sources.ids.as_ref())).map_err(unusable)?;
    worker::boot::open_store(config, masters, sources.ids.clone(), "tenantry-api").await.map_err(unusable)
}

/// Our own errors already say what to do; anything else is told as it is.
fn unusable(e: anyhow::Error) -> Error {
    e.downcast::<Error>().unwrap_or_else(|e| Error::unavailable(60, format!("{e:#}")))
}

fn settings(config: &Config) -> Result<Settings> {
    let seconds = |n: u64| TimeDelta::seconds(n.cast_signed());
    Ok(Settings {
        public_url: config.server.public_url.clone(),
        access_alg: config.tokens.access_alg.as_str().parse().map_err(Error::internal)?,
        access_ttl: seconds(config.tokens.access_seconds),
        refresh_ttl: TimeDelta::days(i64::from(config.tokens.refresh_days)),
        refresh_race: seconds(config.tokens.refresh_race_seconds),
        key_publish: seconds(config.tokens.key_publish_seconds),
        max_organizations: i64::from(config.organizations.max_per_user),
        require_approval: config.organizations.require_approval,
        limits: limits(&config.rate_limits),
        audit_days: worker::settings::audit_days(&config.retention),
        webhook_attempts: i32::try_from(config.webhooks.max_attempts).unwrap_or(i32::MAX),
    })
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
    }
}

/// Migrates the database and puts everything together. `metrics` is the process's recorder, if it has one.
pub async fn assemble(config: &Config, sources: Sources, metrics: Option<infra::metrics::Metrics>) -> Result<Assembled> {
    let store = open_store(config, &sources).await?;
    store.migrate().await?;
    store.load_data_keys(sources.clock.now()).await?;
    let kv = infra::kv::connect(&config.redis, sources.clock.clone()).await;
    let worker =
        worker::boot::deps(config, store.clone(), kv.clone(), sources.clock.clone(), sources.ids.clone()).map_err(unusable)?;
    let guard: Arc<dyn UrlGuard> = Arc::new(worker.egress.clone());
    let hasher = Hasher::start(HasherConfig {
        threads: config.passwords.threads,
        queue: config.passwords.queue,
        ..HasherConfig::default()
    });
    let parts = Parts { store, kv, clock: sources.clock, ids: sources.ids, hasher, guard, settings: settings(config)? };
    let app = App::new(parts).await?;
    bootstrap(config, &app).await?;
    let shared = Shared {
        app,
        trusted: TrustedProxies(config.server.trusted_proxies.clone()),
        cors_origins: config.server.cors_origins.clone(),
        body_bytes: config.limits.body_bytes,
        metrics: MetricsAccess { metrics, token: config.metrics.token.expose().to_owned() },
        https: config.server.public_url.starts_with("https:"),
        dashboard_url: config.server.dashboard_url.clone(),
        draining: Draining::default(),
    };
    Ok(Assembled { shared, worker })
}

async fn bootstrap(config: &Config, app: &App) -> Result<()> {
    if config.bootstrap.owner_email.is_empty() {
        return Ok(());
    }
    let bad = |key: &str, e: domain::BadValue| Error::field(key, e.code, e.message);
    let email = config.bootstrap.owner_email.parse().map_err(|e| bad("bootstrap.owner_email", e))?;
    let password = config.bootstrap.owner_password.expose().parse().map_err(|e| bad("bootstrap.owner_password", e))?;
    app.bootstrap_owner(&email, &password).await.map(|_| ())
}

/// Listens on `server.listen`.
pub fn listen(config: &Config) -> Result<TcpListener> {
    let address = config.server.listen;
    TcpListener::bind(address).map_err(|e| {
        let advice = match e.kind() {
            std::io::ErrorKind::AddrInUse => format!("{address} is in use by another program. Stop it, or choose another address: TENANTRY__SERVER__LISTEN=127.0.0.1:8090"),
            std::io::ErrorKind::PermissionDenied => format!("This user may not listen on {address}. Choose a port above 1023: TENANTRY__SERVER__LISTEN=127.0.0.1:8080"),
            _ => format!("{address} cannot be listened on. Choose another address with TENANTRY__SERVER__LISTEN."),
        };
        Error::unavailable(60, advice).because(e)
    })
}
