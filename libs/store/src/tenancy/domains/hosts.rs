//! Organizations' own hosts. What is known of a host stands in the organization's row as well, which nearly every answer shows; both are
//! written here.

use domain::{
    OrgId, Result,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::Host,
    },
    core::value::{Name, Slug},
    tenancy::domains::{Domain, DomainName},
};
use sea_orm::DbErr;
use uuid::Uuid;

use super::{DELETE, DOMAIN, DOMAINS_HOST, INSERT, one, save_state, values};
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, on, retry},
        sql::{self, Columns, Sql, sql},
    },
};

const GET: Sql = sql!("select {domain} from domains where org_id = $1 and kind = 'host'", domain = DOMAIN);
const LOCK: Sql = sql!("select {domain} from domains where org_id = $1 and kind = 'host' {for update}", domain = DOMAIN);
const IS_TAKEN: Sql =
    sql!("select 1 from domains where domain = $2 and org_id <> $1 and kind = 'host' and verified_at is not null");
const OF_HOST: Sql = sql!(
    "select o.id, o.slug, o.name, d.token
    from domains d join organizations o on o.id = d.org_id
    where d.domain = $1 and d.kind = 'host' and d.verified_at is not null and o.status = 'active' and o.deleted_at is null"
);

/// Whose host it is, as everybody may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicHost {
    /// The organization.
    pub org: OrgId,
    /// The organization's.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
    /// What is published to prove the host.
    pub token: Uuid,
}

impl Store {
    /// The organization's host, proven or not.
    pub async fn host(&self, scope: OrgScope<'_, Host, Read>) -> Result<Option<Domain>> {
        one(&self.db, GET, vec![scope.org().uuid().into()]).await
    }

    /// The active organization that has proven a host: what a request to that host is about, whoever makes it.
    pub async fn public_host(&self, host: &DomainName) -> Result<Option<PublicHost>> {
        let Some(row) = sql::one(&self.db, OF_HOST, vec![host.as_str().into()]).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let mut next = || -> Result<_, DbErr> { Ok((columns.next()?, columns.next()?, columns.next()?, columns.next()?)) };
        let (org, slug, name, token) = next().map_err(from_db)?;
        Ok(Some(PublicHost { org: OrgId::new(org), slug: Slug::stored(slug), name: Name::stored(name), token }))
    }
}

const SHOW: Sql = sql!(
    "update organizations
    set custom_domain = $2, domain_verified = $3, version = version + 1, updated_at = $4
    where id = $1 and (domain_verified <> $3 or coalesce(custom_domain, '') <> coalesce($2, ''))"
);
const VERIFIED: Sql =
    sql!("select domain from domains where org_id = $1 and kind = 'host' and verified_at is not null {for share}");

// A host's name holds nothing that `like` takes for something else.
const END_RESOURCES: Sql = sql!(
    "delete from resource_servers
    where org_id = $1 and (identifier = $2 or identifier like $2 || '/%' or identifier like $2 || ':%' or identifier like $2 || '?%')
    returning identifier"
);

/// Shows in the organization's row what is known of its host.
pub(super) async fn show(tx: &WriteTx, org: OrgId, host: Option<&Domain>) -> Result<()> {
    let name = host.map(|host| host.name.as_str().to_owned());
    let values = vec![org.uuid().into(), name.into(), host.is_some_and(Domain::is_verified).into(), tx.now().into()];
    sql::execute(&tx.tx, SHOW, values).await?;
    Ok(())
}

/// Ends what rests on a host that is the organization's no more: the resource URIs of its services below that. Answers them, in their order.
pub(super) async fn end_resources(tx: &WriteTx, host: &Domain) -> Result<Vec<String>> {
    let values = vec![host.org_id.uuid().into(), format!("https://{}", host.name).into()];
    let rows = sql::all(&tx.tx, END_RESOURCES, values).await?;
    let mut ended: Vec<String> = sql::read_all(&rows, |row| row.try_get_by_index(0))?;
    ended.sort();
    Ok(ended)
}

async fn remove(tx: &WriteTx, host: &Domain) -> Result<Vec<String>> {
    sql::execute(&tx.tx, DELETE, vec![host.org_id.uuid().into(), host.id.uuid().into()]).await?;
    end_resources(tx, host).await
}

impl WriteTx {
    /// The organization's host, locked until the transaction ends.
    pub async fn lock_host(&self, scope: OrgScope<'_, Host, Write>) -> Result<Option<Domain>> {
        one(&self.tx, LOCK, vec![scope.org().uuid().into()]).await
    }

    /// Whether another organization has proven it.
    pub async fn is_anothers_host(&self, scope: OrgScope<'_, Host, Write>, host: &DomainName) -> Result<bool> {
        let values = vec![scope.org().uuid().into(), host.as_str().into()];
        Ok(sql::one(&self.tx, IS_TAKEN, values).await?.is_some())
    }

    /// Claims a host in the place of the one that was locked. Answers the resource URIs that ended with that.
    pub async fn set_host(&self, _: OrgScope<'_, Host, Write>, before: Option<&Domain>, host: &Domain) -> Result<Vec<String>> {
        let ended = match before {
            Some(before) => remove(self, before).await?,
            None => Vec::new(),
        };
        sql::try_execute(&self.tx, INSERT, values(host)).await.map_err(on(&DOMAINS_HOST, retry))?;
        show(self, host.org_id, Some(host)).await?;
        Ok(ended)
    }

    /// Writes that a locked host was proven. `AlreadyExists` (`domain_taken`): another organization was quicker.
    pub async fn save_host(&self, _: OrgScope<'_, Host, Write>, host: &Domain) -> Result<()> {
        save_state(&self.tx, host).await?;
        show(self, host.org_id, Some(host)).await
    }

    /// Gives a locked host up. Answers the resource URIs that ended with it.
    pub async fn delete_host(&self, _: OrgScope<'_, Host, Write>, host: &Domain) -> Result<Vec<String>> {
        let ended = remove(self, host).await?;
        show(self, host.org_id, None).await?;
        Ok(ended)
    }

    /// Hosts that the organization has proven to be its own: its resource URIs lie under these. They stay so until the transaction ends.
    pub async fn verified_hosts(&self, org: OrgId) -> Result<Vec<String>> {
        let rows = sql::all(&self.tx, VERIFIED, vec![org.uuid().into()]).await?;
        sql::read_all(&rows, |row| row.try_get_by_index(0))
    }
}
