//! API keys and their secrets. Only hashes are kept; each secret remembers to whom it was shown.

mod rotation;
mod usage;

use domain::{
    ApiKeyId, Error, OrgId, Result, UserId,
    applications::api_keys::{ApiKey, MAX_API_KEYS, Networks},
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::ApiKeys,
    },
    core::value::Name,
};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db, on_any},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization, own_rows},
    },
    tenancy::{organizations::counters, roles::caps_from_text},
};

const API_KEYS_NAME: Constraint = Constraint { name: "api_keys_name", columns: "api_keys.org_id, api_keys.name" };
/// Of spellings of one name; rows of older versions have none.
const API_KEYS_NAME_KEY: Constraint = Constraint { name: "api_keys_name_key", columns: "api_keys.org_id, api_keys.name_key" };
/// Never violated: secrets are random.
const API_KEY_SECRETS_HASH: Constraint = Constraint { name: "api_key_secrets_hash", columns: "api_key_secrets.hash" };

pub(crate) const API_KEYS: Table = Table {
    name: "api_keys",
    unique: &[&API_KEYS_NAME, &API_KEYS_NAME_KEY],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::Deleted(own_rows!("api_keys")),
};

pub(crate) const API_KEY_SECRETS: Table = Table {
    name: "api_key_secrets",
    unique: &[&API_KEY_SECRETS_HASH],
    sealed: &[],
    when_old: WhenOld::GoesWith("api_keys"),
    with_organization: WithOrganization::GoesWith("api_keys"),
};

/// The columns of an [`ApiKey`], of `api_keys k`, in the order of [`read_key`].
pub(crate) const KEY: &str = "k.id, k.org_id, k.name, k.prefix, k.permissions, k.networks, k.expires_at, k.old_secret_until,
    k.last_used_at, k.created_by, k.created_at, k.updated_at";

/// Reads what [`KEY`] selects.
pub(crate) fn read_key(columns: &mut Columns<'_>) -> Result<ApiKey, DbErr> {
    Ok(ApiKey {
        id: ApiKeyId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
        name: Name::stored(columns.next()?),
        prefix: columns.next()?,
        caps: caps_from_text(&columns.next::<String>()?),
        networks: networks(&columns.next::<String>()?)?,
        expires_at: columns.next()?,
        old_secret_until: columns.next()?,
        last_used_at: columns.next()?,
        created_by: UserId::new(columns.next()?),
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

/// What cannot be read must not widen: no networks would mean everywhere.
fn networks(text: &str) -> Result<Networks, DbErr> {
    Networks::parse(text.split_whitespace()).map_err(|e| DbErr::Type(e.to_string()))
}

fn networks_text(key: &ApiKey) -> String {
    key.networks.texts().collect::<Vec<_>>().join(" ")
}

fn name_taken() -> impl FnOnce(DbErr) -> Error {
    let taken = || Error::exists("api_key_name_taken", "Another API key of this organization has this name.");
    on_any([&API_KEYS_NAME, &API_KEYS_NAME_KEY], taken)
}

const LIST: Sql = sql!(
    "select {key}
    from api_keys k
    where k.org_id = $1
    order by k.created_at, k.id",
    key = KEY
);
const GET: Sql = sql!(
    "select {key}
    from api_keys k
    where k.org_id = $1 and k.id = $2",
    key = KEY
);
const LOCK: Sql = sql!(
    "select {key}
    from api_keys k
    where k.org_id = $1 and k.id = $2
    {for update}",
    key = KEY
);

async fn get(db: &impl ConnectionTrait, text: Sql, org: OrgId, id: ApiKeyId) -> Result<ApiKey> {
    let row = sql::one(db, text, vec![org.uuid().into(), id.uuid().into()]).await?;
    let row = row.ok_or_else(|| Error::not_found("API key"))?;
    read_key(&mut Columns::of(&row)).map_err(from_db)
}

impl Store {
    /// Every key of the organization, by age; [`MAX_API_KEYS`] bounds their number.
    pub async fn list_api_keys(&self, scope: OrgScope<'_, ApiKeys, Read>) -> Result<Vec<ApiKey>> {
        let rows = sql::all(&self.db, LIST, vec![scope.org().uuid().into()]).await?;
        rows.iter().map(|row| read_key(&mut Columns::of(row))).collect::<Result<_, _>>().map_err(from_db)
    }

    /// A key.
    pub async fn get_api_key(&self, scope: OrgScope<'_, ApiKeys, Read>, id: ApiKeyId) -> Result<ApiKey> {
        get(&self.db, GET, scope.org(), id).await
    }
}

const INSERT: Sql = sql!(
    "insert into api_keys (org_id, id, name, prefix, permissions, networks, expires_at, created_by, created_at, updated_at, name_key)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
const SAVE: Sql = sql!(
    "update api_keys
    set name = $3, permissions = $4, networks = $5, expires_at = $6, updated_at = $7, name_key = $8
    where org_id = $1 and id = $2"
);
const DELETE: Sql = sql!("delete from api_keys where org_id = $1 and id = $2");

impl WriteTx {
    /// A key, locked until the transaction ends; behind those who use it now, before those who come to use it.
    pub async fn lock_api_key(&self, scope: OrgScope<'_, ApiKeys, Write>, id: ApiKeyId) -> Result<ApiKey> {
        self.fair_lock(id.uuid()).await?;
        get(&self.tx, LOCK, scope.org(), id).await
    }

    /// Keeps a new key and the hash of the secret that `shown_to` is about to see. `AlreadyExists` (`api_key_name_taken`), `Conflict`
    /// (`api_key_limit`).
    pub async fn insert_api_key(
        &self,
        scope: OrgScope<'_, ApiKeys, Write>,
        key: &ApiKey,
        hash: &str,
        shown_to: UserId,
    ) -> Result<()> {
        let values = vec![
            scope.org().uuid().into(),
            key.id.uuid().into(),
            key.name.as_str().into(),
            key.prefix.as_str().into(),
            key.caps.names().join(" ").into(),
            networks_text(key).into(),
            key.expires_at.into(),
            key.created_by.uuid().into(),
            key.created_at.into(),
            key.updated_at.into(),
            key.name.key().into(),
        ];
        sql::try_execute(&self.tx, INSERT, values).await.map_err(name_taken())?;
        self.insert_api_key_secret(key, hash, shown_to).await?;
        if self.take_place(scope.org(), &counters::API_KEYS, MAX_API_KEYS).await? {
            return Ok(());
        }
        Err(Error::conflict("api_key_limit", format!("An organization has at most {MAX_API_KEYS} API keys. Delete one first.")))
    }

    /// Saves what may be edited of a key. `AlreadyExists` (`api_key_name_taken`).
    pub async fn save_api_key(&self, scope: OrgScope<'_, ApiKeys, Write>, key: &ApiKey) -> Result<()> {
        let values = vec![
            scope.org().uuid().into(),
            key.id.uuid().into(),
            key.name.as_str().into(),
            key.caps.names().join(" ").into(),
            networks_text(key).into(),
            key.expires_at.into(),
            key.updated_at.into(),
            key.name.key().into(),
        ];
        sql::try_execute(&self.tx, SAVE, values).await.map_err(name_taken())?;
        Ok(())
    }

    /// Deletes a locked key and its secrets: it works no more.
    pub async fn delete_api_key(&self, scope: OrgScope<'_, ApiKeys, Write>, key: &ApiKey) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), key.id.uuid().into()]).await?;
        self.give_place_back(scope.org(), &counters::API_KEYS).await
    }
}
