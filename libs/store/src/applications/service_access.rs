//! Access to one service that members were given directly. It ends with the membership, by reference.

use domain::{
    OrgId, Result, ServiceId, UserId,
    applications::services::{AccessLevel, ServiceAccess},
    authorization::{
        policy::{OrgScope, Read, Write},
        resource,
    },
    core::value::{Name, ServiceSlug},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

pub(crate) const SERVICE_GRANTS: Table = Table {
    name: "service_grants",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::GoesWith("memberships"),
    with_organization: WithOrganization::GoesWith("services"),
};

/// An access as the database keeps it; a word that nobody knows grants nothing.
pub(crate) fn level(text: Option<String>) -> Option<AccessLevel> {
    text.and_then(|text| text.parse().ok())
}

const LIST: Sql = sql!(
    "select s.id, s.slug, c.name, g.access
    from services s
    join clients c on c.org_id = s.org_id and c.id = s.id
    left join service_grants g on g.org_id = s.org_id and g.service_id = s.id and g.user_id = $2
    where s.org_id = $1
    order by s.created_at, s.id"
);

fn read(row: &QueryResult) -> Result<ServiceAccess, DbErr> {
    let mut columns = Columns::of(row);
    Ok(ServiceAccess {
        service_id: ServiceId::new(columns.next()?),
        slug: ServiceSlug::stored(columns.next()?),
        name: Name::stored(columns.next()?),
        access: level(columns.next()?),
    })
}

async fn list(db: &impl ConnectionTrait, org: OrgId, user: UserId) -> Result<Vec<ServiceAccess>> {
    sql::read_all(&sql::all(db, LIST, vec![org.uuid().into(), user.uuid().into()]).await?, read)
}

impl Store {
    /// Every service of the organization, by age, with what was given to `user`.
    pub async fn list_service_access(
        &self,
        scope: OrgScope<'_, resource::ServiceAccess, Read>,
        user: UserId,
    ) -> Result<Vec<ServiceAccess>> {
        list(&self.db, scope.org(), user).await
    }
}

const SET: Sql = sql!(
    "insert into service_grants (org_id, service_id, user_id, access, created_at)
    select s.org_id, s.id, $3, $4, $5 from services s where s.org_id = $1 and s.id = $2
    on conflict (org_id, service_id, user_id) do update set access = excluded.access"
);
const REMOVE: Sql = sql!("delete from service_grants where org_id = $1 and service_id = $2 and user_id = $3");
const CLEAR: Sql = sql!("delete from service_grants where org_id = $1 and user_id = $2");

impl WriteTx {
    /// The same inside the transaction.
    pub async fn service_access(
        &self,
        scope: OrgScope<'_, resource::ServiceAccess, Write>,
        user: UserId,
    ) -> Result<Vec<ServiceAccess>> {
        list(&self.tx, scope.org(), user).await
    }

    /// Gives a locked member what `given` says on its service, instead of what they were given before.
    pub async fn set_service_access(
        &self,
        scope: OrgScope<'_, resource::ServiceAccess, Write>,
        user: UserId,
        given: &ServiceAccess,
    ) -> Result<()> {
        let of = vec![scope.org().uuid().into(), given.service_id.uuid().into(), user.uuid().into()];
        match given.access {
            Some(level) => sql::execute(&self.tx, SET, [of, vec![level.as_str().into(), self.now().into()]].concat()).await?,
            None => sql::execute(&self.tx, REMOVE, of).await?,
        };
        Ok(())
    }

    /// Takes everything away that a member was given directly.
    pub(crate) async fn clear_service_access(&self, org: OrgId, user: UserId) -> Result<()> {
        sql::execute(&self.tx, CLEAR, vec![org.uuid().into(), user.uuid().into()]).await.map(|_| ())
    }
}
