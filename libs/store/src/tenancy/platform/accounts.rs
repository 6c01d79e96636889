//! Every account, whichever realm it is of, for who operates the platform.

use domain::{
    Error, OrgId, Result, Time, Total, UserId,
    authorization::policy::PlatformScope,
    core::value::{Name, Slug},
    identity::accounts::User,
    tenancy::{platform::Belonging, roles::RoleName},
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
    identity::accounts::{USER_COLUMNS, next_user},
};

/// An account, and what it is used for.
#[derive(Clone, Debug)]
pub struct UserDetail {
    /// The account.
    pub user: User,
    /// The organizations it is a member of, newest first, 200 at most.
    pub organizations: Vec<Belonging>,
    /// Living sessions.
    pub sessions: i64,
    /// When it entered an organization, or the platform, last; as long as sign-ins are kept.
    pub last_sign_in_at: Option<Time>,
}

const LIST: Sql = sql!(
    "select u.id, {user}
    from users u
    where u.deleted_at is null
    order by u.created_at desc, u.id desc
    limit $1 offset $2",
    user = USER_COLUMNS
);
const COUNT: Sql = sql!("select count(*) from (select 1 from users where deleted_at is null limit $1) as t");
/// Accounts whose address begins with a text, that is, lies from `$1` to before `$2`.
const BEGINNING: Sql = sql!(
    "select u.id, {user}
    from users u
    where u.email{bytewise} >= $1 and u.email{bytewise} < $2 and u.deleted_at is null
    order by u.email{bytewise}, u.id
    limit $3 offset $4",
    user = USER_COLUMNS
);
const COUNT_BEGINNING: Sql = sql!(
    "select count(*)
    from (
      select 1 from users where email{bytewise} >= $1 and email{bytewise} < $2 and deleted_at is null limit $3
    ) as t"
);
const GET: Sql = sql!("select u.id, {user} from users u where u.id = $1", user = USER_COLUMNS);
const BELONGINGS: Sql = sql!(
    "select o.id, o.name, o.slug, m.role, m.created_at
    from memberships m
    join organizations o on o.id = m.org_id
    where m.user_id = $1 and o.deleted_at is null
    order by m.created_at desc, o.id desc
    limit 200"
);
const SESSIONS: Sql = sql!("select count(*) from sessions where user_id = $1 and revoked_at is null and expires_at > $2");
const LAST_SIGN_IN: Sql = sql!("select max(created_at) from sign_ins where user_id = $1");

fn read(row: &QueryResult) -> Result<User, DbErr> {
    let mut columns = Columns::of(row);
    let id = UserId::new(columns.next()?);
    next_user(id, &mut columns)
}

fn belonging(row: &QueryResult) -> Result<Belonging, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Belonging {
        id: OrgId::new(columns.next()?),
        name: Name::stored(columns.next()?),
        slug: Slug::stored(columns.next()?),
        role: RoleName::stored(columns.next()?),
        joined_at: columns.next()?,
    })
}

impl Store {
    /// Accounts that are not closed, newest first, and how many there are.
    pub async fn platform_users(&self, _: PlatformScope<'_>, offset: u64, limit: u64) -> Result<(Vec<User>, Total)> {
        let total = sql::count(&self.db, COUNT, vec![(Total::EXACT + 1).cast_signed().into()]).await?;
        let rows = sql::all(&self.db, LIST, vec![limit.cast_signed().into(), offset.cast_signed().into()]).await?;
        Ok((sql::read_all(&rows, read)?, Total::counted(total.unsigned_abs())))
    }

    /// Those whose address begins with `beginning`, which is in lower case and not empty, by address.
    pub async fn find_users(&self, _: PlatformScope<'_>, beginning: &str, offset: u64, limit: u64) -> Result<(Vec<User>, Total)> {
        // No character comes behind this one.
        let end = format!("{beginning}{}", char::MAX);
        let most = (Total::EXACT + 1).cast_signed();
        let total = sql::count(&self.db, COUNT_BEGINNING, vec![beginning.into(), end.as_str().into(), most.into()]).await?;
        let values = vec![beginning.into(), end.into(), limit.cast_signed().into(), offset.cast_signed().into()];
        let rows = sql::all(&self.db, BEGINNING, values).await?;
        Ok((sql::read_all(&rows, read)?, Total::counted(total.unsigned_abs())))
    }

    /// One account, closed or not. `NotFound`.
    pub async fn user_detail(&self, _: PlatformScope<'_>, id: UserId, now: Time) -> Result<UserDetail> {
        let of = || vec![id.uuid().into()];
        let row = sql::one(&self.db, GET, of()).await?.ok_or_else(|| Error::not_found("user"))?;
        let last = sql::one(&self.db, LAST_SIGN_IN, of()).await?;
        Ok(UserDetail {
            user: read(&row).map_err(from_db)?,
            organizations: sql::read_all(&sql::all(&self.db, BELONGINGS, of()).await?, belonging)?,
            sessions: sql::count(&self.db, SESSIONS, vec![id.uuid().into(), now.into()]).await?,
            last_sign_in_at: last.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?.flatten(),
        })
    }
}
