//! The facts that authorization is decided on, read in ONE statement: the credential, its principal, the organization with its counters
//! and tier, and what the principal holds there. For reads the same statement also brings what is shown of the organization.
//!
//! A write reads them again as the first statement of its transaction, with what grants the access locked: a removal, a demotion or a
//! revocation that is committed first is seen, one that comes second waits. Each kind of principal has a statement of its own: a
//! person's ([`person`]) is the busiest of the product, and what reads of it come together share one ([`batch`]); a program's is
//! [`api_key`].

mod api_key;
mod batch;
mod impersonation;
pub(crate) mod locks;
mod person;
mod service;
mod service_key;
mod statement;

use domain::{
    Error, Result, Time,
    authorization::{
        policy::{Access, Read, Standing, Write},
        principal::{Credential, Principal},
    },
    core::value::Slug,
    identity::{accounts::Person, entry::SignInPolicy},
    tenancy::{organizations::OrganizationView, roles::Role},
};
use sea_orm::ConnectionTrait;

pub(crate) use self::batch::Batches;
pub use self::{
    locks::LockScope,
    person::{SESSION_ENDED, signed_out},
};
use crate::{
    Store, WriteTx,
    core::{error::from_db, sql::Columns},
    tenancy::organizations::read_organization,
};

impl Store {
    /// Who the credential is, if it lives. `Unauthenticated` if not.
    pub async fn principal(&self, who: &Credential, now: Time) -> Result<Principal> {
        principal(&self.db, who, now).await
    }

    /// What the credential's principal holds in the organization `slug`, for reading. `NotFound` for an unknown slug.
    pub async fn standing(&self, who: &Credential, slug: &Slug, now: Time) -> Result<Standing<'static, Read>> {
        match who {
            Credential::Session(who) => person::read(self, who, slug, now).await,
            Credential::Browser(_) => Err(person::signed_out()),
            Credential::Impersonation(who) => impersonation::read(self, who, slug, now).await,
            Credential::ApiKey(who) => api_key::read(self, who, slug, now).await,
            Credential::ServiceKey(who) => service_key::refuse(&self.db, who, now).await,
        }
    }
}

impl WriteTx {
    /// Who the credential is, if it lives; becomes this change's actor.
    pub async fn principal(&self, who: &Credential) -> Result<Principal> {
        let principal = principal(&self.tx, who, self.now()).await?;
        self.acts((&principal).into());
        Ok(principal)
    }

    /// The same for what concerns a person's account. `Forbidden` (`person_required`) for a program, and (`own_sign_in_required`) for a
    /// session that is an organization's word only.
    pub async fn person(&self, who: &Credential) -> Result<Person> {
        who.require_own()?;
        let person = self.principal(who).await?.require_person()?.clone();
        person.require_unconfined()?;
        Ok(person)
    }

    /// What the credential's principal holds in the organization `slug`, read inside this transaction and locked: the only facts that a
    /// proof to write can be decided on. Call it before anything else that the transaction does, save for an idempotency key.
    pub async fn standing(&self, who: &Credential, slug: &Slug, scope: LockScope) -> Result<Standing<'_, Write>> {
        if scope == LockScope::Memberships {
            self.lock_memberships(slug).await?;
        }
        let standing = match who {
            Credential::Session(who) => person::lock(self, who, slug, scope).await?,
            Credential::Browser(_) => return Err(person::signed_out()),
            Credential::Impersonation(who) => impersonation::lock(self, who, slug, scope).await?,
            Credential::ApiKey(who) => api_key::lock(self, who, slug).await?,
            Credential::ServiceKey(who) => service_key::refuse(&self.tx, who, self.now()).await?,
        };
        self.acts((&standing.facts().principal).into());
        Ok(standing)
    }
}

async fn principal(db: &impl ConnectionTrait, who: &Credential, now: Time) -> Result<Principal> {
    match who {
        Credential::Session(who) => person::find(db, who, now).await.map(Principal::Person),
        Credential::Browser(who) => person::in_browser(db, who, now).await.map(Principal::Person),
        Credential::Impersonation(who) => impersonation::find(db, who, now).await.map(Principal::Person),
        Credential::ApiKey(who) => api_key::find(db, who, now).await.map(Principal::ApiKey),
        Credential::ServiceKey(who) => service_key::find(db, who, now).await.map(Principal::ServiceKey),
    }
}

/// What a statement found: the principal, a person's role, what the organization demands of people, and the organization's columns, its id read already.
struct Found<'r> {
    principal: Principal,
    /// A person's, with what their further roles allow.
    role: Option<Role>,
    /// Whether there are any.
    has_further: bool,
    policy: SignInPolicy,
    org: Option<uuid::Uuid>,
    columns: Columns<'r>,
}

/// Puts the facts together. `NotFound` if there is no organization.
#[expect(clippy::disallowed_methods, reason = "the one place that assembles a standing, from facts just read")]
async fn assemble<'t, A: Access>(
    store: &Store,
    db: &impl ConnectionTrait,
    found: Found<'_>,
    now: Time,
) -> Result<Standing<'t, A>> {
    let Found { principal, role, policy, org, mut columns, .. } = found;
    let id = org.ok_or_else(|| Error::not_found("organization"))?;
    let (organization, members, services) = read_organization(id, &mut columns).map_err(from_db)?;
    let tier = store.tiers.get(db, &organization.tier_id, now).await?;
    let view = OrganizationView { organization, members, services, tier };
    Ok(Standing::assembled(principal, view, role, &policy, now))
}
