//! The tables of sign-in through connections.

use domain::{OrgId, identity::federation::UpstreamLoginId};
use uuid::Uuid;

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{Age, SealedColumn, SealedRow, Table, WhenOld, WithOrganization},
};

pub(super) const IDENTITIES_OF_USER: Constraint =
    Constraint { name: "identities_of_user", columns: "identities.org_id, identities.connection_id, identities.user_id" };
/// Never violated: they are random.
const UPSTREAM_LOGINS_STATE: Constraint = Constraint { name: "upstream_logins_state", columns: "upstream_logins.state_hash" };

/// What an answer has to fit, or what it was.
pub(super) const SEALED: SealedColumn = SealedColumn {
    table: "upstream_logins",
    column: "sealed",
    find: sql!("select org_id, id, sealed from upstream_logins"),
    replace: sql!("update upstream_logins set sealed = $1 where sealed = $2 and org_id = $3 and id = $4"),
    row: |row| {
        let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
        Ok(SealedRow { org: OrgId::new(org), name: UpstreamLoginId::new(id).to_string(), key: vec![org.into(), id.into()] })
    },
};

/// By what a provider knows somebody: the name identifier and its session.
pub(super) const SAML_SESSION: SealedColumn = SealedColumn {
    table: "saml_sessions",
    column: "sealed",
    find: sql!("select org_id, id, sealed from saml_sessions"),
    replace: sql!("update saml_sessions set sealed = $1 where sealed = $2 and org_id = $3 and id = $4"),
    row: SEALED.row,
};

pub(crate) const SAML_SESSIONS: Table = Table {
    name: "saml_sessions",
    unique: &[],
    sealed: &[&SAML_SESSION],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from saml_sessions
            where (org_id, connection_id, id) in (
              select org_id, connection_id, id from saml_sessions where expires_at < $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::GoesWith("connections"),
};

pub(crate) const IDENTITIES: Table = Table {
    name: "identities",
    unique: &[&IDENTITIES_OF_USER],
    sealed: &[],
    when_old: WhenOld::Stays("while its account and its connection are there"),
    with_organization: WithOrganization::GoesWith("connections"),
};

pub(crate) const REMOVALS: Table = Table {
    name: "removals",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("until they are let back in, or forgotten: one a person that was a member"),
    with_organization: WithOrganization::GoesWith("organizations"),
};

pub(crate) const UPSTREAM_LOGINS: Table = Table {
    name: "upstream_logins",
    unique: &[&UPSTREAM_LOGINS_STATE],
    sealed: &[&SEALED],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!("delete from upstream_logins where id in (select id from upstream_logins where expires_at < $1 limit $2)"),
    ),
    with_organization: WithOrganization::GoesWith("connections"),
};

pub(crate) const CONNECTION_ATTEMPTS: Table = Table {
    name: "connection_attempts",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from connection_attempts
            where (org_id, connection_id, id) in (
              select org_id, connection_id, id from connection_attempts where expires_at < $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::GoesWith("connections"),
};
