//! Further roles that connections give: what their mappings come to at a sign-in, and how those end that nothing gives any more.

use domain::{
    ConnectionId, OrgId, Result, RoleId, UserId,
    authorization::{
        policy::{OrgScope, Write},
        resource::Connections,
    },
    core::value::RoleSlug,
    identity::connections::mapping::Mapping,
    tenancy::{
        roles::{CustomRole, Role, RoleName},
        smtp::Ceiling,
    },
};
use sea_orm::DbErr;

use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// What decides at a sign-in which roles a connection's mapping gives.
#[derive(Clone, Debug)]
pub struct MappingNow {
    /// Which group gives which role.
    pub mapping: Mapping,
    /// What the connection may give.
    pub ceiling: Ceiling,
    /// Whether a directory says who is in which group: it has a live SCIM token.
    pub has_directory: bool,
}

/// The connection stays as it is until the transaction ends.
const NOW: Sql = sql!(
    "select c.mapping, c.ceiling, exists (
        select 1 from scim_tokens t
        where t.org_id = c.org_id and t.connection_id = c.id and t.revoked_at is null
          and (t.expires_at is null or t.expires_at > $3))
    from connections c
    where c.org_id = $1 and c.id = $2
    {for share of c}"
);
const MAPPED: Sql = sql!(
    "select f.id, f.slug
    from member_roles d
    join roles f on f.org_id = d.org_id and f.id = d.role_id
    where d.org_id = $1 and d.user_id = $2 and d.connection_id = $3
    order by f.slug"
);
const TAKE: Sql = sql!("delete from member_roles where org_id = $1 and user_id = $2 and role_id = $3 and connection_id = $4");
const GIVEN: Sql = sql!(
    "select distinct f.slug
    from member_roles d
    join roles f on f.org_id = d.org_id and f.id = d.role_id
    where d.org_id = $1 and d.connection_id = $2
    order by f.slug"
);
const END: Sql = sql!(
    "delete from member_roles
    where org_id = $1 and connection_id = $2 and role_id in (select f.id from roles f where f.org_id = $1 and f.slug = $3)"
);

impl WriteTx {
    /// What a connection's mapping is now, which nobody changes until the transaction ends; `None`: it is gone.
    pub async fn mapping_now(&self, org: OrgId, connection: ConnectionId) -> Result<Option<MappingNow>> {
        let values = vec![org.uuid().into(), connection.uuid().into(), self.now().into()];
        let Some(row) = sql::one(&self.tx, NOW, values).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let mut read = || -> Result<_, DbErr> {
            let (mapping, ceiling): (String, String) = (columns.next()?, columns.next()?);
            let mapping = serde_json::from_str(&mapping).map_err(|e| DbErr::Type(e.to_string()))?;
            Ok(MappingNow { mapping, ceiling: Ceiling::stored(&ceiling), has_directory: columns.next()? })
        };
        read().map(Some).map_err(from_db)
    }

    /// A custom role that a mapping names, kept from being edited or deleted until the transaction ends; `None`: there is no such role.
    pub async fn mapped_role(&self, org: OrgId, slug: &RoleSlug) -> Result<Option<(RoleId, Role)>> {
        let Some(id) = self.role_id(org, slug).await? else { return Ok(None) };
        let role = self.shared_role(org, id).await?;
        Ok(role.map(|CustomRole { id, slug, caps, .. }| (id, Role { name: RoleName::Custom(slug), caps })))
    }

    /// The roles that a connection gave a member whose lock is held, by their slugs.
    pub async fn roles_mapped_to(&self, org: OrgId, user: UserId, connection: ConnectionId) -> Result<Vec<(RoleId, RoleSlug)>> {
        let values = vec![org.uuid().into(), user.uuid().into(), connection.uuid().into()];
        sql::read_all(&sql::all(&self.tx, MAPPED, values).await?, |row| {
            let mut columns = Columns::of(row);
            Ok((RoleId::new(columns.next()?), RoleSlug::stored(columns.next()?)))
        })
    }

    /// A connection gives a locked role to a member whose lock is held. `false`: they have as many as one may have.
    pub async fn map_role(&self, org: OrgId, user: UserId, role: RoleId, connection: ConnectionId) -> Result<bool> {
        self.give_further_role(org, user, role, Some(connection)).await
    }

    /// It takes it away again.
    pub async fn unmap_role(&self, org: OrgId, user: UserId, role: RoleId, connection: ConnectionId) -> Result<()> {
        let values = vec![org.uuid().into(), user.uuid().into(), role.uuid().into(), connection.uuid().into()];
        sql::execute(&self.tx, TAKE, values).await.map(|_| ())
    }

    /// Takes from everybody the roles that a locked connection gave them, as far as `which` says so; answers those. Whoever is just using one
    /// finishes first, and nobody puts it off.
    pub async fn end_mapped_roles(
        &self,
        scope: OrgScope<'_, Connections, Write>,
        connection: ConnectionId,
        which: impl Fn(&RoleSlug) -> bool,
    ) -> Result<Vec<RoleSlug>> {
        let of = || vec![scope.org().uuid().into(), connection.uuid().into()];
        let given: Vec<RoleSlug> =
            sql::read_all(&sql::all(&self.tx, GIVEN, of()).await?, |row| Ok(RoleSlug::stored(Columns::of(row).next()?)))?;
        let ended: Vec<RoleSlug> = given.into_iter().filter(which).collect();
        for slug in &ended {
            self.before_users_of_role(scope.org(), slug).await?;
            sql::execute(&self.tx, END, [of(), vec![slug.as_str().into()]].concat()).await?;
        }
        Ok(ended)
    }
}
