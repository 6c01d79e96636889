//! The use cases, one file per noun. A face parses, calls one of these, and renders; the rules are here and in `domain::policy`.
//!
//! Every write runs inside one transaction that first reads who may do it ([`App::in_org`]) and ends with a change, its event and its
//! audit record.

pub mod accounts;
pub mod audit;
pub mod authn;
pub mod delivery;
pub mod invitations;
pub mod login;
pub mod members;
pub mod organizations;
pub mod platform;
pub mod roles;
pub mod setup;
pub mod tokens;
pub mod webhooks;

use std::sync::Arc;

use chrono::TimeDelta;
use crypto::{Alg, Hasher};
use domain::{
    Clock, Error, IdGen, Origin, Result, Stamp, Time,
    accounts::Person,
    actor::Actor,
    mails::{Mail, Template},
    policy::{self, PlatformScope, Read, Standing, Write, decide},
    ports::{Kv, Limit, UrlGuard},
    resource::Resource,
    sessions::Credential,
    value::{Email, Slug},
};
use serde::{Serialize, de::DeserializeOwned};
use store::{Change, IdempotencyKey, NoEvent, Store, WriteTx};

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
    /// Two refreshes with one token within this time are a race, not a theft: the second gets 401, the family lives.
    pub refresh_race: TimeDelta,
    /// How long a new signing key is published before it signs.
    pub key_publish: TimeDelta,
    /// How many organizations a person may own.
    pub max_organizations: i64,
    /// Whether new organizations wait for approval.
    pub require_approval: bool,
    /// Whether sign-in routes are limited.
    pub rate_limits: bool,
    /// How often a delivery is tried.
    pub webhook_attempts: i32,
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
    keys: tokens::Keys,
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
    /// Settings.
    pub settings: Settings,
}

/// A request: from where and when.
#[derive(Clone, Debug)]
pub struct Call {
    /// From where.
    pub origin: Origin,
    /// When.
    pub now: Time,
}

impl Call {
    fn stamp(&self) -> Stamp {
        Stamp { actor: Actor::Anonymous, origin: self.origin.clone(), now: self.now }
    }
}

/// A request by somebody whose access token was verified. Whether the session lives is asked of the database at every use.
#[derive(Clone, Debug)]
pub struct Caller {
    /// From where and when.
    pub call: Call,
    /// Who the token says.
    pub who: Credential,
    /// `Idempotency-Key`, for requests that create.
    pub once: Option<IdempotencyKey>,
}

impl App {
    /// Loads (or makes) the signing keys.
    pub async fn new(parts: Parts) -> Result<Self> {
        let keys = tokens::Keys::load(&parts.store, &parts.settings, parts.clock.now()).await?;
        Ok(Self {
            store: parts.store,
            kv: parts.kv,
            clock: parts.clock,
            settings: Arc::new(parts.settings),
            ids: parts.ids,
            hasher: parts.hasher,
            guard: parts.guard,
            keys,
        })
    }

    /// Reads what is known about the caller and the organization: decide on it, then read on.
    pub(crate) async fn standing(&self, c: &Caller, slug: &Slug) -> Result<Standing<'static, Read>> {
        self.store.standing(&c.who, slug, c.call.now).await
    }

    /// The caller, if the session lives.
    pub(crate) async fn person(&self, c: &Caller) -> Result<Person> {
        self.store.person(&c.who, c.call.now).await
    }

    /// Runs a change of one organization's `R`s: in one transaction that first reads who may do it.
    pub(crate) async fn in_org<R: Resource, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        work: impl AsyncFn(&WriteTx, &Standing<'_, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        if self.store.has_one_writer() {
            policy::may_try::<R>(&self.standing(c, slug).await?)?;
        }
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let standing = tx.standing::<R>(&c.who, slug).await?;
            match known {
                Some(answer) => decide::<R, Write>(&standing).map(|_| Change::silent(answer, NoEvent::Unchanged)),
                None => keep(tx, c, work(tx, &standing).await?).await,
            }
        };
        self.store.write(&c.call.stamp(), write).await
    }

    /// Runs a change of what is the caller's own.
    pub(crate) async fn as_person<T: Answer>(
        &self,
        c: &Caller,
        work: impl AsyncFn(&WriteTx, &Person) -> Result<Change<T>>,
    ) -> Result<T> {
        if self.store.has_one_writer() {
            self.person(c).await?;
        }
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let person = tx.person(&c.who).await?;
            match known {
                Some(answer) => Ok(Change::silent(answer, NoEvent::Unchanged)),
                None => keep(tx, c, work(tx, &person).await?).await,
            }
        };
        self.store.write(&c.call.stamp(), write).await
    }

    /// Runs a change that only a platform owner may make.
    pub(crate) async fn as_operator<T: Answer>(
        &self,
        c: &Caller,
        work: impl AsyncFn(&WriteTx, PlatformScope<'_>) -> Result<Change<T>>,
    ) -> Result<T> {
        if self.store.has_one_writer() {
            policy::platform(&self.person(c).await?)?;
        }
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let person = tx.person(&c.who).await?;
            let scope = policy::platform(&person)?;
            match known {
                Some(answer) => Ok(Change::silent(answer, NoEvent::Unchanged)),
                None => keep(tx, c, work(tx, scope).await?).await,
            }
        };
        self.store.write(&c.call.stamp(), write).await
    }

    /// Runs a change by nobody in particular: sign-up, one-time links.
    pub(crate) async fn anonymously<T>(&self, call: &Call, work: impl AsyncFn(&WriteTx) -> Result<Change<T>>) -> Result<T> {
        self.store.write(&call.stamp(), work).await
    }

    /// Counts a request against a limit; `RateLimited` when it is used up.
    pub async fn admit(&self, key: &str, limit: Limit) -> Result<()> {
        if !self.settings.rate_limits {
            return Ok(());
        }
        let admission = self.kv.admit(key, limit).await?;
        if admission.allowed {
            return Ok(());
        }
        let seconds = admission.retry_after.as_millis().div_ceil(1000).max(1);
        Err(Error::rate_limited(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// A link in a mail: always under the configured public URL, whatever the request's `Host` says (T36).
    pub(crate) fn link(&self, path: &str, token: &str) -> String {
        format!("{}{path}?token={token}", self.settings.public_url)
    }
}

/// What a use case answers: kept for a repeated request.
pub(crate) trait Answer: Serialize + DeserializeOwned {}
impl<T: Serialize + DeserializeOwned> Answer for T {}

/// The answer of the same request, if it was made before. Claims the key otherwise; must come first in a transaction.
async fn replay<T: Answer>(tx: &WriteTx, c: &Caller) -> Result<Option<T>> {
    match &c.once {
        Some(key) => tx.claim_key(key).await,
        None => Ok(None),
    }
}

/// Keeps the answer for a repetition of the request.
async fn keep<T: Answer>(tx: &WriteTx, c: &Caller, change: Change<T>) -> Result<Change<T>> {
    if let Some(key) = &c.once {
        tx.keep_answer(key, change.value()).await?;
    }
    Ok(change)
}

/// A mail with its context.
pub(crate) fn mail(template: Template, to: &Email, context: serde_json::Value) -> Mail {
    Mail { template, to: to.clone(), context }
}
