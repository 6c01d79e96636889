//! Who may do what: one pure function, [`decide`], over the table in [`crate::authorization::resource`], and the rules that depend on the target row.
//!
//! [`OrgScope`] is the proof that `decide` said yes. Repositories demand it, so a query without a decision does not compile. It borrows
//! the [`Standing`] it was decided on, which in turn borrows the transaction that read it: a proof cannot be kept for later, and a proof
//! to *write* only comes from facts read inside the write transaction, because a proof taken before it may be stale.

use std::marker::PhantomData;

use crate::{
    Error, Result,
    authorization::resource::{Grant, Invitations, MemberRoles, Members, Needs, Ownership, Resource, Roles, Row},
    identity::accounts::Person,
    tenancy::{
        organizations::{OrgStatus, OrganizationView},
        roles::{Caps, Role, RoleName},
    },
};

mod sealed {
    pub trait Sealed {}
}

/// [`Read`] or [`Write`].
pub trait Access: sealed::Sealed {
    /// Whether this is [`Write`].
    const WRITE: bool;
}
/// Looking.
#[derive(Debug)]
pub enum Read {}
/// Changing.
#[derive(Debug)]
pub enum Write {}
impl sealed::Sealed for Read {}
impl sealed::Sealed for Write {}
impl Access for Read {
    const WRITE: bool = false;
}
impl Access for Write {
    const WRITE: bool = true;
}

/// What is known about a caller and one organization, read in one statement: outside a transaction for reads (`A` = [`Read`]), inside
/// the write transaction for writes (`A` = [`Write`]). Only `store` makes one.
#[derive(Debug)]
pub struct Standing<'t, A> {
    /// The caller, whose session is alive.
    pub person: Person,
    /// The organization, with its counters and tier.
    pub view: OrganizationView,
    /// The caller's role in it; `None` for a stranger.
    pub role: Option<Role>,
    _access: PhantomData<(&'t (), A)>,
}

impl<A: Access> Standing<'_, A> {
    /// Facts just read. For `store` only (clippy bans it elsewhere).
    pub fn assembled(person: Person, view: OrganizationView, role: Option<Role>) -> Self {
        Self { person, view, role, _access: PhantomData }
    }
}

/// Proof that one caller may do `A` to the `R`s of one organization. Only [`decide`] makes it.
#[derive(Debug)]
pub struct OrgScope<'f, R, A> {
    org: crate::OrgId,
    person: &'f Person,
    role: &'f Role,
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
    pub fn org(&self) -> crate::OrgId {
        self.org
    }
    /// Who it was decided for.
    pub fn person(&self) -> &'f Person {
        self.person
    }
    /// The caller's role. A platform owner without membership counts as an admin here.
    pub fn role(&self) -> &'f Role {
        self.role
    }
}

impl<'f, R> OrgScope<'f, R, Write> {
    /// Who may change may look.
    pub fn read(self) -> OrgScope<'f, R, Read> {
        OrgScope { org: self.org, person: self.person, role: self.role, _kind: PhantomData }
    }
}

/// The role a platform owner acts with where the table lets one pass without membership.
static PLATFORM_ROLE: Role = Role { name: RoleName::Admin, caps: Caps::ALL };

/// The one decision. The kinds are inferred from what the proof is used for.
pub fn decide<'f, R: Resource, A: Access>(facts: &'f Standing<'_, A>) -> Result<OrgScope<'f, R, A>> {
    let role = judge(facts, R::ROW, A::WRITE)?;
    Ok(OrgScope { org: facts.view.organization.id, person: &facts.person, role, _kind: PhantomData })
}

/// Would a write be allowed on facts read outside a transaction? Not a proof: it only turns strangers away before they can occupy
/// SQLite's one writer.
pub fn may_try<R: Resource>(facts: &Standing<'_, Read>) -> Result<()> {
    judge(facts, R::ROW, true).map(|_| ())
}

fn judge<'f, A>(facts: &'f Standing<'_, A>, row: Row, write: bool) -> Result<&'f Role> {
    let operator = row.operator && facts.person.is_platform_owner;
    let denied = match &facts.role {
        None => Error::forbidden("not_a_member", "You are not a member of this organization."),
        Some(_) if !usable(row.needs, facts.view.organization.status) => {
            Error::forbidden("organization_not_active", "This organization is not active. Ask the platform's operator.")
        }
        Some(role) if granted(if write { row.write } else { row.read }, role) => return Ok(role),
        Some(_) => Error::forbidden("missing_permission", "Your role does not allow this. Ask an owner of the organization."),
    };
    if operator { Ok(&PLATFORM_ROLE) } else { Err(denied) }
}

fn usable(needs: Needs, status: OrgStatus) -> bool {
    match needs {
        Needs::Active => status == OrgStatus::Active,
        Needs::NotSuspended => status != OrgStatus::Suspended,
    }
}

fn granted(grant: Grant, role: &Role) -> bool {
    match grant {
        Grant::Member => true,
        Grant::Owner => role.is_owner(),
        Grant::Caps(any) => any.iter().any(|cap| role.caps.has(*cap)),
        Grant::Nobody => false,
    }
}

fn owners_only() -> Error {
    Error::forbidden("owner_required", "Only an owner may do this to an owner or admin.")
}

fn beyond_own() -> Error {
    Error::forbidden("permission_not_held", "You cannot hand out a permission that you do not hold yourself.")
}

/// May the caller give a member who has `current` the role `new`? Nobody hands out what they do not hold, and only an owner touches owners and admins.
pub fn may_assign(scope: OrgScope<'_, MemberRoles, Write>, current: &Role, new: &Role) -> Result<()> {
    let caller = scope.role();
    if (current.is_privileged() || new.is_owner()) && !caller.is_owner() {
        return Err(owners_only());
    }
    if new.name == RoleName::Admin && !caller.is_privileged() || !caller.caps.covers(new.caps) {
        return Err(beyond_own());
    }
    Ok(())
}

/// May the caller invite somebody to `role`? A role other than `member` needs the right to assign roles as well; `owner` is never invited.
pub fn may_invite(scope: OrgScope<'_, Invitations, Write>, role: &Role) -> Result<()> {
    invitable(scope.role(), role)
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
    let allowed = inviter.caps.has(crate::tenancy::roles::Cap::RolesManage) && inviter.caps.covers(role.caps);
    if !allowed || role.name == RoleName::Admin && !inviter.is_privileged() { Err(beyond_own()) } else { Ok(()) }
}

/// May the caller remove a member who has `target`?
pub fn may_remove(scope: OrgScope<'_, Members, Write>, target: &Role) -> Result<()> {
    if target.is_privileged() && !scope.role().is_owner() { Err(owners_only()) } else { Ok(()) }
}

/// May the caller create or edit a custom role so that it goes from `before` to `after`? Both must lie within what the caller holds:
/// editing a more powerful role would be editing one's superior.
pub fn may_shape_role(scope: OrgScope<'_, Roles, Write>, before: Caps, after: Caps) -> Result<()> {
    if scope.role().caps.covers(before) && scope.role().caps.covers(after) { Ok(()) } else { Err(beyond_own()) }
}

/// May the caller hand the organization to `target`? Never to oneself: that would leave it without an owner.
pub fn may_hand_over(scope: OrgScope<'_, Ownership, Write>, target: crate::UserId) -> Result<()> {
    if scope.person().id == target {
        Err(Error::conflict("transfer_to_self", "You already own this organization."))
    } else {
        Ok(())
    }
}

/// Proof that the caller operates the platform. Made by [`platform`] only.
#[derive(Clone, Copy, Debug)]
pub struct PlatformScope<'f>(&'f Person);

impl<'f> PlatformScope<'f> {
    /// Who it was decided for.
    pub fn person(self) -> &'f Person {
        self.0
    }
}

/// Is the caller a platform owner?
pub fn platform(person: &Person) -> Result<PlatformScope<'_>> {
    if person.is_platform_owner {
        Ok(PlatformScope(person))
    } else {
        Err(Error::forbidden("platform_owner_required", "Only a platform owner may do this."))
    }
}

/// Proof that a caller is signed in, for what is their own: profile, sessions, invitations, their list of organizations.
#[derive(Clone, Copy, Debug)]
pub struct UserScope<'f>(&'f Person);

impl<'f> UserScope<'f> {
    /// Who it was decided for.
    pub fn person(self) -> &'f Person {
        self.0
    }
}

/// Everybody may do to themselves what [`UserScope`] covers.
pub fn own(person: &Person) -> UserScope<'_> {
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
