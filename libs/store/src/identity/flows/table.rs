//! The table of flows.

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{Age, Table, WhenOld, WithOrganization},
};

/// Never violated: they are random.
const FLOWS_REQUEST_URI: Constraint = Constraint { name: "flows_request_uri", columns: "flows.request_uri_hash" };

pub(crate) const FLOWS: Table = Table {
    name: "flows",
    unique: &[&FLOWS_REQUEST_URI],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!("delete from flows where id in (select id from flows where expires_at < $1 limit $2)"),
    ),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from flows where id in (select id from flows where org_id = $1 limit $2)"
    )),
};
