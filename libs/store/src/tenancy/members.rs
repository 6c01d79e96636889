//! Memberships. How they change and end is in [`changes`].

mod changes;
mod owners;
pub(crate) mod table;

pub use self::owners::Owner;

use domain::{
    Error, MembershipId, OrgId, PLATFORM, Page, Result, Total, UserId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::{Members, Resource},
    },
    core::value::Email,
    tenancy::{
        members::{Member, Membership},
        organizations::OrganizationView,
        roles::RoleName,
    },
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult, QuerySelect, Select, Set, sea_query::LockType};

use crate::{
    Store, WriteTx,
    core::{
        entity::{memberships, users},
        error::{from_db, violates, when_gone},
        sql::{self, Columns, ONE_PAGE, Sql, sql},
    },
    identity::accounts::{USER_COLUMNS, next_user, user},
    tenancy::invitations::LockedInvitation,
};

pub(crate) fn membership(row: memberships::Model) -> Membership {
    Membership {
        id: MembershipId::new(row.id),
        org_id: OrgId::new(row.org_id),
        user_id: UserId::new(row.user_id),
        role: RoleName::stored(row.role),
        created_at: row.created_at,
    }
}

/// The page first, then its people: those that are skipped are not looked up.
const LIST: &str = "select m.id, m.user_id, m.role, m.created_at, {user}
    from (
      select * from (
        select m.id, m.user_id, m.role, m.created_at
        from memberships m
        where m.org_id = $1 {of_role}
        order by m.created_at, m.id
        limit {hidden $2} offset {hidden $3}
      ) page
      {one_page}
    ) m
    join users u on u.id = m.user_id
    order by m.created_at, m.id";
const ALL: &str = "";
const ONE_ROLE: &str = "and m.role = $4";
const PAGE: Sql = sql!("{list}", list = LIST, user = USER_COLUMNS, one_page = ONE_PAGE, of_role = ALL);
const PAGE_OF_ROLE: Sql = sql!("{list}", list = LIST, user = USER_COLUMNS, one_page = ONE_PAGE, of_role = ONE_ROLE);

/// Reads a row of [`LIST`].
fn read_member(org_id: OrgId, row: &QueryResult) -> Result<Member, DbErr> {
    let mut columns = Columns::of(row);
    let membership = Membership {
        id: MembershipId::new(columns.next()?),
        org_id,
        user_id: UserId::new(columns.next()?),
        role: RoleName::stored(columns.next()?),
        created_at: columns.next()?,
    };
    Ok(Member { user: next_user(membership.user_id, &mut columns)?, membership })
}

const COUNT: &str = "select count(*) from (select 1 from memberships where org_id = $1 and role = $2 limit $3) as t";

impl Store {
    /// A page of members by the age of the membership, optionally of one role.
    pub async fn list_members(&self, scope: OrgScope<'_, Members, Read>, page: Page, role: Option<&str>) -> Result<Vec<Member>> {
        if page.offset() > Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let mut values = vec![scope.org().uuid().into(), i64::from(page.limit).into(), page.offset().cast_signed().into()];
        values.extend(role.map(Into::into));
        let rows = sql::all(&self.db, if role.is_some() { PAGE_OF_ROLE } else { PAGE }, values).await?;
        sql::read_all(&rows, |row| read_member(scope.org(), row))
    }
    /// Whether a user is a member.
    pub async fn is_member(&self, scope: OrgScope<'_, Members, Read>, user: UserId) -> Result<bool> {
        Ok(by_user(scope.org(), user).one(&self.db).await.map_err(from_db)?.is_some())
    }
    /// How many members have a role. The unfiltered count is a counter in the organization's view.
    pub async fn count_members(&self, scope: OrgScope<'_, Members, Read>, role: &str) -> Result<Total> {
        let values = vec![scope.org().uuid().into(), role.into(), (Total::EXACT + 1).cast_signed().into()];
        Ok(Total::counted(sql::count(&self.db, COUNT, values).await?.unsigned_abs()))
    }
}

fn by_user(org: OrgId, user: UserId) -> Select<memberships::Entity> {
    memberships::Entity::find()
        .filter(memberships::Column::OrgId.eq(org.uuid()))
        .filter(memberships::Column::UserId.eq(user.uuid()))
}

/// What proves that a membership may be added.
pub enum Admission<'a> {
    /// The founder of a new organization, which counts its first owner itself.
    Founder(OrgId),
    /// An invitation that this transaction has locked.
    Invited(&'a LockedInvitation, RoleName),
    /// The word of one of the organization's identity providers, where that makes members. It never makes more than that.
    Asserted(&'a OrganizationView),
}

/// A member's account is the platform's or the organization's own; naming the realm lets the index find the address.
const BY_EMAIL: Sql = sql!(
    "select m.user_id
    from users u
    join memberships m on m.org_id = $1 and m.user_id = u.id
    where u.email = $2 and (u.realm = $1 or u.realm = $3)
    limit 2"
);

const TAKE_SEAT: &str = "update org_counters set members = members + 1 where org_id = $1 and members < $2";

impl WriteTx {
    /// A member as they are now, not locked. `NotFound` for a stranger.
    pub async fn member<R: Resource>(&self, scope: OrgScope<'_, R, Write>, id: UserId) -> Result<Member> {
        self.read_member(by_user(scope.org(), id)).await
    }

    /// A member, locked until the transaction ends. `NotFound` for a stranger. Not for the caller, whose membership is shared already
    /// (unless the resource moves the caller).
    pub async fn lock_member<R: Resource>(&self, scope: OrgScope<'_, R, Write>, id: UserId) -> Result<Member> {
        self.fair_lock_member(id).await?;
        self.read_member(by_user(scope.org(), id).lock(LockType::NoKeyUpdate)).await
    }

    async fn read_member(&self, query: Select<memberships::Entity>) -> Result<Member> {
        let gone = || Error::not_found("member");
        let row = query.one(&self.tx).await.map_err(from_db)?.ok_or_else(gone)?;
        let person = users::Entity::find_by_id(row.user_id).one(&self.tx).await.map_err(from_db)?.ok_or_else(gone)?;
        Ok(Member { user: user(person), membership: membership(row) })
    }

    /// The member with an address, locked; whichever realm the account is of.
    pub async fn lock_member_by_email<R: Resource>(&self, scope: OrgScope<'_, R, Write>, email: &Email) -> Result<Member> {
        let values = vec![scope.org().uuid().into(), email.as_str().into(), PLATFORM.uuid().into()];
        let rows = sql::all(&self.tx, BY_EMAIL, values).await?;
        match rows.as_slice() {
            [] => Err(Error::not_found("member")),
            [row] => self.lock_member(scope, UserId::new(row.try_get("", "user_id").map_err(from_db)?)).await,
            // A managed account, and a platform account that took the address later.
            _ => Err(Error::conflict(
                "ambiguous_member",
                "Two members have this address. Choose one by id: give that member the role `owner`.",
            )),
        }
    }

    /// Adds a member and takes a seat. `Conflict`: `seat_limit`, `already_member`.
    pub async fn insert_member(&self, admission: Admission<'_>, user: UserId) -> Result<Membership> {
        let (org, role, seats) = match admission {
            Admission::Founder(org) => (org, RoleName::Owner, None),
            Admission::Invited(locked, role) => (locked.org(), role, Some(locked.seats())),
            Admission::Asserted(view) => (view.organization.id, RoleName::Member, Some(view.seats().max)),
        };
        let made = Membership { id: MembershipId::new(self.uuid()), org_id: org, user_id: user, role, created_at: self.now() };
        let row = memberships::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(made.id.uuid()),
            user_id: Set(user.uuid()),
            role: Set(made.role.to_string()),
            created_at: Set(made.created_at),
            more_roles: Set(false),
        };
        let twice = || Error::conflict("already_member", "This person is a member already.");
        // An account that only a service used may be deleted with its last use.
        let refused = |e| if violates(&e, &table::MEMBERSHIPS_USER) { twice().because(e) } else { when_gone(e) };
        memberships::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(refused)?;
        self.forget_removal(org, user).await?;
        if let Some(max) = seats {
            self.take_seat(org, max).await?;
        }
        Ok(made)
    }

    async fn take_seat(&self, org: OrgId, max: i64) -> Result<()> {
        if sql::execute(&self.tx, TAKE_SEAT, vec![org.uuid().into(), max.into()]).await? == 1 {
            return Ok(());
        }
        Err(Error::conflict(
            "seat_limit",
            format!("All {max} seats of this organization are taken. Remove a member or ask for a larger tier."),
        ))
    }
}

#[cfg(test)]
mod tests;
