//! A client at the token endpoint: who it is, and what it may have tokens for. One statement looks at the client and the API that it names.

use domain::{
    OrgId, PLATFORM, Result, Time,
    applications::{
        client_grants::{Allowed, SubjectType, TokenClient},
        clients::{AuthMethod, ClientKeys},
        resource_servers::{Audience, Scopes},
    },
    core::value::Slug,
    tenancy::organizations::OrgStatus,
};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use super::{
    client_grants::next_organizations,
    platform_clients::{next_keys, next_method},
    resource_servers::next_terms,
};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization},
    },
};

/// Only written as SQL.
pub(crate) const SEEN: Table = Table {
    name: "seen",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!("delete from seen where (scope, digest) in (select scope, digest from seen where expires_at < $1 limit $2)"),
    ),
    with_organization: WithOrganization::NotOfOne,
};

/// A client that somebody says they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Its row.
    pub id: Uuid,
    /// Its name in OAuth.
    pub client_id: String,
    /// Whose it is.
    pub of: TokenClient,
    /// How it has to show that it is it.
    pub auth_method: AuthMethod,
    /// Its keys.
    pub keys: Option<ClientKeys>,
    /// Whether the secret whose hash was presented is one of its own, and works.
    pub secret_is_right: bool,
    /// What it may have tokens for in its own name, where the same statement was asked ([`Store::public_token_client_for`]).
    pub allowed: Option<Vec<Allowed>>,
}

/// Whether a text can be a client's name in OAuth: none is longer, and PostgreSQL has no NUL in texts.
pub(super) fn could_be_a_client(client_id: &str) -> bool {
    client_id.len() <= 100 && client_id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `$1` client id, `$2` hash of the secret, `$3` now. A client of an organization that is not there, or not active, is none.
const FIND: Sql = sql!(
    "select c.id, c.client_id, c.org_id, o.slug, o.status, c.auth_method, c.jwks, s.hash
    from clients c
    left join organizations o on o.id = c.org_id and o.deleted_at is null
    left join client_secrets s on s.org_id = c.org_id and s.client_id = c.id and s.hash = $2
      and (s.expires_at is null or s.expires_at > $3)
    where c.client_id = $1"
);

/// The same with what a client of the platform may have tokens for in its own name, as [`ALLOWED`] reads it: `$4` names an API, or is empty; `$5` is an
/// organization, or nil. What is not of that API comes last, if at all.
const FIND_FOR: Sql = sql!(
    "select c.id, c.client_id, c.org_id, o.slug, o.status, c.auth_method, c.jwks, s.hash,
      r.identifier, g.created_at, g.scopes, g.organization_usage, g.allow_any_organization, a.created_at, r.scopes,
      r.token_alg, r.token_seconds
    from clients c
    left join organizations o on o.id = c.org_id and o.deleted_at is null
    left join client_secrets s on s.org_id = c.org_id and s.client_id = c.id and s.hash = $2
      and (s.expires_at is null or s.expires_at > $3)
    left join client_grants g on g.org_id = c.org_id and g.client_id = c.id and g.subject_type = 'client'
    left join resource_servers r on r.org_id = g.org_id and r.id = g.resource_server_id and ($4 = '' or r.identifier = $4)
    left join org_client_grants a on a.org_id = $5 and a.client_grant_id = g.id
    where c.client_id = $1
    order by r.identifier is null
    limit 2"
);

fn presented(columns: &mut Columns<'_>) -> Result<Option<Presented>, DbErr> {
    let (id, client_id, org) = (columns.next()?, columns.next()?, OrgId::new(columns.next()?));
    let (slug, status): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let of = match slug {
        _ if org == PLATFORM => TokenClient::Platform,
        Some(slug) if status.as_deref() == Some(OrgStatus::Active.as_str()) => TokenClient::Of(org, Slug::stored(slug)),
        _ => return Ok(None),
    };
    let (auth_method, keys) = (next_method(columns)?, next_keys(columns)?);
    let secret_is_right = columns.next::<Option<String>>()?.is_some();
    Ok(Some(Presented { id, client_id, of, auth_method, keys, secret_is_right, allowed: None }))
}

/// One row of [`FIND_FOR`] each for what it may have tokens for; one without, if that is nothing.
fn presented_for(rows: &[QueryResult]) -> Result<Option<Presented>, DbErr> {
    let (mut found, mut all) = (None, Vec::new());
    for row in rows {
        let mut columns = Columns::of(row);
        found = presented(&mut columns)?;
        if let Some(audience) = columns.next::<Option<String>>()? {
            all.push(allowed(Audience::stored(audience), &mut columns)?);
        }
    }
    // A service has its own APIs, which are not granted to it.
    let told = |client: &Presented| matches!(client.of, TokenClient::Platform);
    Ok(found.map(|client: Presented| Presented { allowed: told(&client).then_some(all), ..client }))
}

/// What client `$2` of `$1` may have tokens for: the platform's what it was granted in that name (`$4`), a service's its own. Two are enough to know
/// that there is more than one; `$3` names one, or is empty. `$5`: the organization that is asked about; nil: none is.
const ALLOWED: Sql = sql!(
    "select r.identifier, g.created_at, g.scopes, g.organization_usage, g.allow_any_organization, a.created_at, r.scopes,
      r.token_alg, r.token_seconds
    from client_grants g
    join resource_servers r on r.org_id = g.org_id and r.id = g.resource_server_id
    left join org_client_grants a on a.org_id = $5 and a.client_grant_id = g.id
    where g.org_id = $1 and g.client_id = $2 and ($3 = '' or r.identifier = $3) and g.subject_type = $4
    limit 2"
);
const ALLOWED_OF_SERVICE: Sql = sql!(
    "select r.identifier, r.created_at, null as granted, 'allow' as usage, r.org_id = $5 as any_one, null as named, r.scopes,
      r.token_alg, r.token_seconds
    from resource_servers r
    where r.org_id = $1 and r.service_id = $2 and ($3 = '' or r.identifier = $3) and $4 <> ''
    limit 2"
);

fn allowed(audience: Audience, columns: &mut Columns<'_>) -> Result<Allowed, DbErr> {
    let since = columns.next()?;
    let granted = columns.next::<Option<String>>()?.map(|text| Scopes::stored(&text));
    let organizations = next_organizations(columns)?;
    let named_since = columns.next()?;
    let (defined, alg, life) = next_terms(columns)?;
    // What the API does not define any more, nobody is granted.
    let scopes = granted.map_or_else(|| defined.clone(), |granted| granted.within(&defined));
    Ok(Allowed { audience, scopes, alg, life, since, organizations, named_since })
}

impl Store {
    /// The client of this name, and whether a secret with this hash is its own. The name may be anything that a stranger sent.
    pub async fn public_token_client(&self, client_id: &str, secret_hash: &str, now: Time) -> Result<Option<Presented>> {
        if !could_be_a_client(client_id) {
            return Ok(None);
        }
        let row = sql::one(&self.db, FIND, vec![client_id.into(), secret_hash.into(), now.into()]).await?;
        row.map(|row| presented(&mut Columns::of(&row))).transpose().map(Option::flatten).map_err(from_db)
    }

    /// The same, and what a client of the platform may have tokens for in its own name: of an API, or of all (two at most), and whether that may be for an
    /// organization.
    pub async fn public_token_client_for(
        &self,
        (client_id, secret_hash): (&str, &str),
        (audience, for_one): (Option<&str>, Option<OrgId>),
        now: Time,
    ) -> Result<Option<Presented>> {
        if !could_be_a_client(client_id) {
            return Ok(None);
        }
        let for_one = for_one.unwrap_or(PLATFORM).uuid();
        let values = vec![client_id.into(), secret_hash.into(), now.into(), audience.unwrap_or_default().into(), for_one.into()];
        presented_for(&sql::all(&self.db, FIND_FOR, values).await?).map_err(from_db)
    }

    /// What a client that has shown who it is may have tokens for, in that name: of the API that it names, or of all; two at most.
    pub async fn public_allowed(
        &self,
        client: (OrgId, Uuid),
        subject: SubjectType,
        audience: Option<&str>,
    ) -> Result<Vec<Allowed>> {
        self.public_allowed_for(client, subject, (audience, None)).await
    }

    /// The same, with whether that may be for an organization. A service acts in its own.
    pub async fn public_allowed_for(
        &self,
        (org, id): (OrgId, Uuid),
        subject: SubjectType,
        (audience, for_one): (Option<&str>, Option<OrgId>),
    ) -> Result<Vec<Allowed>> {
        let text = if org == PLATFORM { ALLOWED } else { ALLOWED_OF_SERVICE };
        let for_one = for_one.unwrap_or(PLATFORM).uuid();
        let values =
            vec![org.uuid().into(), id.into(), audience.unwrap_or_default().into(), subject.as_str().into(), for_one.into()];
        sql::read_all(&sql::all(&self.db, text, values).await?, |row| {
            let mut columns = Columns::of(row);
            allowed(Audience::stored(columns.next()?), &mut columns)
        })
    }
}

/// One that ran out and was not deleted yet counts as new.
const SEE: Sql = sql!(
    "insert into seen as s (scope, digest, expires_at)
    values ($1, $2, $3)
    on conflict (scope, digest) do update set expires_at = excluded.expires_at where s.expires_at <= $4"
);

impl WriteTx {
    /// Uses something up that works once, until then. `false`: it was used before.
    pub async fn see_once(&self, scope: &str, digest: &str, until: Time) -> Result<bool> {
        let values = vec![scope.into(), digest.into(), until.into(), self.now().into()];
        Ok(sql::execute(&self.tx, SEE, values).await? == 1)
    }
}
