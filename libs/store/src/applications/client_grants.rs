//! What clients of the platform may do at its APIs.

use domain::{
    ClientGrantId, ClientId, Error, PLATFORM, ResourceServerId, Result,
    applications::{
        client_grants::{ClientGrant, ForOrganizations, MAX_GRANTS},
        clients::OrganizationUsage,
        resource_servers::{Audience, Scopes},
    },
    authorization::policy::PlatformScope,
};
use sea_orm::{DbErr, QueryResult, Value};

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db, on},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

const CLIENT_GRANTS_API: Constraint = Constraint {
    name: "client_grants_api",
    columns: "client_grants.org_id, client_grants.client_id, client_grants.resource_server_id, client_grants.subject_type",
};

pub(crate) const CLIENT_GRANTS: Table = Table {
    name: "client_grants",
    unique: &[&CLIENT_GRANTS_API],
    sealed: &[],
    when_old: WhenOld::Stays("until the platform takes it back"),
    with_organization: WithOrganization::GoesWith("clients"),
};

/// The columns of a [`ClientGrant`], in the order of [`read`], and what they are selected from.
const GRANT: &str =
    "g.id, g.client_id, c.client_id, g.resource_server_id, r.identifier, g.scopes, g.subject_type, g.organization_usage,
      g.allow_any_organization, g.created_at, g.updated_at";
const SOURCE: &str = "client_grants g
    join clients c on c.org_id = g.org_id and c.id = g.client_id
    join resource_servers r on r.org_id = g.org_id and r.id = g.resource_server_id";

/// Reads for which organizations a grant is.
pub(super) fn next_organizations(columns: &mut Columns<'_>) -> Result<ForOrganizations, DbErr> {
    let (usage, any): (Option<String>, Option<bool>) = (columns.next()?, columns.next()?);
    let parse = |name: String| name.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()));
    Ok(ForOrganizations { usage: usage.map_or(Ok(OrganizationUsage::Deny), parse)?, any: any.unwrap_or_default() })
}

fn read(row: &QueryResult) -> Result<ClientGrant, DbErr> {
    let mut columns = Columns::of(row);
    Ok(ClientGrant {
        id: ClientGrantId::new(columns.next()?),
        client: ClientId::new(columns.next()?),
        client_id: columns.next()?,
        resource_server: ResourceServerId::new(columns.next()?),
        audience: Audience::stored(columns.next()?),
        scopes: Scopes::stored(&columns.next::<String>()?),
        subject_type: columns.next::<String>()?.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()))?,
        organizations: next_organizations(&mut columns)?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

/// Of client `$2`, or of all if that is nil.
const LIST: Sql = sql!(
    "select {grant}
    from {source}
    where g.org_id = $1 and ($2 = $1 or g.client_id = $2)
    order by g.created_at desc, g.id desc
    limit {hidden $3} offset {hidden $4}",
    grant = GRANT,
    source = SOURCE
);
const COUNT: Sql = sql!("select count(*) from client_grants where org_id = $1 and ($2 = $1 or client_id = $2)");
const LOCK: Sql =
    sql!("select {grant} from {source} where g.org_id = $1 and g.id = $2 {for update of g}", grant = GRANT, source = SOURCE);
const INSERT: Sql = sql!(
    "insert into client_grants
      (org_id, id, client_id, resource_server_id, scopes, subject_type, organization_usage, allow_any_organization, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
);
const SAVE: Sql = sql!(
    "update client_grants
    set scopes = $3, organization_usage = $4, allow_any_organization = $5, updated_at = $6
    where org_id = $1 and id = $2"
);
const DELETE: Sql = sql!("delete from client_grants where org_id = $1 and id = $2");

fn of(client: Option<ClientId>) -> Vec<Value> {
    vec![PLATFORM.uuid().into(), client.map_or(PLATFORM.uuid(), ClientId::uuid).into()]
}

fn key(id: ClientGrantId) -> Vec<Value> {
    vec![PLATFORM.uuid().into(), id.uuid().into()]
}

impl Store {
    /// What a client may do, or what all may, newest first, so many after so many; and how many grants there are.
    pub async fn client_grants(
        &self,
        _: PlatformScope<'_>,
        client: Option<ClientId>,
        (offset, limit): (u64, u64),
    ) -> Result<(Vec<ClientGrant>, i64)> {
        let values = [of(client), vec![limit.cast_signed().into(), offset.cast_signed().into()]].concat();
        let grants = sql::read_all(&sql::all(&self.db, LIST, values).await?, read)?;
        Ok((grants, sql::count(&self.db, COUNT, of(client)).await?))
    }
}

impl WriteTx {
    /// A grant, which nobody else changes until the transaction ends. `NotFound`.
    pub async fn lock_client_grant(&self, id: ClientGrantId) -> Result<ClientGrant> {
        let row = sql::one(&self.tx, LOCK, key(id)).await?;
        read(&row.ok_or_else(|| Error::not_found("client grant"))?).map_err(from_db)
    }

    /// Grants a client something, which is locked, so that nobody else grants it anything meanwhile. `AlreadyExists` (`client_grant_exists`), `Conflict` (`client_grant_limit`).
    pub async fn insert_client_grant(&self, grant: &ClientGrant) -> Result<()> {
        if sql::count(&self.tx, COUNT, of(Some(grant.client))).await? >= MAX_GRANTS {
            return Err(Error::conflict("client_grant_limit", format!("A client has at most {MAX_GRANTS} grants.")));
        }
        let mut values = key(grant.id);
        values.extend([
            grant.client.uuid().into(),
            grant.resource_server.uuid().into(),
            grant.scopes.to_string().into(),
            grant.subject_type.as_str().into(),
            grant.organizations.usage.as_str().into(),
            grant.organizations.any.into(),
            grant.created_at.into(),
        ]);
        let exists = || Error::exists("client_grant_exists", "This client was granted that API already: change its scopes.");
        sql::try_execute(&self.tx, INSERT, values).await.map_err(on(&CLIENT_GRANTS_API, exists)).map(|_| ())
    }

    /// Writes what may change of a locked grant.
    pub async fn save_client_grant(&self, grant: &ClientGrant) -> Result<()> {
        let mut values = key(grant.id);
        values.extend([
            grant.scopes.to_string().into(),
            grant.organizations.usage.as_str().into(),
            grant.organizations.any.into(),
            self.now().into(),
        ]);
        sql::execute(&self.tx, SAVE, values).await.map(|_| ())
    }

    /// Takes a grant back.
    pub async fn delete_client_grant(&self, id: ClientGrantId) -> Result<()> {
        sql::execute(&self.tx, DELETE, key(id)).await.map(|_| ())
    }
}
