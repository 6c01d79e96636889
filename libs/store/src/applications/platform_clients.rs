//! OAuth clients of the platform.

use domain::{
    ClientId, Error, PLATFORM, Result, Time, UserId,
    applications::{
        clients::{AuthMethod, ClientKeys, MAX_CLIENTS, PlatformClient, SignInSettings},
        uris::PageUri,
    },
    authorization::policy::PlatformScope,
    core::value::Name,
};
use sea_orm::{DbErr, QueryResult, Value};

use super::{
    browser_clients::{joined, next_sign_in},
    clients::{ClientKey, Ends},
};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

// The client of our own pages ([`super::browser_clients`]) is none of them.

/// The columns of a [`PlatformClient`], in the order of [`read`].
const CLIENT: &str =
    "c.id, c.client_id, c.name, c.auth_method, c.jwks, c.application_type, c.redirect_uris, c.post_logout_redirect_uris,
      c.organization_usage, c.id_token_alg, c.device_flow,
      c.backchannel_logout_uri, c.initiate_login_uri, c.token_claims, c.old_secret_until, c.created_at, c.updated_at";

fn read(row: &QueryResult) -> Result<PlatformClient, DbErr> {
    let mut columns = Columns::of(row);
    Ok(PlatformClient {
        id: ClientId::new(columns.next()?),
        client_id: columns.next()?,
        name: Name::stored(columns.next()?),
        auth_method: next_method(&mut columns)?,
        keys: next_keys(&mut columns)?,
        sign_in: next_sign_in(&mut columns)?,
        old_secret_until: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

pub(crate) fn next_method(columns: &mut Columns<'_>) -> Result<AuthMethod, DbErr> {
    let name: Option<String> = columns.next()?;
    name.map_or(Ok(AuthMethod::default()), |name| name.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string())))
}

pub(super) fn next_keys(columns: &mut Columns<'_>) -> Result<Option<ClientKeys>, DbErr> {
    let text: Option<String> = columns.next()?;
    let set = text.map(|text| serde_json::from_str(&text)).transpose().map_err(|e| DbErr::Json(e.to_string()))?;
    Ok(set.map(ClientKeys::stored))
}

const LIST: Sql = sql!(
    "select {client}
    from clients c
    where c.org_id = $1 and c.id <> c.org_id
    order by c.created_at desc, c.id desc
    limit {hidden $2} offset {hidden $3}",
    client = CLIENT
);
const COUNT: Sql = sql!("select count(*) from clients where org_id = $1 and id <> org_id");
const GET: Sql = sql!("select {client} from clients c where c.org_id = $1 and c.id = $2 and c.id <> c.org_id", client = CLIENT);
const LOCK: Sql =
    sql!("select {client} from clients c where c.org_id = $1 and c.id = $2 and c.id <> c.org_id {for update}", client = CLIENT);

fn found(row: Option<QueryResult>) -> Result<PlatformClient> {
    read(&row.ok_or_else(|| Error::not_found("client"))?).map_err(from_db)
}

fn key(id: ClientId) -> Vec<Value> {
    vec![PLATFORM.uuid().into(), id.uuid().into()]
}

impl Store {
    /// The platform's clients, newest first, so many after so many; and how many there are.
    pub async fn platform_clients(&self, _: PlatformScope<'_>, offset: u64, limit: u64) -> Result<(Vec<PlatformClient>, i64)> {
        let values = vec![PLATFORM.uuid().into(), limit.cast_signed().into(), offset.cast_signed().into()];
        let clients = sql::read_all(&sql::all(&self.db, LIST, values).await?, read)?;
        Ok((clients, sql::count(&self.db, COUNT, vec![PLATFORM.uuid().into()]).await?))
    }

    /// One of them. `NotFound`.
    pub async fn platform_client(&self, _: PlatformScope<'_>, id: ClientId) -> Result<PlatformClient> {
        found(sql::one(&self.db, GET, key(id)).await?)
    }
}

const INSERT: Sql = sql!(
    "insert into clients
      (org_id, id, client_id, name, auth_method, jwks, application_type, redirect_uris, post_logout_redirect_uris,
       organization_usage, id_token_alg, device_flow, backchannel_logout_uri, initiate_login_uri, token_claims, created_at,
       updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)"
);
const SAVE: Sql = sql!(
    "update clients
    set name = $3, auth_method = $4, jwks = $5, application_type = $6, redirect_uris = $7, post_logout_redirect_uris = $8,
      organization_usage = $9, id_token_alg = $10, device_flow = $11, backchannel_logout_uri = $12, initiate_login_uri = $13,
      token_claims = $14, old_secret_until = $15, updated_at = $16
    where org_id = $1 and id = $2"
);
const DELETE: Sql = sql!("delete from clients where org_id = $1 and id = $2");

fn keys(client: &PlatformClient) -> Value {
    client.keys.as_ref().map(|keys| keys.set().to_string()).into()
}

fn sign_in(settings: &SignInSettings) -> [Value; 9] {
    [
        settings.application_type.as_str().into(),
        joined(&settings.redirect_uris).into(),
        joined(&settings.post_logout_redirect_uris).into(),
        settings.organization_usage.as_str().into(),
        settings.id_token_alg.as_str().into(),
        settings.device_flow.into(),
        settings.backchannel_logout_uri.as_ref().map(PageUri::as_str).into(),
        settings.initiate_login_uri.as_ref().map(PageUri::as_str).into(),
        settings.claims.kept().into(),
    ]
}

impl WriteTx {
    /// One of the platform's clients, which nobody else changes until the transaction ends. `NotFound`.
    pub async fn lock_platform_client(&self, id: ClientId) -> Result<PlatformClient> {
        found(sql::one(&self.tx, LOCK, key(id)).await?)
    }

    /// Makes a client. `Conflict` (`client_limit`).
    pub async fn insert_platform_client(&self, client: &PlatformClient) -> Result<()> {
        let mut values = key(client.id);
        values.extend([
            client.client_id.as_str().into(),
            client.name.as_str().into(),
            client.auth_method.as_str().into(),
            keys(client),
        ]);
        values.extend(sign_in(&client.sign_in));
        values.push(client.created_at.into());
        sql::execute(&self.tx, INSERT, values).await?;
        if self.has_platform_room("clients", COUNT, MAX_CLIENTS).await? {
            return Ok(());
        }
        Err(Error::conflict("client_limit", format!("The platform has {MAX_CLIENTS} clients. Delete one first.")))
    }

    /// Writes what may change of a client that is locked.
    pub async fn save_platform_client(&self, client: &PlatformClient) -> Result<()> {
        let mut values = key(client.id);
        values.extend([client.name.as_str().into(), client.auth_method.as_str().into(), keys(client)]);
        values.extend(sign_in(&client.sign_in));
        values.extend([client.old_secret_until.into(), self.now().into()]);
        sql::execute(&self.tx, SAVE, values).await.map(|_| ())
    }

    /// Deletes a client with its secrets and grants. Its tokens are verified by APIs without asking us: they end with their time.
    pub async fn delete_platform_client(&self, id: ClientId) -> Result<()> {
        sql::execute(&self.tx, DELETE, key(id)).await.map(|_| ())
    }

    /// Ends all secrets of a client that is locked.
    pub async fn end_platform_secrets(&self, client: &mut PlatformClient) -> Result<()> {
        client.old_secret_until = None;
        self.end_client_secrets(ClientKey(PLATFORM, client.id.uuid())).await
    }

    /// Gives a client of the platform that is locked another secret; the one before works until then, or no more. `shown_to`: `None` is whoever runs
    /// programs on the server. `Conflict` (`too_many_secrets`): one from an earlier rotation works still.
    pub async fn put_platform_secret(
        &self,
        client: &PlatformClient,
        hash: &str,
        shown_to: Option<UserId>,
        until: Option<Time>,
    ) -> Result<()> {
        let ends = Ends { before: client.old_secret_until, now: until };
        self.replace_client_secret(ClientKey(PLATFORM, client.id.uuid()), (hash, shown_to), &ends).await
    }
}

#[cfg(test)]
mod tests;
