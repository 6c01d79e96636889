//! Further roles: what members have beside the role that their membership names. They are looked up with every request of theirs, so that an
//! edit of a role, of a connection, or of who has what acts at once; and only where two flags say that there may be any, so that they cost
//! nothing to whoever has none.

mod mapped;

use domain::{
    ConnectionId, Error, OrgId, Result, RoleId, UserId,
    applications::token_claims::ClaimFacts,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::{MemberRoles, Roles},
    },
    core::value::Name,
    tenancy::{
        member_roles::{EffectiveRole, MOST_FURTHER, Source},
        members::Membership,
        roles::{Caps, CustomRole, Role, RoleName},
        smtp::Ceiling,
    },
};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        dialect,
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization, own_rows},
    },
    tenancy::roles::caps_from_text,
};

/// Never violated: whoever gives a role holds the member's lock, and looks first.
const MEMBER_ROLES_DIRECT: Constraint =
    Constraint { name: "member_roles_direct", columns: "member_roles.org_id, member_roles.user_id, member_roles.role_id" };
const MEMBER_ROLES_MAPPED: Constraint = Constraint {
    name: "member_roles_mapped",
    columns: "member_roles.org_id, member_roles.user_id, member_roles.role_id, member_roles.connection_id",
};

pub(crate) const MEMBER_ROLES: Table = Table {
    name: "member_roles",
    unique: &[&MEMBER_ROLES_DIRECT, &MEMBER_ROLES_MAPPED],
    sealed: &[],
    when_old: WhenOld::GoesWith("memberships"),
    with_organization: WithOrganization::Deleted(own_rows!("member_roles")),
};

/// What one further role `f`, which `d` gives, allows, in the words of [`caps_of`]: its capabilities; of one that a connection gave, behind
/// what that may give; null while the connection is switched off.
macro_rules! further_role {
    () => {
        "case when d.connection_id is null then f.permissions when a.enabled then c.ceiling || '|' || f.permissions end"
    };
}
/// Every further role `d` of somebody, with the role `f`, and the connection `c` that gave it, switched on or off by `a`.
macro_rules! further_roles {
    () => {
        "member_roles d
        join roles f on f.org_id = d.org_id and f.id = d.role_id
        left join connections c on c.org_id = d.org_id and c.id = d.connection_id
        left join org_connections a on a.org_id = d.org_id and a.owner = d.org_id and a.connection_id = d.connection_id"
    };
}
/// All that the further roles of a membership `m` in an organization `o` allow, for [`further_caps`]; null: there are none.
macro_rules! further {
    () => {
        concat!(
            "case when o.more_roles and m.more_roles then (
        select string_agg(",
            $crate::tenancy::member_roles::further_role!(),
            ", ',')
        from ",
            $crate::tenancy::member_roles::further_roles!(),
            "
        where d.org_id = m.org_id and d.user_id = m.user_id) end"
        )
    };
}
pub(crate) use {further, further_role, further_roles};

/// [`further`], for statements of words in braces.
pub(crate) const FURTHER: &str = further!();

fn caps_of(text: &str) -> Caps {
    let Some((ceiling, permissions)) = text.split_once('|') else { return caps_from_text(text) };
    Some(caps_from_text(permissions)).filter(|caps| Ceiling::stored(ceiling).gives(*caps)).unwrap_or(Caps::NONE)
}

/// What further roles allow, as [`further`] reads them.
pub(crate) fn further_caps(text: Option<&str>) -> Caps {
    text.into_iter().flat_map(|text| text.split(',')).map(caps_of).fold(Caps::NONE, Caps::and)
}

/// A role as a membership names it and its capabilities and further roles were read, and what it allows in all. A role that is gone allows
/// nothing.
pub(crate) fn whole_role(name: RoleName, permissions: Option<&str>, further: Option<&str>) -> Role {
    let own = name.builtin_caps().unwrap_or_else(|| permissions.map_or(Caps::NONE, caps_from_text));
    Role { caps: own.and(further_caps(further)), name }
}

const LOCKED: &str = "select {further}
    from {further_roles}
    where d.org_id = $1 and d.user_id = $2 {behind_editors}
    order by f.slug, d.id
    {for share of d, f}";
const LOCK: Sql =
    sql!("{locked}", locked = LOCKED, further = FURTHER_ROLE, further_roles = FURTHER_ROLES, behind_editors = BEHIND_EDITORS);
const LOCK_SQLITE: Sql =
    sql!("{locked}", locked = LOCKED, further = FURTHER_ROLE, further_roles = FURTHER_ROLES, behind_editors = NOBODY);
const FURTHER_ROLE: &str = further_role!();
const FURTHER_ROLES: &str = further_roles!();
/// The fair locks of these roles, for the reason that `roles` gives.
const BEHIND_EDITORS: &str =
    "and (select pg_advisory_xact_lock_shared(hashtextextended(cast(d.org_id as text) || '/' || f.slug, 0))) is not null";
const NOBODY: &str = "";

/// What somebody's further roles allow, with these kept from being edited or taken away until the transaction ends.
pub(crate) async fn locked_further_caps(tx: &DatabaseTransaction, org: OrgId, user: UserId) -> Result<Caps> {
    let text = if dialect::is_sqlite(tx) { LOCK_SQLITE } else { LOCK };
    let rows = sql::all(tx, text, vec![org.uuid().into(), user.uuid().into()]).await?;
    let each: Vec<Option<String>> = sql::read_all(&rows, |row| row.try_get_by_index(0))?;
    Ok(each.iter().flatten().map(|text| caps_of(text)).fold(Caps::NONE, Caps::and))
}

const BASE: Sql = sql!(
    "select m.role, r.id, r.name, r.permissions
    from memberships m
    left join roles r on r.org_id = m.org_id and r.slug = m.role
    where m.org_id = $1 and m.user_id = $2"
);
const LIST: Sql = sql!(
    "select f.slug, f.id, f.name, f.permissions, c.id, c.name, c.ceiling, a.enabled
    from {further_roles}
    where d.org_id = $1 and d.user_id = $2
    order by d.created_at, d.id",
    further_roles = FURTHER_ROLES
);

const NAMES: Sql = sql!("select slug, name from organizations where id = $1 and deleted_at is null");

fn next_role(columns: &mut Columns<'_>) -> Result<EffectiveRole, DbErr> {
    let role = RoleName::stored(columns.next()?);
    let id: Option<uuid::Uuid> = columns.next()?;
    let name: Option<String> = columns.next()?;
    let permissions: Option<String> = columns.next()?;
    let caps = role.builtin_caps().unwrap_or_else(|| permissions.as_deref().map_or(Caps::NONE, caps_from_text));
    Ok(EffectiveRole { id: id.map(RoleId::new), role, name: name.map(Name::stored), caps, sources: Vec::new() })
}

fn read(row: &QueryResult) -> Result<(EffectiveRole, Source), DbErr> {
    let mut columns = Columns::of(row);
    let role = next_role(&mut columns)?;
    let (id, name): (Option<uuid::Uuid>, Option<String>) = (columns.next()?, columns.next()?);
    let (ceiling, enabled): (Option<String>, Option<bool>) = (columns.next()?, columns.next()?);
    let source = match (id, name) {
        (Some(id), Some(name)) => Source::Connection {
            id: ConnectionId::new(id),
            name: Name::stored(name),
            awake: enabled == Some(true) && ceiling.is_some_and(|ceiling| Ceiling::stored(&ceiling).gives(role.caps)),
        },
        _ => Source::Direct,
    };
    Ok((role, source))
}

impl Store {
    /// Every role of a member, with its sources: first what the membership names. `NotFound` for a stranger.
    pub async fn effective_roles(&self, scope: OrgScope<'_, MemberRoles, Read>, user: UserId) -> Result<Vec<EffectiveRole>> {
        self.roles_of((scope.org(), user)).await?.ok_or_else(|| Error::not_found("member"))
    }

    /// `None` for a stranger.
    async fn roles_of(&self, (org, user): (OrgId, UserId)) -> Result<Option<Vec<EffectiveRole>>> {
        let of = || vec![org.uuid().into(), user.uuid().into()];
        let Some(base) = sql::one(&self.db, BASE, of()).await? else { return Ok(None) };
        let base = next_role(&mut Columns::of(&base)).map_err(from_db)?;
        let further: Vec<_> = sql::read_all(&sql::all(&self.db, LIST, of()).await?, read)?;
        Ok(Some(EffectiveRole::gathered(std::iter::once((base, Source::Membership)).chain(further))))
    }

    /// What an application may be told of somebody who signed in to an organization there, with their roles or without; who is no member has none.
    /// `None`: the organization is gone.
    pub async fn facts_for_claims(&self, who: (OrgId, UserId), roles: bool) -> Result<Option<ClaimFacts>> {
        let Some(row) = sql::one(&self.db, NAMES, vec![who.0.uuid().into()]).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let (slug, name) = (columns.next().map_err(from_db)?, columns.next().map_err(from_db)?);
        let roles = if roles { self.roles_of(who).await?.unwrap_or_default() } else { Vec::new() };
        Ok(Some(ClaimFacts { slug, name, roles }))
    }
}

const SOURCES: Sql = sql!(
    "select connection_id
    from member_roles
    where org_id = $1 and user_id = $2 and role_id = $3"
);
const COUNT: Sql = sql!("select count(*) from member_roles where org_id = $1 and user_id = $2");
const INSERT: Sql = sql!(
    "insert into member_roles (org_id, id, user_id, role_id, connection_id, created_at)
    values ($1, $2, $3, $4, $5, $6)"
);
const DELETE_DIRECT: Sql =
    sql!("delete from member_roles where org_id = $1 and user_id = $2 and role_id = $3 and connection_id is null");
const FLAG_MEMBER: Sql = sql!("update memberships set more_roles = true where org_id = $1 and user_id = $2 and not more_roles");
const FLAG_ORGANIZATION: Sql = sql!("update organizations set more_roles = true where id = $1 and not more_roles");

/// How a member came by one further role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenBy {
    /// Somebody gave it.
    pub direct: bool,
    /// A connection did.
    pub connection: bool,
}

impl WriteTx {
    /// A custom role that is about to be given, kept from being edited or deleted until the transaction ends. `NotFound`.
    pub async fn role_to_give(&self, scope: OrgScope<'_, MemberRoles, Write>, id: RoleId) -> Result<CustomRole> {
        self.shared_role(scope.org(), id).await?.ok_or_else(|| Error::not_found("role"))
    }

    /// How a locked member came by a role.
    pub async fn given_by(&self, scope: OrgScope<'_, MemberRoles, Write>, user: UserId, role: RoleId) -> Result<GivenBy> {
        let values = vec![scope.org().uuid().into(), user.uuid().into(), role.uuid().into()];
        let rows = sql::all(&self.tx, SOURCES, values).await?;
        let sources: Vec<Option<uuid::Uuid>> = sql::read_all(&rows, |row| row.try_get_by_index(0))?;
        Ok(GivenBy { direct: sources.iter().any(Option::is_none), connection: sources.iter().any(Option::is_some) })
    }

    /// Gives a locked member a locked role that they were not given directly. `Conflict` (`further_role_limit`).
    pub async fn give_role(&self, scope: OrgScope<'_, MemberRoles, Write>, member: &Membership, role: RoleId) -> Result<()> {
        if self.give_further_role(scope.org(), member.user_id, role, None).await? {
            return Ok(());
        }
        let text = format!("A member has at most {MOST_FURTHER} roles beside their own. Take one away first.");
        Err(Error::conflict("further_role_limit", text))
    }

    /// `false`: they have as many as one may have. Their member's lock is held, so nobody else counts meanwhile.
    async fn give_further_role(&self, org: OrgId, user: UserId, role: RoleId, from: Option<ConnectionId>) -> Result<bool> {
        let of = || vec![org.uuid().into(), user.uuid().into()];
        if sql::count(&self.tx, COUNT, of()).await? >= MOST_FURTHER {
            return Ok(false);
        }
        let values = vec![
            org.uuid().into(),
            self.uuid().into(),
            user.uuid().into(),
            role.uuid().into(),
            from.map(ConnectionId::uuid).into(),
            self.now().into(),
        ];
        sql::execute(&self.tx, INSERT, values).await?;
        sql::execute(&self.tx, FLAG_MEMBER, of()).await?;
        sql::execute(&self.tx, FLAG_ORGANIZATION, vec![org.uuid().into()]).await?;
        Ok(true)
    }

    /// Takes a role from a locked member that they were given directly.
    pub async fn take_role(&self, scope: OrgScope<'_, MemberRoles, Write>, member: &Membership, role: RoleId) -> Result<()> {
        let values = vec![scope.org().uuid().into(), member.user_id.uuid().into(), role.uuid().into()];
        sql::execute(&self.tx, DELETE_DIRECT, values).await.map(|_| ())
    }

    /// Whether whoever acts has a role beside their membership's.
    pub async fn has_further_role(&self, scope: OrgScope<'_, Roles, Write>, role: RoleId) -> Result<bool> {
        let Some(person) = scope.principal().person() else { return Ok(false) };
        let values = vec![scope.org().uuid().into(), person.id.uuid().into(), role.uuid().into()];
        Ok(sql::one(&self.tx, SOURCES, values).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use domain::tenancy::roles::Cap;

    use super::*;

    #[test]
    fn what_further_roles_allow_is_what_any_of_them_does() {
        let caps = |caps: &[Cap]| caps.iter().copied().collect::<Caps>();
        assert_eq!(further_caps(None), Caps::NONE);
        assert_eq!(
            further_caps(Some("webhooks.manage,,billing.manage audit_logs.view")),
            caps(&[Cap::WebhooksManage, Cap::BillingManage, Cap::AuditLogsView])
        );
    }

    #[test]
    fn t20_what_a_connection_gave_sleeps_beyond_its_ceiling() {
        for (ceiling, awake) in [("owner", true), ("admin", true), ("billing.manage", false), ("", false)] {
            let held = further_caps(Some(&format!("audit_logs.view,{ceiling}|webhooks.manage")));
            assert!(held.has(Cap::AuditLogsView), "{ceiling}");
            assert_eq!(held.has(Cap::WebhooksManage), awake, "{ceiling}");
        }
        assert_eq!(
            further_caps(Some("webhooks.manage audit_logs.view|webhooks.manage")),
            [Cap::WebhooksManage].into_iter().collect()
        );
    }
}
