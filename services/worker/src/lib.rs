//! The background work: numbering events, delivering webhooks, sending mail, and what is done by the clock. At least once, from the
//! database, which is the only truth: killing a worker at any instant loses nothing.
//!
//! - [`sequencer`] turns committed events into numbered ones and their deliveries.
//! - Five queues ([`queues::webhooks`], [`queues::mails`], [`queues::logouts`], [`queues::log_streams`], [`queues::schedules`]) implement one small trait, [`queue::Queue`]: claim, work,
//!   settle, release. What is scheduled are [`jobs`], one file each.
//! - [`backend`] lets apalis run a queue (concurrency, shutdown). This is the only crate that names apalis, and that the only file
//!   beside [`service`], which puts everything together.
//! - [`idle`] runs the same queues by hand, without waiting: for tests, which move the clock.
//!
//! The API runs [`run`] inside its own process (`worker.embedded`); the binary runs it alone. Any number of both may run at once.

mod backend;
pub mod health;
pub mod idle;
mod jobs;
mod queue;
mod queues;
mod sequencer;
pub mod service;
pub mod settings;
mod wake;

use std::sync::Arc;

use domain::{
    Clock, IdGen,
    core::ports::{Kv, Proofs},
};
use infra::{
    config::Config,
    egress::Egress,
    log_streams::Receivers,
    mail::{Mailer, Relays},
    payments::Providers,
};
use runtime::Resources;
use store::Store;

pub use self::{
    idle::{Idle, run_jobs, run_until_idle},
    service::{relay, run},
    settings::Settings,
};

/// What the work needs. Cheap to clone.
#[derive(Clone)]
pub struct Deps {
    /// The database, migrated, with its data keys loaded.
    pub store: Store,
    /// Wake-ups from other processes.
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
    /// Identifiers, and the jitter of retries.
    pub ids: Arc<dyn IdGen>,
    /// Settings.
    pub settings: Arc<Settings>,
}

impl Deps {
    /// What a process has, with the worker's settings.
    pub fn of(config: &Config, resources: Resources) -> Self {
        let Resources { store, kv, egress, mailer, relays, proofs, receivers, payments, clock, ids } = resources;
        let settings = Arc::new(Settings::of(config));
        Self { store, kv, egress, mailer, relays, proofs, receivers, payments, clock, ids, settings }
    }
}
