//! The tables of organizations.

use crate::core::{
    error::Constraint,
    table::{WhenOld, WithOrganization, table},
};

pub(crate) const ORGANIZATIONS_SLUG: Constraint = Constraint { name: "organizations_slug", columns: "organizations.slug" };

table! {
    organizations = "organizations";
    declares {
        unique: &[&ORGANIZATIONS_SLUG],
        sealed: &[],
        when_old: WhenOld::Stays("until it is deleted"),
        with_organization: WithOrganization::Stays("the last to go: see core::retention::organizations"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        slug: String,
        name: String,
        owner_user_id: Uuid,
        status: String,
        tier_id: String,
        max_services: Option<i64>,
        max_users: Option<i64>,
        approved_by: Option<Uuid>,
        approved_at: Option<ChronoDateTimeUtc>,
        rejected_by: Option<Uuid>,
        rejected_at: Option<ChronoDateTimeUtc>,
        rejection_reason: Option<String>,
        feature_overrides: Option<String>,
        version: i64,
        created_at: ChronoDateTimeUtc,
        updated_at: ChronoDateTimeUtc,
        deleted_at: Option<ChronoDateTimeUtc>,
        brand_logo_url: Option<String>,
        brand_primary_color: Option<String>,
        custom_domain: Option<String>,
        domain_verified: bool,
        sign_in_policy: Option<String>,
        more_roles: bool,
    }
}

table! {
    org_counters = "org_counters";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Stays("one row for each organization"),
        with_organization: WithOrganization::GoesWith("organizations"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        members: i64,
        owners: i64,
        services: i64,
    }
}
