//! Organizations.

pub(crate) mod columns;
pub(crate) mod counters;
pub(crate) mod slug_holds;
pub(crate) mod table;

use domain::{
    Error, OrgId, Page, Patch, Result, UserId,
    authorization::{
        policy::{OrgScope, UserScope, Write},
        resource::{OrgLifecycle, Ownership, Settings},
    },
    core::value::{Name, Slug},
    tenancy::organizations::{OrgStatus, Organization, OrganizationView},
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, Set,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

pub(crate) use self::columns::{ORGANIZATION, organization_columns, read_organization};
use self::columns::{TIER, read_view};
use crate::{
    Store, WriteTx,
    core::{
        entity::{org_counters, organizations},
        error::{from_db, on},
        sql::{self, Sql, sql},
    },
    delivery::deliveries::destinations,
    tenancy::domains,
};

const OWN: Sql = sql!(
    "select {organization}, {tier}
    from memberships m
    join organizations o on o.id = m.org_id
    join org_counters c on c.org_id = o.id
    join tiers t on t.id = o.tier_id
    where m.user_id = $1 and o.deleted_at is null and ($2 = '' or o.status = $2)
    order by m.created_at, m.org_id
    limit $3 offset $4",
    organization = ORGANIZATION,
    tier = TIER
);

/// Of some of them, which are few.
const OWN_OF: Sql<1> = sql!(
    "select {organization}, {tier}
    from memberships m
    join organizations o on o.id = m.org_id
    join org_counters c on c.org_id = o.id
    join tiers t on t.id = o.tier_id
    where m.user_id = $1 and o.deleted_at is null and ($2 = '' or o.status = $2)
      and o.id in (select org_id from {rows})
    order by m.created_at, m.org_id
    limit $3 offset $4",
    rows = 5 (org_id: Uuid),
    organization = ORGANIZATION,
    tier = TIER
);

impl Store {
    /// The organizations the caller belongs to, by the age of the membership; of a session that is confined, those that it came to.
    pub async fn own_organizations(
        &self,
        who: UserScope<'_>,
        page: Page,
        status: Option<OrgStatus>,
    ) -> Result<Vec<OrganizationView>> {
        if page.offset() > Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let status = status.map_or("", OrgStatus::as_str);
        let values =
            vec![who.person().id.uuid().into(), status.into(), i64::from(page.limit).into(), page.offset().cast_signed().into()];
        let came_to = who.person().did.organizations().map(|org| [org.uuid().into()]);
        let rows = match (who.person().is_confined(), came_to.len()) {
            (false, _) => sql::all(&self.db, OWN, values).await?,
            (true, 0) => Vec::new(),
            (true, _) => OWN_OF.all(&self.db, values, came_to).await?,
        };
        sql::read_all(&rows, read_view)
    }
}

impl Store {
    /// What a sign-in form names: the id behind a slug.
    pub async fn public_organization(&self, slug: &Slug) -> Result<Option<OrgId>> {
        let query = organizations::Entity::find().filter(organizations::Column::Slug.eq(slug.as_str()));
        Ok(query.one(&self.db).await.map_err(from_db)?.map(|row| OrgId::new(row.id)))
    }
}

const COUNT_OWNED: &str = "select count(*) from organizations where owner_user_id = $1 and deleted_at is null";

impl WriteTx {
    /// How many organizations a user owns. Lock the account first.
    pub async fn count_owned(&self, user: UserId) -> Result<i64> {
        sql::count(&self.tx, COUNT_OWNED, vec![user.uuid().into()]).await
    }

    /// Makes an organization with its counters; its first owner's membership is inserted apart. `AlreadyExists` (`slug_taken`).
    pub async fn insert_organization(&self, o: &Organization) -> Result<()> {
        let row = organizations::ActiveModel {
            id: Set(o.id.uuid()),
            slug: Set(o.slug.to_string()),
            name: Set(o.name.to_string()),
            owner_user_id: Set(o.owner_user_id.uuid()),
            status: Set(o.status.as_str().to_owned()),
            tier_id: Set(o.tier_id.clone()),
            version: Set(o.version),
            created_at: Set(o.created_at),
            updated_at: Set(o.updated_at),
            max_services: Set(o.max_services),
            max_users: Set(o.max_users),
            approved_by: Set(None),
            approved_at: Set(None),
            rejected_by: Set(None),
            rejected_at: Set(None),
            rejection_reason: Set(None),
            feature_overrides: Set(None),
            brand_logo_url: Set(None),
            brand_primary_color: Set(None),
            custom_domain: Set(None),
            domain_verified: Set(false),
            sign_in_policy: Set(None),
            more_roles: Set(false),
            deleted_at: Set(None),
        };
        organizations::Entity::insert(row)
            .exec_without_returning(&self.tx)
            .await
            .map_err(on(&table::ORGANIZATIONS_SLUG, slug_taken))?;
        slug_holds::refuse_held(self, &o.slug, o.id).await?;
        let counters = org_counters::ActiveModel { org_id: Set(o.id.uuid()), members: Set(1), owners: Set(1), services: Set(0) };
        org_counters::Entity::insert(counters).exec_without_returning(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Writes what is to change, and nothing else: somebody else may be changing the rest. `expected` are the versions the caller saw
    /// (`If-Match`): another one is `PreconditionFailed`. `limits` are those of services and of users.
    pub async fn update_organization(
        &self,
        scope: OrgScope<'_, Settings, Write>,
        name: Option<&Name>,
        limits: [&Patch<i64>; 2],
        expected: Option<&[i64]>,
    ) -> Result<()> {
        let mut update = organizations::Entity::update_many()
            .col_expr(organizations::Column::Version, Expr::col(organizations::Column::Version).add(1))
            .col_expr(organizations::Column::UpdatedAt, Expr::value(self.now()))
            .filter(organizations::Column::Id.eq(scope.org().uuid()))
            .filter(organizations::Column::DeletedAt.is_null());
        if let Some(name) = name {
            update = update.col_expr(organizations::Column::Name, Expr::value(name.as_str()));
        }
        for (column, limit) in [organizations::Column::MaxServices, organizations::Column::MaxUsers].into_iter().zip(limits) {
            if *limit != Patch::Keep {
                update = update.col_expr(column, Expr::value(limit.clone().apply(None)));
            }
        }
        if let Some(versions) = expected {
            update = update.filter(organizations::Column::Version.is_in(versions.iter().copied()));
        }
        match update.exec(&self.tx).await.map_err(from_db)?.rows_affected {
            1 => Ok(()),
            _ => Err(stale()),
        }
    }

    /// The organization as it is now, for the answer of a change. Call it after the change.
    pub async fn organization_view(&self, org: OrgId) -> Result<OrganizationView> {
        view(self, org).await?.ok_or_else(|| Error::not_found("organization"))
    }

    /// Deletes the organization: a tombstone that nobody can see; the worker purges what is left. Its slug is held for a
    /// while (`slug_holds`).
    pub async fn delete_organization(&self, scope: OrgScope<'_, OrgLifecycle, Write>) -> Result<()> {
        soft_delete(self, scope.org()).await
    }

    /// Names another owner in the organization's row.
    pub async fn set_owner(&self, scope: OrgScope<'_, Ownership, Write>, owner: UserId) -> Result<()> {
        set_owner(self, scope.org(), owner).await
    }
}

pub(crate) async fn set_owner(tx: &WriteTx, org: OrgId, owner: UserId) -> Result<()> {
    let update = organizations::Entity::update_many()
        .col_expr(organizations::Column::OwnerUserId, Expr::value(owner.uuid()))
        .col_expr(organizations::Column::Version, Expr::col(organizations::Column::Version).add(1))
        .col_expr(organizations::Column::UpdatedAt, Expr::value(tx.now()));
    update.filter(organizations::Column::Id.eq(org.uuid())).exec(&tx.tx).await.map_err(from_db)?;
    Ok(())
}

fn slug_taken() -> Error {
    Error::exists("slug_taken", "This slug is not available; choose another.")
}

pub(crate) fn stale() -> Error {
    Error::new(
        domain::Kind::PreconditionFailed,
        "version_mismatch",
        "The organization was changed meanwhile. Read it again and repeat your change.",
    )
}

const BY_ID: Sql = sql!(
    "select {organization}, {tier}
    from organizations o
    join org_counters c on c.org_id = o.id
    join tiers t on t.id = o.tier_id
    where o.id = $1 and o.deleted_at is null",
    organization = ORGANIZATION,
    tier = TIER
);

pub(crate) async fn view(tx: &WriteTx, org: OrgId) -> Result<Option<OrganizationView>> {
    let row = sql::one(&tx.tx, BY_ID, vec![org.uuid().into()]).await?;
    row.as_ref().map(read_view).transpose().map_err(from_db)
}

const END_GRANTS: &str = "update grants set revoked_at = $2 where org_id = $1 and revoked_at is null";

/// Hides an organization for good: nobody finds it by its slug or through a membership any more, and the grants for it end. The rows
/// that remain are purged by the worker.
pub(crate) async fn soft_delete(tx: &WriteTx, org: OrgId) -> Result<()> {
    slug_holds::hold(tx, org).await?;
    let deleted = organizations::Entity::update_many()
        .col_expr(organizations::Column::DeletedAt, Expr::value(tx.now()))
        .col_expr(organizations::Column::Slug, Expr::value(format!("~{}", org.uuid().simple())))
        .filter(organizations::Column::Id.eq(org.uuid()))
        .filter(organizations::Column::DeletedAt.is_null());
    if deleted.exec(&tx.tx).await.map_err(from_db)?.rows_affected == 0 {
        return Err(Error::not_found("organization"));
    }
    domains::give_up(&tx.tx, org).await?;
    sql::execute(&tx.tx, END_GRANTS, vec![org.uuid().into(), tx.now().into()]).await?;
    // What waits for the end of a suspension ends with the organization.
    destinations::wake_all(&tx.tx, org, tx.now()).await
}

#[cfg(test)]
mod tests;
