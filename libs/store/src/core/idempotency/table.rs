//! The table of answers to repeated requests.

use crate::core::{
    sql::sql,
    table::{Age, SealedColumn, SealedRow, WhenOld, WithOrganization, table},
};

/// The answer: it may hold a one-time secret.
pub(crate) const OUTPUT: SealedColumn = SealedColumn {
    table: "idempotency",
    column: "output",
    find: sql!("select id, output as sealed from idempotency where output is not null"),
    replace: sql!("update idempotency set output = $1 where output = $2 and id = $3"),
    row: |row| SealedRow::of_platform(row.try_get("", "id")?),
};

table! {
    idempotency = "idempotency";
    declares {
        unique: &[],
        sealed: &[&OUTPUT],
        when_old: WhenOld::Deleted(
            Age::Idempotency,
            sql!(
                "delete from idempotency
                 where id in (select id from idempotency where created_at < $1 order by created_at limit $2)"
            ),
        ),
        with_organization: WithOrganization::NotOfOne,
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: String,
        digest: String,
        output: Option<String>,
        created_at: ChronoDateTimeUtc,
    }
}
