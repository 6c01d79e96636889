//! The table of roles.

use crate::core::{
    error::Constraint,
    table::{WhenOld, WithOrganization, own_rows, table},
};

pub(crate) const ROLES_SLUG: Constraint = Constraint { name: "roles_slug", columns: "roles.org_id, roles.slug" };

table! {
    roles = "roles";
    declares {
        unique: &[&ROLES_SLUG],
        sealed: &[],
        when_old: WhenOld::Stays("as many as the organization makes"),
        with_organization: WithOrganization::Deleted(own_rows!("roles")),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        slug: String,
        name: String,
        description: Option<String>,
        permissions: String,
        created_at: ChronoDateTimeUtc,
        updated_at: ChronoDateTimeUtc,
    }
}
