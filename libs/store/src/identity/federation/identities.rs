//! Whom identity providers know, and which account that is here.

use domain::{
    ConnectionId, Error, OrgId, PLATFORM, Result, ServiceId, Time, UserId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::Connections,
    },
    core::value::Email,
    identity::{
        accounts::User,
        federation::{
            asserted::{Address, Asserted},
            linking::{Account, Known, Routed},
        },
    },
    tenancy::{
        roles::{Caps, Role, RoleName},
        smtp::Ceiling,
    },
};
use sea_orm::{DbErr, QueryResult, Value};

use super::table::IDENTITIES_OF_USER;
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, on},
        sql::{self, Columns, Sql, sql},
    },
    identity::accounts::{USER_COLUMNS, next_user},
    tenancy::roles::caps_from_text,
};

/// Which identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityKey {
    /// The organization that is signed in to.
    pub org: OrgId,
    /// Through which connection.
    pub connection: ConnectionId,
    /// SHA-256 (hex) of issuer, NUL and subject.
    pub digest: String,
}

/// An account that may be meant, with what decides on it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The account.
    pub user: User,
    /// What decides.
    pub facts: Account,
}

/// What is selected of an account `u` in organization `$1`, perhaps at its service `$4`, in the order of [`candidate`].
const CANDIDATE: &str = "m.role, r.permissions,
      exists (select 1 from service_grants g where g.org_id = $1 and g.user_id = u.id)
      or exists (select 1 from member_roles d join roles f on f.org_id = d.org_id and f.id = d.role_id
        where d.org_id = $1 and d.user_id = u.id and f.permissions <> ''),
      exists (select 1 from removals b where b.org_id = $1 and (b.user_id = u.id or b.email = u.email)),
      exists (select 1 from services s where s.org_id = $1 and s.id = $4 and (s.sign_up
        or exists (select 1 from service_users p where p.org_id = s.org_id and p.service_id = s.id and p.user_id = u.id)))
    from users u
    left join memberships m on m.org_id = $1 and m.user_id = u.id
    left join roles r on r.org_id = $1 and r.slug = m.role";
const KNOWN: Sql = sql!(
    "select u.id, {user}, i.blocked_at, i.reprove, {candidate}
    join identities i on i.user_id = u.id
    where i.org_id = $1 and i.connection_id = $2 and i.digest = $3",
    user = USER_COLUMNS,
    candidate = CANDIDATE
);
/// The organization's own account of an address before a platform account that is a member, and members before others.
const AT_ADDRESS: Sql = sql!(
    "select u.id, {user}, null, false, {candidate}
    where u.email = $2 and (u.realm = $1 or (u.realm = $3 and m.role is not null and u.deleted_at is null))
    order by case when m.role is null then 1 else 0 end, case when u.realm = $1 then 0 else 1 end
    limit 1",
    user = USER_COLUMNS,
    candidate = CANDIDATE
);

fn candidate(row: &QueryResult, org: OrgId) -> Result<(Candidate, bool, bool), DbErr> {
    let mut columns = Columns::of(row);
    let id = UserId::new(columns.next()?);
    let user = next_user(id, &mut columns)?;
    let (blocked, reprove) = (columns.next::<Option<Time>>()?.is_some(), columns.next()?);
    let role = columns.next::<Option<String>>()?.map(RoleName::stored);
    let permissions: Option<String> = columns.next()?;
    let (granted, removed, guest): (bool, bool, bool) = (columns.next()?, columns.next()?, columns.next()?);
    let caps =
        |role: &RoleName| role.builtin_caps().unwrap_or_else(|| caps_from_text(permissions.as_deref().unwrap_or_default()));
    let facts = Account {
        user: id,
        managed: user.realm == org,
        closed: user.deleted_at.is_some(),
        member: role.is_some(),
        holds: granted || role.as_ref().is_some_and(|role| caps(role) != Caps::NONE),
        operates: user.is_platform_owner,
        removed,
        guest,
    };
    Ok((Candidate { user, facts }, blocked, reprove))
}

/// The service that is signed in to; nil: none.
fn at(service: Option<ServiceId>) -> Value {
    service.map_or_else(uuid::Uuid::nil, ServiceId::uuid).into()
}

/// Where a domain is led, by the organization's word: `$2` is the domain, `$3` the connection.
const ROUTED: Sql = sql!(
    "select
      (select r.connection_id from domains d join domain_routes r on r.org_id = d.org_id and r.domain_id = d.id
        where d.org_id = $1 and d.kind = 'sign_in' and d.domain = $2 and d.verified_at is not null),
      (select d.proof from domains d where d.org_id = $1 and d.kind = 'sign_in' and d.domain = $2 and d.verified_at is not null),
      exists (select 1 from domains d join domain_routes r on r.org_id = d.org_id and r.domain_id = d.id
        where d.org_id = $1 and d.kind = 'sign_in' and r.connection_id = $3 and d.verified_at is not null)"
);

const DROP_PASSKEYS: Sql = sql!("delete from passkeys where user_id = $1");
const DROP_LINKS: Sql = sql!("delete from one_time_links where user_id = $1");
const HAS_ANY: Sql = sql!(
    "select 1
    from identities i
    join org_connections o on o.org_id = i.org_id and o.connection_id = i.connection_id
    where i.user_id = $1 and not i.reprove and i.blocked_at is null and o.enabled
    limit 1"
);
/// Whether nobody vouches for the address of an account that a provider named: it has identities, and none says that the address is theirs.
const UNVOUCHED: Sql = sql!(
    "select 1
    from identities i
    where i.user_id = $1 and not exists (select 1 from identities v where v.user_id = $1 and v.vouched)
    limit 1"
);
const REMOVED: Sql = sql!("select 1 from removals where org_id = $1 and email = $2");
const REMEMBER: Sql = sql!(
    "insert into removals (org_id, email, user_id, removed_at) values ($1, $2, $3, $4)
    on conflict (org_id, email) do update set user_id = excluded.user_id, removed_at = excluded.removed_at"
);
const FORGIVE: Sql = sql!(
    "delete from removals
    where org_id = $1 and (user_id = $2 or email in (select u.email from users u where u.id = $2))"
);

impl Store {
    /// Whether an account signs in through a provider, and has nothing to prove first.
    pub async fn public_has_identity(&self, user: UserId) -> Result<bool> {
        Ok(sql::one(&self.db, HAS_ANY, vec![user.uuid().into()]).await?.is_some())
    }
}

impl Store {
    /// Whether a provider named an account, and none vouches that its address is theirs.
    pub async fn is_unvouched(&self, user: UserId) -> Result<bool> {
        Ok(sql::one(&self.db, UNVOUCHED, vec![user.uuid().into()]).await?.is_some())
    }
}

impl WriteTx {
    /// Whether somebody with the address was removed from the organization, and nobody has let them back in.
    pub async fn was_removed(&self, org: OrgId, email: &Email) -> Result<bool> {
        Ok(sql::one(&self.tx, REMOVED, vec![org.uuid().into(), email.as_str().into()]).await?.is_some())
    }

    /// Somebody's access to the organization was removed: no provider lets them back in, whatever they are called there then.
    pub(crate) async fn remember_removal(&self, org: OrgId, user: &User) -> Result<()> {
        sql::execute(&self.tx, BLOCK, vec![org.uuid().into(), user.id.uuid().into(), self.now().into()]).await?;
        let values = vec![org.uuid().into(), user.email.as_str().into(), user.id.uuid().into(), self.now().into()];
        sql::execute(&self.tx, REMEMBER, values).await.map(|_| ())
    }

    /// They were let back in.
    pub(crate) async fn forget_removal(&self, org: OrgId, user: UserId) -> Result<()> {
        sql::execute(&self.tx, UNBLOCK, vec![org.uuid().into(), user.uuid().into()]).await?;
        sql::execute(&self.tx, FORGIVE, vec![org.uuid().into(), user.uuid().into()]).await.map(|_| ())
    }

    /// Holds an account whose place in an organization is decided on: nobody removes, closes or links it until the transaction ends.
    pub async fn hold_person(&self, user: UserId) -> Result<()> {
        self.lock_account(user).await?;
        self.fair_lock_member(user).await
    }

    /// An account whose mailbox was never proven loses whatever its maker may have left in it, before somebody else is let into it.
    pub async fn strip_account(&self, user: &User) -> Result<()> {
        self.save_account(user, None).await?;
        self.drop_factors(user.id).await?;
        sql::execute(&self.tx, DROP_PASSKEYS, vec![user.id.uuid().into()]).await?;
        self.revoke_sessions(user.id, None).await?;
        sql::execute(&self.tx, DROP_LINKS, vec![user.id.uuid().into()]).await.map(|_| ())
    }

    /// Who has an identity; what they are at a service, if one is signed in to.
    pub async fn known_identity(&self, key: &IdentityKey, service: Option<ServiceId>) -> Result<Option<(User, Known)>> {
        let values = [self.identity_key(key), vec![at(service)]].concat();
        let Some(row) = sql::one(&self.tx, KNOWN, values).await? else { return Ok(None) };
        let (Candidate { user, facts }, blocked, reprove) = candidate(&row, key.org).map_err(from_db)?;
        Ok(Some((user, Known { account: facts, blocked, reprove })))
    }

    /// The account in an organization that an address means, if any; what it is at a service, if one is signed in to.
    pub async fn candidate_at(&self, org: OrgId, email: &Email, service: Option<ServiceId>) -> Result<Option<Candidate>> {
        let values = vec![org.uuid().into(), email.as_str().into(), PLATFORM.uuid().into(), at(service)];
        let Some(row) = sql::one(&self.tx, AT_ADDRESS, values).await? else { return Ok(None) };
        candidate(&row, org).map(|(candidate, ..)| Some(candidate)).map_err(from_db)
    }

    /// Where people with addresses of a domain sign in to the organization.
    pub async fn routed(&self, org: OrgId, connection: ConnectionId, domain: &str) -> Result<Routed> {
        let values = vec![org.uuid().into(), domain.into(), connection.uuid().into()];
        let Some(row) = sql::one(&self.tx, ROUTED, values).await? else { return Ok(Routed::Nowhere) };
        let mut columns = Columns::of(&row);
        let to: Option<uuid::Uuid> = columns.next().map_err(from_db)?;
        let proof: Option<String> = columns.next().map_err(from_db)?;
        let others: bool = columns.next().map_err(from_db)?;
        Ok(match to {
            Some(to) if to == connection.uuid() => Routed::Here { proven: proof.as_deref() == Some("dns") },
            Some(_) => Routed::Elsewhere,
            None if others => Routed::OthersHere,
            None => Routed::Nowhere,
        })
    }

    fn identity_key(&self, key: &IdentityKey) -> Vec<Value> {
        vec![key.org.uuid().into(), key.connection.uuid().into(), key.digest.as_str().into()]
    }
}

const INSERT: Sql = sql!(
    "insert into identities (org_id, connection_id, digest, subject, user_id, email, vouched, created_at, last_used_at, reprove)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $8, false)
    on conflict (org_id, connection_id, digest) do nothing"
);
const USED: Sql = sql!(
    "update identities set email = $4, vouched = $5, last_used_at = $6, blocked_at = null, reprove = false
    where org_id = $1 and connection_id = $2 and digest = $3 and user_id = $7"
);
const BLOCK: Sql = sql!("update identities set blocked_at = $3 where org_id = $1 and user_id = $2 and blocked_at is null");
const UNBLOCK: Sql =
    sql!("update identities set blocked_at = null where org_id = $1 and user_id = $2 and blocked_at is not null");
const UNLINK: Sql = sql!("delete from identities where org_id = $1 and connection_id = $2 and user_id = $3");
/// What its people are, in any way, whether it counts now or not: each once.
const ROLES_OF: Sql = sql!(
    "select m.role, r.permissions
    from identities i
    join memberships m on m.org_id = i.org_id and m.user_id = i.user_id
    left join roles r on r.org_id = m.org_id and r.slug = m.role
    where i.org_id = $1 and i.connection_id = $2
    union
    select f.slug, f.permissions
    from identities i
    join member_roles d on d.org_id = i.org_id and d.user_id = i.user_id
    join roles f on f.org_id = d.org_id and f.id = d.role_id
    where i.org_id = $1 and i.connection_id = $2"
);
const REPROVE: Sql = sql!(
    "update identities set reprove = true
    where org_id = $1 and connection_id = $2
      and (user_id in (select user_id from memberships where org_id = $1 and role = $3)
        or user_id in (
          select d.user_id from member_roles d join roles f on f.org_id = d.org_id and f.id = d.role_id
          where d.org_id = $1 and f.slug = $3))"
);

impl WriteTx {
    /// The account has the identity from now on, or goes on to have it: nobody has to prove it any more. `Conflict` (`identity_taken`) if somebody else
    /// has it, or the account has another one of this connection.
    pub async fn link_identity(&self, key: &IdentityKey, asserted: &Asserted, user: &User) -> Result<bool> {
        let taken = || Error::conflict("identity_taken", "This account has another identity at this provider.");
        let (now, email) = (self.now(), asserted.address.email().map(|email| email.as_str().to_owned()));
        let vouched = matches!(&asserted.address, Address::Vouched(email) if *email == user.email);
        let own = vec![asserted.shown().into(), user.id.uuid().into(), email.clone().into(), vouched.into(), now.into()];
        let values: Vec<Value> = [self.identity_key(key), own].concat();
        let new = sql::try_execute(&self.tx, INSERT, values).await.map_err(on(&IDENTITIES_OF_USER, taken))? == 1;
        if new {
            return Ok(true);
        }
        let own = vec![email.into(), vouched.into(), now.into(), user.id.uuid().into()];
        let values: Vec<Value> = [self.identity_key(key), own].concat();
        match sql::execute(&self.tx, USED, values).await? {
            1 => Ok(false),
            _ => Err(Error::conflict("identity_taken", "Somebody else has this identity.")),
        }
    }

    /// Somebody changed whom a connection speaks for: members who hold more than they do have to prove that it is they.
    pub(crate) async fn reprove_identities(&self, org: OrgId, connection: ConnectionId, own: &Ceiling) -> Result<()> {
        let of = || -> Vec<Value> { vec![org.uuid().into(), connection.uuid().into()] };
        let rows = sql::all(&self.tx, ROLES_OF, of()).await?;
        let roles: Vec<Role> = sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            let name = RoleName::stored(columns.next()?);
            let permissions: Option<String> = columns.next()?;
            let caps = name.builtin_caps().unwrap_or_else(|| caps_from_text(permissions.as_deref().unwrap_or_default()));
            Ok(Role { name, caps })
        })?;
        for role in roles.iter().filter(|role| !own.covers(Some(role))) {
            sql::execute(&self.tx, REPROVE, [of(), vec![role.name.as_str().into()]].concat()).await?;
        }
        Ok(())
    }

    /// Somebody has no identity at a connection any more. `false`: they had none.
    pub async fn unlink_identity(
        &self,
        scope: OrgScope<'_, Connections, Write>,
        connection: ConnectionId,
        user: UserId,
    ) -> Result<bool> {
        let values = vec![scope.org().uuid().into(), connection.uuid().into(), user.uuid().into()];
        Ok(sql::execute(&self.tx, UNLINK, values).await? == 1)
    }
}

/// An identity, as the organization is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whose.
    pub user: UserId,
    /// As the provider names them.
    pub subject: String,
    /// The address that the provider claimed the last time.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: Time,
    /// When it was last used.
    pub last_used_at: Time,
    /// Whether their access was removed.
    pub blocked: bool,
    /// Whether they have to prove that it is they.
    pub reprove: bool,
}

const LIST: Sql = sql!(
    "select user_id, subject, email, created_at, last_used_at, blocked_at, reprove
    from identities
    where org_id = $1 and connection_id = $2
    order by created_at desc, digest desc
    limit $3 offset $4"
);

impl Store {
    /// Whom a connection's provider knows, the newest first.
    pub async fn list_identities(
        &self,
        scope: OrgScope<'_, Connections, Read>,
        connection: ConnectionId,
        page: domain::Page,
    ) -> Result<Vec<Identity>> {
        if page.offset() > domain::Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let of = [scope.org().uuid().into(), connection.uuid().into()];
        let values = of.into_iter().chain([i64::from(page.limit).into(), page.offset().cast_signed().into()]).collect();
        sql::read_all(&sql::all(&self.db, LIST, values).await?, |row| {
            let mut columns = Columns::of(row);
            Ok(Identity {
                user: UserId::new(columns.next()?),
                subject: columns.next()?,
                email: columns.next()?,
                created_at: columns.next()?,
                last_used_at: columns.next()?,
                blocked: columns.next::<Option<Time>>()?.is_some(),
                reprove: columns.next()?,
            })
        })
    }
}
