//! Memberships, and the one cascade that ends access.

use domain::{
    Error, InvitationId, MembershipId, OrgId, PLATFORM, Page, Result, UserId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::{MemberRoles, Members, Ownership, Resource},
    },
    core::value::Email,
    tenancy::{
        members::{Member, Membership},
        roles::RoleName,
    },
};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult, QuerySelect, Select, Set,
    sea_query::{Expr, LockType},
};

use crate::{
    Store, WriteTx,
    core::{
        entity::{grants, memberships, users},
        error::{MEMBERSHIPS_USER, from_db, on},
        sql::{self, Columns},
    },
    identity::accounts::{next_user, user, user_columns},
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

const PAGE: &str = concat!(
    "select m.id, m.user_id, m.role, m.created_at, ",
    user_columns!(),
    " from memberships m join users u on u.id = m.user_id where m.org_id = $1 and ($2 = '' or m.role = $2)
order by m.created_at, m.id limit $3 offset $4"
);

/// Reads a row of [`PAGE`].
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

impl Store {
    /// A page of members by the age of the membership, optionally of one role.
    pub async fn list_members(&self, scope: OrgScope<'_, Members, Read>, page: Page, role: Option<&str>) -> Result<Vec<Member>> {
        if page.offset() > Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let values = vec![
            scope.org().uuid().into(),
            role.unwrap_or("").into(),
            i64::from(page.limit).into(),
            page.offset().cast_signed().into(),
        ];
        let rows = sql::all(&self.db, PAGE, values).await?;
        rows.iter().map(|row| read_member(scope.org(), row)).collect::<Result<_, _>>().map_err(from_db)
    }
    /// Whether a user is a member.
    pub async fn is_member(&self, scope: OrgScope<'_, Members, Read>, user: UserId) -> Result<bool> {
        Ok(by_user(scope.org(), user).one(&self.db).await.map_err(from_db)?.is_some())
    }
    /// How many members have a role. The unfiltered count is a counter in the organization's view.
    pub async fn count_members(&self, scope: OrgScope<'_, Members, Read>, role: &str) -> Result<i64> {
        sql::count(
            &self.db,
            "select count(*) from memberships where org_id = $1 and role = $2",
            vec![scope.org().uuid().into(), role.into()],
        )
        .await
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
}

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
        // A member's account is the platform's or the organization's own; naming the realm lets the index find the address.
        let find = "select m.user_id from users u join memberships m on m.org_id = $1 and m.user_id = u.id
where u.email = $2 and (u.realm = $1 or u.realm = $3) limit 2";
        let values = vec![scope.org().uuid().into(), email.as_str().into(), PLATFORM.uuid().into()];
        let rows = sql::all(&self.tx, find, values).await?;
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
        let (org, role) = match admission {
            Admission::Founder(org) => (org, RoleName::Owner),
            Admission::Invited(locked, role) => {
                self.take_seat(locked.org(), locked.seats()).await?;
                (locked.org(), role)
            }
        };
        let made = Membership { id: MembershipId::new(self.uuid()), org_id: org, user_id: user, role, created_at: self.now() };
        let row = memberships::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(made.id.uuid()),
            user_id: Set(user.uuid()),
            role: Set(made.role.to_string()),
            created_at: Set(made.created_at),
        };
        let twice = on(MEMBERSHIPS_USER, || Error::conflict("already_member", "This person is a member already."));
        memberships::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(twice)?;
        Ok(made)
    }

    async fn take_seat(&self, org: OrgId, max: i64) -> Result<()> {
        let taken = sql::execute(
            &self.tx,
            "update org_counters set members = members + 1 where org_id = $1 and members < $2",
            vec![org.uuid().into(), max.into()],
        )
        .await?;
        if taken == 1 {
            return Ok(());
        }
        Err(Error::conflict(
            "seat_limit",
            format!("All {max} seats of this organization are taken. Remove a member or ask for a larger tier."),
        ))
    }

    /// Gives a member another role (not `owner`: that is [`WriteTx::hand_over`]).
    pub async fn set_role(&self, scope: OrgScope<'_, MemberRoles, Write>, member: &Membership, role: &RoleName) -> Result<()> {
        if member.role == RoleName::Owner {
            self.count_owners(scope.org(), -1).await?;
        }
        self.save_role(member, role).await
    }

    /// Makes `next` the owner and the caller an admin, in one step: there is never no owner and never two by accident.
    pub async fn hand_over(&self, scope: OrgScope<'_, Ownership, Write>, caller: &Membership, next: &Membership) -> Result<()> {
        let owners = i64::from(next.role != RoleName::Owner) - i64::from(caller.role == RoleName::Owner);
        if owners != 0 {
            self.count_owners(scope.org(), owners).await?;
        }
        self.save_role(next, &RoleName::Owner).await?;
        self.save_role(caller, &RoleName::Admin).await?;
        self.set_owner(scope, next.user_id).await
    }

    async fn save_role(&self, member: &Membership, role: &RoleName) -> Result<()> {
        let update = memberships::Entity::update_many().col_expr(memberships::Column::Role, Expr::value(role.as_str()));
        update
            .filter(memberships::Column::OrgId.eq(member.org_id.uuid()))
            .filter(memberships::Column::Id.eq(member.id.uuid()))
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        Ok(())
    }

    /// Changes the number of owners; refuses to let it reach zero.
    async fn count_owners(&self, org: OrgId, by: i64) -> Result<()> {
        let sql = "update org_counters set owners = owners + $2 where org_id = $1 and owners + $2 >= 1";
        if sql::execute(&self.tx, sql, vec![org.uuid().into(), by.into()]).await? == 1 { Ok(()) } else { Err(last_owner()) }
    }

    /// Ends a member's access, all of it and only here: membership and seat, the grants that were for this organization (and with
    /// them their refresh families), and an invitation that would let them back in, which is answered. Other organizations are not touched.
    pub async fn end_access(&self, scope: OrgScope<'_, Members, Write>, member: &Member) -> Result<Option<InvitationId>> {
        let (org, user) = (scope.org(), member.membership.user_id);
        if member.membership.role == RoleName::Owner {
            self.count_owners(org, -1).await?;
        }
        sql::execute(&self.tx, "update org_counters set members = members - 1 where org_id = $1", vec![org.uuid().into()])
            .await?;
        memberships::Entity::delete_by_id((org.uuid(), member.membership.id.uuid())).exec(&self.tx).await.map_err(from_db)?;
        self.end_grants(org, user).await?;
        self.cancel_pending(org, &member.user.email).await
    }

    async fn end_grants(&self, org: OrgId, user: UserId) -> Result<()> {
        let update = grants::Entity::update_many().col_expr(grants::Column::RevokedAt, Expr::value(self.now()));
        update
            .filter(grants::Column::UserId.eq(user.uuid()))
            .filter(grants::Column::OrgId.eq(org.uuid()))
            .filter(grants::Column::RevokedAt.is_null())
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        Ok(())
    }
}

fn last_owner() -> Error {
    Error::conflict("last_owner", "An organization keeps at least one owner. Transfer the ownership first.")
}
