//! The table of tiers.

use crate::core::table::{WhenOld, WithOrganization, table};

table! {
    tiers = "tiers";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Stays("the installation's few"),
        with_organization: WithOrganization::NotOfOne,
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: String,
        name: String,
        display_name: String,
        default_max_services: i64,
        default_max_users: i64,
        features: String,
        price_cents: i64,
        currency: String,
        created_at: ChronoDateTimeUtc,
    }
}
