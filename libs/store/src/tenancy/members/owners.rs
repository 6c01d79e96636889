//! Whom the worker tells what befell an organization.

use domain::{OrgId, Result, authorization::policy::SystemScope, core::value::Email, tenancy::roles::RoleName};
use sea_orm::{DbErr, QueryResult};

use crate::{
    WriteTx,
    core::sql::{self, Sql, sql},
};

/// An owner of an organization.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Their address.
    pub email: Email,
    /// The organization's name.
    pub organization: String,
}

const OWNERS: Sql = sql!(
    "select u.email, o.name
     from memberships m
     join users u on u.id = m.user_id
     join organizations o on o.id = m.org_id
     where m.org_id = $1 and m.role = $2 and u.deleted_at is null
     order by m.id"
);

fn read(row: &QueryResult) -> Result<Owner, DbErr> {
    Ok(Owner { email: Email::stored(row.try_get("", "email")?), organization: row.try_get("", "name")? })
}

impl WriteTx {
    /// The owners of an organization.
    pub async fn owners(&self, _: SystemScope, org: OrgId) -> Result<Vec<Owner>> {
        let values = vec![org.uuid().into(), RoleName::Owner.as_str().into()];
        sql::read_all(&sql::all(&self.tx, OWNERS, values).await?, read)
    }
}
