//! A database full of organizations, and callers who hold valid tokens for them.

use std::sync::Arc;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use crypto::{Hasher, HasherConfig, KeySet, Keyring, MasterKeys, OsRandom};
use domain::{
    Clock, GrantId, OrgId, SessionId, UserId,
    core::{clock::SystemClock, value::Slug},
    identity::sessions::{ACCESS_TYP, AccessClaims},
};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use store::Store;
use uuid::Uuid;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "a long sentence only I know";
/// The master key of every benchmark.
pub(crate) const MASTER: &str = "k1:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
/// The issuer of tokens.
pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";
/// How many callers take turns, whatever the size of the database.
const CALLERS: i64 = 5000;

/// Somebody with an access token.
pub(crate) struct Caller {
    /// The number that all their rows are made of.
    pub(crate) number: i64,
    /// An organization of theirs.
    pub(crate) org: Uuid,
    pub(crate) slug: String,
    /// It has more than 50 members.
    pub(crate) large: bool,
    pub(crate) owner: bool,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

/// A seeded database.
pub(crate) struct Dataset {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
    pub(crate) store: Store,
    pub(crate) orgs: i64,
    pub(crate) callers: Vec<Caller>,
}

/// The id of the `n`th row of a kind: 1 user, 2 organization, 3 membership, 4 session, 5 grant.
pub(crate) fn id(kind: u128, n: i64) -> Uuid {
    Uuid::from_u128(kind << 96 | 0x7000_8000 << 48 | u128::from(n.cast_unsigned()))
}

fn org_of(membership: i64) -> i64 {
    let place = membership % 100;
    membership / 100 * 10 + if place < 55 { 0 } else { 1 + (place - 55) / 5 }
}

fn refresh_token(n: i64) -> String {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&n.to_be_bytes());
    format!("rt_{}", URL_SAFE_NO_PAD.encode(bytes))
}

impl Dataset {
    /// Opens the migrated database at `url`; fills it, unless it is full already.
    pub(crate) async fn open(url: &str, orgs: i64) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(4).connect(url).await.context(url.to_owned())?;
        let found: i64 = sqlx::query_scalar("select count(*) from organizations").fetch_one(&pool).await?;
        if found == 0 {
            fill(&pool, orgs).await?;
        }
        let keyring = Keyring::new(MasterKeys::parse(MASTER).map_err(anyhow::Error::msg)?);
        let settings = store::Settings {
            url: url.to_owned(),
            max_connections: 1,
            application_name: "bench".to_owned(),
            create: false,
            session: store::Session::default(),
        };
        let store = Store::open(&settings, keyring, Arc::new(OsRandom::new())).await?;
        store.load_data_keys(SystemClock.now()).await?;
        let callers = callers(&store, orgs).await?;
        unspend(&pool, &callers).await?;
        Ok(Self { url: url.to_owned(), pool, store, orgs, callers })
    }
}

async fn fill(pool: &PgPool, orgs: i64) -> Result<()> {
    let hash = Hasher::start(HasherConfig::default()).hash(PASSWORD).await?;
    let text = include_str!("seed.sql").replace("$orgs", &format!("{orgs}::bigint")).replace("$hash", &hash);
    let mut one = pool.acquire().await?;
    sqlx::raw_sql("set synchronous_commit = off").execute(&mut *one).await?;
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *one).await?;
    sqlx::raw_sql("vacuum analyze").execute(&mut *one).await?;
    sqlx::raw_sql("checkpoint").execute(&mut *one).await?;
    one.close().await?;
    Ok(())
}

/// Makes the callers' refresh tokens current again, where an earlier scenario has used them, and their grants alive, where they came
/// twice.
async fn unspend(pool: &PgPool, callers: &[Caller]) -> Result<()> {
    sqlx::raw_sql("truncate spent_refresh_tokens").execute(pool).await?;
    let ids: Vec<_> = callers.iter().map(|c| id(5, c.number)).collect();
    let hashes: Vec<_> = callers.iter().map(|c| crypto::opaque::hash(&c.refresh)).collect();
    let renew = "update grants g set refresh_hash = x.hash, revoked_at = null from unnest($1::uuid[], $2::text[]) x(id, hash)
where g.id = x.id and (g.refresh_hash <> x.hash or g.revoked_at is not null)";
    sqlx::query(renew).bind(ids).bind(hashes).execute(pool).await?;
    Ok(())
}

/// Callers all over the database: 7919 has no divisor in common with the number of people.
async fn callers(store: &Store, orgs: i64) -> Result<Vec<Caller>> {
    let now = SystemClock.now();
    let keys = store.signing_keys(now).await?;
    let alg = keys.first().context("the API has not been started on this database")?.key.alg();
    let keys = KeySet::new(keys.into_iter().map(|key| (key.key, key.active_from, key.retired_at)).collect());
    let caller = |i: i64| {
        let number = i * 7919 % (orgs * 5);
        let (org, place) = (org_of(number), number % 100);
        let slug = format!("org-{org}");
        let claims = AccessClaims {
            token_use: "management_access".to_owned(),
            sub: UserId::new(id(1, number)),
            email: format!("user{number}@example.com"),
            is_platform_owner: false,
            sid: SessionId::new(id(4, number)),
            gid: GrantId::new(id(5, number)),
            org: Some(Slug::stored(slug.clone())),
            org_id: Some(OrgId::new(id(2, org))),
            aud: format!("org:{slug}"),
            iss: ISSUER.to_owned(),
            jti: Uuid::from_u128(number.cast_unsigned().into()).to_string(),
            iat: now.timestamp(),
            exp: now.timestamp() + 7200,
        };
        Ok(Caller {
            number,
            org: OrgId::new(id(2, org)).uuid(),
            slug,
            large: place < 55,
            owner: place == 0 || place >= 55 && place % 5 == 0,
            token: keys.sign_with(alg, ACCESS_TYP, &claims, now)?,
            refresh: refresh_token(number),
        })
    };
    (0..CALLERS.min(orgs * 5)).map(caller).collect()
}
