//! Who may do what with one service. The table decides, as for everything; beside it a member may hold access to that one service, by a
//! grant of their own.

use std::marker::PhantomData;

use super::{
    access::Access,
    facts::{Authority, Facts, Standing},
    policy::{judge, service_key, themselves, usable},
    principal::Principal,
    resource::OfService,
};
use crate::{
    Error, OrgId, Result, ServiceId,
    applications::{service_keys::ServicePermissions, services::AccessLevel},
    identity::accounts::Person,
    tenancy::{
        organizations::OrganizationView,
        roles::{Cap, Caps},
    },
};

/// One service of the organization that facts were read of, and what the caller was granted on it: read with those facts, for as long.
#[derive(Debug)]
pub struct ServiceFacts<'t, A> {
    id: ServiceId,
    granted: Option<AccessLevel>,
    _access: PhantomData<(&'t (), A)>,
}

impl<A: Access> ServiceFacts<'_, A> {
    /// Facts just read. Only `store` may say so, as for [`Standing::assembled`].
    pub fn assembled(id: ServiceId, granted: Option<AccessLevel>) -> Self {
        Self { id, granted, _access: PhantomData }
    }
}

/// Proof that one principal may do `A` to the `R`s of one service. Only [`decide_in_service`] makes it.
#[derive(Debug)]
pub struct InService<'f, R, A> {
    facts: &'f Facts,
    service: ServiceId,
    granted: Option<AccessLevel>,
    _kind: PhantomData<(R, A)>,
}

impl<R, A> Clone for InService<'_, R, A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R, A> Copy for InService<'_, R, A> {}

impl<'f, R, A> InService<'f, R, A> {
    /// The organization.
    pub const fn org(&self) -> OrgId {
        self.facts.view.organization.id
    }
    /// Everything that was read of the organization.
    pub const fn view(&self) -> &'f OrganizationView {
        &self.facts.view
    }
    /// The service the proof is for.
    pub const fn service(&self) -> ServiceId {
        self.service
    }
    /// Who it was decided for.
    pub const fn principal(&self) -> &'f Principal {
        &self.facts.principal
    }
    /// The person it was decided for. `Forbidden` (`person_required`) if that is a program.
    pub fn require_person(&self) -> Result<&'f Person> {
        self.facts.principal.require_person()
    }
    /// The capabilities that the caller holds on this service, by role or by grant.
    pub fn caps(&self) -> Caps {
        let granted: &[Cap] = match self.granted {
            Some(AccessLevel::Manager) => &[Cap::ServicesView, Cap::ServicesManage],
            Some(AccessLevel::Viewer) => &[Cap::ServicesView],
            None => &[],
        };
        self.facts.authority.caps().and(granted.iter().copied().collect())
    }
}

/// The decision on one service. Whoever could see none is refused whether it exists or not; `NotFound` only for whoever might see it.
pub fn decide_in_service<'f, R: OfService, A: Access>(
    standing: &'f Standing<'_, A>,
    service: Option<&ServiceFacts<'_, A>>,
) -> Result<InService<'f, R, A>> {
    let facts = standing.facts();
    if let Authority::Service(own, permissions) = &facts.authority {
        judge_key::<R>(facts, *permissions, A::WRITE)?;
        let service = service.filter(|service| service.id == *own).ok_or_else(|| Error::not_found("service"))?;
        return Ok(InService { facts, service: service.id, granted: None, _kind: PhantomData });
    }
    themselves(facts, R::ROW, A::WRITE)?;
    let granted = service.and_then(|service| service.granted);
    if let Err(denied) = judge(facts, R::ROW, A::WRITE) {
        let least = R::GRANTED.of(A::WRITE);
        let enough = least.is_some_and(|least| granted.is_some_and(|granted| granted >= least));
        let member = matches!(facts.authority, Authority::Member(_));
        if !(enough && member && usable(R::ROW.needs, facts.view.organization.status)) {
            return Err(denied);
        }
    }
    let service = service.ok_or_else(|| Error::not_found("service"))?;
    Ok(InService { facts, service: service.id, granted, _kind: PhantomData })
}

/// A service's key reaches what it was permitted of its service, and nothing else.
fn judge_key<R: OfService>(facts: &Facts, permissions: ServicePermissions, write: bool) -> Result<()> {
    let Some(needed) = R::KEYS.of(write) else { return Err(service_key()) };
    if !usable(R::ROW.needs, facts.view.organization.status) {
        return Err(Error::forbidden("organization_not_active", "This organization is not active. Ask the platform's operator."));
    }
    if permissions.has(needed) {
        return Ok(());
    }
    Err(Error::forbidden("missing_permission", "This key does not hold the permission. Use one that does."))
}
