//! Grants of OAuth clients: what somebody's session lets a client do. Their refresh tokens are looked up here, and never by our own API's renewal: a
//! client's is of no use there, nor ours here.

use chrono::TimeDelta;
use domain::{
    GrantId, OrgId, Result, SessionId, Time, UserId,
    applications::{
        clients::AuthMethod,
        resource_servers::{Scopes, TokenAlg},
        token_claims::TokenClaims,
    },
    core::value::Slug,
    identity::{accounts::User, authentications::Authentications, sessions::GrantRow},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::next_grant;
use crate::{
    Store, WriteTx,
    applications::platform_clients::next_method,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
    identity::{
        accounts::next_user,
        sign_in_policy::{Entrance, next_entrance},
    },
};

/// What a client was granted in somebody's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientsGrant {
    /// The grant.
    pub grant: GrantRow,
    /// The client.
    pub client: (OrgId, Uuid),
    /// What for.
    pub scopes: Scopes,
    /// The API that access tokens are for, beside userinfo.
    pub audience: Option<String>,
    /// Where the browser was that the client sent to sign in.
    pub ip_address: Option<String>,
    /// The key that tokens are bound to, by its thumbprint (RFC 9449): of a client that keeps no secret, what renews them as well.
    pub key: Option<String>,
    /// When it was granted.
    pub created_at: Time,
}

/// Such a grant with what decides whether it still holds.
#[derive(Clone, Debug)]
pub struct LivingGrant {
    /// What was granted.
    pub granted: ClientsGrant,
    /// The client's name in OAuth.
    pub client_id: String,
    /// How the client shows that it is it.
    pub auth_method: AuthMethod,
    /// What its ID tokens are signed with.
    pub id_token_alg: TokenAlg,
    /// What its ID tokens tell beside what they always do.
    pub claims: TokenClaims,
    /// In whose name.
    pub user: User,
    /// What their session did.
    pub did: Authentications,
    /// For an organization's grant: its slug, and what decides whether they may still be in it.
    pub organization: Option<(Slug, Entrance)>,
    /// When their session began.
    pub signed_in_at: Time,
    /// Until when it lasts unless it is used.
    pub expires_at: Time,
}

/// What lives at `$2`, and whose session began after `$3`. A client that is gone has nothing.
const GRANT: &str = "select g.id, g.session_id, g.user_id, g.org_id, g.client_org_id, g.client_id, g.scope, g.audience, g.ip_address, g.dpop_jkt, g.created_at, c.client_id, c.auth_method, c.id_token_alg, c.token_claims,
      u.realm, u.email, u.is_platform_owner, u.email_verified_at, u.created_at, u.updated_at, u.deleted_at,
      s.authn, o.slug, o.status, m.role, o.sign_in_policy,
      (select count(*) from consents x where x.org_id = g.client_org_id and x.service_id = g.client_id and x.user_id = g.user_id),
      s.created_at, g.refresh_expires_at
    from grants g
    join clients c on c.org_id = g.client_org_id and c.id = g.client_id
    join sessions s on s.id = g.session_id
    join users u on u.id = g.user_id
    left join organizations o on o.id = g.org_id and o.deleted_at is null
    left join memberships m on m.org_id = g.org_id and m.user_id = g.user_id
    where g.revoked_at is null and s.revoked_at is null and s.expires_at > $2 and s.created_at > $3 and u.deleted_at is null";
const BY_ID: Sql = sql!("{grant} and g.id = $1", grant = GRANT);
const LOCK: Sql = sql!("{grant} and g.id = $1 {for no key update of g}", grant = GRANT);
const OF_REFRESH: Sql = sql!("{grant} and g.refresh_hash = $1 and g.refresh_expires_at > $2", grant = GRANT);
const BY_REFRESH: Sql =
    sql!("{grant} and g.refresh_hash = $1 and g.refresh_expires_at > $2 {for no key update of g}", grant = GRANT);

fn read(row: &QueryResult) -> Result<LivingGrant, DbErr> {
    let mut columns = Columns::of(row);
    let grant = next_grant(&mut columns)?;
    let client = (OrgId::new(columns.next()?), columns.next()?);
    let scopes = Scopes::stored(&columns.next::<Option<String>>()?.unwrap_or_default());
    let granted = ClientsGrant {
        client,
        scopes,
        audience: columns.next()?,
        ip_address: columns.next()?,
        key: columns.next()?,
        created_at: columns.next()?,
        grant,
    };
    let client_id = columns.next()?;
    let auth_method = next_method(&mut columns)?;
    let alg: Option<String> = columns.next()?;
    let id_token_alg =
        alg.map_or(Ok(TokenAlg::default()), |name| name.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string())))?;
    let claims = TokenClaims::stored(columns.next::<Option<String>>()?.as_deref());
    let user = next_user(granted.grant.user_id, &mut columns)?;
    let did = Authentications::stored(columns.next::<Option<String>>()?.as_deref());
    let (slug, status): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let entrance = next_entrance(&status.unwrap_or_default(), &mut columns)?;
    // Who is no member goes on for as long as they use the service and let it have something.
    let entrance = entrance.for_guest(columns.next::<i64>()? > 0);
    let organization = slug.map(|slug| (Slug::stored(slug), entrance));
    let (signed_in_at, expires_at) = (columns.next()?, columns.next()?);
    Ok(LivingGrant { granted, client_id, auth_method, id_token_alg, claims, user, did, organization, signed_in_at, expires_at })
}

async fn one(db: &impl ConnectionTrait, sql: Sql, key: Value, (now, longest): (Time, TimeDelta)) -> Result<Option<LivingGrant>> {
    let row = sql::one(db, sql, vec![key, now.into(), (now - longest).into()]).await?;
    row.map(|row| read(&row)).transpose().map_err(from_db)
}

impl Store {
    /// A client's grant that an access token names, while everything lives that it depends on.
    pub async fn living_grant(&self, id: GrantId, now: Time, longest: TimeDelta) -> Result<Option<LivingGrant>> {
        one(&self.db, BY_ID, id.uuid().into(), (now, longest)).await
    }
}

impl Store {
    /// A client's grant by its refresh token, for a client that keeps it.
    pub async fn grant_of_clients_refresh(&self, hash: &str, now: Time, longest: TimeDelta) -> Result<Option<LivingGrant>> {
        one(&self.db, OF_REFRESH, hash.into(), (now, longest)).await
    }
}

const INSERT: Sql = sql!(
    "insert into grants
      (id, session_id, user_id, org_id, client_org_id, client_id, scope, audience, ip_address, dpop_jkt, refresh_hash,
       refresh_expires_at, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
);
/// Whose it is, and when it was used if it was; of a grant that lives.
const OWNER: Sql = sql!(
    "select g.id, g.session_id, g.user_id, g.org_id, g.client_org_id, g.client_id,
      (select t.spent_at from spent_refresh_tokens t where t.hash = $1)
    from grants g
    where g.client_id is not null and g.revoked_at is null
      and (g.refresh_hash = $1 or g.id = (select t.grant_id from spent_refresh_tokens t where t.hash = $1))"
);
const KEEP_MEMBER: Sql = sql!("select 1 from memberships where org_id = $1 and user_id = $2 {for share}");
const COUNT: Sql =
    sql!("select count(*) from grants where session_id = $1 and client_org_id = $2 and client_id = $3 and revoked_at is null");
const EXTEND: Sql = sql!("update grants set refresh_expires_at = $2 where id = $1");

/// Whose a refresh token is.
#[derive(Clone, Debug)]
pub struct RefreshOwner {
    /// The grant.
    pub grant: GrantRow,
    /// The client.
    pub client: (OrgId, Uuid),
    /// When the token was used, by the database's clock; `None`: it is the grant's current one.
    pub spent_at: Option<Time>,
}

fn owner(row: &QueryResult) -> Result<RefreshOwner, DbErr> {
    let mut columns = Columns::of(row);
    let grant = next_grant(&mut columns)?;
    let client = (OrgId::new(columns.next()?), columns.next()?);
    Ok(RefreshOwner { grant, client, spent_at: columns.next()? })
}

impl WriteTx {
    /// Adds a client's grant, and keeps its session alive as long. Without a refresh token the hash is of something that nobody has.
    pub async fn insert_clients_grant(&self, g: &ClientsGrant, refresh_hash: &str, expires_at: Time) -> Result<()> {
        let values = vec![
            g.grant.id.uuid().into(),
            g.grant.session_id.uuid().into(),
            g.grant.user_id.uuid().into(),
            g.grant.org_id.uuid().into(),
            g.client.0.uuid().into(),
            g.client.1.into(),
            g.scopes.to_string().into(),
            g.audience.as_deref().into(),
            g.ip_address.as_deref().into(),
            g.key.as_deref().into(),
            refresh_hash.into(),
            expires_at.into(),
            g.created_at.into(),
        ];
        sql::execute(&self.tx, INSERT, values).await?;
        self.touch_session(g.grant.session_id, expires_at).await
    }

    /// Keeps somebody a member until the transaction ends: their removal waits, and then ends what was granted meanwhile. `false`: they are none.
    pub async fn keep_member(&self, org: OrgId, user: UserId) -> Result<bool> {
        Ok(sql::one(&self.tx, KEEP_MEMBER, vec![org.uuid().into(), user.uuid().into()]).await?.is_some())
    }

    /// How many grants that live a client has of a session.
    pub async fn count_clients_grants(&self, session: SessionId, client: (OrgId, Uuid)) -> Result<i64> {
        sql::count(&self.tx, COUNT, vec![session.uuid().into(), client.0.uuid().into(), client.1.into()]).await
    }

    /// A client's grant that was just made, or that an access token names.
    pub async fn living_grant(&self, id: GrantId, longest: TimeDelta) -> Result<Option<LivingGrant>> {
        one(&self.tx, BY_ID, id.uuid().into(), (self.now(), longest)).await
    }

    /// A client's grant, locked: of two who end it one waits here, and then finds that it does not live.
    pub async fn lock_living_grant(&self, id: GrantId, longest: TimeDelta) -> Result<Option<LivingGrant>> {
        one(&self.tx, LOCK, id.uuid().into(), (self.now(), longest)).await
    }

    /// A client's grant by its refresh token, locked: of two racers one waits here.
    pub async fn present_clients_refresh(&self, hash: &str, longest: TimeDelta) -> Result<Option<LivingGrant>> {
        one(&self.tx, BY_REFRESH, hash.into(), (self.now(), longest)).await
    }

    /// Whose a refresh token of a client is or was, while its grant lives.
    pub async fn owner_of_refresh(&self, hash: &str) -> Result<Option<RefreshOwner>> {
        let row = sql::one(&self.tx, OWNER, vec![hash.into()]).await?;
        row.map(|row| owner(&row)).transpose().map_err(from_db)
    }

    /// Lets a grant whose refresh token stays live on, and its session as long.
    pub async fn extend_grant(&self, grant: &GrantRow, until: Time) -> Result<()> {
        sql::execute(&self.tx, EXTEND, vec![grant.id.uuid().into(), until.into()]).await?;
        self.touch_session(grant.session_id, until).await
    }
}
