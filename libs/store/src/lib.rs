//! Everything about the databases: the only crate that names sea-orm.
//!
//! - Reads and writes on an organization's rows demand a [`domain::authorization::policy::OrgScope`]; [`authorization::facts`] reads the facts it is decided on.
//! - Changes go through [`core::write::WriteTx`], which commits a change, its event and its audit record together, or nothing.
//! - [`events::sequencer`] numbers what was committed and fans it out; [`delivery::deliveries`] and [`delivery::mails`] hand out the work.
//!
//! PostgreSQL and SQLite take the same path; what differs is in [`core::dialect`].

pub mod applications;
pub mod authorization;
pub mod core;
pub mod delivery;
pub mod events;
pub mod identity;
pub mod tenancy;

use std::{sync::Arc, time::Duration};

use crypto::keyring::Keyring;
use domain::{IdGen, Result};
use tokio::sync::{Mutex, Notify};

pub use self::core::dialect::Settings;
pub use self::core::idempotency::IdempotencyKey;
pub use self::core::session::Session;
pub use self::core::write::{Change, Holding, NoEvent, WriteTx};

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: core::db::Db,
    /// Of their own, so that the answer to whether the database lives does not wait for those who work on it.
    probes: core::db::Db,
    /// SQLite has one writer: waiting for it in a fair queue of our own keeps the slowest writer at milliseconds instead of seconds.
    writer_lock: Option<Arc<Mutex<()>>>,
    keyring: Keyring,
    ids: Arc<dyn IdGen>,
    committed: Arc<Notify>,
    tiers: Arc<tenancy::tiers::Tiers>,
    batches: Arc<authorization::facts::Batches>,
    watermarks: Arc<events::audit::register::Watermarks>,
    audit_totals: events::audit::pages::Totals,
    delivery_totals: delivery::deliveries::totals::Totals,
    backlog: Arc<core::backlog::Cache>,
}

impl Store {
    /// Opens the database (and, for SQLite, makes the file if that is asked for). Does not migrate.
    pub async fn open(settings: &Settings, keyring: Keyring, ids: Arc<dyn IdGen>) -> Result<Self> {
        let db = core::dialect::connect(settings).await?;
        let probes = core::dialect::connect_for_probes(settings).await?;
        let writer_lock = core::dialect::is_sqlite(&db).then(|| Arc::new(Mutex::new(())));
        Ok(Self {
            db,
            probes,
            writer_lock,
            keyring,
            ids,
            committed: Arc::default(),
            tiers: Arc::default(),
            batches: Arc::default(),
            watermarks: Arc::default(),
            audit_totals: Default::default(),
            delivery_totals: Default::default(),
            backlog: Arc::default(),
        })
    }
    /// Brings the schema up to date. Safe to run from several processes, which take turns, and to be killed at any moment. A schema that
    /// is newer than this program is fine, unless it says otherwise.
    pub async fn migrate(&self) -> Result<()> {
        core::migrate::up(&self.db, migrations::STEPS).await
    }
    /// Fails unless this program can work on the schema as it is. For whoever does not migrate.
    pub async fn expect_schema(&self) -> Result<()> {
        core::migrate::expect(&self.db, migrations::STEPS).await
    }
    /// The newest step of the schema that this program knows.
    pub fn newest_step() -> &'static str {
        migrations::STEPS.last().map_or("", |step| step.name)
    }
    /// Whether the database answers, within moments. Asked on a connection that nothing else uses.
    pub async fn ping(&self) -> Result<()> {
        self.probes.ping(Duration::from_secs(3)).await.map_err(core::error::from_db)
    }
    /// Resolves after a commit that left work for the worker.
    pub async fn committed(&self) {
        self.committed.notified().await;
    }
    /// Whether this is SQLite, where a write occupies the only writer.
    pub fn has_one_writer(&self) -> bool {
        self.writer_lock.is_some()
    }
    /// The keys that seal secrets in this database.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }
    /// Closes the pool; waits for what is running.
    pub async fn close(self) {
        self.probes.close().await;
        self.db.close().await;
    }
}
