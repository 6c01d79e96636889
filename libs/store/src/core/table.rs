//! What a table is, declared beside the noun it holds: its columns, its unique constraints, what is sealed in it, what deletes its rows
//! when they are old, and what becomes of them when their organization is deleted. Key rotation, retention and the purge of deleted
//! organizations go through these declarations, which [`crate::core::tables::ALL`] collects; a table, a constraint or a deletion that is
//! forgotten is named by a test there.

use domain::{OrgId, PLATFORM};
use sea_orm::{DbErr, QueryResult, Value};

use crate::core::{error::Constraint, sql::Sql};

/// A table of the schema.
#[allow(dead_code, reason = "what only a test compares with the schema, or a reader wants to know")]
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Its unique constraints beside the primary key, for whoever gives their violation a meaning ([`crate::core::error::on`]).
    pub(crate) unique: &'static [&'static Constraint],
    /// Columns whose values are sealed.
    pub(crate) sealed: &'static [&'static SealedColumn],
    pub(crate) when_old: WhenOld,
    pub(crate) with_organization: WithOrganization,
}

/// What ends the life of rows that only grow older.
#[allow(dead_code, reason = "what only a test compares with the schema, or a reader wants to know")]
#[derive(Debug)]
pub(crate) enum WhenOld {
    /// Nothing does, and that is right because …
    Stays(&'static str),
    /// At most `$2` rows from before `$1` are deleted.
    Deleted(Age, Sql),
    /// They go with the row of this table that they refer to.
    GoesWith(&'static str),
    /// This module deletes them.
    ByItsOwnRule(&'static str),
}

/// Which of the periods that the operator may choose a table is kept for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Age {
    /// Until the time that its rows name.
    Now,
    Idempotency,
    Sessions,
    SignIns,
    /// For as long as a refresh token can be used.
    RefreshTokens,
    Deliveries,
}

/// What becomes of the rows of a deleted organization.
#[allow(dead_code, reason = "what only a test compares with the schema, or a reader wants to know")]
#[derive(Debug)]
pub(crate) enum WithOrganization {
    /// No organization has rows here.
    NotOfOne,
    /// At most `$2` rows of organization `$1` are deleted.
    Deleted(Sql),
    /// They go with the row of this table that they refer to.
    GoesWith(&'static str),
    /// They stay, and that is right because …
    Stays(&'static str),
}

/// The statement of [`WithOrganization::Deleted`] for a table with the primary key `(org_id, id)`.
macro_rules! own_rows {
    ($table:literal) => {{
        const TABLE: &str = $table;
        $crate::core::sql::sql!(
            "delete from {table}
             where org_id = $1 and id in (select id from {table} where org_id = $1 limit $2)",
            table = TABLE
        )
    }};
}
pub(crate) use own_rows;

/// A column whose values are sealed, and how `keys rotate` finds and replaces them.
#[derive(Debug)]
pub(crate) struct SealedColumn {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// Selects each value as `sealed`, and what `row` reads.
    pub(crate) find: Sql,
    /// Writes `$1` where `$2` still stands, in the row with the key `$3`, …
    pub(crate) replace: Sql,
    pub(crate) row: fn(&QueryResult) -> Result<SealedRow, DbErr>,
}

/// A row with a sealed value.
pub(crate) struct SealedRow {
    pub(crate) org: OrgId,
    /// What the value is bound to.
    pub(crate) name: String,
    /// The row's key.
    pub(crate) key: Vec<Value>,
}

impl SealedRow {
    /// A row of the platform's, whose name is its key.
    pub(crate) fn of_platform(name: String) -> Result<Self, DbErr> {
        Ok(Self { org: PLATFORM, key: vec![name.as_str().into()], name })
    }
}

/// Declares a table: its entity (the rows as the database has them, which repositories turn into `domain` values) and its [`Table`].
macro_rules! table {
    ($name:ident = $table:literal; declares { $($declared:tt)* } columns { $($(#[$attr:meta])* $field:ident: $ty:ty,)* }) => {
        #[allow(unreachable_pub, dead_code, reason = "the derive wants `pub`, and some tables are only written as SQL")]
        pub(crate) mod $name {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model { $($(#[$attr])* pub $field: $ty,)* }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}

            pub(crate) const TABLE: $crate::core::table::Table = {
                #[allow(unused_imports, clippy::wildcard_imports, reason = "what the file of the declaration names")]
                use super::*;
                $crate::core::table::Table { name: $table, $($declared)* }
            };
        }
    };
}
pub(crate) use table;
