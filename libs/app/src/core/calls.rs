//! How a use case runs: who calls, and the transaction in which it is decided whether they may.

use domain::{
    Origin, Result, Stamp, Time,
    authorization::{
        actor::Actor,
        policy::{self, PlatformScope, Read, Standing, Write, decide},
        resource::Resource,
    },
    core::value::Slug,
    identity::{accounts::Person, sessions::Credential},
};
use serde::{Serialize, de::DeserializeOwned};
use store::{Change, IdempotencyKey, NoEvent, WriteTx, authorization::access::Moves};

use crate::App;

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
    /// Reads what is known about the caller and the organization: decide on it, then read on.
    pub(crate) async fn standing(&self, c: &Caller, slug: &Slug) -> Result<Standing<'static, Read>> {
        let standing = self.store.standing(&c.who, slug, c.call.now).await.inspect_err(|e| self.noticed(c, e))?;
        self.stood(c, slug, &standing);
        Ok(standing)
    }

    /// The caller, if the session lives.
    pub(crate) async fn person(&self, c: &Caller) -> Result<Person> {
        self.store.person(&c.who, c.call.now).await.inspect_err(|e| self.noticed(c, e))
    }

    /// Remembers whose budget the caller's next request for this organization is counted against.
    fn stood<A: policy::Access>(&self, c: &Caller, slug: &Slug, standing: &Standing<'_, A>) {
        let org = standing.role.as_ref().map(|_| standing.view.organization.id);
        self.counters.seen.membership(c.who.user, slug.as_str(), org, c.call.now);
    }

    /// Remembers a sign-in that has ended, so that its token costs its account nothing.
    fn noticed(&self, c: &Caller, e: &domain::Error) {
        if e.code == store::authorization::access::SESSION_ENDED {
            self.counters.seen.ended(c.who.grant, c.call.now);
        }
    }

    /// Runs a change of one organization's `R`s: in one transaction that first reads who may do it.
    pub(crate) async fn in_org<R: Resource, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        work: impl AsyncFn(&WriteTx, &Standing<'_, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        self.change::<R, T>(c, slug, Moves::Nobody, work).await
    }

    /// The same for a change that adds, removes or changes memberships.
    pub(crate) async fn moving_members<R: Resource, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        work: impl AsyncFn(&WriteTx, &Standing<'_, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        self.change::<R, T>(c, slug, Moves::Members, work).await
    }

    async fn change<R: Resource, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        moves: Moves,
        work: impl AsyncFn(&WriteTx, &Standing<'_, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        if self.store.has_one_writer() {
            policy::may_try::<R>(&self.standing(c, slug).await?)?;
        }
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let standing = tx.standing(&c.who, slug, moves).await?;
            self.stood(c, slug, &standing);
            match known {
                Some(answer) => decide::<R, Write>(&standing).map(|_| Change::silent(answer, NoEvent::Unchanged)),
                None => keep(tx, c, work(tx, &standing).await?).await,
            }
        };
        self.store.write(&c.call.stamp(), write).await.inspect_err(|e| self.noticed(c, e))
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
        self.store.write(&c.call.stamp(), write).await.inspect_err(|e| self.noticed(c, e))
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
        self.store.write(&c.call.stamp(), write).await.inspect_err(|e| self.noticed(c, e))
    }

    /// Runs a change by nobody in particular: sign-up, one-time links.
    pub(crate) async fn anonymously<T>(&self, call: &Call, work: impl AsyncFn(&WriteTx) -> Result<Change<T>>) -> Result<T> {
        self.store.write(&call.stamp(), work).await
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
