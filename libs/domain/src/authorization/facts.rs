//! What a decision is made of: who acts, the organization, and what they hold there, read in one statement.

use std::marker::PhantomData;

use super::{access::Access, principal::Principal};
use crate::{
    OrgId, ServiceId, Time,
    applications::service_keys::ServicePermissions,
    identity::{
        accounts::Person,
        entry::{self, Entering, Entry, SignInPolicy},
    },
    tenancy::{
        organizations::OrganizationView,
        roles::{Caps, Role, RoleName},
    },
};

/// What a principal holds in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Nothing: a stranger, or a program of another organization.
    None,
    /// A person's membership.
    Member(Role),
    /// Nothing, although they are a member: their session did not do what the organization wants.
    Barred(Entry),
    /// What the organization gave one of its programs. It is nobody's role: it neither owns, nor hands out, nor stands above anybody.
    Program(Caps),
    /// What one of its services gave a program of that service's: it reaches that service, and nothing else.
    Service(ServiceId, ServicePermissions),
    /// A directory's token: it provisions, and nothing else.
    Directory,
}

impl Authority {
    /// A membership is worth what the session is: the organization's policy is asked at every use. Who acts as somebody else does so by the
    /// platform's word.
    fn of_member(person: &Person, role: Role, policy: &SignInPolicy, now: Time) -> Self {
        if person.impersonation.is_some() {
            return Self::Member(role);
        }
        let (user, is_owner) = (person.id, role.is_owner());
        match entry::judge(policy, &Entering { user, is_owner, did: &person.did, from: person.from, now }) {
            Entry::Enter(_) => Self::Member(role),
            barred => Self::Barred(barred),
        }
    }
    fn of(principal: &Principal, org: OrgId, role: Option<Role>, policy: &SignInPolicy, now: Time) -> Self {
        let program = |of: OrgId, caps: Caps| if of == org { Self::Program(caps.within(Caps::FOR_PROGRAMS)) } else { Self::None };
        match principal {
            Principal::Person(person) => match role.filter(|_| person.may_be_in(org)) {
                Some(role) => Self::of_member(person, role, policy, now),
                None => Self::None,
            },
            Principal::ApiKey(key) => program(key.org_id, key.caps),
            Principal::Client(client) => program(client.org_id, client.caps),
            Principal::ServiceKey(key) if key.org_id == org => Self::Service(key.service_id, key.permissions),
            Principal::ScimToken(token) if token.org_id == org => Self::Directory,
            Principal::ServiceKey(_) | Principal::ScimToken(_) | Principal::Job(_) => Self::None,
        }
    }
    /// The role of a member.
    pub const fn role(&self) -> Option<&Role> {
        match self {
            Self::Member(role) => Some(role),
            _ => None,
        }
    }
    /// The capabilities it holds.
    pub fn caps(&self) -> Caps {
        match self {
            Self::Member(role) => role.caps,
            Self::Program(caps) => *caps,
            Self::Barred(_) | Self::Service(..) | Self::Directory | Self::None => Caps::NONE,
        }
    }
    /// Whether it is an owner's.
    pub fn is_owner(&self) -> bool {
        self.role().is_some_and(Role::is_owner)
    }
    /// Whether it is an owner's or an admin's.
    pub fn is_privileged(&self) -> bool {
        self.role().is_some_and(Role::is_privileged)
    }
    /// Whether it is the membership's role `name`.
    pub fn has_role(&self, name: &RoleName) -> bool {
        self.role().is_some_and(|role| role.name == *name)
    }
}

/// The facts, whatever they are read for.
#[derive(Debug)]
pub struct Facts {
    /// Who acts; their credential is alive.
    pub principal: Principal,
    /// The organization, with its counters and tier.
    pub view: OrganizationView,
    /// What the principal holds in it.
    pub authority: Authority,
}

impl Facts {
    /// Whether the principal belongs to the organization, and has entered it.
    pub fn belongs(&self) -> bool {
        !matches!(self.authority, Authority::None | Authority::Barred(_))
    }
}

/// Facts that were read outside a transaction for reads (`A` = [`super::access::Read`]), inside the write transaction for writes (`A` =
/// [`super::access::Write`]): they borrow what read them, so that they cannot outlive it.
#[derive(Debug)]
pub struct Standing<'t, A> {
    facts: Facts,
    _access: PhantomData<(&'t (), A)>,
}

impl<A: Access> Standing<'_, A> {
    /// Facts just read; `role` is the membership's of a person, `policy` the organization's for people. Only `store` may say so: clippy refuses this call, and the one place that
    /// makes it `expect`s the refusal, so that the ban cannot be lost unnoticed.
    pub fn assembled(principal: Principal, view: OrganizationView, role: Option<Role>, policy: &SignInPolicy, now: Time) -> Self {
        let authority = Authority::of(&principal, view.organization.id, role, policy, now);
        Self { facts: Facts { principal, view, authority }, _access: PhantomData }
    }
    /// What was read.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }
    /// The organization, for whoever has decided.
    pub fn into_view(self) -> OrganizationView {
        self.facts.view
    }
}
