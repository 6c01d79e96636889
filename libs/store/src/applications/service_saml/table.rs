//! The tables of services that take SAML. Only written as SQL.

use domain::{OrgId, applications::service_saml::SigningCertificateId};
use uuid::Uuid;

use crate::core::{
    sql::sql,
    table::{Age, SealedColumn, SealedRow, Table, WhenOld, WithOrganization},
};

pub(crate) const SERVICE_SAML: Table = Table {
    name: "service_saml",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it: one a service"),
    with_organization: WithOrganization::GoesWith("services"),
};

/// With what we sign for a service.
pub(super) const KEY: SealedColumn = SealedColumn {
    table: "service_saml_keys",
    column: "sealed",
    find: sql!("select org_id, id, sealed from service_saml_keys"),
    replace: sql!("update service_saml_keys set sealed = $1 where sealed = $2 and org_id = $3 and id = $4"),
    row: |row| {
        let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
        Ok(SealedRow { org: OrgId::new(org), name: SigningCertificateId::new(id).to_string(), key: vec![org.into(), id.into()] })
    },
};

pub(crate) const SERVICE_SAML_KEYS: Table = Table {
    name: "service_saml_keys",
    unique: &[],
    sealed: &[&KEY],
    when_old: WhenOld::Stays("until the organization ends the overlap; two a service"),
    with_organization: WithOrganization::GoesWith("service_saml"),
};

pub(crate) const SERVICE_SAML_NAMES: Table = Table {
    name: "service_saml_names",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("as long as the service: one for each person who signed in to it"),
    with_organization: WithOrganization::GoesWith("service_saml"),
};

pub(crate) const SERVICE_SAML_SESSIONS: Table = Table {
    name: "service_saml_sessions",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from service_saml_sessions
            where (org_id, service_id, index_hash) in (
              select org_id, service_id, index_hash from service_saml_sessions where expires_at < $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::GoesWith("service_saml"),
};
