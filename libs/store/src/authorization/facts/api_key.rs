//! An API key's facts: the secret, its key, organization and counters.

use domain::{
    Result, Time,
    applications::api_keys::{self, ApiKey},
    authorization::{
        policy::{Access, Standing, Write},
        principal::{ApiKeyCredential, Principal},
    },
    core::value::Slug,
    identity::entry::SignInPolicy,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::{Found, assemble};
use crate::{
    Store, WriteTx,
    applications::api_keys::{KEY, read_key},
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
    tenancy::organizations::ORGANIZATION,
};

const BY_SECRET: Sql = sql!(
    "select {key}
    from api_key_secrets s
    join api_keys k on k.org_id = s.org_id and k.id = s.api_key_id
    join organizations h on h.id = k.org_id
    where {alive}",
    key = KEY,
    alive = ALIVE
);
/// The secret works, and the organization it belongs to was not deleted.
const ALIVE: &str = "s.hash = $1 and (s.expires_at is null or s.expires_at > $2) and h.deleted_at is null";

const FACTS: Sql = sql!(
    "select {key}, {organization}
    from api_key_secrets s
    join api_keys k on k.org_id = s.org_id and k.id = s.api_key_id
    join organizations h on h.id = k.org_id
    left join organizations o on o.slug = $3
    left join org_counters c on c.org_id = o.id
    where {alive}",
    key = KEY,
    organization = ORGANIZATION,
    alive = ALIVE
);
/// The same on PostgreSQL inside a write: the key stays as it is. Whoever is about to change or revoke it goes first.
const FACTS_SHARED: Sql = sql!(
    "select {key}, {organization}
    from api_key_secrets s
    join api_keys k on k.org_id = s.org_id and k.id = s.api_key_id
    join organizations h on h.id = k.org_id
    left join organizations o on o.slug = $3
    left join org_counters c on c.org_id = o.id
    where {alive}
      and (select pg_advisory_xact_lock_shared(hashtextextended($4::uuid::text, 0))) is not null
    {for share of k, s}",
    key = KEY,
    organization = ORGANIZATION,
    alive = ALIVE
);

pub(super) async fn find(db: &impl ConnectionTrait, who: &ApiKeyCredential, now: Time) -> Result<ApiKey> {
    let key = by_hash(db, &who.hash, now).await?.ok_or_else(api_keys::invalid)?;
    key.usable(now, who.from)?;
    Ok(key)
}

async fn by_hash(db: &impl ConnectionTrait, hash: &str, now: Time) -> Result<Option<ApiKey>> {
    let row = sql::one(db, BY_SECRET, vec![hash.into(), now.into()]).await?;
    row.map(|row| read_key(&mut Columns::of(&row))).transpose().map_err(from_db)
}

fn values(who: &ApiKeyCredential, now: Time, slug: &Slug) -> Vec<Value> {
    vec![who.hash.as_str().into(), now.into(), slug.as_str().into()]
}

pub(super) async fn read<A: Access>(
    store: &Store,
    who: &ApiKeyCredential,
    slug: &Slug,
    now: Time,
) -> Result<Standing<'static, A>> {
    let row = sql::one(&store.db, FACTS, values(who, now, slug)).await?.ok_or_else(api_keys::invalid)?;
    assemble(store, &store.db, usable(&row, who, now)?, now).await
}

pub(super) async fn lock<'t>(tx: &'t WriteTx, who: &ApiKeyCredential, slug: &Slug) -> Result<Standing<'t, Write>> {
    let (now, mut values) = (tx.now(), values(who, tx.now(), slug));
    let text = if tx.is_sqlite() {
        FACTS
    } else {
        values.push(who.id.uuid().into());
        FACTS_SHARED
    };
    let row = sql::one(&tx.tx, text, values).await?.ok_or_else(api_keys::invalid)?;
    assemble(&tx.store, &tx.tx, usable(&row, who, now)?, now).await
}

fn usable<'r>(row: &'r QueryResult, who: &ApiKeyCredential, now: Time) -> Result<Found<'r>> {
    let (key, org, columns) = read_facts(row).map_err(from_db)?;
    key.usable(now, who.from)?;
    Ok(Found { principal: Principal::ApiKey(key), role: None, has_further: false, policy: SignInPolicy::default(), org, columns })
}

fn read_facts(row: &QueryResult) -> Result<(ApiKey, Option<uuid::Uuid>, Columns<'_>), DbErr> {
    let mut columns = Columns::of(row);
    let key = read_key(&mut columns)?;
    let org = columns.next()?;
    Ok((key, org, columns))
}

impl Store {
    /// The key whose secret has this hash, if the secret works now; for whoever is about to authenticate with it.
    pub async fn authenticate_api_key(&self, hash: &str, now: Time) -> Result<Option<ApiKey>> {
        by_hash(&self.db, hash, now).await
    }
}
