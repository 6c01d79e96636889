//! The organizations for which a client of the platform may have tokens for itself, by a grant that is not for all of them.

use domain::{
    ClientGrantId, Error, OrgId, PLATFORM, Result, Time, applications::client_grants::MAX_ORGANIZATIONS,
    authorization::policy::PlatformScope, core::value::Slug,
};
use sea_orm::{DbErr, QueryResult, Value};

use crate::{
    Store, WriteTx,
    core::{
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

/// Only written as SQL.
pub(crate) const ORG_CLIENT_GRANTS: Table = Table {
    name: "org_client_grants",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("until the platform takes it back"),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from org_client_grants
        where org_id = $1 and client_grant_id in (select client_grant_id from org_client_grants where org_id = $1 limit $2)"
    )),
};

/// An organization that a grant names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedOrganization {
    /// Which.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Since when.
    pub created_at: Time,
}

/// A deleted organization is none.
const LIST: Sql = sql!(
    "select o.id, o.slug, o.name, a.created_at
    from org_client_grants a
    join organizations o on o.id = a.org_id
    where a.grant_org_id = $1 and a.client_grant_id = $2 and o.deleted_at is null
    order by a.created_at desc, o.id desc
    limit {hidden $3} offset {hidden $4}"
);
const COUNT: Sql = sql!(
    "select count(*)
    from org_client_grants a
    join organizations o on o.id = a.org_id
    where a.grant_org_id = $1 and a.client_grant_id = $2 and o.deleted_at is null"
);
const ADD: Sql = sql!(
    "insert into org_client_grants (org_id, grant_org_id, client_grant_id, created_at)
    values ($3, $1, $2, $4)
    on conflict (org_id, client_grant_id) do nothing"
);
const REMOVE: Sql = sql!("delete from org_client_grants where grant_org_id = $1 and client_grant_id = $2 and org_id = $3");

fn read(row: &QueryResult) -> Result<GrantedOrganization, DbErr> {
    let mut columns = Columns::of(row);
    Ok(GrantedOrganization {
        id: OrgId::new(columns.next()?),
        slug: Slug::stored(columns.next()?),
        name: columns.next()?,
        created_at: columns.next()?,
    })
}

fn of(grant: ClientGrantId) -> Vec<Value> {
    vec![PLATFORM.uuid().into(), grant.uuid().into()]
}

impl Store {
    /// The organizations that a grant names, the latest first, so many after so many; and how many there are.
    pub async fn organizations_of_grant(
        &self,
        _: PlatformScope<'_>,
        grant: ClientGrantId,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<GrantedOrganization>, i64)> {
        let values = [of(grant), vec![limit.cast_signed().into(), offset.cast_signed().into()]].concat();
        let named = sql::read_all(&sql::all(&self.db, LIST, values).await?, read)?;
        Ok((named, sql::count(&self.db, COUNT, of(grant)).await?))
    }
}

impl WriteTx {
    /// Names an organization in a grant that is locked. `false`: it is named already. `Conflict` (`organization_limit`).
    pub async fn add_organization_to_grant(&self, grant: ClientGrantId, org: OrgId) -> Result<bool> {
        let values = [of(grant), vec![org.uuid().into(), self.now().into()]].concat();
        let added = sql::execute(&self.tx, ADD, values).await? == 1;
        if added && sql::count(&self.tx, COUNT, of(grant)).await? > MAX_ORGANIZATIONS {
            let text = format!("A grant names at most {MAX_ORGANIZATIONS} organizations: let it be for any.");
            return Err(Error::conflict("organization_limit", text));
        }
        Ok(added)
    }

    /// Names it no more. `false`: it was not named.
    pub async fn remove_organization_from_grant(&self, grant: ClientGrantId, org: OrgId) -> Result<bool> {
        Ok(sql::execute(&self.tx, REMOVE, [of(grant), vec![org.uuid().into()]].concat()).await? == 1)
    }
}
