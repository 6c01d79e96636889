//! Signing in through organizations' identity providers: whom they know ([`identities`]), who is on the way to one ([`logins`]), and what became of
//! those who came back ([`attempts`]).

pub mod attempts;
pub mod identities;
pub mod logins;
pub mod own;
pub mod saml_sessions;
pub(crate) mod table;

use domain::{
    ConnectionId, OrgId, Result,
    core::value::Name,
    identity::connections::{ClientPassword, Connection, ConnectionSlug, Protocol, documents::Keys},
    tenancy::organizations::OrgStatus,
};
use sea_orm::DbErr;

use super::connections::one_connection;
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// A way in that a page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The connection.
    pub id: ConnectionId,
    /// Its name in requests.
    pub slug: ConnectionSlug,
    /// Its name for people.
    pub name: Name,
    /// What is spoken.
    pub protocol: Protocol,
}

/// What is spoken with those through which people can sign in.
pub(super) const SPOKEN: &str = "('oidc', 'oauth2', 'saml')";
const WAYS: Sql = sql!(
    "select c.id, c.slug, c.name, c.protocol
    from org_connections o
    join connections c on c.org_id = o.owner and c.id = o.connection_id
    where o.org_id = $1 and o.enabled and c.protocol in {spoken}
    order by c.name, c.id
    limit 50",
    spoken = SPOKEN
);
/// The connection to which the people of `$2` are led, a domain that `$1` proved to be its own.
const LED: &str = "domains d
    join domain_routes r on r.org_id = d.org_id and r.domain_id = d.id
    join org_connections o on o.org_id = r.org_id and o.owner = r.org_id and o.connection_id = r.connection_id and o.enabled
    join connections c on c.org_id = r.org_id and c.id = r.connection_id
    where d.org_id = $1 and d.kind = 'sign_in' and d.domain = $2 and d.verified_at is not null";
const ANNOUNCED_WAY: Sql = sql!(
    "select c.id, c.slug, c.name, c.protocol from {led} and c.protocol in {spoken} and d.announce",
    led = LED,
    spoken = SPOKEN
);
const ONLY_WAY: Sql = sql!(
    "select c.id, c.slug, c.name, c.protocol from {led} and c.protocol in {spoken} and d.login_policy = 'upstream_only'",
    led = LED,
    spoken = SPOKEN
);
const NAME: Sql = sql!(
    "select c.name
    from org_connections o
    join connections c on c.org_id = o.owner and c.id = o.connection_id
    join organizations org on org.id = o.org_id
    where o.org_id = $1 and o.connection_id = $2 and o.enabled and c.generation = $3 and c.protocol in {spoken}
      and org.deleted_at is null and org.status = 'active'",
    spoken = SPOKEN
);
const STATUS: Sql = sql!("select o.status from organizations o where o.id = $1 and o.deleted_at is null");

fn way(row: &sea_orm::QueryResult) -> Result<Way, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Way {
        id: ConnectionId::new(columns.next()?),
        slug: ConnectionSlug::stored(columns.next()?),
        name: Name::stored(columns.next()?),
        protocol: columns.next::<String>()?.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()))?,
    })
}

/// A connection through which somebody wants to sign in.
pub struct Upstream {
    /// The connection.
    pub connection: Connection,
    /// What we show to be its client.
    pub secret: Option<ClientPassword>,
}

impl Store {
    /// The connections that an organization's page offers, by name.
    pub async fn public_ways(&self, org: OrgId) -> Result<Vec<Way>> {
        sql::read_all(&sql::all(&self.db, WAYS, vec![org.uuid().into()]).await?, way)
    }

    /// Where people with addresses of a domain sign in to an organization that lets that be known.
    pub async fn public_route(&self, org: OrgId, domain: &str) -> Result<Option<Way>> {
        let row = sql::one(&self.db, ANNOUNCED_WAY, vec![org.uuid().into(), domain.into()]).await?;
        row.map(|row| way(&row)).transpose().map_err(from_db)
    }

    /// What people know a connection of an active organization by, while it is what it was in a generation.
    pub async fn public_connection_name(&self, org: OrgId, id: ConnectionId, generation: i64) -> Result<Option<Name>> {
        let row = sql::one(&self.db, NAME, vec![org.uuid().into(), id.uuid().into(), generation.into()]).await?;
        row.map(|row| row.try_get_by_index(0).map(Name::stored)).transpose().map_err(from_db)
    }

    /// A connection of an active organization, with its secret, while people may sign in through it. `None`: they may not.
    pub async fn public_upstream(&self, org: OrgId, id: ConnectionId) -> Result<Option<Upstream>> {
        Ok(self.upstream_to_try(org, id).await?.filter(|upstream| upstream.connection.enabled))
    }

    /// The same, also while it is switched off, for whoever tries it: nobody is signed in by that.
    pub async fn upstream_to_try(&self, org: OrgId, id: ConnectionId) -> Result<Option<Upstream>> {
        let status = sql::one(&self.db, STATUS, vec![org.uuid().into()]).await?;
        let status: Option<String> = status.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        if status.is_none_or(|status| status.parse() != Ok(OrgStatus::Active)) {
            return Ok(None);
        }
        let Some((connection, sealed)) = one_connection(&self.db, org, id).await? else { return Ok(None) };
        let secret = match sealed {
            Some(sealed) => Some(self.open_client_secret(org, id, sealed).await?),
            None => None,
        };
        Ok(Some(Upstream { connection, secret }))
    }
}

const COUNTS: Sql = sql!(
    "select 1
    from org_connections o
    join connections c on c.org_id = o.owner and c.id = o.connection_id
    where o.org_id = $1 and o.connection_id = $2 and o.enabled and c.generation = $3"
);
const KEEP_KEYS: Sql = sql!(
    "update connection_documents set content = $3, fetched_at = $4
    where org_id = $1 and connection_id = $2 and kind = 'keys'
      and exists (select 1 from connections c where c.org_id = $1 and c.id = $2 and c.generation = $5)"
);

impl WriteTx {
    /// Whether what came through a connection in a generation counts now.
    pub async fn connection_counts(&self, org: OrgId, id: ConnectionId, generation: i64) -> Result<bool> {
        let values = vec![org.uuid().into(), id.uuid().into(), generation.into()];
        Ok(sql::one(&self.tx, COUNTS, values).await?.is_some())
    }

    /// The provider's keys are others now, if the connection is still the one that was looked at.
    pub async fn keep_keys(&self, connection: &Connection, keys: &Keys) -> Result<()> {
        let content = serde_json::to_string(keys).map_err(domain::Error::internal)?;
        let of = [connection.org_id.uuid().into(), connection.id.uuid().into()];
        let values = of.into_iter().chain([content.into(), self.now().into(), connection.generation.into()]).collect();
        sql::execute(&self.tx, KEEP_KEYS, values).await.map(|_| ())
    }

    /// The connection that is the only way into an organization for a domain's people.
    pub async fn only_way(&self, org: OrgId, domain: &str) -> Result<Option<Way>> {
        let row = sql::one(&self.tx, ONLY_WAY, vec![org.uuid().into(), domain.into()]).await?;
        row.map(|row| way(&row)).transpose().map_err(from_db)
    }
}
