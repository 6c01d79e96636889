//! Domains of organizations: their host here, the domains of their people's addresses in [`sign_in`], and what the worker does with both by
//! the clock in [`due`].
//!
//! A claim binds nobody: several organizations may claim one host, and whoever proves it first has it. Looking for a proof takes as long as
//! somebody else's servers do, so no transaction waits for it; what was found is written for the claim that was looked at, and no other.

pub mod due;
mod front;
mod sign_in;

pub use self::sign_in::RouteChanges;

use std::time::Duration;

use domain::{
    Error, Event, OrgId, Result,
    authorization::{
        policy::{decide, may_try},
        resource::Host,
    },
    core::{ports::RateRequest, rate::Limit, value::Slug},
    tenancy::{
        domains::{Domain, DomainKind, DomainName, Finding, Proof},
        features::Feature,
        organizations::OrganizationView,
    },
};
use store::{Change, NoEvent};

use crate::{App, Caller};

/// Looks at one organization's domains that somebody asks for: twenty at once, then one each ten seconds.
const LOOKS: Limit = Limit { burst: 20, period: Duration::from_secs(10) };

/// What came of a verification.
pub struct Verification {
    /// The domain as it is now.
    pub domain: Domain,
    /// For people: what was found.
    pub told: String,
}

impl App {
    /// The organization's host, proven or not.
    pub async fn get_host(&self, c: &Caller, slug: &Slug) -> Result<Option<Domain>> {
        let standing = self.standing(c, slug).await?;
        self.store.host(decide(&standing)?).await
    }

    /// Claims a host in the place of the one before, whose proof and what rested on it ends, also if it is the same. `Forbidden`
    /// (`feature_not_in_tier`); `AlreadyExists` (`domain_taken`): another organization has proven it; `Invalid` for a name of ours.
    pub async fn set_host(&self, c: &Caller, slug: &Slug, name: &DomainName) -> Result<Domain> {
        if self.settings.own_names.iter().any(|own| name.is_within(own)) {
            return Err(Error::field("domain", "reserved", "This name belongs to the platform. Use one of your own."));
        }
        self.in_org::<Host, _>(c, slug, async |tx, scope| {
            allowed(scope.view())?;
            let before = tx.lock_host(scope).await?;
            if tx.is_anothers_host(scope, name).await? {
                return Err(taken());
            }
            let claim = Domain::claimed(scope.org(), DomainKind::Host, name.clone(), self.token(), (tx.uuid(), tx.now()));
            let ended = tx.set_host(scope, before.as_ref(), &claim).await?;
            let event = set(&claim, ended);
            Ok(Change::new(claim, scope.org(), event))
        })
        .await
    }

    /// Looks for the proof now. A host that was proven before stays so: only the daily looks count against it. `Conflict` (`no_domain`).
    pub async fn verify_host(&self, c: &Caller, slug: &Slug) -> Result<Verification> {
        let standing = self.standing(c, slug).await?;
        may_try::<Host>(&standing)?;
        allowed(&standing.facts().view)?;
        let claim = self.store.host(decide(&standing)?).await?.ok_or_else(no_domain)?;
        let found = self.look_for_proof(&claim).await?;
        let Some(proof) = found.proof() else { return Ok(unproven(claim, found)) };
        let proven = self.in_org::<Host, _>(c, slug, async |tx, scope| {
            allowed(scope.view())?;
            let known = tx.lock_host(scope).await?.filter(|known| known.token == claim.token).ok_or_else(changed)?;
            let (host, change) = proven(known, proof, tx.now());
            tx.save_host(scope, &host).await?;
            Ok(change.of(host, scope.org()))
        });
        match proven.await {
            Ok(domain) => Ok(Verification { told: found.told(&domain.challenge()), domain }),
            Err(e) if e.code == "domain_taken" => Ok(Verification { told: e.message.into_owned(), domain: claim }),
            Err(e) => Err(e),
        }
    }

    /// Gives the host up, and with it what rested on it.
    pub async fn delete_host(&self, c: &Caller, slug: &Slug) -> Result<()> {
        self.in_org::<Host, _>(c, slug, async |tx, scope| {
            let Some(host) = tx.lock_host(scope).await? else { return Ok(Change::silent((), NoEvent::Unchanged)) };
            let ended = tx.delete_host(scope, &host).await?;
            Ok(Change::new((), scope.org(), deleted(&host, ended)))
        })
        .await
    }

    /// What is published to prove a claim: 122 random bits, so that nothing that stands in the DNS already is one.
    fn token(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(self.ids.secret()).for_each(|(byte, random)| *byte = random);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    async fn look_for_proof(&self, claim: &Domain) -> Result<Finding> {
        let by = RateRequest::new(format!("domain:{}", claim.org_id), LOOKS);
        self.admit("domains", &[by]).await?;
        Ok(self.proofs.find(&claim.challenge()).await)
    }
}

fn allowed(view: &OrganizationView) -> Result<()> {
    if view.has_feature(Feature::CustomDomain) {
        return Ok(());
    }
    Err(Error::forbidden("feature_not_in_tier", "Custom domains are not part of this organization's tier."))
}

fn taken() -> Error {
    Error::exists("domain_taken", "Another organization has verified this domain.")
}

fn no_domain() -> Error {
    Error::conflict("no_domain", "Set the domain first.")
}

/// Somebody claimed it anew while we looked.
fn changed() -> Error {
    Error::conflict("domain_changed", "The domain was changed meanwhile. Verify it again.")
}

fn unproven(domain: Domain, found: Finding) -> Verification {
    let mut told = found.told(&domain.challenge());
    if domain.is_verified() {
        told.push_str(" The domain stays verified for now: publish it again before it lapses.");
    }
    Verification { domain, told }
}

/// What a proof changed, to be told.
struct Proven(Option<Event>);

impl Proven {
    fn of<T>(self, value: T, org: OrgId) -> Change<T> {
        match self.0 {
            Some(event) => Change::new(value, org, event),
            None => Change::silent(value, NoEvent::Housekeeping),
        }
    }
}

/// A domain after its proof was found.
fn proven(mut domain: Domain, proof: Proof, now: domain::Time) -> (Domain, Proven) {
    let (was_verified, was_failing) = (domain.is_verified(), domain.failing.is_some());
    domain.prove(proof, now);
    let event = match (was_verified, was_failing) {
        (false, _) => Some(verified(&domain, proof)),
        (true, true) => Some(recovered(&domain)),
        (true, false) => None,
    };
    (domain, Proven(event))
}

fn set(d: &Domain, ended_resource_uris: Vec<String>) -> Event {
    Event::DomainSet { domain_id: d.id, kind: d.kind.as_str(), domain: d.name.to_string(), ended_resource_uris }
}

fn verified(d: &Domain, proof: Proof) -> Event {
    Event::DomainVerified { domain_id: d.id, kind: d.kind.as_str(), domain: d.name.to_string(), method: proof.as_str() }
}

fn recovered(d: &Domain) -> Event {
    Event::DomainRecovered { domain_id: d.id, kind: d.kind.as_str(), domain: d.name.to_string() }
}

fn deleted(d: &Domain, ended_resource_uris: Vec<String>) -> Event {
    Event::DomainDeleted { domain_id: d.id, kind: d.kind.as_str(), domain: d.name.to_string(), ended_resource_uris }
}
