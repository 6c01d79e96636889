//! The table of mails.

use domain::OrgId;
use uuid::Uuid;

use crate::core::{
    sql::sql,
    table::{Age, SealedColumn, SealedRow, WhenOld, WithOrganization, table},
};

/// The message: it may hold a one-time link. A mail that was sent has an empty one.
pub(crate) const MESSAGE: SealedColumn = SealedColumn {
    table: "mails",
    column: "message",
    find: sql!("select org_id, id, message as sealed from mails where {open}"),
    replace: sql!("update mails set message = $1 where message = $2 and id = $3"),
    row: |row| {
        let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
        Ok(SealedRow { org: OrgId::new(org), name: id.to_string(), key: vec![id.into()] })
    },
};

table! {
    mails = "mails";
    declares {
        unique: &[],
        sealed: &[&MESSAGE],
        when_old: WhenOld::Deleted(
            Age::Deliveries,
            sql!(
                "delete from mails
                 where id in (select id from mails where {finished} and updated_at < $1 limit $2)"
            ),
        ),
        with_organization: WithOrganization::Stays("it is sent, and then goes with its age"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        org_id: Uuid,
        message: String,
        state: i16,
        attempts: i32,
        next_at: ChronoDateTimeUtc,
        lease: Option<Uuid>,
        error: Option<String>,
        created_at: ChronoDateTimeUtc,
        updated_at: ChronoDateTimeUtc,
    }
}
