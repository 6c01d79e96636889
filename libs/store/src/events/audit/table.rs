//! The tables of the sealed audit log.

use domain::OrgId;

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{SealedColumn, SealedRow, Table, WhenOld, WithOrganization, own_rows, table},
};

pub(crate) const CHECKPOINTS_END: Constraint =
    Constraint { name: "checkpoints_end", columns: "checkpoints.org_id, checkpoints.last_seq" };

/// A private key that signs checkpoints.
pub(crate) const PRIVATE_KEY: SealedColumn = SealedColumn {
    table: "audit_keys",
    column: "private_key",
    find: sql!("select kid, private_key as sealed from audit_keys"),
    replace: sql!("update audit_keys set private_key = $1 where private_key = $2 and kid = $3"),
    row: |row| SealedRow::of_platform(row.try_get("", "kid")?),
};

/// What was sealed last of a log.
pub(crate) const ENTRY: SealedColumn = SealedColumn {
    table: "audit_register",
    column: "entry",
    find: sql!("select org_id, entry as sealed from audit_register"),
    replace: sql!("update audit_register set entry = $1 where entry = $2 and org_id = $3"),
    row: |row| {
        let org = OrgId::new(row.try_get("", "org_id")?);
        Ok(SealedRow { org, name: org.to_string(), key: vec![org.uuid().into()] })
    },
};

/// Only written as SQL.
pub(crate) const AUDIT_REGISTER: Table = Table {
    name: "audit_register",
    unique: &[],
    sealed: &[&ENTRY],
    when_old: WhenOld::Stays("an entry that is gone could not be told from one that was never made"),
    with_organization: WithOrganization::Stays("as above"),
};

table! {
    audit_keys = "audit_keys";
    declares {
        unique: &[],
        sealed: &[&PRIVATE_KEY],
        when_old: WhenOld::Stays("what it signed must stay verifiable"),
        with_organization: WithOrganization::NotOfOne,
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: i64,
        kid: String,
        alg: String,
        public_jwk: String,
        private_key: String,
        created_at: ChronoDateTimeUtc,
        rotation: Option<String>,
    }
}

table! {
    checkpoints = "checkpoints";
    declares {
        unique: &[&CHECKPOINTS_END],
        sealed: &[],
        when_old: WhenOld::ByItsOwnRule("core::retention::events"),
        with_organization: WithOrganization::Stays("the log of a deleted organization goes with its age"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        first_seq: i64,
        last_seq: i64,
        root: String,
        hash: String,
        signed: String,
        created_at: ChronoDateTimeUtc,
    }
}

/// Only written as SQL.
pub(crate) const AUDIT_RETENTION: Table = Table {
    name: "audit_retention",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("one row for each organization"),
    with_organization: WithOrganization::GoesWith("organizations"),
};

/// Only written as SQL.
pub(crate) const ERASURES: Table = Table {
    name: "erasures",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("until it is done"),
    with_organization: WithOrganization::Deleted(own_rows!("erasures")),
};
