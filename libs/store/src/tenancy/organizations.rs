//! Organizations.

use domain::{
    Error, OrgId, Page, Result, UserId,
    authorization::{
        policy::{OrgScope, UserScope, Write},
        resource::{OrgLifecycle, Ownership, Settings},
    },
    core::value::{Name, Slug},
    tenancy::organizations::{OrgStatus, Organization, OrganizationView, Tier},
};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult, Set,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    Store, WriteTx,
    core::{
        entity::{org_counters, organizations},
        error::{ORGANIZATIONS_SLUG, from_db, on},
        sql::{self, Columns},
    },
};

/// The columns of an organization with its counters, for every statement that joins organizations `o` and counters `c`.
macro_rules! organization_columns {
    () => {
        "o.id, o.slug, o.name, o.owner_user_id, o.status, o.tier_id, o.max_services, o.max_users, o.approved_by, o.approved_at,
o.rejected_by, o.rejected_at, o.rejection_reason, o.feature_overrides, o.version, o.created_at, o.updated_at, c.members, c.services"
    };
}
pub(crate) use organization_columns;
/// The same, as a part of a statement.
pub(crate) const ORGANIZATION: &str = organization_columns!();

/// The columns of an [`OrganizationView`], for every statement that joins tiers `t` as well.
macro_rules! view_columns {
    () => {
        concat!(
            $crate::tenancy::organizations::organization_columns!(),
            ", t.name, t.display_name, t.default_max_services, t.default_max_users, t.features, t.price_cents, t.currency, t.created_at"
        )
    };
}
pub(crate) use view_columns;

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
        version: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    };
    Ok((organization, columns.next()?, columns.next()?))
}

/// Reads what [`view_columns`] selected.
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

pub(crate) fn read_views(rows: &[QueryResult]) -> Result<Vec<OrganizationView>> {
    rows.iter().map(read_view).collect::<Result<_, _>>().map_err(from_db)
}

const OWN: &str = concat!(
    "select ",
    view_columns!(),
    " from memberships m join organizations o on o.id = m.org_id join org_counters c on c.org_id = o.id join tiers t on t.id = o.tier_id
where m.user_id = $1 and o.deleted_at is null and ($2 = '' or o.status = $2) order by m.created_at, m.org_id limit $3 offset $4"
);

impl Store {
    /// The organizations the caller belongs to, by the age of the membership.
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
        read_views(&sql::all(&self.db, OWN, values).await?)
    }
}

impl Store {
    /// What a sign-in form names: the id behind a slug.
    pub async fn public_organization(&self, slug: &Slug) -> Result<Option<OrgId>> {
        let query = organizations::Entity::find().filter(organizations::Column::Slug.eq(slug.as_str()));
        Ok(query.one(&self.db).await.map_err(from_db)?.map(|row| OrgId::new(row.id)))
    }
}

impl WriteTx {
    /// For a sign-in to an organization: its state, and whether the user is a member. `None` if there is no such organization.
    pub async fn sign_in_state(&self, org: OrgId, user: UserId) -> Result<Option<(OrgStatus, bool)>> {
        let find = "select o.status, m.user_id from organizations o left join memberships m on m.org_id = o.id and m.user_id = $2 where o.id = $1 and o.deleted_at is null";
        let Some(row) = sql::one(&self.tx, find, vec![org.uuid().into(), user.uuid().into()]).await? else { return Ok(None) };
        let status: String = row.try_get("", "status").map_err(from_db)?;
        let member: Option<uuid::Uuid> = row.try_get("", "user_id").map_err(from_db)?;
        Ok(Some((status.parse().unwrap_or(OrgStatus::Suspended), member.is_some())))
    }
    /// How many organizations a user owns. Lock the account first.
    pub async fn count_owned(&self, user: UserId) -> Result<i64> {
        sql::count(
            &self.tx,
            "select count(*) from organizations where owner_user_id = $1 and deleted_at is null",
            vec![user.uuid().into()],
        )
        .await
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
            deleted_at: Set(None),
        };
        let taken = on(ORGANIZATIONS_SLUG, || Error::exists("slug_taken", "This slug is not available; choose another."));
        organizations::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(taken)?;
        let counters = org_counters::ActiveModel { org_id: Set(o.id.uuid()), members: Set(1), owners: Set(1), services: Set(0) };
        org_counters::Entity::insert(counters).exec_without_returning(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Writes what is to change, and nothing else: somebody else may be changing the rest. `expected` is the version the caller saw
    /// (`If-Match`): another one is `PreconditionFailed`.
    pub async fn update_organization(
        &self,
        scope: OrgScope<'_, Settings, Write>,
        name: Option<&Name>,
        limits: (Option<i64>, Option<i64>),
        expected: Option<i64>,
    ) -> Result<()> {
        let mut update = organizations::Entity::update_many()
            .col_expr(organizations::Column::Version, Expr::col(organizations::Column::Version).add(1))
            .col_expr(organizations::Column::UpdatedAt, Expr::value(self.now()))
            .filter(organizations::Column::Id.eq(scope.org().uuid()))
            .filter(organizations::Column::DeletedAt.is_null());
        if let Some(name) = name {
            update = update.col_expr(organizations::Column::Name, Expr::value(name.as_str()));
        }
        for (column, limit) in [(organizations::Column::MaxServices, limits.0), (organizations::Column::MaxUsers, limits.1)] {
            if let Some(limit) = limit {
                update = update.col_expr(column, Expr::value(limit));
            }
        }
        if let Some(version) = expected {
            update = update.filter(organizations::Column::Version.eq(version));
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

    /// Deletes the organization: a tombstone that nobody can see; the worker purges what is left. The slug can be used again.
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

pub(crate) fn stale() -> Error {
    Error::new(
        domain::Kind::PreconditionFailed,
        "version_mismatch",
        "The organization was changed meanwhile. Read it again and repeat your change.",
    )
}

const BY_ID: &str = concat!(
    "select ",
    view_columns!(),
    " from organizations o join org_counters c on c.org_id = o.id join tiers t on t.id = o.tier_id where o.id = $1 and o.deleted_at is null"
);

pub(crate) async fn view(tx: &WriteTx, org: OrgId) -> Result<Option<OrganizationView>> {
    let row = sql::one(&tx.tx, BY_ID, vec![org.uuid().into()]).await?;
    row.as_ref().map(read_view).transpose().map_err(from_db)
}

/// Hides an organization for good: nobody finds it by its slug or through a membership any more, and the grants for it end. The rows
/// that remain are purged by the worker.
pub(crate) async fn soft_delete(tx: &WriteTx, org: OrgId) -> Result<()> {
    let deleted = organizations::Entity::update_many()
        .col_expr(organizations::Column::DeletedAt, Expr::value(tx.now()))
        .col_expr(organizations::Column::Slug, Expr::value(format!("~{}", org.uuid().simple())))
        .filter(organizations::Column::Id.eq(org.uuid()))
        .filter(organizations::Column::DeletedAt.is_null());
    if deleted.exec(&tx.tx).await.map_err(from_db)?.rows_affected == 0 {
        return Err(Error::not_found("organization"));
    }
    let grants = "update grants set revoked_at = $2 where org_id = $1 and revoked_at is null";
    sql::execute(&tx.tx, grants, vec![org.uuid().into(), tx.now().into()]).await.map(|_| ())
}
