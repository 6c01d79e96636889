//! Who may do what: one pure function, [`decide`], over the table in [`crate::authorization::resource`], and the rules that depend on the target row.
//!
//! [`OrgScope`] is the proof that `decide` said yes. Repositories demand it, so a query without a decision does not compile. It borrows
//! the [`Standing`] it was decided on, which in turn borrows the transaction that read it: a proof cannot be kept for later, and a proof
//! to *write* only comes from facts read inside the write transaction, because a proof taken before it may be stale.

use std::marker::PhantomData;

pub use super::{
    access::{Access, Read, Write},
    facts::{Authority, Facts, Standing},
    in_service::{InService, ServiceFacts, decide_in_service},
};
use super::{
    principal::{Principal, impersonated, person_required},
    resource::{
        ApiKeys, Connections, EndUsers, Grant, Invitations, MemberRoles, Members, Needs, Ownership, Resource, Roles, Row,
        ServiceAccess, ServiceKeys, Services,
    },
};
use crate::{
    Error, Result,
    applications::{
        api_keys::ApiKey,
        service_keys::{ServicePermission, ServicePermissions},
        services::AccessLevel,
    },
    identity::accounts::Person,
    tenancy::{
        organizations::{OrgStatus, OrganizationView},
        roles::{Cap, Caps, Role, RoleName},
    },
};

/// Proof that one principal may do `A` to the `R`s of one organization. Only [`decide`] makes it.
#[derive(Debug)]
pub struct OrgScope<'f, R, A> {
    facts: &'f Facts,
    authority: &'f Authority,
    _kind: PhantomData<(R, A)>,
}

impl<R, A> Clone for OrgScope<'_, R, A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R, A> Copy for OrgScope<'_, R, A> {}

impl<'f, R, A> OrgScope<'f, R, A> {
    /// The organization the proof is for.
    pub const fn org(&self) -> crate::OrgId {
        self.facts.view.organization.id
    }
    /// The organization as it was when the decision was made.
    pub const fn view(&self) -> &'f OrganizationView {
        &self.facts.view
    }
    /// Who it was decided for.
    pub const fn principal(&self) -> &'f Principal {
        &self.facts.principal
    }
    /// The person it was decided for. `Forbidden` (`person_required`) if that is a program.
    pub fn require_person(&self) -> Result<&'f Person> {
        self.facts.principal.require_person()
    }
    /// What the principal holds in the organization. A platform owner without membership counts as an admin here.
    pub const fn authority(&self) -> &'f Authority {
        self.authority
    }
}

impl<'f, R> OrgScope<'f, R, Write> {
    /// Who may change may look.
    pub const fn read(self) -> OrgScope<'f, R, Read> {
        OrgScope { facts: self.facts, authority: self.authority, _kind: PhantomData }
    }
}

/// What a platform owner acts with where the table lets one pass without membership.
static OPERATOR: Authority = Authority::Member(Role { name: RoleName::Admin, caps: Caps::ALL });

/// The one decision. The kinds are inferred from what the proof is used for.
pub fn decide<'f, R: Resource, A: Access>(standing: &'f Standing<'_, A>) -> Result<OrgScope<'f, R, A>> {
    let facts = standing.facts();
    let authority = judge(facts, R::ROW, A::WRITE)?;
    Ok(OrgScope { facts, authority, _kind: PhantomData })
}

/// Would a write be allowed on facts read outside a transaction? Not a proof: it only turns those away who may not before something
/// slow is done for them that must not happen inside a transaction.
pub fn may_try<R: Resource>(standing: &Standing<'_, Read>) -> Result<()> {
    judge(standing.facts(), R::ROW, true).map(|_| ())
}

pub(super) fn judge(facts: &Facts, row: Row, write: bool) -> Result<&Authority> {
    themselves(facts, row, write)?;
    let authority = &facts.authority;
    let denied = match authority {
        Authority::None => not_a_member(),
        _ if !usable(row.needs, facts.view.organization.status) => {
            Error::forbidden("organization_not_active", "This organization is not active. Ask the platform's operator.")
        }
        Authority::Barred(entry) => entry.refusal(&facts.view.organization.slug).unwrap_or_else(not_a_member),
        Authority::Service(..) => service_key(),
        Authority::Member(role) if granted(row.people.of(write), role.is_owner(), role.caps) => return Ok(authority),
        Authority::Program(caps) if granted(row.programs.of(write), false, *caps) => return Ok(authority),
        Authority::Program(_) | Authority::Directory if row.programs.of(write) == Grant::Nobody => person_required(),
        Authority::Member(_) => {
            Error::forbidden("missing_permission", "Your role does not allow this. Ask an owner of the organization.")
        }
        Authority::Program(_) | Authority::Directory => {
            Error::forbidden("missing_permission", "This credential does not hold the permission. Use one that does.")
        }
    };
    if row.operator && facts.principal.is_operator() { Ok(&OPERATOR) } else { Err(denied) }
}

/// What no program may change, a person must: not who acts as them.
pub(super) fn themselves(facts: &Facts, row: Row, write: bool) -> Result<()> {
    let only_they = write && row.programs.of(write) == Grant::Nobody;
    if only_they && facts.principal.is_impersonated() { Err(impersonated()) } else { Ok(()) }
}

pub(super) fn usable(needs: Needs, status: OrgStatus) -> bool {
    match needs {
        Needs::Active => status == OrgStatus::Active,
        Needs::NotSuspended => status != OrgStatus::Suspended,
    }
}

fn granted(grant: Grant, is_owner: bool, caps: Caps) -> bool {
    match grant {
        Grant::Member => true,
        Grant::Owner => is_owner,
        Grant::Caps(any) => any.iter().any(|cap| caps.has(*cap)),
        Grant::Nobody => false,
    }
}

fn not_a_member() -> Error {
    Error::forbidden("not_a_member", "You are not a member of this organization.")
}

/// What a service's key is told outside of the service API.
pub fn service_key() -> Error {
    Error::forbidden("service_key", "This key opens the API of its service only: see /api/service.")
}

fn owners_only() -> Error {
    Error::forbidden("owner_required", "Only an owner may do this to an owner or admin.")
}

fn beyond_own() -> Error {
    Error::forbidden("permission_not_held", "You cannot hand out a permission that you do not hold yourself.")
}

/// May the caller give a member who has `current` the role `new`? Nobody hands out what they do not hold, and only an owner touches owners and admins.
pub fn may_assign(scope: OrgScope<'_, MemberRoles, Write>, current: &Role, new: &Role) -> Result<()> {
    let caller = scope.authority();
    if (current.is_privileged() || new.is_owner()) && !caller.is_owner() {
        return Err(owners_only());
    }
    if new.name == RoleName::Admin && !caller.is_privileged() || !caller.caps().covers(new.caps) {
        return Err(beyond_own());
    }
    Ok(())
}

/// May the caller take a further role from a member whose membership names `current`? That needs no more than to be above them.
pub fn may_unassign(scope: OrgScope<'_, MemberRoles, Write>, current: &Role) -> Result<()> {
    if current.is_privileged() && !scope.authority().is_owner() { Err(owners_only()) } else { Ok(()) }
}

/// May the caller invite somebody to `role`? A role other than `member` needs the right to assign roles as well; `owner` is never invited.
pub fn may_invite(scope: OrgScope<'_, Invitations, Write>, role: &Role) -> Result<()> {
    invitable(scope.authority().role().ok_or_else(person_required)?, role)
}

/// The rule of [`may_invite`], asked again when the invitation is accepted: the inviter may have been demoted since.
pub fn invitable(inviter: &Role, role: &Role) -> Result<()> {
    if role.is_owner() {
        return Err(Error::field(
            "role",
            "not_invitable",
            "Invite as `admin`, `member` or a custom role; ownership is transferred.",
        ));
    }
    if role.name == RoleName::Member {
        return Ok(());
    }
    let allowed = inviter.caps.has(Cap::RolesManage) && inviter.caps.covers(role.caps);
    if !allowed || role.name == RoleName::Admin && !inviter.is_privileged() { Err(beyond_own()) } else { Ok(()) }
}

/// May the caller remove a member who has `target`?
pub fn may_remove(scope: OrgScope<'_, Members, Write>, target: &Role) -> Result<()> {
    if target.is_privileged() && !scope.authority().is_owner() { Err(owners_only()) } else { Ok(()) }
}

/// May the caller end the sessions of an end user who is a member with the role `member_as`, or none? Whoever may look after end users
/// shall not keep their own superiors out.
pub fn may_end_sessions(scope: OrgScope<'_, EndUsers, Write>, member_as: Option<&Role>) -> Result<()> {
    let superior = member_as.is_some_and(Role::is_privileged);
    if superior && !scope.authority().is_owner() { Err(owners_only()) } else { Ok(()) }
}

/// May the caller create or edit a custom role so that it goes from `before` to `after`? Both must lie within what the caller holds:
/// editing a more powerful role would be editing one's superior.
pub fn may_shape_role(scope: OrgScope<'_, Roles, Write>, before: Caps, after: Caps) -> Result<()> {
    let held = scope.authority().caps();
    if held.covers(before) && held.covers(after) { Ok(()) } else { Err(beyond_own()) }
}

/// May the caller make a key that holds `caps`, or change, rotate or be shown one that holds them? Only who holds all of it: whoever has
/// the secret can do what the key can (T20). A program never gets this far: the table keeps keys for people.
pub fn may_hold_key(scope: OrgScope<'_, ApiKeys, Write>, caps: Caps) -> Result<()> {
    if scope.authority().caps().covers(caps) { Ok(()) } else { Err(beyond_own()) }
}

/// May the caller edit `key` so that it holds `after`?
pub fn may_edit_key(scope: OrgScope<'_, ApiKeys, Write>, key: &ApiKey, after: Caps) -> Result<()> {
    may_hold_key(scope, key.caps)?;
    may_hold_key(scope, after)
}

/// Does the caller see every service in the list, or only those they were granted directly?
pub fn sees_all_services(scope: OrgScope<'_, Services, Read>) -> bool {
    let caps = scope.authority().caps();
    caps.has(Cap::ServicesView) || caps.has(Cap::ServicesManage)
}

/// May the caller, who was given `own` on a service, give a member `after` on it instead of `before`? Nobody gives what they do not hold
/// there; taking away needs nothing more.
pub fn may_grant_service(
    scope: OrgScope<'_, ServiceAccess, Write>,
    own: Option<AccessLevel>,
    before: Option<AccessLevel>,
    after: Option<AccessLevel>,
) -> Result<()> {
    let caps = scope.authority().caps();
    let by_role = match () {
        () if caps.has(Cap::ServicesManage) => Some(AccessLevel::Manager),
        () if caps.has(Cap::ServicesView) => Some(AccessLevel::Viewer),
        () => None,
    };
    if after <= before || after <= own.max(by_role) { Ok(()) } else { Err(beyond_own()) }
}

/// May the caller let a connection give a role with `caps` to whoever is in some group? Only who may hand out roles, and holds all of it.
pub fn may_map_role(scope: OrgScope<'_, Connections, Write>, caps: Caps) -> Result<()> {
    let held = scope.authority().caps();
    if held.has(Cap::RolesManage) && held.covers(caps) { Ok(()) } else { Err(beyond_own()) }
}

/// May the caller make a key of the service that holds `permissions`? Only who holds on that service what gives each of them (T20).
pub fn may_hold_service_key(scope: InService<'_, ServiceKeys, Write>, permissions: ServicePermissions) -> Result<()> {
    let caps = scope.caps();
    let given = |permission: ServicePermission| permission.given_by().iter().any(|cap| caps.has(*cap));
    if permissions.iter().all(given) { Ok(()) } else { Err(beyond_own()) }
}

/// May the caller hand the organization to `target`? Never to oneself: that would leave it without an owner.
pub fn may_hand_over(scope: OrgScope<'_, Ownership, Write>, target: crate::UserId) -> Result<()> {
    if scope.require_person()?.id == target {
        Err(Error::conflict("transfer_to_self", "You already own this organization."))
    } else {
        Ok(())
    }
}

/// Proof that the caller operates the platform. Made by [`platform`] only.
#[derive(Clone, Copy, Debug)]
pub struct PlatformScope<'f>(&'f Principal);

impl<'f> PlatformScope<'f> {
    /// Who it was decided for.
    pub const fn principal(self) -> &'f Principal {
        self.0
    }
    /// The person it was decided for. `Forbidden` (`person_required`) if that is a program.
    pub fn require_person(self) -> Result<&'f Person> {
        self.0.require_person()
    }
}

/// Does the caller operate the platform? Platform owners do.
pub fn platform(principal: &Principal) -> Result<PlatformScope<'_>> {
    match principal {
        operator if operator.is_operator() => Ok(PlatformScope(operator)),
        _ => Err(Error::forbidden("platform_owner_required", "Only a platform owner may do this.")),
    }
}

/// Proof that a person is signed in, for what is their own: profile, sessions, invitations, their list of organizations.
#[derive(Clone, Copy, Debug)]
pub struct UserScope<'f>(&'f Person);

impl<'f> UserScope<'f> {
    /// Who it was decided for.
    pub const fn person(self) -> &'f Person {
        self.0
    }
}

/// Everybody may do to themselves what [`UserScope`] covers.
pub const fn own(person: &Person) -> UserScope<'_> {
    UserScope(person)
}

/// The worker's own authority: sequencing, delivering, purging. It crosses organizations, so its uses are few and easy to find.
#[derive(Clone, Copy, Debug)]
pub struct SystemScope {
    /// The job's name, for the audit log.
    pub job: &'static str,
}

impl SystemScope {
    /// The authority of a job.
    pub const fn job(job: &'static str) -> Self {
        Self { job }
    }
}

#[cfg(test)]
mod properties;
