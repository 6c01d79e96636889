//! The table of endpoints.

use domain::{OrgId, WebhookId};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{SealedColumn, SealedRow, WhenOld, WithOrganization, own_rows, table},
};

pub(crate) const WEBHOOKS_NAME: Constraint = Constraint { name: "webhooks_name", columns: "webhooks.org_id, webhooks.name" };
/// Of spellings of one name; rows of older versions have none.
pub(crate) const WEBHOOKS_NAME_KEY: Constraint =
    Constraint { name: "webhooks_name_key", columns: "webhooks.org_id, webhooks.name_key" };

/// The secret that signs.
pub(crate) const SECRET: SealedColumn = SealedColumn {
    table: "webhooks",
    column: "secret",
    find: sql!("select org_id, id, secret as sealed from webhooks"),
    replace: sql!("update webhooks set secret = $1 where secret = $2 and org_id = $3 and id = $4"),
    row,
};
/// Those that were rotated out and still sign.
pub(crate) const OLD_SECRETS: SealedColumn = SealedColumn {
    table: "webhooks",
    column: "old_secrets",
    find: sql!("select org_id, id, old_secrets as sealed from webhooks where old_secrets is not null"),
    replace: sql!("update webhooks set old_secrets = $1 where old_secrets = $2 and org_id = $3 and id = $4"),
    row,
};

fn row(row: &QueryResult) -> Result<SealedRow, DbErr> {
    let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
    Ok(SealedRow { org: OrgId::new(org), name: WebhookId::new(id).to_string(), key: vec![org.into(), id.into()] })
}

table! {
    webhooks = "webhooks";
    declares {
        unique: &[&WEBHOOKS_NAME, &WEBHOOKS_NAME_KEY],
        sealed: &[&SECRET, &OLD_SECRETS],
        when_old: WhenOld::Stays("until the organization deletes it"),
        with_organization: WithOrganization::Deleted(own_rows!("webhooks")),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        name: String,
        url: String,
        events: String,
        secret: String,
        is_active: bool,
        created_at: ChronoDateTimeUtc,
        updated_at: ChronoDateTimeUtc,
        in_order: bool,
        disabled_at: Option<ChronoDateTimeUtc>,
        disabled_reason: Option<String>,
        old_secrets: Option<String>,
        old_secrets_until: Option<ChronoDateTimeUtc>,
        name_key: Option<String>,
        url_chosen_by: Option<Uuid>,
        secret_shown_to: Option<Uuid>,
    }
}
