//! Domains of an organization's people's addresses. Several organizations may prove one, each for itself: nobody can keep another out by
//! being first, and a second proof takes nothing from the first (T39).

use domain::{
    ConnectionId, DomainId, Error, Event, Patch, Result,
    authorization::{
        policy::{decide, may_try},
        resource::SignInDomains,
    },
    core::value::Slug,
    tenancy::domains::{Domain, DomainKind, DomainName, LoginPolicy, Route},
};
use store::{Change, NoEvent};

use super::{Verification, changed, deleted, proven, set, unproven};
use crate::{App, Caller};

/// Where people sign in from now on; what is not named stays.
#[derive(Default)]
pub struct RouteChanges {
    /// Through which connection.
    pub connection: Patch<ConnectionId>,
    /// How.
    pub login_policy: Option<LoginPolicy>,
    /// Whether an address leads there before anybody signed in.
    pub announce: Option<bool>,
}

impl RouteChanges {
    fn applied(&self, before: Route) -> Result<Route> {
        let route = Route {
            connection: self.connection.clone().apply(before.connection),
            login_policy: self.login_policy.unwrap_or(before.login_policy),
            announce: self.announce.unwrap_or(before.announce),
        };
        route.check()?;
        Ok(route)
    }
}

impl App {
    /// All of the organization's sign-in domains.
    pub async fn list_sign_in_domains(&self, c: &Caller, slug: &Slug) -> Result<Vec<Domain>> {
        let standing = self.standing(c, slug).await?;
        self.store.list_sign_in_domains(decide(&standing)?).await
    }

    /// One of them.
    pub async fn get_sign_in_domain(&self, c: &Caller, slug: &Slug, id: DomainId) -> Result<Domain> {
        let standing = self.standing(c, slug).await?;
        self.store.get_sign_in_domain(decide(&standing)?, id).await
    }

    /// Claims a domain. `Invalid` (`public_mail`) for one at which everybody gets an address; `AlreadyExists` (`domain_exists`), `Conflict`
    /// (`domain_limit`).
    pub async fn claim_sign_in_domain(&self, c: &Caller, slug: &Slug, name: &DomainName, route: &RouteChanges) -> Result<Domain> {
        if name.is_public_mail() {
            let text = "Everybody can have an address there. Use a domain that is your organization's own.";
            return Err(Error::field("domain", "public_mail", text));
        }
        self.in_org::<SignInDomains, _>(c, slug, async |tx, scope| {
            let (org, token) = (scope.org(), self.token());
            let mut claim = Domain::claimed(org, DomainKind::SignIn, name.clone(), token, (tx.uuid(), tx.now()));
            claim.route = route.applied(claim.route)?;
            tx.insert_sign_in_domain(scope, &claim).await?;
            tx.save_route(scope, &claim, None).await?;
            let event = set(&claim, Vec::new());
            Ok(Change::new(claim, org, event))
        })
        .await
    }

    /// Changes where people with its addresses sign in. `Invalid` (`unknown_connection`, `no_upstream_provider`).
    pub async fn route_sign_in_domain(&self, c: &Caller, slug: &Slug, id: DomainId, route: &RouteChanges) -> Result<Domain> {
        self.in_org::<SignInDomains, _>(c, slug, async |tx, scope| {
            let before = tx.lock_sign_in_domain(scope, id).await?;
            let route = route.applied(before.route)?;
            if route == before.route {
                return Ok(Change::silent(before, NoEvent::Unchanged));
            }
            let domain = Domain { route, updated_at: tx.now(), ..before.clone() };
            tx.save_route(scope, &domain, before.route.connection).await?;
            let event = Event::DomainUpdated {
                domain_id: id,
                kind: domain.kind.as_str(),
                domain: domain.name.to_string(),
                upstream_provider_id: route.connection,
                login_policy: route.login_policy.as_str(),
                announce: route.announce,
            };
            Ok(Change::new(domain, scope.org(), event))
        })
        .await
    }

    /// Looks for the proof now.
    pub async fn verify_sign_in_domain(&self, c: &Caller, slug: &Slug, id: DomainId) -> Result<Verification> {
        let standing = self.standing(c, slug).await?;
        may_try::<SignInDomains>(&standing)?;
        let claim = self.store.get_sign_in_domain(decide(&standing)?, id).await?;
        let found = self.look_for_proof(&claim).await?;
        let Some(proof) = found.proof() else { return Ok(unproven(claim, found)) };
        let domain = self
            .in_org::<SignInDomains, _>(c, slug, async |tx, scope| {
                let known = tx.lock_sign_in_domain(scope, id).await?;
                if known.token != claim.token {
                    return Err(changed());
                }
                let (domain, change) = proven(known, proof, tx.now());
                tx.save_sign_in_domain(scope, &domain).await?;
                Ok(change.of(domain, scope.org()))
            })
            .await?;
        Ok(Verification { told: found.told(&domain.challenge()), domain })
    }

    /// Gives a domain up.
    pub async fn release_sign_in_domain(&self, c: &Caller, slug: &Slug, id: DomainId) -> Result<()> {
        self.in_org::<SignInDomains, _>(c, slug, async |tx, scope| {
            let domain = tx.lock_sign_in_domain(scope, id).await?;
            tx.delete_sign_in_domain(scope, &domain).await?;
            Ok(Change::new((), scope.org(), deleted(&domain, Vec::new())))
        })
        .await
    }
}
