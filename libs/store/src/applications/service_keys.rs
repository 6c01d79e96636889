//! API keys of services. Only the hash of a secret is kept; it was shown to whoever made the key.

use domain::{
    ApiKeyId, Error, OrgId, Result, ServiceId, UserId,
    applications::service_keys::{MAX_SERVICE_KEYS, ServiceKey, ServicePermissions},
    authorization::{
        in_service::InService,
        policy::{Read, Write},
        resource::ServiceKeys,
    },
    core::value::Name,
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db, on},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

const SERVICE_KEYS_NAME: Constraint = Constraint {
    name: "service_api_keys_name",
    columns: "service_api_keys.org_id, service_api_keys.service_id, service_api_keys.name_key",
};
/// Never violated: secrets are random.
const SERVICE_KEYS_HASH: Constraint = Constraint { name: "service_api_keys_hash", columns: "service_api_keys.hash" };

pub(crate) const SERVICE_KEYS: Table = Table {
    name: "service_api_keys",
    unique: &[&SERVICE_KEYS_NAME, &SERVICE_KEYS_HASH],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::GoesWith("services"),
};

/// The columns of a [`ServiceKey`], of `service_api_keys k`, in the order of [`read_service_key`].
pub(crate) const SERVICE_KEY: &str =
    "k.id, k.org_id, k.service_id, k.name, k.prefix, k.permissions, k.expires_at, k.last_used_at,
    k.created_by, k.created_at";

/// Reads what [`SERVICE_KEY`] selects. A permission that no longer exists allows nothing.
pub(crate) fn read_service_key(columns: &mut Columns<'_>) -> Result<ServiceKey, DbErr> {
    Ok(ServiceKey {
        id: ApiKeyId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
        service_id: ServiceId::new(columns.next()?),
        name: Name::stored(columns.next()?),
        prefix: columns.next()?,
        permissions: columns.next::<String>()?.split_whitespace().filter_map(|name| name.parse().ok()).collect(),
        expires_at: columns.next()?,
        last_used_at: columns.next()?,
        created_by: UserId::new(columns.next()?),
        created_at: columns.next()?,
    })
}

fn read(row: &QueryResult) -> Result<ServiceKey, DbErr> {
    read_service_key(&mut Columns::of(row))
}

fn text(permissions: ServicePermissions) -> String {
    permissions.names().join(" ")
}

const LIST: Sql = sql!(
    "select {key}
    from service_api_keys k
    where k.org_id = $1 and k.service_id = $2
    order by k.created_at, k.id",
    key = SERVICE_KEY
);
const GET: Sql = sql!(
    "select {key}
    from service_api_keys k
    where k.org_id = $1 and k.service_id = $2 and k.id = $3",
    key = SERVICE_KEY
);
const LOCK: Sql = sql!(
    "select {key}
    from service_api_keys k
    where k.org_id = $1 and k.service_id = $2 and k.id = $3
    {for update}",
    key = SERVICE_KEY
);

impl Store {
    /// Every key of the service, by age; [`MAX_SERVICE_KEYS`] bounds their number.
    pub async fn list_service_keys(&self, scope: InService<'_, ServiceKeys, Read>) -> Result<Vec<ServiceKey>> {
        let rows = sql::all(&self.db, LIST, vec![scope.org().uuid().into(), scope.service().uuid().into()]).await?;
        sql::read_all(&rows, read)
    }

    /// A key of the service.
    pub async fn get_service_key(&self, scope: InService<'_, ServiceKeys, Read>, id: ApiKeyId) -> Result<ServiceKey> {
        let values = vec![scope.org().uuid().into(), scope.service().uuid().into(), id.uuid().into()];
        let row = sql::one(&self.db, GET, values).await?.ok_or_else(|| Error::not_found("API key"))?;
        read(&row).map_err(from_db)
    }
}

const INSERT: Sql = sql!(
    "insert into service_api_keys (org_id, id, service_id, name, name_key, prefix, hash, permissions, expires_at, created_by, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
const DELETE: Sql = sql!("delete from service_api_keys where org_id = $1 and service_id = $2 and id = $3");
const TAKE_PLACE: Sql = sql!("update services set api_keys = api_keys + 1 where org_id = $1 and id = $2 and api_keys < $3");
const GIVE_BACK: Sql = sql!("update services set api_keys = api_keys - 1 where org_id = $1 and id = $2");

impl WriteTx {
    /// Keeps a new key with the hash of its secret. `AlreadyExists` (`api_key_name_taken`), `Conflict` (`api_key_limit`).
    pub async fn insert_service_key(&self, scope: InService<'_, ServiceKeys, Write>, key: &ServiceKey, hash: &str) -> Result<()> {
        self.hold_service(scope).await?;
        let of = || vec![scope.org().uuid().into(), scope.service().uuid().into()];
        let values = vec![
            scope.org().uuid().into(),
            key.id.uuid().into(),
            scope.service().uuid().into(),
            key.name.as_str().into(),
            key.name.key().into(),
            key.prefix.as_str().into(),
            hash.into(),
            text(key.permissions).into(),
            key.expires_at.into(),
            key.created_by.uuid().into(),
            key.created_at.into(),
        ];
        let taken = || Error::exists("api_key_name_taken", "Another API key of this service has this name.");
        sql::try_execute(&self.tx, INSERT, values).await.map_err(on(&SERVICE_KEYS_NAME, taken))?;
        if sql::execute(&self.tx, TAKE_PLACE, [of(), vec![MAX_SERVICE_KEYS.into()]].concat()).await? == 1 {
            return Ok(());
        }
        Err(Error::conflict("api_key_limit", format!("A service has at most {MAX_SERVICE_KEYS} API keys. Delete one first.")))
    }

    /// Deletes a key, behind those who use it now and before those who come to use it; answers what it was.
    pub async fn delete_service_key(&self, scope: InService<'_, ServiceKeys, Write>, id: ApiKeyId) -> Result<ServiceKey> {
        self.fair_lock(id.uuid()).await?;
        self.hold_service(scope).await?;
        let of = || vec![scope.org().uuid().into(), scope.service().uuid().into()];
        let row = sql::one(&self.tx, LOCK, [of(), vec![id.uuid().into()]].concat()).await?;
        let key = read(&row.ok_or_else(|| Error::not_found("API key"))?).map_err(from_db)?;
        sql::execute(&self.tx, DELETE, [of(), vec![id.uuid().into()]].concat()).await?;
        sql::execute(&self.tx, GIVE_BACK, of()).await?;
        Ok(key)
    }
}

const FIRST_USE: Sql =
    sql!("update service_api_keys set last_used_at = $3 where org_id = $1 and id = $2 and last_used_at is null");
const LATER_USE: Sql = sql!("update service_api_keys set last_used_at = $3 where org_id = $1 and id = $2");

impl WriteTx {
    /// Records that a key was used now; answers whether for the first time.
    pub async fn record_service_key_use(&self, key: &ServiceKey) -> Result<bool> {
        let values = || vec![key.org_id.uuid().into(), key.id.uuid().into(), self.now().into()];
        let first = sql::execute(&self.tx, FIRST_USE, values()).await? == 1;
        if !first {
            sql::execute(&self.tx, LATER_USE, values()).await?;
        }
        Ok(first)
    }
}
