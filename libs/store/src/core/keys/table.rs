//! The tables of keys.

use crate::core::{
    sql::sql,
    table::{SealedColumn, SealedRow, WhenOld, WithOrganization, table},
};

/// A token key's private part.
pub(crate) const PRIVATE_KEY: SealedColumn = SealedColumn {
    table: "signing_keys",
    column: "private_key",
    find: sql!("select kid, private_key as sealed from signing_keys"),
    replace: sql!("update signing_keys set private_key = $1 where private_key = $2 and kid = $3"),
    row: |row| SealedRow::of_platform(row.try_get("", "kid")?),
};

table! {
    data_keys = "data_keys";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Stays("what they sealed must stay readable"),
        with_organization: WithOrganization::NotOfOne,
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: i64,
        master: String,
        wrapped: Vec<u8>,
        created_at: ChronoDateTimeUtc,
    }
}

table! {
    signing_keys = "signing_keys";
    declares {
        unique: &[],
        sealed: &[&PRIVATE_KEY],
        when_old: WhenOld::Stays("a handful in a lifetime"),
        with_organization: WithOrganization::NotOfOne,
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        kid: String,
        alg: String,
        private_key: String,
        active_from: ChronoDateTimeUtc,
        retired_at: Option<ChronoDateTimeUtc>,
        created_at: ChronoDateTimeUtc,
    }
}
