//! A service key's facts: the key, its organization and counters. It belongs to one service, so that is known with it.

use domain::{
    Error, Result, Time,
    applications::{api_keys, service_keys::ServiceKey},
    authorization::{
        in_service::ServiceFacts,
        policy::{Access, Read, Standing, Write, service_key},
        principal::{Credential, Principal, ServiceKeyCredential},
    },
    identity::entry::SignInPolicy,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::{Found, assemble};
use crate::{
    Store, WriteTx,
    applications::service_keys::{SERVICE_KEY, read_service_key},
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
    tenancy::organizations::ORGANIZATION,
};

const FACTS: Sql = sql!(
    "select {key}, {organization}
    from service_api_keys k
    join organizations o on o.id = k.org_id
    join org_counters c on c.org_id = o.id
    where {alive}",
    key = SERVICE_KEY,
    organization = ORGANIZATION,
    alive = ALIVE
);
/// The organization it belongs to was not deleted.
const ALIVE: &str = "k.hash = $1 and o.deleted_at is null";
/// The same on PostgreSQL inside a write: the key stays as it is. Whoever is about to delete it goes first.
const FACTS_SHARED: Sql = sql!(
    "select {key}, {organization}
    from service_api_keys k
    join organizations o on o.id = k.org_id
    join org_counters c on c.org_id = o.id
    where {alive}
      and (select pg_advisory_xact_lock_shared(hashtextextended($2::uuid::text, 0))) is not null
    {for share of k}",
    key = SERVICE_KEY,
    organization = ORGANIZATION,
    alive = ALIVE
);

pub(super) async fn find(db: &impl ConnectionTrait, who: &ServiceKeyCredential, now: Time) -> Result<ServiceKey> {
    by_hash(db, &who.hash, now).await?.ok_or_else(api_keys::invalid)
}

async fn by_hash(db: &impl ConnectionTrait, hash: &str, now: Time) -> Result<Option<ServiceKey>> {
    let Some(row) = sql::one(db, FACTS, vec![hash.into()]).await? else { return Ok(None) };
    let key = read_service_key(&mut Columns::of(&row)).map_err(from_db)?;
    key.usable(now)?;
    Ok(Some(key))
}

/// What a service's key is told everywhere but in the service API, whichever organization it asks about.
pub(super) async fn refuse<T>(db: &impl ConnectionTrait, who: &ServiceKeyCredential, now: Time) -> Result<T> {
    find(db, who, now).await?;
    Err(service_key())
}

fn only_service_keys() -> Error {
    Error::forbidden("service_key_required", "Only the API key of a service may do this: send it in `X-Api-Key`.")
}

fn read_facts(row: &QueryResult) -> Result<(ServiceKey, Option<uuid::Uuid>, Columns<'_>), DbErr> {
    let mut columns = Columns::of(row);
    let key = read_service_key(&mut columns)?;
    let org = columns.next()?;
    Ok((key, org, columns))
}

#[expect(clippy::disallowed_methods, reason = "a service's key belongs to its service")]
async fn of_key<'t, A: Access>(
    store: &Store,
    db: &impl ConnectionTrait,
    row: Option<QueryResult>,
    now: Time,
) -> Result<(Standing<'t, A>, ServiceFacts<'t, A>)> {
    let row = row.ok_or_else(api_keys::invalid)?;
    let (key, org, columns) = read_facts(&row).map_err(from_db)?;
    key.usable(now)?;
    let service = key.service_id;
    let found = Found {
        principal: Principal::ServiceKey(key),
        role: None,
        has_further: false,
        policy: SignInPolicy::default(),
        org,
        columns,
    };
    Ok((assemble(store, db, found, now).await?, ServiceFacts::assembled(service, None)))
}

impl Store {
    /// What the key of a service holds on it, for reading. `Forbidden` (`service_key_required`) for every other credential.
    pub async fn service_key_standing(
        &self,
        who: &Credential,
        now: Time,
    ) -> Result<(Standing<'static, Read>, ServiceFacts<'static, Read>)> {
        let Credential::ServiceKey(key) = who else {
            self.principal(who, now).await?;
            return Err(only_service_keys());
        };
        let row = sql::one(&self.db, FACTS, vec![key.hash.as_str().into()]).await?;
        of_key(self, &self.db, row, now).await
    }

    /// The service's key whose secret has this hash, if it works now; for whoever is about to authenticate with it.
    pub async fn authenticate_service_key(&self, hash: &str, now: Time) -> Result<Option<ServiceKey>> {
        by_hash(&self.db, hash, now).await
    }
}

impl WriteTx {
    /// The same inside this transaction and locked, for writing. The key becomes this change's actor.
    pub async fn service_key_standing(&self, who: &Credential) -> Result<(Standing<'_, Write>, ServiceFacts<'_, Write>)> {
        let Credential::ServiceKey(key) = who else {
            self.principal(who).await?;
            return Err(only_service_keys());
        };
        let hash = key.hash.as_str().into();
        let row = if self.is_sqlite() {
            sql::one(&self.tx, FACTS, vec![hash]).await?
        } else {
            sql::one(&self.tx, FACTS_SHARED, vec![hash, key.id.uuid().into()]).await?
        };
        let (standing, service) = of_key(&self.store, &self.tx, row, self.now()).await?;
        self.acts((&standing.facts().principal).into());
        Ok((standing, service))
    }
}
