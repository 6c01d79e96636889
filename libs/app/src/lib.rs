//! The use cases, one file per noun. A face parses, calls one of these, and renders; the rules are here and in `domain::authorization::policy`.
//!
//! Every write runs inside one transaction that first reads who may do it (`calls.rs`) and ends with a change, its event and its
//! audit record.

pub mod applications;
pub mod authorization;
pub mod core;
pub mod delivery;
pub mod events;
pub mod identity;
pub mod tenancy;

pub use self::core::calls::{Call, Caller};

use std::sync::Arc;

use chrono::TimeDelta;
use crypto::{Alg, Hasher};
use domain::{
    Clock, IdGen, Result,
    applications::billing::platform::PlatformBilling,
    core::{
        ports::{
            IdentityProviders, Kv, Locations, LogReceivers, MailServers, Payments, Pictures, Proofs, Saml, Upstreams, UrlGuard,
        },
        value::Email,
    },
    delivery::mails::{Mail, Template},
    events::audit::RetentionDays,
};
use store::Store;

/// What the use cases are told by configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base of every link and the token issuer; no trailing slash.
    pub public_url: String,
    /// How access tokens are signed.
    pub access_alg: Alg,
    /// How long an access token lives.
    pub access_ttl: TimeDelta,
    /// How long a session lives after its last refresh.
    pub refresh_ttl: TimeDelta,
    /// How long a session lives at most, however often it is refreshed.
    pub session_longest: TimeDelta,
    /// Two refreshes with one token within this time are a race, not a theft: the second gets what the first got if it comes from the same
    /// place, else 401, and the family lives.
    pub refresh_race: TimeDelta,
    /// How long a new signing key is published before it signs.
    pub key_publish: TimeDelta,
    /// How many organizations a person may own.
    pub max_organizations: i64,
    /// Whether new organizations wait for approval.
    pub require_approval: bool,
    /// The tier of new organizations.
    pub first_tier: String,
    /// Names that are ours, with all below them: no organization's host.
    pub own_names: Vec<String>,
    /// Where browsers may be sent back to, whichever organization it is about.
    pub page_origins: Vec<String>,
    /// How the platform bills organizations; `None`: it does not.
    pub billing: Option<PlatformBilling>,
    /// How often somebody may call.
    pub limits: core::limits::Limits,
    /// How many may wait for an organization's feed.
    pub feed_readers: events::feed::Share,
    /// How many may write, and read much, at once.
    pub places: core::admission::Places,
    /// How long audit records are kept, and what organizations may choose.
    pub audit_days: RetentionDays,
    /// How deliveries are made.
    pub making: store::delivery::deliveries::Making,
}

/// The application: every use case is a method. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// Rate limits and wake-ups.
    pub kv: Arc<dyn Kv>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub settings: Arc<Settings>,
    /// Identifiers and secrets.
    pub ids: Arc<dyn IdGen>,
    hasher: Hasher,
    guard: Arc<dyn UrlGuard>,
    mail_servers: Arc<dyn MailServers>,
    receivers: Arc<dyn LogReceivers>,
    identity_providers: Arc<dyn IdentityProviders>,
    upstreams: Arc<dyn Upstreams>,
    saml: Option<Arc<dyn Saml>>,
    pictures: Arc<dyn Pictures>,
    proofs: Arc<dyn Proofs>,
    payments: Arc<dyn Payments>,
    locations: Arc<dyn Locations>,
    /// Who asks for passkeys; `None`: browsers make none for this address.
    passkeys: Option<Arc<crypto::passkeys::RelyingParty>>,
    keys: identity::tokens::Keys,
    watch: events::feed::Watch,
    counters: core::limits::Counters,
    gates: core::admission::Gates,
}

/// What [`App::new`] is made of.
pub struct Parts {
    /// The database, migrated, with its data keys loaded.
    pub store: Store,
    /// Rate limits and wake-ups.
    pub kv: Arc<dyn Kv>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and secrets.
    pub ids: Arc<dyn IdGen>,
    /// Password hashing.
    pub hasher: Hasher,
    /// Judge of customers' URLs.
    pub guard: Arc<dyn UrlGuard>,
    /// Judge of customers' mail servers.
    pub mail_servers: Arc<dyn MailServers>,
    /// The way to the receivers of log streams.
    pub receivers: Arc<dyn LogReceivers>,
    /// The way to identity providers.
    pub identity_providers: Arc<dyn IdentityProviders>,
    /// What is spoken with identity providers when somebody signs in.
    pub upstreams: Arc<dyn Upstreams>,
    /// SAML, in both roles; `None`: nobody signs in by it.
    pub saml: Option<Arc<dyn Saml>>,
    /// The way to customers' pictures.
    pub pictures: Arc<dyn Pictures>,
    /// The way to what proves customers' domains.
    pub proofs: Arc<dyn Proofs>,
    /// The way to payment providers.
    pub payments: Arc<dyn Payments>,
    /// Where addresses are.
    pub locations: Arc<dyn Locations>,
    /// Settings.
    pub settings: Settings,
}

impl App {
    /// Loads (or makes) the signing keys.
    pub async fn new(parts: Parts) -> Result<Self> {
        let keys = identity::tokens::Keys::load(&parts.store, &parts.settings, parts.clock.now()).await?;
        Ok(Self {
            gates: core::admission::Gates::new(parts.settings.places),
            passkeys: crypto::passkeys::RelyingParty::at(&parts.settings.public_url).map(Arc::new),
            store: parts.store,
            kv: parts.kv,
            clock: parts.clock,
            settings: Arc::new(parts.settings),
            ids: parts.ids,
            hasher: parts.hasher,
            guard: parts.guard,
            mail_servers: parts.mail_servers,
            receivers: parts.receivers,
            identity_providers: parts.identity_providers,
            upstreams: parts.upstreams,
            saml: parts.saml,
            pictures: parts.pictures,
            proofs: parts.proofs,
            payments: parts.payments,
            locations: parts.locations,
            keys,
            watch: events::feed::Watch::default(),
            counters: core::limits::Counters::new(),
        })
    }

    /// A link in a mail: always under the configured public URL, whatever the request's `Host` says (T36).
    pub(crate) fn link(&self, path: &str, token: &str) -> String {
        format!("{}{path}?token={token}", self.settings.public_url)
    }
}

/// A mail with its context.
pub(crate) fn mail(template: Template, to: &Email, context: serde_json::Value) -> Mail {
    Mail { template, to: to.clone(), context, language: None }
}
