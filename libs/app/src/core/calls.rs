//! How a use case runs: who calls, and the transaction in which it is decided whether they may.

use domain::{
    Origin, Result, Stamp, Time,
    authorization::{
        actor::Actor,
        in_service::{InService, ServiceFacts, decide_in_service},
        policy::{self, OrgScope, PlatformScope, Read, Standing, Write, decide},
        principal::{Credential, Principal, person_required},
        resource::{OfService, Resource},
    },
    core::value::{ServiceSlug, Slug},
    delivery::mail_templates::Language,
    identity::accounts::Person,
};
use serde::{Serialize, de::DeserializeOwned};
use store::{
    Change, Holding, IdempotencyKey, NoEvent, WriteTx,
    authorization::facts::{LockScope, SESSION_ENDED},
};

use crate::{
    App,
    core::{admission::Place, limits::OF_KEY},
};

/// A request: from where and when.
#[derive(Clone, Debug)]
pub struct Call {
    /// From where.
    pub origin: Origin,
    /// When.
    pub now: Time,
    /// What whoever asks reads, if they say so: what is mailed to them because they ask is written in it.
    pub language: Option<Language>,
}

impl Call {
    fn stamp(&self) -> Stamp {
        Stamp { actor: Actor::Anonymous, origin: self.origin.clone(), now: self.now }
    }
}

/// A request with a credential: a person's, whose access token was verified, or a program's. Whether it lives is asked of the database at
/// every use.
#[derive(Clone, Debug)]
pub struct Caller {
    /// From where and when.
    pub call: Call,
    /// What was presented.
    pub who: Credential,
    /// `Idempotency-Key`, for requests that create.
    pub once: Option<IdempotencyKey>,
}

impl App {
    /// Reads what is known about the caller and the organization: decide on it, then read on.
    pub(crate) async fn standing(&self, c: &Caller, slug: &Slug) -> Result<Standing<'static, Read>> {
        let standing = self.store.standing(&c.who, slug, c.call.now).await.inspect_err(|e| self.note_ended(c, e))?;
        self.note_belonging(c, slug, &standing);
        Ok(standing)
    }

    /// Who calls, if the credential lives.
    pub(crate) async fn principal(&self, c: &Caller) -> Result<Principal> {
        self.store.principal(&c.who, c.call.now).await.inspect_err(|e| self.note_ended(c, e))
    }

    /// The person who calls. `Forbidden` (`person_required`) for a program, and (`impersonated`) for who acts as somebody else.
    pub(crate) async fn person(&self, c: &Caller) -> Result<Person> {
        self.principal(c).await?.require_person().cloned()
    }

    /// The same for what is only looked at, which whoever acts as somebody else may as well.
    pub(crate) async fn reader(&self, c: &Caller) -> Result<Person> {
        self.principal(c).await?.person().cloned().ok_or_else(person_required)
    }

    /// Remembers whose budget the caller's next request for this organization is counted against.
    fn note_belonging<A: policy::Access>(&self, c: &Caller, slug: &Slug, standing: &Standing<'_, A>) {
        self.note_organization(c, slug.as_str(), standing);
    }

    fn note_organization<A: policy::Access>(&self, c: &Caller, slug: &str, standing: &Standing<'_, A>) {
        let facts = standing.facts();
        let org = facts.belongs().then_some(facts.view.organization.id);
        self.counters.seen.membership(c.who.id(), slug, org, c.call.now);
    }

    /// Remembers a sign-in that has ended, so that its token costs its account nothing.
    fn note_ended(&self, c: &Caller, e: &domain::Error) {
        if let (Credential::Session(session), SESSION_ENDED) = (&c.who, e.code) {
            self.counters.seen.ended(session.grant, c.call.now);
        }
    }

    /// Runs a change of one organization's `R`s: in one transaction that first reads who may do it, decides, and hands the proof over.
    pub(crate) async fn in_org<R: Resource, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        work: impl AsyncFn(&WriteTx, OrgScope<'_, R, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        self.change(c, slug, LockScope::Caller, work).await
    }

    /// The same for a change that adds, removes or changes memberships.
    pub(crate) async fn moving_members<R: Resource, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        work: impl AsyncFn(&WriteTx, OrgScope<'_, R, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        self.change(c, slug, LockScope::Memberships, work).await
    }

    async fn change<R: Resource, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        locks: LockScope,
        work: impl AsyncFn(&WriteTx, OrgScope<'_, R, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let standing = tx.standing(&c.who, slug, locks).await?;
            self.note_belonging(c, slug, &standing);
            once(tx, c, known, Box::pin(work(tx, decide(&standing)?))).await
        };
        self.write(c, self.admit_write_in(c, slug).await?, write).await
    }

    /// Runs a change of one service's `R`s: as [`App::in_org`], with what the caller was granted on that service.
    pub(crate) async fn in_service<R: OfService, T: Answer>(
        &self,
        c: &Caller,
        slug: &Slug,
        service: &ServiceSlug,
        work: impl AsyncFn(&WriteTx, InService<'_, R, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let standing = tx.standing(&c.who, slug, LockScope::Caller).await?;
            self.note_belonging(c, slug, &standing);
            let found = tx.service_facts(&standing, service).await?;
            once(tx, c, known, Box::pin(work(tx, decide_in_service(&standing, found.as_ref())?))).await
        };
        self.write(c, self.admit_write_in(c, slug).await?, write).await
    }

    /// Runs a change of the `R`s of the service whose key calls.
    pub(crate) async fn by_service_key<R: OfService, T: Answer>(
        &self,
        c: &Caller,
        work: impl AsyncFn(&WriteTx, InService<'_, R, Write>) -> Result<Change<T>>,
    ) -> Result<T> {
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let (standing, service) = tx.service_key_standing(&c.who).await?;
            self.note_organization(c, OF_KEY, &standing);
            once(tx, c, known, Box::pin(work(tx, decide_in_service(&standing, Some(&service))?))).await
        };
        let org = self.counters.seen.organization(c.who.id(), OF_KEY, c.call.now);
        let place = self.admit_write(c.who.id(), org.map_or(Place::Elsewhere, Place::In)).await?;
        self.write(c, place, write).await
    }

    /// Reads what the key of a service holds on it: decide on it, then read on.
    pub(crate) async fn service_key_standing(
        &self,
        c: &Caller,
    ) -> Result<(Standing<'static, Read>, ServiceFacts<'static, Read>)> {
        let (standing, service) = self.store.service_key_standing(&c.who, c.call.now).await?;
        self.note_organization(c, OF_KEY, &standing);
        Ok((standing, service))
    }

    /// Runs a change of what is a person's own.
    pub(crate) async fn as_person<T: Answer>(
        &self,
        c: &Caller,
        work: impl AsyncFn(&WriteTx, &Person) -> Result<Change<T>>,
    ) -> Result<T> {
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let person = tx.person(&c.who).await?;
            once(tx, c, known, Box::pin(work(tx, &person))).await
        };
        self.write(c, self.admit_write(c.who.id(), Place::Own).await?, write).await
    }

    /// Runs a change that only who operates the platform may make.
    pub(crate) async fn as_operator<T: Answer>(
        &self,
        c: &Caller,
        work: impl AsyncFn(&WriteTx, PlatformScope<'_>) -> Result<Change<T>>,
    ) -> Result<T> {
        let write = async |tx: &WriteTx| {
            let known = replay(tx, c).await?;
            let principal = tx.principal(&c.who).await?;
            once(tx, c, known, Box::pin(work(tx, policy::platform(&principal)?))).await
        };
        self.write(c, self.admit_write(c.who.id(), Place::Elsewhere).await?, write).await
    }

    pub(crate) async fn write<T>(
        &self,
        c: &Caller,
        place: Holding,
        work: impl AsyncFn(&WriteTx) -> Result<Change<T>>,
    ) -> Result<T> {
        self.store.write_holding(&c.call.stamp(), place, work).await.inspect_err(|e| self.note_ended(c, e))
    }

    /// Runs a change by nobody in particular: sign-up, one-time links.
    pub(crate) async fn anonymously<T>(&self, call: &Call, work: impl AsyncFn(&WriteTx) -> Result<Change<T>>) -> Result<T> {
        let place = self.admit_anonymous_write(call).await?;
        self.store.write_holding(&call.stamp(), place, work).await
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

/// Answers what was answered before, to whoever may still ask for it; or does the work, and keeps its answer for a repetition. The work
/// comes boxed: its state is large, and the request's future would carry it from the first await on.
async fn once<T: Answer>(
    tx: &WriteTx,
    c: &Caller,
    known: Option<T>,
    work: impl Future<Output = Result<Change<T>>>,
) -> Result<Change<T>> {
    if let Some(answer) = known {
        return Ok(Change::silent(answer, NoEvent::Unchanged));
    }
    let change = work.await?;
    if let Some(key) = &c.once {
        tx.keep_answer(key, change.value()).await?;
    }
    Ok(change)
}
