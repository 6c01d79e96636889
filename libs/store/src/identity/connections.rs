//! Connections to identity providers. What the worker does with them by the clock is in [`due`].

mod columns;
mod due;
mod saml;
pub(crate) mod table;

use domain::{
    ConnectionId, Error, OrgId, Patch, Result,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::Connections,
    },
    core::value::RoleSlug,
    identity::{
        connections::{ClientPassword, Connection, ConnectionSlug, MAX_CONNECTIONS},
        entry::Usable,
    },
    tenancy::{
        roles::{Role, RoleName},
        smtp::Ceiling,
    },
};
use sea_orm::{ConnectionTrait, Value};

use self::{
    columns::{CONNECTION, FROM, fill, read, write_published},
    table::CONNECTIONS_SLUG,
};
use super::federation::SPOKEN;
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, on},
        sql::{self, Columns, Sql, sql},
    },
    tenancy::{organizations::counters, roles::caps_from_text},
};

const LIST: Sql =
    sql!("select {connection} {from} where c.org_id = $1 order by c.created_at, c.id", connection = CONNECTION, from = FROM);
const GET: Sql = sql!("select {connection} {from} where c.org_id = $1 and c.id = $2", connection = CONNECTION, from = FROM);
const LOCK: Sql =
    sql!("select {connection} {from} where c.org_id = $1 and c.id = $2 {for update of c}", connection = CONNECTION, from = FROM);
const SECRET: Sql = sql!("select client_secret from connections where org_id = $1 and id = $2");
const CUSTOM_ROLES: Sql = sql!("select slug, permissions from roles where org_id = $1");

const INSERT: Sql = sql!(
    "insert into connections
       (org_id, id, slug, protocol, client_secret, created_at, name, client_id, issuer, authorization_url, token_url, userinfo_url,
        discovery_url, scopes, notes, mapping, ceiling, generation, next_check_at, updated_at, saml)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"
);
const SAVE: Sql = sql!(
    "update connections
     set name = $3, client_id = $4, issuer = $5, authorization_url = $6, token_url = $7, userinfo_url = $8, discovery_url = $9,
       scopes = $10, notes = $11, mapping = $12, ceiling = $13, generation = $14, next_check_at = $15, updated_at = $16, saml = $17
     where org_id = $1 and id = $2"
);
const SET_SECRET: Sql = sql!("update connections set client_secret = $3 where org_id = $1 and id = $2");
const INSERT_OWN: Sql =
    sql!("insert into org_connections (org_id, owner, connection_id, enabled, jit) values ($1, $1, $2, $3, $4)");
const SAVE_OWN: Sql =
    sql!("update org_connections set enabled = $3, jit = $4 where org_id = $1 and owner = $1 and connection_id = $2");
const DELETE: Sql = sql!("delete from connections where org_id = $1 and id = $2");
const USABLE: Sql = sql!(
    "select c.id, c.slug, c.generation
     from org_connections o
     join connections c on c.org_id = o.owner and c.id = o.connection_id
     where o.org_id = $1 and o.enabled and c.protocol in {spoken}
     order by c.created_at, c.id
     limit 50",
    spoken = SPOKEN
);
/// Domains whose people can sign in through nothing else.
const BOUND: Sql = sql!(
    "select d.domain
     from domain_routes r join domains d on d.org_id = r.org_id and d.id = r.domain_id
     where r.org_id = $1 and r.connection_id = $2 and d.login_policy = 'upstream_only'
     order by d.domain
     limit 10"
);

fn gone() -> Error {
    Error::not_found("connection")
}

async fn find(db: &impl ConnectionTrait, text: Sql, org: OrgId, id: ConnectionId) -> Result<Option<Connection>> {
    let Some(row) = sql::one(db, text, vec![org.uuid().into(), id.uuid().into()]).await? else { return Ok(None) };
    let mut found = [read(&row).map_err(from_db)?];
    fill(db, org, &mut found).await?;
    let [connection] = found;
    Ok(Some(connection))
}

async fn one(db: &impl ConnectionTrait, text: Sql, org: OrgId, id: ConnectionId) -> Result<Connection> {
    find(db, text, org, id).await?.ok_or_else(gone)
}

/// A connection for somebody who signs in through it, with its sealed secret.
pub(super) async fn one_connection(
    db: &impl ConnectionTrait,
    org: OrgId,
    id: ConnectionId,
) -> Result<Option<(Connection, Option<String>)>> {
    let Some(connection) = find(db, GET, org, id).await? else { return Ok(None) };
    let row = sql::one(db, SECRET, vec![org.uuid().into(), id.uuid().into()]).await?;
    let sealed = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?.flatten();
    Ok(Some((connection, sealed)))
}

impl Store {
    /// All of them, by age; `MAX_CONNECTIONS` bounds their number.
    pub async fn list_connections(&self, scope: OrgScope<'_, Connections, Read>) -> Result<Vec<Connection>> {
        let rows = sql::all(&self.db, LIST, vec![scope.org().uuid().into()]).await?;
        let mut all: Vec<_> = sql::read_all(&rows, read)?;
        fill(&self.db, scope.org(), &mut all).await?;
        Ok(all)
    }

    /// One of them.
    pub async fn get_connection(&self, scope: OrgScope<'_, Connections, Read>, id: ConnectionId) -> Result<Connection> {
        one(&self.db, GET, scope.org(), id).await
    }

    /// Its client secret, for whoever tries it out: it goes to the provider and nowhere else.
    pub async fn connection_secret(
        &self,
        scope: OrgScope<'_, Connections, Read>,
        id: ConnectionId,
    ) -> Result<Option<ClientPassword>> {
        let row = sql::one(&self.db, SECRET, vec![scope.org().uuid().into(), id.uuid().into()]).await?.ok_or_else(gone)?;
        match Columns::of(&row).next::<Option<String>>().map_err(from_db)? {
            Some(sealed) => self.open_client_secret(scope.org(), id, sealed).await.map(Some),
            None => Ok(None),
        }
    }

    /// The organization's custom roles, as far as connections map groups to them.
    pub async fn mappable_roles(&self, scope: OrgScope<'_, Connections, Read>) -> Result<Vec<Role>> {
        let rows = sql::all(&self.db, CUSTOM_ROLES, vec![scope.org().uuid().into()]).await?;
        sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            let name = RoleName::Custom(RoleSlug::stored(columns.next()?));
            Ok(Role { name, caps: caps_from_text(&columns.next::<String>()?) })
        })
    }
}

/// What may change of a connection's own row, in the order of [`SAVE`] and at the end of [`INSERT`].
fn values(c: &Connection) -> Result<[Value; 15]> {
    let url = |url: &Option<domain::identity::connections::ProviderUrl>| url.as_ref().map(|url| url.as_str().to_owned());
    Ok([
        c.name.as_str().into(),
        c.client_id.as_str().into(),
        c.endpoints.issuer.as_ref().map(|issuer| issuer.as_str().to_owned()).into(),
        url(&c.endpoints.authorization).into(),
        url(&c.endpoints.token).into(),
        url(&c.endpoints.userinfo).into(),
        url(&c.endpoints.discovery).into(),
        c.scopes.as_ref().map(|scopes| scopes.as_str().to_owned()).into(),
        c.notes.as_ref().map(|notes| notes.as_str().to_owned()).into(),
        serde_json::to_string(&c.mapping).map_err(Error::internal)?.into(),
        c.ceiling.text().into(),
        c.generation.into(),
        c.next_check_at.into(),
        c.updated_at.into(),
        serde_json::to_string(&c.saml).map_err(Error::internal)?.into(),
    ])
}

impl WriteTx {
    /// A connection, locked until the transaction ends.
    pub async fn lock_connection(&self, scope: OrgScope<'_, Connections, Write>, id: ConnectionId) -> Result<Connection> {
        one(&self.tx, LOCK, scope.org(), id).await
    }

    /// Keeps a new connection. `AlreadyExists` (`connection_id_taken`), `Conflict` (`connection_limit`).
    pub async fn insert_connection(
        &self,
        scope: OrgScope<'_, Connections, Write>,
        connection: &Connection,
        secret: Option<&ClientPassword>,
    ) -> Result<()> {
        let org = scope.org();
        let sealed = secret.map(|plain| self.store.seal_client_secret(org, connection.id, plain)).transpose()?;
        let mut all: Vec<Value> = vec![
            org.uuid().into(),
            connection.id.uuid().into(),
            connection.slug.as_str().into(),
            connection.protocol.as_str().into(),
            sealed.into(),
            connection.created_at.into(),
        ];
        all.extend(values(connection)?);
        let taken = || Error::exists("connection_id_taken", "Another connection has this `connection_id`.");
        sql::try_execute(&self.tx, INSERT, all).await.map_err(on(&CONNECTIONS_SLUG, taken))?;
        let own = vec![org.uuid().into(), connection.id.uuid().into(), connection.enabled.into(), connection.jit.into()];
        sql::execute(&self.tx, INSERT_OWN, own).await?;
        write_published(&self.tx, connection).await?;
        self.list_in_policy(org).await?;
        if self.take_place(org, &counters::CONNECTIONS, MAX_CONNECTIONS).await? {
            return Ok(());
        }
        let text = format!("An organization has at most {MAX_CONNECTIONS} connections. Delete one that is not used.");
        Err(Error::conflict("connection_limit", text))
    }

    /// Writes a locked connection.
    pub async fn save_connection(
        &self,
        scope: OrgScope<'_, Connections, Write>,
        connection: &Connection,
        secret: &Patch<ClientPassword>,
    ) -> Result<()> {
        let key = || -> Vec<Value> { vec![scope.org().uuid().into(), connection.id.uuid().into()] };
        save(&self.tx, connection).await?;
        let own = key().into_iter().chain([connection.enabled.into(), connection.jit.into()]).collect();
        sql::execute(&self.tx, SAVE_OWN, own).await?;
        self.list_in_policy(scope.org()).await?;
        let sealed = match secret {
            Patch::Keep => return Ok(()),
            Patch::Clear => None,
            Patch::Set(plain) => Some(self.store.seal_client_secret(scope.org(), connection.id, plain)?),
        };
        sql::execute(&self.tx, SET_SECRET, key().into_iter().chain([sealed.into()]).collect()).await?;
        Ok(())
    }

    /// A custom role, locked so that it cannot be edited or deleted until the transaction ends; `None` if there is no such role.
    pub async fn mappable_role(&self, scope: OrgScope<'_, Connections, Write>, slug: &RoleSlug) -> Result<Option<Role>> {
        self.resolve_role_in(scope.org(), &RoleName::Custom(slug.clone())).await
    }

    /// Names of domains whose people can sign in through nothing but a locked connection.
    pub async fn domains_bound_to(&self, scope: OrgScope<'_, Connections, Write>, id: ConnectionId) -> Result<Vec<String>> {
        let rows = sql::all(&self.tx, BOUND, vec![scope.org().uuid().into(), id.uuid().into()]).await?;
        sql::read_all(&rows, |row| Columns::of(row).next())
    }

    /// Deletes a locked connection, with the domains' routes to it.
    pub async fn delete_connection(&self, scope: OrgScope<'_, Connections, Write>, id: ConnectionId) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), id.uuid().into()]).await?;
        self.list_in_policy(scope.org()).await?;
        self.give_place_back(scope.org(), &counters::CONNECTIONS).await
    }

    /// Members who hold more than whoever changed whom a connection speaks for have to prove that it is they.
    pub async fn ask_for_proof(&self, scope: OrgScope<'_, Connections, Write>, id: ConnectionId) -> Result<()> {
        self.reprove_identities(scope.org(), id, &Ceiling::of(scope.authority())).await
    }

    /// Writes into the organization's policy which of its connections count now, and in which generation.
    pub(crate) async fn list_in_policy(&self, org: OrgId) -> Result<()> {
        let mut policy = self.lock_policy_of(org).await?;
        let rows = sql::all(&self.tx, USABLE, vec![org.uuid().into()]).await?;
        policy.connections = sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            let (id, slug) = (ConnectionId::new(columns.next()?), ConnectionSlug::stored(columns.next()?));
            Ok(Usable { id, slug, generation: columns.next()? })
        })?;
        self.put_policy_of(org, &policy).await
    }
}

async fn save(db: &impl ConnectionTrait, connection: &Connection) -> Result<()> {
    let key: [Value; 2] = [connection.org_id.uuid().into(), connection.id.uuid().into()];
    sql::execute(db, SAVE, key.into_iter().chain(values(connection)?).collect()).await?;
    write_published(db, connection).await
}
