//! From configuration to the API's process: what both services open (`runtime`), use cases, worker, listener.

use std::{net::TcpListener, sync::Arc};

use app::{App, Parts};
use crypto::{Hasher, HasherConfig};
use domain::{
    Error, Result,
    core::ports::{IdentityProviders, Locations, LogReceivers, MailServers, Payments, Pictures, Proofs, Saml, UrlGuard},
};
use infra::{config::Config, geoip::GeoIp};
pub use runtime::Sources;
use runtime::{Resources, Role, open_store};
use store::Store;

use crate::http::{draining::Draining, health::MetricsAccess, proxies::TrustedProxies, server::Shared};

/// Everything a process is made of.
pub struct Assembled {
    /// What the HTTP server needs.
    pub shared: Shared,
    /// What a worker needs.
    pub worker: worker::Deps,
}

/// Migrates the database and puts everything together. `metrics` is the process's recorder, if it has one.
pub async fn assemble(config: &Config, sources: Sources, metrics: Option<infra::metrics::Metrics>) -> Result<Assembled> {
    let store = open_store(config, Role::Api, &sources).await?;
    store.migrate().await?;
    let tiers = config.billing.tiers.iter().map(|(_, tier)| ("billing.tiers", tier));
    for (key, tier) in [("organizations.tier", &config.organizations.tier)].into_iter().chain(tiers) {
        if !store.has_tier(tier).await? {
            return Err(Error::internal(format!("{key} = \"{tier}\": there is no such tier")));
        }
    }
    let assembled = around(config, store, sources, metrics).await?;
    bootstrap(config, &assembled.shared.app).await?;
    Ok(assembled)
}

/// The same for a command beside the server: on the database that is there, as it is.
pub async fn attach(config: &Config, sources: Sources) -> Result<Assembled> {
    let store = open_store(config, Role::Command, &sources).await?;
    store.expect_schema().await?;
    around(config, store, sources, None).await
}

async fn around(config: &Config, store: Store, sources: Sources, metrics: Option<infra::metrics::Metrics>) -> Result<Assembled> {
    store.load_data_keys(sources.clock.now()).await?;
    let cost = sources.hash_cost;
    let resources = Resources::around(store, config, sources).await?;
    let guard: Arc<dyn UrlGuard> = Arc::new(resources.egress.clone());
    let pictures: Arc<dyn Pictures> = Arc::new(resources.egress.clone());
    let mail_servers: Arc<dyn MailServers> = Arc::new(resources.relays.clone());
    let proofs: Arc<dyn Proofs> = resources.proofs.clone();
    let payments: Arc<dyn Payments> = Arc::new(resources.payments.clone());
    let receivers: Arc<dyn LogReceivers> = Arc::new(resources.receivers.clone());
    let identity_providers: Arc<dyn IdentityProviders> = Arc::new(resources.egress.clone());
    let upstreams = Arc::new(federation::oidc::IdentityProviders::new(resources.egress.clone()));
    let saml: Option<Arc<dyn Saml>> = match config.saml.enabled {
        true => Some(Arc::new(federation::saml::ServiceProvider::start().map_err(Error::internal)?)),
        false => None,
    };
    let locations: Arc<dyn Locations> = Arc::new(GeoIp::open(config.risk.geoip_database.as_deref())?);
    let hasher = Hasher::start(HasherConfig {
        threads: config.passwords.threads,
        queue: config.passwords.queue,
        idle_priority: config.passwords.idle_priority,
        cost,
        ..HasherConfig::default()
    });
    let settings = runtime::settings::app(config)?;
    let Resources { store, kv, clock, ids, .. } = resources.clone();
    let parts = Parts {
        store,
        kv,
        clock,
        ids,
        hasher,
        guard,
        mail_servers,
        receivers,
        identity_providers,
        upstreams,
        saml,
        pictures,
        proofs,
        payments,
        locations,
        settings,
    };
    let app = App::new(parts).await?;
    let trusted = TrustedProxies::new(config.server.trusted_proxies.clone());
    let https = config.server.public_url.starts_with("https:");
    trusted.warnings(https).iter().for_each(|warning| tracing::warn!("{warning}"));
    let shared = Shared {
        app,
        trusted,
        cors_origins: config.server.cors_origins.clone(),
        body_bytes: config.limits.body_bytes,
        metrics: MetricsAccess { metrics, token: config.metrics.token.expose().to_owned() },
        https,
        dashboard_url: config.server.dashboard_url.clone(),
        draining: Draining::default(),
    };
    Ok(Assembled { shared, worker: worker::Deps::of(config, resources) })
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
