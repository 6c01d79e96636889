//! An organization without a database: who has which role, and each call as its use case makes it, with the rules asked in its order.

use std::collections::{BTreeMap, HashMap};

use proptest::sample::Index;

use crate::{
    Error, Result, UserId,
    applications::api_keys::{ApiKey, Networks},
    authorization::{
        policy::{self, OrgScope, Standing, Write, decide},
        principal::{Client, Principal, ScimToken},
        resource::Resource,
    },
    core::clock::Time,
    identity::{accounts::Person, authentications::Authentications, entry::SignInPolicy, sessions::SessionCredential},
    tenancy::{
        organizations::{OrgStatus, Organization as Row, OrganizationView, Tier},
        roles::{Cap, Caps, Role, RoleName},
    },
};

/// The founder, five others, and somebody who operates the platform.
pub(super) const PEOPLE: usize = 7;
const OPERATOR: usize = 6;
/// API keys of the organization, then a client that holds whatever clients may, a directory's token and a job.
pub(super) const KEYS: usize = 2;
const CLIENT: usize = PEOPLE + KEYS;
const SCIM_TOKEN: usize = CLIENT + 1;
const JOB: usize = SCIM_TOKEN + 1;
/// Everybody who may try.
pub(super) const CALLERS: usize = JOB + 1;

#[derive(Clone, Copy, Debug)]
pub(super) enum RoleRef {
    Owner,
    Admin,
    Member,
    Custom(usize),
}

impl RoleRef {
    fn name(self) -> RoleName {
        match self {
            RoleRef::Owner => RoleName::Owner,
            RoleRef::Admin => RoleName::Admin,
            RoleRef::Member => RoleName::Member,
            RoleRef::Custom(n) => RoleName::Custom(format!("role-{n}").parse().expect("a slug")),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Assign(usize, RoleRef),
    Invite(usize, RoleRef),
    Accept(Index),
    AcceptFor(Index),
    Shape(usize, u32),
    DeleteRole(usize),
    Remove(usize),
    HandOver(usize),
    SetKey(usize, u32),
}

impl Act {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Act::Assign(..) => "assign",
            Act::Invite(..) => "invite",
            Act::Accept(_) => "accept",
            Act::AcceptFor(_) => "accept for",
            Act::Shape(..) => "shape",
            Act::DeleteRole(_) => "delete role",
            Act::Remove(_) => "remove",
            Act::HandOver(_) => "hand over",
            Act::SetKey(..) => "set key",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) by: usize,
    pub(super) act: Act,
}

/// Everything that somebody may hold: capabilities, and what only being an admin or owner gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Powers {
    caps: Caps,
    pub(super) admin: bool,
    pub(super) owner: bool,
}

impl Powers {
    pub(super) fn without(self, other: Self) -> Self {
        let caps = self.caps.iter().filter(|cap| !other.caps.has(*cap)).collect();
        Self { caps, admin: self.admin && !other.admin, owner: self.owner && !other.owner }
    }
    pub(super) fn within(self, other: Self) -> bool {
        self.without(other) == Self::default()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Organization {
    members: BTreeMap<usize, RoleName>,
    roles: HashMap<RoleName, Caps>,
    keys: [Caps; KEYS],
    /// Whom, as what, by whom.
    invitations: Vec<(usize, RoleName, usize)>,
}

/// Those that lead to others come first, so that small numbers are sets of them.
fn caps(bits: u32) -> Caps {
    let first = [Cap::RolesManage, Cap::MembersManage, Cap::WebhooksManage, Cap::AuditLogsView];
    let all = first.iter().chain(Cap::ALL.iter().filter(|cap| !first.contains(cap)));
    all.enumerate().filter(|(n, _)| bits & (1 << n) != 0).map(|(_, cap)| *cap).collect()
}

fn refused<T>() -> Result<T> {
    Err(Error::not_found("it"))
}

impl Organization {
    /// An owner, an admin, a member, two people with custom roles, a stranger and the operator.
    pub(super) fn founded() -> Self {
        let roles = [(0, 0b0001), (1, 0b0110), (2, 0b0011)].map(|(n, bits)| (RoleRef::Custom(n).name(), caps(bits)));
        let members = [RoleRef::Owner, RoleRef::Admin, RoleRef::Member, RoleRef::Custom(0), RoleRef::Custom(2)];
        let members = members.into_iter().map(RoleRef::name).enumerate().collect();
        Self { members, roles: roles.into(), keys: [Caps::NONE, caps(0b1110)], invitations: Vec::new() }
    }

    fn resolve(&self, name: &RoleName) -> Result<Role> {
        match name.builtin_caps().or_else(|| self.roles.get(name).copied()) {
            Some(caps) => Ok(Role { name: name.clone(), caps }),
            None => refused(),
        }
    }

    /// The role of a member; one that is gone allows nothing.
    fn role(&self, person: usize) -> Option<Role> {
        let name = self.members.get(&person)?;
        Some(self.resolve(name).unwrap_or(Role { name: name.clone(), caps: Caps::NONE }))
    }

    /// What somebody holds; a program holds what the rules say it may use.
    pub(super) fn powers(&self, caller: usize) -> Powers {
        let standing = self.standing(caller);
        let authority = &standing.facts().authority;
        Powers { caps: authority.caps(), admin: authority.is_privileged(), owner: authority.is_owner() }
    }

    /// What the database would say about a caller.
    fn standing(&self, by: usize) -> Standing<'static, Write> {
        standing(self.principal(by), self.role(by))
    }

    fn principal(&self, by: usize) -> Principal {
        let org_id = organization().id;
        let id = uuid::Uuid::from_u128(100 + by as u128);
        match by {
            0..PEOPLE => Principal::Person(person(by)),
            PEOPLE..CLIENT => Principal::ApiKey(api_key(by, self.keys[by - PEOPLE])),
            CLIENT => Principal::Client(Client { id: crate::ClientId::new(id), org_id, caps: Caps::ALL }),
            SCIM_TOKEN => Principal::ScimToken(ScimToken { id: crate::ScimTokenId::new(id), org_id }),
            _ => Principal::Job("job"),
        }
    }

    /// Makes a call, or refuses it; answers who gave what it gave.
    pub(super) fn apply(&mut self, step: &Step) -> Result<usize> {
        let standing = self.standing(step.by);
        match &step.act {
            Act::Assign(whom, RoleRef::Owner) | Act::HandOver(whom) => self.hand_over(&standing, step.by, *whom)?,
            Act::Assign(whom, role) if *whom != step.by => self.assign(&standing, *whom, &role.name())?,
            // The use case says so: an owner who stepped down would leave nobody.
            Act::Assign(..) => return refused(),
            Act::Invite(whom, role) => {
                policy::may_invite(decide(&standing)?, &self.resolve(&role.name())?)?;
                self.invitations.push((*whom, role.name(), step.by));
            }
            Act::Accept(which) => return self.accept(which, Some(step.by)),
            Act::AcceptFor(which) => {
                let _: OrgScope<'_, crate::authorization::resource::Invitations, Write> = decide(&standing)?;
                return self.accept(which, None);
            }
            Act::Shape(role, bits) => {
                let name = RoleRef::Custom(*role).name();
                let before = self.roles.get(&name).copied().unwrap_or(Caps::NONE);
                policy::may_shape_role(decide(&standing)?, before, caps(*bits))?;
                self.roles.insert(name, caps(*bits));
            }
            Act::DeleteRole(role) => self.delete_role(&standing, &RoleRef::Custom(*role).name())?,
            Act::Remove(whom) => {
                policy::may_remove(allowed(&standing, *whom != step.by)?, &self.role(*whom).map_or_else(refused, Ok)?)?;
                self.members.remove(whom);
            }
            Act::SetKey(key, bits) => {
                let after = caps(*bits).within(Caps::FOR_PROGRAMS);
                policy::may_edit_key(decide(&standing)?, &api_key(*key, self.keys[*key]), after)?;
                self.keys[*key] = after;
            }
        }
        Ok(step.by)
    }

    fn assign(&mut self, standing: &Standing<'_, Write>, whom: usize, role: &RoleName) -> Result<()> {
        let current = self.role(whom).map_or_else(refused, Ok)?;
        policy::may_assign(decide(standing)?, &current, &self.resolve(role)?)?;
        self.members.insert(whom, role.clone());
        Ok(())
    }

    fn hand_over(&mut self, standing: &Standing<'_, Write>, by: usize, whom: usize) -> Result<()> {
        policy::may_hand_over(decide(standing)?, user(whom))?;
        if !self.members.contains_key(&whom) {
            return refused();
        }
        self.members.insert(whom, RoleName::Owner);
        self.members.insert(by, RoleName::Admin);
        Ok(())
    }

    /// By the invited person, or for them: what the inviter may still give when it is accepted.
    fn accept(&mut self, which: &Index, by: Option<usize>) -> Result<usize> {
        if self.invitations.is_empty() {
            return refused();
        }
        let at = which.index(self.invitations.len());
        let (whom, role, inviter) = self.invitations[at].clone();
        if by.is_some_and(|by| by != whom) || self.members.contains_key(&whom) {
            return refused();
        }
        policy::invitable(&self.role(inviter).map_or_else(refused, Ok)?, &self.resolve(&role)?)?;
        self.invitations.remove(at);
        self.members.insert(whom, role);
        Ok(inviter)
    }

    fn delete_role(&mut self, standing: &Standing<'_, Write>, name: &RoleName) -> Result<()> {
        let caps = self.resolve(name)?.caps;
        policy::may_shape_role(allowed(standing, self.members.values().all(|used| used != name))?, caps, Caps::NONE)?;
        self.roles.remove(name);
        Ok(())
    }
}

/// The proof, unless the use case refuses for a reason of its own.
fn allowed<'f, R: Resource>(standing: &'f Standing<'_, Write>, other: bool) -> Result<OrgScope<'f, R, Write>> {
    if other { decide(standing) } else { refused() }
}

fn user(n: usize) -> UserId {
    UserId::new(uuid::Uuid::from_u128(1 + n as u128))
}

#[expect(clippy::disallowed_methods, reason = "the model makes up facts")]
fn standing(principal: Principal, role: Option<Role>) -> Standing<'static, Write> {
    let tier = Tier {
        id: String::new(),
        name: String::new(),
        display_name: String::new(),
        default_max_services: 0,
        default_max_users: 0,
        features: String::new(),
        price_cents: 0,
        currency: String::new(),
        created_at: Time::default(),
    };
    let view = OrganizationView { organization: organization(), members: 1, services: 0, tier };
    Standing::assembled(principal, view, role, &SignInPolicy::default(), Time::default())
}

#[expect(clippy::disallowed_methods, reason = "the model makes up people")]
fn person(by: usize) -> Person {
    let id = uuid::Uuid::from_u128(99);
    let who =
        SessionCredential { user: user(by), session: crate::SessionId::new(id), grant: crate::GrantId::new(id), from: None };
    let email = format!("p{by}@example.com").parse().expect("an address");
    Person::signed_in(&who, email, crate::PLATFORM, true, by == OPERATOR, Authentications::stored(None))
}

fn api_key(n: usize, caps: Caps) -> ApiKey {
    let now = Time::default();
    ApiKey {
        id: crate::ApiKeyId::new(uuid::Uuid::from_u128(200 + n as u128)),
        org_id: organization().id,
        name: "key".parse().expect("a name"),
        prefix: String::new(),
        caps,
        networks: Networks::default(),
        expires_at: None,
        old_secret_until: None,
        last_used_at: None,
        created_by: user(0),
        created_at: now,
        updated_at: now,
    }
}

fn organization() -> Row {
    let now = Time::default();
    Row {
        id: crate::OrgId::new(uuid::Uuid::from_u128(99)),
        slug: "acme".parse().expect("a slug"),
        name: "Acme".parse().expect("a name"),
        owner_user_id: user(0),
        status: OrgStatus::Active,
        tier_id: String::new(),
        max_services: None,
        max_users: None,
        approved_by: None,
        approved_at: None,
        rejected_by: None,
        rejected_at: None,
        rejection_reason: None,
        feature_overrides: None,
        brand_logo_url: None,
        brand_primary_color: None,
        custom_domain: None,
        domain_verified: false,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}
