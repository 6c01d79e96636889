//! The table of mail servers.

use domain::OrgId;

use crate::core::{
    sql::sql,
    table::{SealedColumn, SealedRow, Table, WhenOld, WithOrganization},
};

/// The password at the server.
pub(crate) const PASSWORD: SealedColumn = SealedColumn {
    table: "smtp_settings",
    column: "password",
    find: sql!("select org_id, password as sealed from smtp_settings where password is not null"),
    replace: sql!("update smtp_settings set password = $1 where password = $2 and org_id = $3"),
    row: |row| {
        let org = OrgId::new(row.try_get("", "org_id")?);
        Ok(SealedRow { org, name: org.to_string(), key: vec![org.uuid().into()] })
    },
};

/// Only written as SQL.
pub(crate) const SMTP_SETTINGS: Table = Table {
    name: "smtp_settings",
    unique: &[],
    sealed: &[&PASSWORD],
    when_old: WhenOld::Stays("one row for each organization"),
    with_organization: WithOrganization::GoesWith("organizations"),
};
