//! The table of invitations.

use crate::core::{
    error::Constraint,
    table::{WhenOld, WithOrganization, own_rows, table},
};

pub(crate) const INVITATIONS_ID: Constraint = Constraint { name: "invitations_id", columns: "invitations.id" };
pub(crate) const INVITATIONS_PENDING: Constraint =
    Constraint { name: "invitations_pending", columns: "invitations.org_id, invitations.pending_email" };
pub(crate) const INVITATIONS_TOKEN: Constraint = Constraint { name: "invitations_token", columns: "invitations.token_hash" };

table! {
    invitations = "invitations";
    declares {
        unique: &[&INVITATIONS_ID, &INVITATIONS_TOKEN, &INVITATIONS_PENDING],
        sealed: &[],
        when_old: WhenOld::Stays("the organization deletes them"),
        with_organization: WithOrganization::Deleted(own_rows!("invitations")),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        email: String,
        pending_email: Option<String>,
        role: String,
        invited_by: Uuid,
        status: String,
        token_hash: String,
        expires_at: ChronoDateTimeUtc,
        created_at: ChronoDateTimeUtc,
        updated_at: ChronoDateTimeUtc,
    }
}
