//! What platform owners may do across organizations. Every function demands a [`PlatformScope`].

pub mod accounts;
pub(crate) mod config;
pub(crate) mod figures;

use domain::{
    Error, OrgId, Result, Total, UserId,
    authorization::policy::PlatformScope,
    identity::accounts::User,
    tenancy::organizations::{OrgStatus, Organization, OrganizationView, Tier},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::LockType};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        entity::{organizations, tiers, users},
        error::from_db,
        sql::{self, Columns, ONE_PAGE, Sql, sql},
    },
    delivery::deliveries::destinations,
    identity::accounts::{USER_COLUMNS, next_user, user},
    tenancy::{
        organizations::{
            columns::{ORGANIZATION, TIER, read_view},
            soft_delete, view,
        },
        tiers::tier,
    },
};

/// An organization as the platform lists it.
#[derive(Clone, Debug)]
pub struct ListedOrganization {
    /// The organization.
    pub view: OrganizationView,
    /// Its owner.
    pub owner: User,
}

/// Which organizations are meant: `$1` is a status, `$2` a tier, either or both empty.
const MATCHING: &str = "o.deleted_at is null and ($1 = '' or o.status = $1) and ($2 = '' or o.tier_id = $2)";

const LIST: Sql = sql!(
    "select {organization}, {tier}
    from (
      select * from (
        select o.* from organizations o where {matching} order by o.created_at desc, o.id desc limit {hidden $3} offset {hidden $4}
      ) page
      {one_page}
    ) o
    join org_counters c on c.org_id = o.id
    join tiers t on t.id = o.tier_id
    order by o.created_at desc, o.id desc",
    organization = ORGANIZATION,
    tier = TIER,
    one_page = ONE_PAGE,
    matching = MATCHING
);

const USERS: Sql<1> = sql!(
    "select u.id, {user}
    from users u
    where u.id in (select id from {rows})",
    rows = 1 (id: Uuid),
    user = USER_COLUMNS
);

const COUNT: Sql =
    sql!("select count(*) from (select 1 from organizations o where {matching} limit $3) as t", matching = MATCHING);

impl Store {
    /// Every tier, by price.
    pub async fn list_tiers(&self, _: PlatformScope<'_>) -> Result<Vec<Tier>> {
        let rows = tiers::Entity::find().order_by_asc(tiers::Column::PriceCents).all(&self.db).await.map_err(from_db)?;
        Ok(rows.into_iter().map(tier).collect())
    }

    /// Whether there is such a tier.
    pub async fn has_tier(&self, id: &str) -> Result<bool> {
        Ok(tiers::Entity::find_by_id(id).one(&self.db).await.map_err(from_db)?.is_some())
    }

    /// Organizations, newest first, and how many there are.
    pub async fn platform_organizations(
        &self,
        _: PlatformScope<'_>,
        status: Option<OrgStatus>,
        tier_id: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ListedOrganization>, Total)> {
        let filter: Vec<sea_orm::Value> = vec![status.map_or("", OrgStatus::as_str).into(), tier_id.unwrap_or("").into()];
        let counted = filter.iter().cloned().chain([(Total::EXACT + 1).cast_signed().into()]).collect();
        let total = Total::counted(sql::count(&self.db, COUNT, counted).await?.unsigned_abs());
        let values = filter.into_iter().chain([limit.cast_signed().into(), offset.cast_signed().into()]).collect();
        let rows = sql::all(&self.db, LIST, values).await?;
        let views: Vec<_> = sql::read_all(&rows, read_view)?;
        let owners = self.users_by_id(views.iter().map(|v| v.organization.owner_user_id)).await?;
        let find = |id| owners.iter().find(|u| u.id == id).cloned();
        let listed = views
            .into_iter()
            .filter_map(|view| find(view.organization.owner_user_id).map(|owner| ListedOrganization { view, owner }))
            .collect();
        Ok((listed, total))
    }

    async fn users_by_id(&self, ids: impl Iterator<Item = UserId>) -> Result<Vec<User>> {
        let rows = USERS.all(&self.db, vec![], ids.map(|id| [id.uuid().into()])).await?;
        sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            next_user(UserId::new(columns.next()?), &mut columns)
        })
    }
}

impl WriteTx {
    /// An organization, locked until the transaction ends, so that its state can be judged and changed.
    pub async fn lock_organization(&self, _: PlatformScope<'_>, id: OrgId) -> Result<OrganizationView> {
        organizations::Entity::find_by_id(id.uuid()).lock(LockType::NoKeyUpdate).one(&self.tx).await.map_err(from_db)?;
        view(self, id).await?.ok_or_else(|| Error::not_found("organization"))
    }

    /// Saves state, tier, limits and who decided.
    pub async fn save_organization_state(&self, _: PlatformScope<'_>, o: &Organization) -> Result<()> {
        let row = organizations::ActiveModel {
            id: Set(o.id.uuid()),
            status: Set(o.status.as_str().to_owned()),
            tier_id: Set(o.tier_id.clone()),
            max_services: Set(o.max_services),
            max_users: Set(o.max_users),
            approved_by: Set(o.approved_by.map(UserId::uuid)),
            approved_at: Set(o.approved_at),
            rejected_by: Set(o.rejected_by.map(UserId::uuid)),
            rejected_at: Set(o.rejected_at),
            rejection_reason: Set(o.rejection_reason.clone()),
            feature_overrides: Set(o.feature_overrides.clone()),
            version: Set(o.version + 1),
            updated_at: Set(self.now()),
            ..Default::default()
        };
        organizations::Entity::update(row).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Makes the workers look at what waits at an organization's endpoints, after its suspension.
    pub async fn wake_webhooks(&self, _: PlatformScope<'_>, org: OrgId) -> Result<()> {
        destinations::wake_all(&self.tx, org, self.now()).await
    }

    /// A tier, locked until the transaction ends. `NotFound`.
    pub async fn lock_tier(&self, _: PlatformScope<'_>, id: &str) -> Result<Tier> {
        let row = tiers::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(&self.tx).await.map_err(from_db)?;
        row.map(tier).ok_or_else(|| Error::not_found("tier"))
    }

    /// Saves what may change of a tier. This process reads its tiers again; others do within a minute.
    pub async fn save_tier(&self, _: PlatformScope<'_>, t: &Tier) -> Result<()> {
        let row = tiers::ActiveModel {
            id: Set(t.id.clone()),
            display_name: Set(t.display_name.clone()),
            default_max_services: Set(t.default_max_services),
            default_max_users: Set(t.default_max_users),
            features: Set(t.features.clone()),
            price_cents: Set(t.price_cents),
            currency: Set(t.currency.clone()),
            ..Default::default()
        };
        tiers::Entity::update(row).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Whether there is such a tier.
    pub async fn tier_exists(&self, id: &str) -> Result<bool> {
        Ok(tiers::Entity::find_by_id(id).one(&self.tx).await.map_err(from_db)?.is_some())
    }

    /// Deletes any organization.
    pub async fn platform_delete_organization(&self, _: PlatformScope<'_>, id: OrgId) -> Result<()> {
        soft_delete(self, id).await
    }

    /// How many people operate the platform; locks them, so that two demotions cannot both see another owner left.
    pub async fn lock_platform_owners(&self, _: PlatformScope<'_>) -> Result<Vec<UserId>> {
        let query =
            users::Entity::find().filter(users::Column::IsPlatformOwner.eq(true)).filter(users::Column::DeletedAt.is_null());
        let rows = query.order_by_asc(users::Column::Id).lock(LockType::NoKeyUpdate).all(&self.tx).await.map_err(from_db)?;
        Ok(rows.into_iter().map(|row| UserId::new(row.id)).collect())
    }

    /// The owner of an organization, for the answer of a platform change.
    pub async fn platform_user(&self, _: PlatformScope<'_>, id: UserId) -> Result<User> {
        let row = users::Entity::find_by_id(id.uuid()).one(&self.tx).await.map_err(from_db)?;
        row.map(user).ok_or_else(|| Error::not_found("user"))
    }
}
