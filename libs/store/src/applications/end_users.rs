//! End users of an organization. A row for each is kept by whoever adds a user to a service or removes one, so that a list of a million
//! costs its page.

use std::collections::HashMap;

use domain::{
    Error, GrantId, OrgId, Page, Result, ServiceId, Time, UserId,
    applications::{
        end_users::{EndUser, EndUserPlace, EndUserSession, SHOWN_SESSIONS, SHOWN_SIGN_INS},
        subscriptions::Subscription,
    },
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::EndUsers,
    },
    core::value::{ServiceSlug, Slug},
    identity::sign_ins::SignIn,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::subscriptions;
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, ONE_PAGE, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
    identity::{
        accounts::{USER_COLUMNS, next_user},
        sign_ins::{self, SIGN_IN, SOURCE},
    },
    tenancy::organizations::counters,
};

pub(crate) const END_USERS: Table = Table {
    name: "end_users",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("while they use a service"),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from end_users
            where org_id = $1 and user_id in (select user_id from end_users where org_id = $1 limit $2)"
    )),
};

/// The page first, then its people: those that are skipped are not looked up.
const PAGE: &str = "select p.user_id, p.created_at, {user}, {total} as total
    from (
      select * from (
        select user_id, created_at
        from {table}
        where org_id = $1 and (created_at, user_id) < ($2, $3) {of_service}
        order by created_at desc, user_id desc
        limit {hidden $4} offset {hidden $5}
      ) page
      {one_page}
    ) p
    join users u on u.id = p.user_id
    order by p.created_at desc, p.user_id desc";
const ALL: &str = "end_users";
const ANY_SERVICE: &str = "";
const USERS: &str = "service_users";
const ONE_SERVICE: &str = "and service_id = $6";
/// How many there are comes with the page.
const TOTAL: &str = "(select end_users from org_counters where org_id = $1)";
/// It is known from the service.
const NO_TOTAL: &str = "0";
const LIST: Sql =
    sql!("{page}", page = PAGE, user = USER_COLUMNS, total = TOTAL, one_page = ONE_PAGE, table = ALL, of_service = ANY_SERVICE);
const LIST_OF_SERVICE: Sql = sql!(
    "{page}",
    page = PAGE,
    user = USER_COLUMNS,
    total = NO_TOTAL,
    one_page = ONE_PAGE,
    table = USERS,
    of_service = ONE_SERVICE
);
const GET: Sql = sql!(
    "select p.user_id, p.created_at, {user}
    from end_users p
    join users u on u.id = p.user_id
    where p.org_id = $1 and p.user_id = $2",
    user = USER_COLUMNS
);
const COUNT: Sql = sql!("select end_users from org_counters where org_id = $1");
/// A service by its slug, with how many users it has.
const SERVICE: Sql = sql!("select id, users from services where org_id = $1 and slug = $2");

fn read(row: &QueryResult) -> Result<EndUser, DbErr> {
    let mut columns = Columns::of(row);
    let (id, since) = (UserId::new(columns.next()?), columns.next::<Time>()?);
    Ok(EndUser { user: next_user(id, &mut columns)?, since, subscriptions: Vec::new() })
}

async fn get(db: &impl ConnectionTrait, org: OrgId, user: UserId) -> Result<EndUser> {
    let row = sql::one(db, GET, vec![org.uuid().into(), user.uuid().into()]).await?;
    read(&row.ok_or_else(|| Error::not_found("end user"))?).map_err(from_db)
}

/// Which end users, and from where on.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of this service only.
    pub service: Option<ServiceSlug>,
    /// The page, if no place is named.
    pub page: Page,
    /// Behind this place.
    pub after: Option<EndUserPlace>,
}

impl Store {
    /// End users, newest first, with their subscriptions; and how many there are. `NotFound` for an unknown service.
    pub async fn list_end_users(&self, scope: OrgScope<'_, EndUsers, Read>, wanted: &Wanted) -> Result<(Vec<EndUser>, i64)> {
        let org = scope.org();
        let service = match &wanted.service {
            None => None,
            Some(slug) => Some(self.service_with_users(org, slug).await?),
        };
        let rows = self.end_user_rows(org, service.map(|(id, _)| id), wanted).await?;
        let total = match (service, rows.first()) {
            (Some((_, total)), _) => total,
            (None, Some(row)) => row.try_get("", "total").map_err(from_db)?,
            (None, None) => sql::count(&self.db, COUNT, vec![org.uuid().into()]).await?,
        };
        let mut users: Vec<EndUser> = sql::read_all(&rows, read)?;
        self.add_subscriptions(org, &mut users).await?;
        Ok((users, total))
    }

    async fn end_user_rows(&self, org: OrgId, service: Option<ServiceId>, wanted: &Wanted) -> Result<Vec<QueryResult>> {
        let offset = if wanted.after.is_some() { 0 } else { wanted.page.offset() };
        if offset > Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let place = wanted.after.unwrap_or(EndUserPlace::START);
        let mut values: Vec<Value> = vec![
            org.uuid().into(),
            place.since.into(),
            place.user.uuid().into(),
            i64::from(wanted.page.limit).into(),
            offset.cast_signed().into(),
        ];
        values.extend(service.map(|id| Value::from(id.uuid())));
        let text = if service.is_some() { LIST_OF_SERVICE } else { LIST };
        sql::all(&self.db, text, values).await
    }

    async fn service_with_users(&self, org: OrgId, slug: &ServiceSlug) -> Result<(ServiceId, i64)> {
        let row = sql::one(&self.db, SERVICE, vec![org.uuid().into(), slug.as_str().into()]).await?;
        let row = row.ok_or_else(|| Error::not_found("service"))?;
        let mut columns = Columns::of(&row);
        let id: Uuid = columns.next().map_err(from_db)?;
        Ok((ServiceId::new(id), columns.next().map_err(from_db)?))
    }

    /// Of all of them by one statement.
    async fn add_subscriptions(&self, org: OrgId, users: &mut [EndUser]) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        let ids = users.iter().map(|user| user.user.id);
        let mut of: HashMap<UserId, Vec<Subscription>> = HashMap::new();
        for subscription in subscriptions::of_users(&self.db, org, ids).await? {
            of.entry(subscription.user_id).or_default().push(subscription);
        }
        for user in users {
            user.subscriptions = of.remove(&user.user.id).unwrap_or_default();
        }
        Ok(())
    }

    /// One end user, with their subscriptions.
    pub async fn get_end_user(&self, scope: OrgScope<'_, EndUsers, Read>, user: UserId) -> Result<EndUser> {
        let mut found = get(&self.db, scope.org(), user).await?;
        self.add_subscriptions(scope.org(), std::slice::from_mut(&mut found)).await?;
        Ok(found)
    }
}

/// What user `$2` may do in organization `$1` at the moment `$3`.
const LIVING: &str = "g.org_id = $1 and g.user_id = $2 and g.revoked_at is null and g.refresh_expires_at > $3
      and s.revoked_at is null and s.expires_at > $3";
const SESSIONS: Sql = sql!(
    "select count(*) over (), g.id, o.slug, s.ip_address, s.user_agent, s.expires_at, g.refresh_expires_at, g.created_at
    from grants g
    join sessions s on s.id = g.session_id
    join organizations o on o.id = g.org_id
    where {living}
    order by g.created_at desc, g.id desc
    limit $4",
    living = LIVING
);
const COUNT_SESSIONS: Sql = sql!(
    "select count(*)
    from grants g
    join sessions s on s.id = g.session_id
    where {living}",
    living = LIVING
);
const SIGN_INS: Sql = sql!(
    "select {sign_in}
    from {source}
    where i.org_id = $1 and i.user_id = $2
    order by i.created_at desc, i.id desc
    limit $3",
    sign_in = SIGN_IN,
    source = SOURCE
);

fn read_session(row: &QueryResult) -> Result<(i64, EndUserSession), DbErr> {
    let mut columns = Columns::of(row);
    let count = columns.next()?;
    let session = EndUserSession {
        id: GrantId::new(columns.next()?),
        service: None,
        org_slug: Slug::stored(columns.next()?),
        ip_address: columns.next()?,
        user_agent: columns.next()?,
        expires_at: columns.next()?,
        refresh_expires_at: columns.next()?,
        created_at: columns.next()?,
    };
    Ok((count, session))
}

impl Store {
    /// How many of a person's sessions can act in the organization, and the newest of them.
    pub async fn end_user_sessions(
        &self,
        scope: OrgScope<'_, EndUsers, Read>,
        user: UserId,
        now: Time,
    ) -> Result<(i64, Vec<EndUserSession>)> {
        let values = vec![scope.org().uuid().into(), user.uuid().into(), now.into(), SHOWN_SESSIONS.into()];
        let rows: Vec<(i64, EndUserSession)> = sql::read_all(&sql::all(&self.db, SESSIONS, values).await?, read_session)?;
        Ok((rows.first().map_or(0, |row| row.0), rows.into_iter().map(|row| row.1).collect()))
    }

    /// A person's newest sign-ins to the organization and its services.
    pub async fn end_user_sign_ins(&self, scope: OrgScope<'_, EndUsers, Read>, user: UserId) -> Result<Vec<SignIn>> {
        let values = vec![scope.org().uuid().into(), user.uuid().into(), SHOWN_SIGN_INS.into()];
        sql::read_all(&sql::all(&self.db, SIGN_INS, values).await?, sign_ins::read)
    }
}

const USES: Sql = sql!(
    "insert into end_users (org_id, user_id, services, created_at)
    values ($1, $2, 0, $3)
    on conflict (org_id, user_id) do nothing"
);
const USES_ONE_MORE: Sql = sql!("update end_users set services = services + 1 where org_id = $1 and user_id = $2");
const USES_ONE_LESS: Sql = sql!("update end_users set services = services - 1 where org_id = $1 and user_id = $2");
const USES_NONE: Sql = sql!("delete from end_users where org_id = $1 and user_id = $2 and services <= 0");
const ALL_USE_ONE_LESS: Sql = sql!(
    "update end_users set services = services - 1
    where org_id = $1 and user_id in (select user_id from service_users where org_id = $1 and service_id = $2)"
);
const ALL_USE_NONE: Sql = sql!(
    "delete from end_users
    where org_id = $1 and services <= 0
      and user_id in (select user_id from service_users where org_id = $1 and service_id = $2)"
);

impl WriteTx {
    /// An end user as they are now. `NotFound`.
    pub async fn end_user(&self, scope: OrgScope<'_, EndUsers, Write>, user: UserId) -> Result<EndUser> {
        get(&self.tx, scope.org(), user).await
    }

    /// Ends what a person's sessions may do in the organization and its services; how many could. Of the organization's own account the
    /// sessions themselves end: they are good for nothing else.
    pub async fn end_sessions(&self, scope: OrgScope<'_, EndUsers, Write>, end_user: &EndUser) -> Result<u64> {
        let values = vec![scope.org().uuid().into(), end_user.user.id.uuid().into(), self.now().into()];
        let living = sql::count(&self.tx, COUNT_SESSIONS, values).await?;
        self.end_grants(scope.org(), end_user.user.id).await?;
        if end_user.user.realm == scope.org() {
            self.revoke_sessions(end_user.user.id, None).await?;
        }
        Ok(living.unsigned_abs())
    }

    /// A person uses one more service of the organization. Call it last.
    pub(super) async fn count_end_user(&self, org: OrgId, user: UserId) -> Result<()> {
        let who = || vec![org.uuid().into(), user.uuid().into()];
        let new = sql::execute(&self.tx, USES, [who(), vec![self.now().into()]].concat()).await? > 0;
        sql::execute(&self.tx, USES_ONE_MORE, who()).await?;
        if new {
            self.give_places_back(org, &counters::END_USERS, -1).await?;
        }
        Ok(())
    }

    /// A person uses one service less. Call it before anything of theirs is deleted, and [`WriteTx::give_end_users_back`] with what it
    /// answers, last.
    pub(super) async fn discount_end_user(&self, org: OrgId, user: UserId) -> Result<u64> {
        let who = || vec![org.uuid().into(), user.uuid().into()];
        sql::execute(&self.tx, USES_ONE_LESS, who()).await?;
        sql::execute(&self.tx, USES_NONE, who()).await
    }

    /// The same for all who use this service.
    pub(super) async fn discount_end_users_of(&self, org: OrgId, service: ServiceId) -> Result<u64> {
        let which = || vec![org.uuid().into(), service.uuid().into()];
        sql::execute(&self.tx, ALL_USE_ONE_LESS, which()).await?;
        sql::execute(&self.tx, ALL_USE_NONE, which()).await
    }

    /// So many end users fewer.
    pub(super) async fn give_end_users_back(&self, org: OrgId, gone: u64) -> Result<()> {
        if gone == 0 {
            return Ok(());
        }
        self.give_places_back(org, &counters::END_USERS, gone.cast_signed()).await
    }
}
