//! Domains of organizations. Hosts and sign-in domains are rows of one table under two resources; what is done with either is beside this
//! file ([`hosts`], [`sign_in`], and [`due`] for what the worker does by the clock).

mod due;
mod hosts;
mod sign_in;

pub use self::hosts::PublicHost;

use domain::{
    ConnectionId, DomainId, Error, OrgId, Result,
    tenancy::domains::{Domain, DomainName, Failing, Proof, Route},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use crate::core::{
    error::{Constraint, from_db, on_any},
    sql::{self, Columns, Sql, sql},
    table::{Table, WhenOld, WithOrganization, own_rows},
};

/// An organization claims a domain once for each kind.
const DOMAINS_NAME: Constraint = Constraint { name: "domains_name", columns: "domains.org_id, domains.kind, domains.domain" };
const DOMAINS_VERIFIED_HOST: Constraint = Constraint { name: "domains_verified_host", columns: "domains.domain" };
const DOMAINS_HOST: Constraint = Constraint { name: "domains_host", columns: "domains.org_id" };

/// Only written as SQL.
pub(crate) const DOMAINS: Table = Table {
    name: "domains",
    unique: &[&DOMAINS_NAME, &DOMAINS_VERIFIED_HOST, &DOMAINS_HOST],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization gives it up; their number is bounded"),
    with_organization: WithOrganization::Deleted(own_rows!("domains")),
};

/// The columns of a [`Domain`], in the order of [`read`].
const DOMAIN: &str =
    "org_id, id, kind, domain, token, proof, verified_at, checked_at, failing_since, failed_checks, next_check_at,
    created_at, updated_at, login_policy, announce,
    (select r.connection_id from domain_routes r where r.org_id = domains.org_id and r.domain_id = domains.id)";

fn read(row: &QueryResult) -> Result<Domain, DbErr> {
    let unknown = |e: domain::BadValue| DbErr::Type(e.to_string());
    let mut columns = Columns::of(row);
    let (org_id, id) = (OrgId::new(columns.next()?), DomainId::new(columns.next()?));
    let kind = columns.next::<String>()?.parse().map_err(unknown)?;
    let (name, token) = (DomainName::stored(columns.next()?), columns.next()?);
    let proof = columns.next::<Option<String>>()?.map(|name| name.parse::<Proof>()).transpose().map_err(unknown)?;
    let proven = proof.zip(columns.next()?);
    let checked_at = columns.next()?;
    let (since, checks) = (columns.next::<Option<_>>()?, columns.next()?);
    let (next_check_at, created_at, updated_at) = (columns.next()?, columns.next()?, columns.next()?);
    let login_policy = columns.next::<String>()?.parse().map_err(unknown)?;
    let announce = columns.next()?;
    let connection = columns.next::<Option<_>>()?.map(ConnectionId::new);
    Ok(Domain {
        route: Route { connection, login_policy, announce },
        org_id,
        id,
        kind,
        name,
        token,
        proven,
        checked_at,
        failing: since.map(|since| Failing { since, checks }),
        next_check_at,
        created_at,
        updated_at,
    })
}

const INSERT: Sql = sql!(
    "insert into domains
      (org_id, id, kind, domain, token, proof, verified_at, checked_at, failing_since, failed_checks, next_check_at,
       created_at, updated_at, login_policy, announce)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
);

/// The values of [`INSERT`].
fn values(d: &Domain) -> Vec<Value> {
    let mut all: Vec<Value> =
        vec![d.org_id.uuid().into(), d.id.uuid().into(), d.kind.as_str().into(), d.name.as_str().into(), d.token.into()];
    all.extend(state(d));
    all.extend([d.created_at.into(), d.updated_at.into(), d.route.login_policy.as_str().into(), d.route.announce.into()]);
    all
}

/// How it is proven, since when, when it was last looked at, since when it fails, how often, and when it is looked at again.
fn state(d: &Domain) -> [Value; 6] {
    [
        d.proven.map(|(proof, _)| proof.as_str().to_owned()).into(),
        d.proven.map(|(_, since)| since).into(),
        d.checked_at.into(),
        d.failing.map(|failing| failing.since).into(),
        d.failing.map_or(0, |failing| failing.checks).into(),
        d.next_check_at.into(),
    ]
}

async fn one(db: &impl ConnectionTrait, text: Sql, values: Vec<Value>) -> Result<Option<Domain>> {
    sql::one(db, text, values).await?.map(|row| read(&row)).transpose().map_err(from_db)
}

// Nothing happens to one that was claimed anew meanwhile.
const SAVE_STATE: Sql = sql!(
    "update domains
    set proof = $4, verified_at = $5, checked_at = $6, failing_since = $7, failed_checks = $8, next_check_at = $9, updated_at = $10
    where org_id = $1 and id = $2 and token = $3"
);

/// Another organization has proven a host meanwhile.
fn taken() -> Error {
    Error::exists("domain_taken", "Another organization has verified this domain.")
}

/// Writes how a locked domain is doing. `AlreadyExists` (`domain_taken`).
async fn save_state(db: &impl ConnectionTrait, d: &Domain) -> Result<()> {
    let mut all: Vec<Value> = vec![d.org_id.uuid().into(), d.id.uuid().into(), d.token.into()];
    all.extend(state(d));
    all.push(d.updated_at.into());
    sql::try_execute(db, SAVE_STATE, all).await.map_err(on_any([&DOMAINS_VERIFIED_HOST], taken))?;
    Ok(())
}

const DELETE: Sql = sql!("delete from domains where org_id = $1 and id = $2");
const DELETE_ALL: Sql = sql!("delete from domains where org_id = $1");

/// Gives up all domains of an organization that is being deleted: its host is free for others at once.
pub(crate) async fn give_up(db: &impl ConnectionTrait, org: OrgId) -> Result<()> {
    sql::execute(db, DELETE_ALL, vec![org.uuid().into()]).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
