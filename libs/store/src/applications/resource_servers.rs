//! APIs of the platform.

use domain::{
    Error, PLATFORM, ResourceServerId, Result,
    applications::resource_servers::{Audience, MAX_RESOURCE_SERVERS, ResourceServer, Scopes, TokenAlg, TokenLife},
    authorization::policy::PlatformScope,
    core::value::{Description, Name},
};
use sea_orm::{DbErr, QueryResult, Value};

use super::services::RESOURCE_SERVERS_IDENTIFIER;
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, on},
        sql::{self, Columns, Sql, sql},
    },
};

/// The columns of a [`ResourceServer`], in the order of [`read`].
const SERVER: &str =
    "r.id, r.identifier, r.name, r.description, r.scopes, r.token_alg, r.token_seconds, r.created_at, r.updated_at";

fn wrong(e: domain::BadValue) -> DbErr {
    DbErr::Type(e.to_string())
}

fn read(row: &QueryResult) -> Result<ResourceServer, DbErr> {
    let mut columns = Columns::of(row);
    let (id, audience) = (ResourceServerId::new(columns.next()?), Audience::stored(columns.next()?));
    let name = Name::stored(columns.next::<Option<String>>()?.unwrap_or_default());
    let description = columns.next::<Option<String>>()?.map(Description::stored);
    let (scopes, alg, life) = next_terms(&mut columns)?;
    let (created_at, updated_at) = (columns.next()?, columns.next::<Option<_>>()?);
    let updated_at = updated_at.unwrap_or(created_at);
    Ok(ResourceServer { id, audience, name, description, scopes, alg, life, created_at, updated_at })
}

/// Scopes, algorithm and life of tokens; null: the defaults.
pub(super) fn next_terms(columns: &mut Columns<'_>) -> Result<(Scopes, TokenAlg, TokenLife), DbErr> {
    let scopes = columns.next::<Option<String>>()?.map(|text| Scopes::stored(&text)).unwrap_or_default();
    let alg = columns.next::<Option<String>>()?.map(|name| name.parse().map_err(wrong)).transpose()?.unwrap_or_default();
    let life = columns.next::<Option<i32>>()?.map(|life| i64::from(life).try_into().map_err(wrong)).transpose()?;
    Ok((scopes, alg, life.unwrap_or_default()))
}

const LIST: Sql = sql!(
    "select {server}
    from resource_servers r
    where r.org_id = $1
    order by r.created_at desc, r.id desc
    limit {hidden $2} offset {hidden $3}",
    server = SERVER
);
const COUNT: Sql = sql!("select count(*) from resource_servers where org_id = $1");
const GET: Sql = sql!("select {server} from resource_servers r where r.org_id = $1 and r.id = $2", server = SERVER);
const BY_AUDIENCE: Sql =
    sql!("select {server} from resource_servers r where r.org_id = $1 and r.identifier = $2 {for share}", server = SERVER);
const LOCK: Sql = sql!("select {server} from resource_servers r where r.org_id = $1 and r.id = $2 {for update}", server = SERVER);

fn found(row: Option<QueryResult>) -> Result<ResourceServer> {
    read(&row.ok_or_else(|| Error::not_found("API"))?).map_err(from_db)
}

fn key(id: ResourceServerId) -> Vec<Value> {
    vec![PLATFORM.uuid().into(), id.uuid().into()]
}

impl Store {
    /// The platform's APIs, newest first, so many after so many; and how many there are.
    pub async fn resource_servers(&self, _: PlatformScope<'_>, offset: u64, limit: u64) -> Result<(Vec<ResourceServer>, i64)> {
        let values = vec![PLATFORM.uuid().into(), limit.cast_signed().into(), offset.cast_signed().into()];
        let servers = sql::read_all(&sql::all(&self.db, LIST, values).await?, read)?;
        Ok((servers, sql::count(&self.db, COUNT, vec![PLATFORM.uuid().into()]).await?))
    }

    /// One of them. `NotFound`.
    pub async fn resource_server(&self, _: PlatformScope<'_>, id: ResourceServerId) -> Result<ResourceServer> {
        found(sql::one(&self.db, GET, key(id)).await?)
    }
}

const INSERT: Sql = sql!(
    "insert into resource_servers (org_id, id, identifier, name, description, scopes, token_alg, token_seconds, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
);
const SAVE: Sql = sql!(
    "update resource_servers
    set name = $3, description = $4, scopes = $5, token_alg = $6, token_seconds = $7, updated_at = $8
    where org_id = $1 and id = $2"
);
const DELETE: Sql = sql!("delete from resource_servers where org_id = $1 and id = $2");

fn terms(server: &ResourceServer) -> [Value; 5] {
    [
        server.name.as_str().into(),
        server.description.as_ref().map(Description::as_str).into(),
        server.scopes.to_string().into(),
        server.alg.as_str().into(),
        i64::from(server.life).into(),
    ]
}

impl WriteTx {
    /// One of the platform's APIs, which nobody else changes until the transaction ends. `NotFound`.
    pub async fn lock_resource_server(&self, id: ResourceServerId) -> Result<ResourceServer> {
        found(sql::one(&self.tx, LOCK, key(id)).await?)
    }

    /// The platform's API of this audience, which stays until the transaction ends; `None`: there is none.
    pub async fn resource_server_of(&self, audience: &Audience) -> Result<Option<ResourceServer>> {
        let row = sql::one(&self.tx, BY_AUDIENCE, vec![PLATFORM.uuid().into(), audience.as_str().into()]).await?;
        row.as_ref().map(read).transpose().map_err(from_db)
    }

    /// Registers an API. `AlreadyExists` (`audience_taken`), `Conflict` (`resource_server_limit`).
    pub async fn insert_resource_server(&self, server: &ResourceServer) -> Result<()> {
        let mut values = key(server.id);
        values.push(server.audience.as_str().into());
        values.extend(terms(server));
        values.push(server.created_at.into());
        let taken =
            || Error::exists("audience_taken", "An API of this audience is registered already, here or by an organization.");
        sql::try_execute(&self.tx, INSERT, values).await.map_err(on(&RESOURCE_SERVERS_IDENTIFIER, taken))?;
        if self.has_platform_room("resource_servers", COUNT, MAX_RESOURCE_SERVERS).await? {
            return Ok(());
        }
        let text = format!("The platform has {MAX_RESOURCE_SERVERS} APIs. Delete one first.");
        Err(Error::conflict("resource_server_limit", text))
    }

    /// Writes what may change of an API that is locked.
    pub async fn save_resource_server(&self, server: &ResourceServer) -> Result<()> {
        let mut values = key(server.id);
        values.extend(terms(server));
        values.push(self.now().into());
        sql::execute(&self.tx, SAVE, values).await.map(|_| ())
    }

    /// Deletes an API with what clients were granted at it.
    pub async fn delete_resource_server(&self, id: ResourceServerId) -> Result<()> {
        sql::execute(&self.tx, DELETE, key(id)).await.map(|_| ())
    }
}
