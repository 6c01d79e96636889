//! Custom roles.

pub(crate) mod table;

use domain::{
    Error, OrgId, Result, RoleId, UserId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::{Resource, Roles},
    },
    core::value::{Description, Name, RoleSlug},
    tenancy::roles::{Caps, CustomRole, Role, RoleName},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr};

use crate::{
    Store, WriteTx,
    core::{
        dialect,
        entity::{memberships, roles},
        error::{from_db, on},
        sql::{self, Sql, sql},
    },
    tenancy::{member_roles::locked_further_caps, organizations::counters},
};

/// How many custom roles an organization may have.
pub const MAX_ROLES: i64 = 100;

/// Capabilities as the database keeps them: names separated by spaces. A name that no longer exists allows nothing.
pub(crate) fn caps_from_text(text: &str) -> Caps {
    text.split_whitespace().filter_map(|name| name.parse().ok()).collect()
}

fn role(row: roles::Model) -> CustomRole {
    CustomRole {
        id: RoleId::new(row.id),
        org_id: OrgId::new(row.org_id),
        slug: RoleSlug::stored(row.slug),
        name: Name::stored(row.name),
        description: row.description.map(Description::stored),
        caps: caps_from_text(&row.permissions),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// What a custom role allows, with the role kept from being edited or deleted until the transaction ends; `None` if it is gone.
pub(crate) async fn locked_caps(tx: &DatabaseTransaction, org: OrgId, slug: &RoleSlug) -> Result<Option<Caps>> {
    let mut query =
        roles::Entity::find().filter(roles::Column::OrgId.eq(org.uuid())).filter(roles::Column::Slug.eq(slug.as_str()));
    if !dialect::is_sqlite(tx) {
        query = query.filter(Expr::cust_with_values(BEHIND_EDITORS, [fair_lock(org, slug.as_str())]));
    }
    let row = query.lock_shared().one(tx).await.map_err(from_db)?;
    Ok(row.map(|row| caps_from_text(&row.permissions)))
}

/// Whoever uses a role waits for whoever is about to edit it, for the reason that `access` gives for memberships: its row is locked
/// `FOR SHARE`, and busy members could put off the edit that takes something from them.
const BEHIND_EDITORS: &str = "(select pg_advisory_xact_lock_shared(hashtextextended($1, 0))) is not null";

/// The name of the fair lock of a role.
fn fair_lock(org: OrgId, slug: &str) -> String {
    format!("{}/{slug}", org.uuid())
}

/// A member's role with what it and their further roles allow, all of it locked until the transaction ends; `None` for a stranger.
pub(crate) async fn role_of(tx: &DatabaseTransaction, org: OrgId, user: UserId) -> Result<Option<Role>> {
    let member = memberships::Entity::find()
        .filter(memberships::Column::OrgId.eq(org.uuid()))
        .filter(memberships::Column::UserId.eq(user.uuid()));
    let Some(row) = member.lock_shared().one(tx).await.map_err(from_db)? else { return Ok(None) };
    let name = RoleName::stored(row.role);
    let further = if row.more_roles { locked_further_caps(tx, org, user).await? } else { Caps::NONE };
    Ok(Some(Role { caps: locked_role(tx, org, &name).await?.and(further), name }))
}

/// What a membership's role allows by itself, locked as by [`locked_caps`]; one that is gone allows nothing.
pub(crate) async fn locked_role(tx: &DatabaseTransaction, org: OrgId, name: &RoleName) -> Result<Caps> {
    match (name, name.builtin_caps()) {
        (RoleName::Custom(slug), _) => Ok(locked_caps(tx, org, slug).await?.unwrap_or(Caps::NONE)),
        (_, caps) => Ok(caps.unwrap_or(Caps::NONE)),
    }
}

fn by_id(org: OrgId, id: RoleId) -> sea_orm::Select<roles::Entity> {
    roles::Entity::find_by_id((org.uuid(), id.uuid()))
}

impl Store {
    /// Every custom role of the organization, by age: all of them, whatever their number ([`MAX_ROLES`] bounds it).
    pub async fn list_roles(&self, scope: OrgScope<'_, Roles, Read>) -> Result<Vec<CustomRole>> {
        let query = roles::Entity::find().filter(roles::Column::OrgId.eq(scope.org().uuid()));
        let rows =
            query.order_by_asc(roles::Column::CreatedAt).order_by_asc(roles::Column::Id).all(&self.db).await.map_err(from_db)?;
        Ok(rows.into_iter().map(role).collect())
    }
    /// A custom role.
    pub async fn get_role(&self, scope: OrgScope<'_, Roles, Read>, id: RoleId) -> Result<CustomRole> {
        by_id(scope.org(), id).one(&self.db).await.map_err(from_db)?.map(role).ok_or_else(|| Error::not_found("role"))
    }
}

/// The fair lock of whoever edits a role, ahead of those who use it later.
const BEFORE_USERS: &str = "select 1 where (select pg_advisory_xact_lock(hashtextextended($1, 0))) is not null";

/// That of whoever uses it.
const WITH_USERS: &str = "select 1 where (select pg_advisory_xact_lock_shared(hashtextextended($1, 0))) is not null";

const COUNT_USES: Sql = sql!(
    "select
      (select count(*) from (select 1 from memberships where org_id = $1 and role = $2 limit 1) as m)
      + (select count(*) from (
          select 1 from invitations where org_id = $1 and role = $2 and pending_email is not null limit 1) as i)
      + (select count(*) from (select 1 from member_roles where org_id = $1 and role_id = $3 limit 1) as f)"
);

impl WriteTx {
    /// What a role name allows right now, with a custom role locked so that it cannot be edited or deleted until the assignment is
    /// committed. `Invalid` (`unknown_role`) if there is no such role.
    pub async fn resolve_role<R: Resource>(&self, scope: OrgScope<'_, R, Write>, name: &RoleName) -> Result<Role> {
        self.resolve_role_in(scope.org(), name)
            .await?
            .ok_or_else(|| Error::field("role", "unknown_role", "Use `admin`, `member` or the slug of a custom role."))
    }

    /// The same for a role that may be gone: then `None`.
    pub(crate) async fn resolve_role_in(&self, org: OrgId, name: &RoleName) -> Result<Option<Role>> {
        let RoleName::Custom(slug) = name else { return Ok(Some(Role::builtin(name.clone()))) };
        Ok(locked_caps(&self.tx, org, slug).await?.map(|caps| Role { name: name.clone(), caps }))
    }

    /// A custom role, kept from being edited or deleted until the transaction ends; `None` if there is no such role.
    pub(crate) async fn shared_role(&self, org: OrgId, id: RoleId) -> Result<Option<CustomRole>> {
        if !self.is_sqlite() {
            let Some(seen) = by_id(org, id).one(&self.tx).await.map_err(from_db)? else { return Ok(None) };
            sql::one(&self.tx, WITH_USERS, vec![fair_lock(org, &seen.slug).into()]).await?;
        }
        Ok(by_id(org, id).lock_shared().one(&self.tx).await.map_err(from_db)?.map(role))
    }

    /// Which custom role has a slug now.
    pub(crate) async fn role_id(&self, org: OrgId, slug: &RoleSlug) -> Result<Option<RoleId>> {
        let query =
            roles::Entity::find().filter(roles::Column::OrgId.eq(org.uuid())).filter(roles::Column::Slug.eq(slug.as_str()));
        Ok(query.one(&self.tx).await.map_err(from_db)?.map(|row| RoleId::new(row.id)))
    }

    /// Goes behind those who are just using a role, and before those who use it later.
    pub(crate) async fn before_users_of_role(&self, org: OrgId, slug: &RoleSlug) -> Result<()> {
        if self.is_sqlite() {
            return Ok(());
        }
        sql::one(&self.tx, BEFORE_USERS, vec![fair_lock(org, slug.as_str()).into()]).await.map(|_| ())
    }

    /// A custom role, locked until the transaction ends.
    pub async fn lock_role(&self, scope: OrgScope<'_, Roles, Write>, id: RoleId) -> Result<CustomRole> {
        let gone = || Error::not_found("role");
        if !self.is_sqlite() {
            let seen = by_id(scope.org(), id).one(&self.tx).await.map_err(from_db)?.ok_or_else(gone)?;
            sql::one(&self.tx, BEFORE_USERS, vec![fair_lock(scope.org(), &seen.slug).into()]).await?;
        }
        by_id(scope.org(), id).lock_exclusive().one(&self.tx).await.map_err(from_db)?.map(role).ok_or_else(gone)
    }

    /// Makes a custom role. `AlreadyExists` (`role_slug_taken`), `Conflict` (`role_limit`).
    pub async fn insert_role(&self, scope: OrgScope<'_, Roles, Write>, r: &CustomRole) -> Result<()> {
        let row = roles::ActiveModel {
            org_id: Set(scope.org().uuid()),
            id: Set(r.id.uuid()),
            slug: Set(r.slug.to_string()),
            name: Set(r.name.to_string()),
            description: Set(r.description.as_ref().map(ToString::to_string)),
            permissions: Set(r.caps.names().join(" ")),
            created_at: Set(r.created_at),
            updated_at: Set(r.updated_at),
        };
        let taken = on(&table::ROLES_SLUG, || Error::exists("role_slug_taken", "A role with this slug exists already."));
        roles::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(taken)?;
        if self.take_place(scope.org(), &counters::ROLES, MAX_ROLES).await? {
            return Ok(());
        }
        Err(Error::conflict("role_limit", format!("An organization has at most {MAX_ROLES} custom roles.")))
    }

    /// Saves name, description and permissions.
    pub async fn save_role_definition(&self, scope: OrgScope<'_, Roles, Write>, r: &CustomRole) -> Result<()> {
        let row = roles::ActiveModel {
            org_id: Set(scope.org().uuid()),
            id: Set(r.id.uuid()),
            name: Set(r.name.to_string()),
            description: Set(r.description.as_ref().map(ToString::to_string)),
            permissions: Set(r.caps.names().join(" ")),
            updated_at: Set(r.updated_at),
            ..Default::default()
        };
        roles::Entity::update(row).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Deletes a role that nobody has. `Conflict` (`role_in_use`) otherwise. Lock it first.
    pub async fn delete_role(&self, scope: OrgScope<'_, Roles, Write>, r: &CustomRole) -> Result<()> {
        let role = vec![scope.org().uuid().into(), r.slug.as_str().into(), r.id.uuid().into()];
        if sql::count(&self.tx, COUNT_USES, role).await? > 0 {
            return Err(Error::conflict(
                "role_in_use",
                "Members or pending invitations have this role, or a connection gave it to somebody. Give them another one, or take it away, first.",
            ));
        }
        roles::Entity::delete_by_id((scope.org().uuid(), r.id.uuid())).exec(&self.tx).await.map_err(from_db)?;
        self.give_place_back(scope.org(), &counters::ROLES).await
    }
}
