//! The table of memberships.

use crate::core::{
    error::Constraint,
    table::{WhenOld, WithOrganization, own_rows, table},
};

pub(crate) const MEMBERSHIPS_USER: Constraint =
    Constraint { name: "memberships_user", columns: "memberships.org_id, memberships.user_id" };

table! {
    memberships = "memberships";
    declares {
        unique: &[&MEMBERSHIPS_USER],
        sealed: &[],
        when_old: WhenOld::Stays("until the member is removed"),
        with_organization: WithOrganization::Deleted(own_rows!("memberships")),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        user_id: Uuid,
        role: String,
        created_at: ChronoDateTimeUtc,
        more_roles: bool,
    }
}
