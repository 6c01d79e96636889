//! From configuration to what a process works with: the part of starting that the API and the worker have in common.
//!
//! [`open_store`] finds the master keys ([`master_key`]) and opens the database, [`Resources::around`] adds everything else that is
//! outside, and [`settings`] reads what the use cases are told. [`checks`] reads the configuration whole, for the start and for `config
//! check` alike. Nothing here migrates, serves or works.

pub mod checks;
pub mod files;
pub mod master_key;
pub mod settings;

use std::{path::PathBuf, sync::Arc};

use crypto::{HashCost, Keyring, OsRandom};
use domain::{
    Clock, Error, IdGen, Result,
    core::{
        clock::SystemClock,
        ports::{Kv, Proofs},
    },
};
use infra::{
    config::Config,
    egress::{Egress, ProofFinder},
    log_streams::Receivers,
    mail::{Mailer, Relays},
    payments::Providers,
};
use store::Store;

/// What is being started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The API, and `migrate`: makes the data folder, the database's file and the master key if they are missing.
    Api,
    /// A command of the API's program: finds what the API made, and makes nothing that could pass for it.
    Command,
    /// A worker of its own: finds what the API made. Two processes with different keys could not read each other's secrets.
    Worker,
}

/// Where the time and the randomness come from, and what hashing costs; tests give their own.
#[derive(Clone)]
pub struct Sources {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub ids: Arc<dyn IdGen>,
    /// What hashing a password costs.
    pub hash_cost: HashCost,
}

impl Sources {
    /// The machine's.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), ids: Arc::new(OsRandom::new()), hash_cost: HashCost::OWASP }
    }
}

/// Everything outside that a process works with. Cheap to clone.
#[derive(Clone)]
pub struct Resources {
    /// The database.
    pub store: Store,
    /// Rate limits, and wake-ups between processes.
    pub kv: Arc<dyn Kv>,
    /// The guarded way to customers' endpoints.
    pub egress: Egress,
    /// The way to the mail server.
    pub mailer: Mailer,
    /// The guarded way to customers' mail servers.
    pub relays: Relays,
    /// The way to what proves customers' domains.
    pub proofs: Arc<dyn Proofs>,
    /// The way to the receivers of log streams.
    pub receivers: Receivers,
    /// The way to payment providers.
    pub payments: Providers,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub ids: Arc<dyn IdGen>,
}

impl Resources {
    /// Everything else, around an open store. What cannot be reached yet is no error; it heals by itself.
    pub async fn around(store: Store, config: &Config, sources: Sources) -> Result<Self> {
        let Sources { clock, ids, .. } = sources;
        let kv = infra::kv::connect(&config.redis, clock.clone()).await;
        let egress = Egress::new(&config.egress, &config.dns)?;
        let mailer = Mailer::new(&config.mail, &config.data, clock.clone())?;
        let relays = Relays::new(config, egress.clone(), clock.clone())?;
        let proofs = Arc::new(ProofFinder::new(&config.domains, &config.egress, &config.dns)?);
        let receivers = Receivers::new(config, egress.clone(), clock.clone())?;
        let payments = Providers::new(config, egress.clone())?;
        Ok(Self { store, kv, egress, mailer, relays, proofs, receivers, payments, clock, ids })
    }
}

/// Opens the database; does not migrate it, and loads no data keys.
pub async fn open_store(config: &Config, role: Role, sources: &Sources) -> Result<Store> {
    let settings = store::Settings {
        url: database_url(config),
        max_connections: config.database.max_connections,
        application_name: match role {
            Role::Api | Role::Command => "tenantry-api".to_owned(),
            Role::Worker => "tenantry-worker".to_owned(),
        },
        create: role == Role::Api,
        session: settings::session(&config.database),
    };
    // Before anything is made: what is asked for the wrong database leaves nothing behind.
    store::core::reach::try_once(&settings).await?;
    match role {
        Role::Api => files::make_data_folder(config)?,
        Role::Command | Role::Worker => expect_database(config)?,
    }
    files::tighten(config);
    let masters = master_key::load(config, role, sources.ids.as_ref())?;
    Store::open(&settings, Keyring::new(masters), sources.ids.clone()).await
}

/// The database of the embedded default.
pub fn sqlite_file(config: &Config) -> PathBuf {
    config.data.dir.join("tenantry.db")
}

/// The configured one, or a SQLite file in the data directory.
fn database_url(config: &Config) -> String {
    match config.database.url.expose() {
        // A `?` in the folder's name is not where parameters begin.
        "" => format!("sqlite://{}", sqlite_file(config).display().to_string().replace('%', "%25").replace('?', "%3F")),
        url => url.to_owned(),
    }
}

/// The database for people: which one it is, without what is secret about it.
pub fn database_name(config: &Config) -> String {
    match infra::config::place(config.database.url.expose()) {
        Some(server) => format!("PostgreSQL, {server}"),
        None => {
            let path = sqlite_path(config).unwrap_or_default();
            format!("SQLite, {}", std::path::absolute(&path).unwrap_or(path).display())
        }
    }
}

/// The file of the database, if it is one.
fn sqlite_path(config: &Config) -> Option<PathBuf> {
    match config.database.url.expose() {
        "" => Some(sqlite_file(config)),
        url => Some(url.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?.into()),
    }
}

/// An empty one, made by the worker, would only hide that the API's is elsewhere.
fn expect_database(config: &Config) -> Result<()> {
    if config.database.url.is_empty() && !sqlite_file(config).exists() {
        let dir = config.data.dir.display();
        return Err(Error::unavailable(
            60,
            format!("There is no database in {dir}: start tenantry-api first, or set database.url."),
        ));
    }
    Ok(())
}
