//! The platform in numbers. A job counts them, again and again, so that asking for them costs a few rows and counting them twice changes
//! nothing; they are as old as its last run.

use chrono::TimeDelta;
use domain::{
    OrgId, Result, Time,
    authorization::policy::{PlatformScope, SystemScope},
    core::value::{Name, Slug},
    events::analytics::{Day, Days},
    tenancy::platform::{OrganizationLine, PlatformDay, PlatformTotals, RANKED, Ranked},
};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

pub(crate) const PLATFORM_DAYS: Table = Table {
    name: "platform_days",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::ByItsOwnRule("Store::forget_platform_days"),
    with_organization: WithOrganization::NotOfOne,
};

pub(crate) const PLATFORM_FIGURES: Table = Table {
    name: "platform_figures",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("a row for each figure"),
    with_organization: WithOrganization::NotOfOne,
};

/// Days that can still change: sign-ins are counted some time after they took place.
const UNSETTLED: i64 = 2;
/// "Thirty days": today and so many before.
const THIRTY: i64 = 29;

const TOTALS: &str = "totals";
const TOP: &str = "top_organizations";

const LAST_DAY: Sql = sql!("select max(day) from platform_days");
const FIRST_ACCOUNT: Sql = sql!("select min(created_at) from users");
const COUNT_DAY: Sql = sql!(
    "insert into platform_days (day, new_organizations, new_users, sign_ins)
    values (
      $1,
      (select count(*) from organizations where created_at >= $2 and created_at < $3),
      (select count(*) from users where created_at >= $2 and created_at < $3),
      (select cast(coalesce(sum(sign_ins), 0) as bigint) from sign_in_days where day = $1))
    on conflict (day) do update set new_organizations = excluded.new_organizations, new_users = excluded.new_users,
      sign_ins = excluded.sign_ins"
);
const ANY_OLD: Sql = sql!("select 1 from platform_days where day < $1 limit 1");
const FORGET: Sql = sql!("delete from platform_days where day < $1");

const COUNT_ALL: Sql = sql!(
    "select
      (select count(*) from organizations where deleted_at is null and status = 'pending'),
      (select count(*) from organizations where deleted_at is null and status = 'active'),
      (select count(*) from organizations where deleted_at is null and status = 'suspended'),
      (select count(*) from organizations where deleted_at is null and status = 'rejected'),
      (select count(*) from users where deleted_at is null),
      (select cast(coalesce(sum(c.end_users), 0) as bigint)
         from org_counters c join organizations o on o.id = c.org_id where o.deleted_at is null),
      (select cast(coalesce(sum(c.services), 0) as bigint)
         from org_counters c join organizations o on o.id = c.org_id where o.deleted_at is null),
      (select count(*) from sign_ins where created_at > $1),
      (select cast(coalesce(sum(sign_ins), 0) as bigint) from platform_days where day >= $2)"
);
const RANK: Sql = sql!(
    "select d.org_id, cast(sum(d.sign_ins) as bigint) as n
    from sign_in_days d
    join organizations o on o.id = d.org_id
    where d.day >= $1 and o.deleted_at is null
    group by d.org_id
    order by n desc, d.org_id
    limit $2"
);
const KEEP: Sql = sql!(
    "insert into platform_figures (name, value, computed_at)
    values ($1, $2, $3)
    on conflict (name) do update set value = excluded.value, computed_at = excluded.computed_at"
);

async fn keep(tx: &DatabaseTransaction, name: &str, figure: &impl Serialize, now: Time) -> Result<()> {
    let value = serde_json::to_string(figure).map_err(domain::Error::internal)?;
    sql::execute(tx, KEEP, vec![name.into(), value.into(), now.into()]).await.map(|_| ())
}

fn totals(row: &QueryResult) -> Result<PlatformTotals, DbErr> {
    let mut columns = Columns::of(row);
    Ok(PlatformTotals {
        pending: columns.next()?,
        active: columns.next()?,
        suspended: columns.next()?,
        rejected: columns.next()?,
        users: columns.next()?,
        end_users: columns.next()?,
        services: columns.next()?,
        sign_ins_24h: columns.next()?,
        sign_ins_30d: columns.next()?,
    })
}

fn ranked(row: &QueryResult) -> Result<Ranked, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Ranked { id: OrgId::new(columns.next()?), sign_ins_30d: columns.next()? })
}

impl Store {
    /// The days that are to be counted: those that can still change, and those that nobody has counted, as far back as `longest` days.
    pub async fn platform_days_to_count(&self, _: SystemScope, now: Time, longest: u32) -> Result<Days> {
        let last = Day::of(now);
        let oldest = Day::of(now - TimeDelta::days(i64::from(longest)));
        let counted: Option<String> = single(&self.db, LAST_DAY).await?;
        let first = match counted.and_then(|day| day.parse::<Day>().ok()) {
            Some(day) => day.plus(-UNSETTLED),
            None => single::<Time>(&self.db, FIRST_ACCOUNT).await?.map_or(last, Day::of),
        };
        Ok(Days { first: first.max(oldest).min(last), last })
    }

    /// Counts a day, again if it was counted before.
    pub async fn count_platform_day(&self, _: SystemScope, day: Day) -> Result<()> {
        let of = || vec![day.to_string().into(), day.begin().into(), day.plus(1).begin().into()];
        self.bookkeep(async |tx| sql::execute(&*tx, COUNT_DAY, of()).await.map(|_| ())).await
    }

    /// Counts what there is. Reads much, and so takes no writer's place while it does.
    pub async fn count_platform(&self, _: SystemScope, now: Time) -> Result<()> {
        let month = Day::of(now).plus(-THIRTY).to_string();
        let counted = sql::one(&self.db, COUNT_ALL, vec![(now - TimeDelta::days(1)).into(), month.as_str().into()]).await?;
        let all = counted.as_ref().map(totals).transpose().map_err(from_db)?.unwrap_or_default();
        let rows = sql::all(&self.db, RANK, vec![month.into(), RANKED.cast_signed().into()]).await?;
        let top: Vec<Ranked> = sql::read_all(&rows, ranked)?;
        self.bookkeep(async |tx| {
            keep(&tx, TOTALS, &all, now).await?;
            keep(&tx, TOP, &top, now).await
        })
        .await
    }

    /// Deletes days before this one; how many.
    pub async fn forget_platform_days(&self, _: SystemScope, before: Day) -> Result<u64> {
        let values = || vec![before.to_string().into()];
        if sql::one(&self.db, ANY_OLD, values()).await?.is_none() {
            return Ok(0);
        }
        self.bookkeep(async |tx| sql::execute(&*tx, FORGET, values()).await).await
    }
}

async fn single<T: sea_orm::TryGetable>(db: &impl sea_orm::ConnectionTrait, text: Sql) -> Result<Option<T>> {
    let row = sql::one(db, text, vec![]).await?;
    Ok(row.map(|row| row.try_get_by_index::<Option<T>>(0)).transpose().map_err(from_db)?.flatten())
}

const FIGURE: Sql = sql!("select value, computed_at from platform_figures where name = $1");
const DAYS: Sql = sql!(
    "select day, new_organizations, new_users, sign_ins
    from platform_days
    where day >= $1 and day <= $2
    order by day"
);
const LINE: &str = "o.id, o.name, o.slug, o.status, o.created_at, c.members, c.services
    from organizations o
    join org_counters c on c.org_id = o.id";
const NEWEST: Sql = sql!(
    "select {line}
    where o.deleted_at is null
    order by o.created_at desc, o.id desc
    limit $1",
    line = LINE
);
const NAMED: Sql<1> = sql!(
    "select {line}
    where o.deleted_at is null and o.id in (select id from {rows})",
    rows = 1 (id: Uuid),
    line = LINE
);

fn line(row: &QueryResult) -> Result<OrganizationLine, DbErr> {
    let mut columns = Columns::of(row);
    Ok(OrganizationLine {
        id: OrgId::new(columns.next()?),
        name: Name::stored(columns.next()?),
        slug: Slug::stored(columns.next()?),
        status: columns.next::<String>()?.parse().map_err(|_| DbErr::Type("a status that nobody knows".to_owned()))?,
        created_at: columns.next()?,
        members: columns.next()?,
        services: columns.next()?,
    })
}

fn day(row: &QueryResult) -> Result<PlatformDay, DbErr> {
    let mut columns = Columns::of(row);
    Ok(PlatformDay {
        day: columns.next()?,
        new_organizations: columns.next()?,
        new_users: columns.next()?,
        sign_ins: columns.next()?,
    })
}

impl Store {
    async fn figure<T: DeserializeOwned + Default>(&self, name: &str) -> Result<(T, Option<Time>)> {
        let Some(row) = sql::one(&self.db, FIGURE, vec![name.into()]).await? else { return Ok((T::default(), None)) };
        let mut columns = Columns::of(&row);
        let value: String = columns.next().map_err(from_db)?;
        let value = serde_json::from_str(&value).map_err(domain::Error::internal)?;
        Ok((value, Some(columns.next().map_err(from_db)?)))
    }

    /// What there was when it was counted last; `None`: it was not.
    pub async fn platform_totals(&self, _: PlatformScope<'_>) -> Result<(PlatformTotals, Option<Time>)> {
        self.figure(TOTALS).await
    }

    /// Days of the platform, those that nobody has counted left out.
    pub async fn platform_days(&self, _: PlatformScope<'_>, days: Days) -> Result<Vec<PlatformDay>> {
        let values = vec![days.first.to_string().into(), days.last.to_string().into()];
        sql::read_all(&sql::all(&self.db, DAYS, values).await?, day)
    }

    /// The organizations that were signed in to most, at most [`RANKED`], and how often.
    pub async fn top_organizations(&self, _: PlatformScope<'_>, limit: usize) -> Result<Vec<(OrganizationLine, i64)>> {
        let (ranked, _): (Vec<Ranked>, _) = self.figure(TOP).await?;
        let rows = NAMED.all(&self.db, vec![], ranked.iter().map(|one| [one.id.uuid().into()])).await?;
        let lines: Vec<OrganizationLine> = sql::read_all(&rows, line)?;
        // One that was deleted since is left out.
        let found = |one: &Ranked| lines.iter().find(|line| line.id == one.id).map(|line| (line.clone(), one.sign_ins_30d));
        Ok(ranked.iter().filter_map(found).take(limit).collect())
    }

    /// The newest organizations.
    pub async fn newest_organizations(&self, _: PlatformScope<'_>, limit: u64) -> Result<Vec<OrganizationLine>> {
        sql::read_all(&sql::all(&self.db, NEWEST, vec![limit.cast_signed().into()]).await?, line)
    }
}
