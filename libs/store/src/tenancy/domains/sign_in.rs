//! Domains of people's addresses.

use domain::{
    ConnectionId, DomainId, Error, OrgId, Result,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::SignInDomains,
    },
    tenancy::{domains::Domain, smtp::Ceiling},
};

use super::{DELETE, DOMAIN, DOMAINS_NAME, INSERT, one, read, save_state, values};
use crate::{
    Store, WriteTx,
    core::{
        error::on,
        sql::{self, Sql, sql},
    },
    tenancy::organizations::counters,
};

/// Sign-in domains of one organization.
const MOST_SIGN_IN_DOMAINS: i64 = 100;

const LIST: Sql = sql!("select {domain} from domains where org_id = $1 and kind = 'sign_in' order by domain", domain = DOMAIN);
const GET: Sql = sql!("select {domain} from domains where org_id = $1 and id = $2 and kind = 'sign_in'", domain = DOMAIN);
const LOCK: Sql =
    sql!("select {domain} from domains where org_id = $1 and id = $2 and kind = 'sign_in' {for update}", domain = DOMAIN);

/// Whoever moves a route changes whom the connection speaks for: a new generation, that gives no more than they hold.
const SPEAKS_ANEW: Sql =
    sql!("update connections set generation = generation + 1, ceiling = $3, updated_at = $4 where org_id = $1 and id = $2");
const LOCK_CONNECTION: Sql = sql!("select 1 from connections where org_id = $1 and id = $2 {for update}");
const SAVE_ROUTE: Sql =
    sql!("update domains set login_policy = $3, announce = $4, updated_at = $5 where org_id = $1 and id = $2");
const CLEAR_ROUTE: Sql = sql!("delete from domain_routes where org_id = $1 and domain_id = $2");
const INSERT_ROUTE: Sql = sql!("insert into domain_routes (org_id, domain_id, connection_id) values ($1, $2, $3)");

const PROVEN: Sql = sql!(
    "select 1 from domains where org_id = $1 and kind = 'sign_in' and domain = $2 and verified_at is not null and proof = 'dns'"
);

impl Store {
    /// Whether an organization has proven by DNS that a domain's addresses are its own.
    pub async fn has_proven_by_dns(&self, org: OrgId, domain: &str) -> Result<bool> {
        Ok(sql::one(&self.db, PROVEN, vec![org.uuid().into(), domain.into()]).await?.is_some())
    }
}

fn gone() -> Error {
    Error::not_found("domain")
}

impl Store {
    /// All of the organization's.
    pub async fn list_sign_in_domains(&self, scope: OrgScope<'_, SignInDomains, Read>) -> Result<Vec<Domain>> {
        sql::read_all(&sql::all(&self.db, LIST, vec![scope.org().uuid().into()]).await?, read)
    }

    /// One of them.
    pub async fn get_sign_in_domain(&self, scope: OrgScope<'_, SignInDomains, Read>, id: DomainId) -> Result<Domain> {
        one(&self.db, GET, vec![scope.org().uuid().into(), id.uuid().into()]).await?.ok_or_else(gone)
    }
}

impl WriteTx {
    /// One of them, locked until the transaction ends.
    pub async fn lock_sign_in_domain(&self, scope: OrgScope<'_, SignInDomains, Write>, id: DomainId) -> Result<Domain> {
        one(&self.tx, LOCK, vec![scope.org().uuid().into(), id.uuid().into()]).await?.ok_or_else(gone)
    }

    /// Claims a domain. `AlreadyExists` (`domain_exists`): the organization has; `Conflict` (`domain_limit`).
    pub async fn insert_sign_in_domain(&self, scope: OrgScope<'_, SignInDomains, Write>, domain: &Domain) -> Result<()> {
        let exists = || Error::exists("domain_exists", "The organization has this domain already.");
        sql::try_execute(&self.tx, INSERT, values(domain)).await.map_err(on(&DOMAINS_NAME, exists))?;
        if self.take_place(scope.org(), &counters::SIGN_IN_DOMAINS, MOST_SIGN_IN_DOMAINS).await? {
            return Ok(());
        }
        let text = format!("An organization has at most {MOST_SIGN_IN_DOMAINS} domains. Delete one that is not used.");
        Err(Error::conflict("domain_limit", text))
    }

    /// Writes that a locked domain was proven.
    pub async fn save_sign_in_domain(&self, _: OrgScope<'_, SignInDomains, Write>, domain: &Domain) -> Result<()> {
        save_state(&self.tx, domain).await
    }

    /// Writes where people of a locked domain sign in, instead of `before`. `Invalid` (`unknown_connection`).
    pub async fn save_route(
        &self,
        scope: OrgScope<'_, SignInDomains, Write>,
        domain: &Domain,
        before: Option<ConnectionId>,
    ) -> Result<()> {
        let org = scope.org().uuid();
        if let Some(connection) = domain.route.connection {
            // Held, so that it is not deleted while nothing else leads anywhere.
            if sql::one(&self.tx, LOCK_CONNECTION, vec![org.into(), connection.uuid().into()]).await?.is_none() {
                return Err(Error::field(
                    "upstream_provider_id",
                    "unknown_connection",
                    "The organization has no such connection.",
                ));
            }
        }
        let (policy, announce) = (domain.route.login_policy.as_str(), domain.route.announce);
        let values = vec![org.into(), domain.id.uuid().into(), policy.into(), announce.into(), domain.updated_at.into()];
        sql::execute(&self.tx, SAVE_ROUTE, values).await?;
        if domain.route.connection == before {
            return Ok(());
        }
        sql::execute(&self.tx, CLEAR_ROUTE, vec![org.into(), domain.id.uuid().into()]).await?;
        let Some(connection) = domain.route.connection else { return Ok(()) };
        sql::execute(&self.tx, INSERT_ROUTE, vec![org.into(), domain.id.uuid().into(), connection.uuid().into()]).await?;
        let ceiling = Ceiling::of(scope.authority()).text();
        let values = vec![org.into(), connection.uuid().into(), ceiling.into(), domain.updated_at.into()];
        sql::execute(&self.tx, SPEAKS_ANEW, values).await?;
        self.reprove_identities(scope.org(), connection, &Ceiling::of(scope.authority())).await?;
        self.list_in_policy(scope.org()).await
    }

    /// Gives a locked domain up.
    pub async fn delete_sign_in_domain(&self, scope: OrgScope<'_, SignInDomains, Write>, domain: &Domain) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), domain.id.uuid().into()]).await?;
        self.give_place_back(scope.org(), &counters::SIGN_IN_DOMAINS).await
    }
}
