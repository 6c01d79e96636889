//! The columns of an organization, and how they are read: in their order, because organizations are part of nearly every answer.

use domain::{
    OrgId, UserId,
    core::value::{Name, Slug},
    tenancy::organizations::{Organization, OrganizationView, Tier},
};
use sea_orm::{DbErr, QueryResult};

use crate::core::sql::Columns;

/// The columns of an organization with its counters, for every statement that joins organizations `o` and counters `c`.
macro_rules! organization_columns {
    () => {
        "o.id, o.slug, o.name, o.owner_user_id, o.status, o.tier_id, o.max_services, o.max_users, o.approved_by, o.approved_at,
o.rejected_by, o.rejected_at, o.rejection_reason, o.feature_overrides, o.brand_logo_url, o.brand_primary_color,
o.custom_domain, o.domain_verified,
o.version, o.created_at, o.updated_at, c.members, c.services"
    };
}
pub(crate) use organization_columns;

/// The same as a part of a statement.
pub(crate) const ORGANIZATION: &str = organization_columns!();

/// The columns of a [`Tier`], for every statement that joins tiers `t`.
pub(crate) const TIER: &str =
    "t.name, t.display_name, t.default_max_services, t.default_max_users, t.features, t.price_cents, t.currency, t.created_at";

/// Reads what [`organization_columns`] selected, after the id: the organization, its members and its services.
pub(crate) fn read_organization(id: uuid::Uuid, columns: &mut Columns<'_>) -> Result<(Organization, i64, i64), DbErr> {
    let organization = Organization {
        id: OrgId::new(id),
        slug: Slug::stored(columns.next()?),
        name: Name::stored(columns.next()?),
        owner_user_id: UserId::new(columns.next()?),
        status: columns.next::<String>()?.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()))?,
        tier_id: columns.next()?,
        max_services: columns.next()?,
        max_users: columns.next()?,
        approved_by: columns.next::<Option<_>>()?.map(UserId::new),
        approved_at: columns.next()?,
        rejected_by: columns.next::<Option<_>>()?.map(UserId::new),
        rejected_at: columns.next()?,
        rejection_reason: columns.next()?,
        feature_overrides: columns.next()?,
        brand_logo_url: columns.next()?,
        brand_primary_color: columns.next()?,
        custom_domain: columns.next()?,
        domain_verified: columns.next()?,
        version: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    };
    Ok((organization, columns.next()?, columns.next()?))
}

/// Reads what [`ORGANIZATION`] and then [`TIER`] selected.
pub(crate) fn read_view(row: &QueryResult) -> Result<OrganizationView, DbErr> {
    let mut columns = Columns::of(row);
    let (organization, members, services) = read_organization(columns.next()?, &mut columns)?;
    let tier = Tier {
        id: organization.tier_id.clone(),
        name: columns.next()?,
        display_name: columns.next()?,
        default_max_services: columns.next()?,
        default_max_users: columns.next()?,
        features: columns.next()?,
        price_cents: columns.next()?,
        currency: columns.next()?,
        created_at: columns.next()?,
    };
    Ok(OrganizationView { organization, members, services, tier })
}
