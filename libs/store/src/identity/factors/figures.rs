//! Second factors in numbers: what an account was asked for in a day, and what that is together.

use domain::{
    Result, Time, UserId,
    authorization::policy::{PlatformScope, SystemScope},
    core::value::Email,
    events::analytics::Day,
    identity::factors::{FactorFigures, SUSPICIOUS, Suspicious},
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

const COUNT: Sql = sql!(
    "insert into factor_attempts as a (user_id, day, succeeded, failed)
    values ($1, $2, $3, $4)
    on conflict (user_id, day) do update set
      succeeded = a.succeeded + excluded.succeeded, failed = a.failed + excluded.failed"
);
const FIGURES: Sql = sql!(
    "select
      (select count(*) from users where deleted_at is null),
      (select count(*) from totp where confirmed_at is not null),
      (select cast(coalesce(sum(succeeded), 0) as bigint) from factor_attempts where day = $1),
      (select cast(coalesce(sum(failed), 0) as bigint) from factor_attempts where day = $1)"
);
const KEEP: Sql = sql!(
    "insert into factor_days (day, users, enrolled, succeeded, failed, counted_at)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (day) do update set
      users = excluded.users, enrolled = excluded.enrolled, succeeded = excluded.succeeded, failed = excluded.failed,
      counted_at = excluded.counted_at"
);
const DAYS: Sql = sql!("select day, users, enrolled, succeeded, failed, counted_at from factor_days order by day desc limit 366");
const GUESSED_AT: Sql = sql!(
    "select a.user_id, u.email, cast(sum(a.failed) as bigint) as failed, cast(sum(a.succeeded) as bigint) as succeeded
    from factor_attempts a
    join users u on u.id = a.user_id
    where a.day >= $1 and a.failed > 0
    group by a.user_id, u.email
    having sum(a.failed) >= $2
    order by failed desc, a.user_id
    limit 100"
);
const ANY_OLD: Sql = sql!(
    "select 1 where exists (select 1 from factor_attempts where day < $1) or exists (select 1 from factor_days where day < $1)"
);
const FORGET: Sql = sql!(
    "delete from factor_attempts
    where (user_id, day) in (select user_id, day from factor_attempts where day < $1 limit $2)"
);
const FORGET_DAYS: Sql = sql!("delete from factor_days where day < $1");

fn numbers(columns: &mut Columns<'_>) -> Result<FactorFigures, DbErr> {
    Ok(FactorFigures { users: columns.next()?, enrolled: columns.next()?, succeeded: columns.next()?, failed: columns.next()? })
}

impl WriteTx {
    /// Counts a second factor that an account was asked for.
    pub async fn count_factor_attempt(&self, user: UserId, right: bool) -> Result<()> {
        let (succeeded, failed) = if right { (1_i64, 0_i64) } else { (0, 1) };
        let values = vec![user.uuid().into(), Day::of(self.now()).to_string().into(), succeeded.into(), failed.into()];
        sql::execute(&self.tx, COUNT, values).await.map(|_| ())
    }

    /// Keeps these figures as those of today.
    pub async fn keep_factor_figures(&self, _: PlatformScope<'_>, counted: &FactorFigures) -> Result<()> {
        let day = Day::of(self.now());
        let numbers = [counted.users, counted.enrolled, counted.succeeded, counted.failed].map(Into::into);
        let values = [day.to_string().into()].into_iter().chain(numbers).chain([self.now().into()]);
        sql::execute(&self.tx, KEEP, values.collect()).await.map(|_| ())
    }
}

impl Store {
    /// Second factors in numbers: of accounts as they are now, of codes on that day.
    pub async fn factor_figures(&self, _: PlatformScope<'_>, day: Day) -> Result<FactorFigures> {
        let row = sql::one(&self.db, FIGURES, vec![day.to_string().into()]).await?;
        row.map(|row| numbers(&mut Columns::of(&row))).transpose().map(Option::unwrap_or_default).map_err(from_db)
    }

    /// The figures that were kept, of at most 366 days, the newest first, with when they were counted.
    pub async fn factor_days(&self, _: PlatformScope<'_>) -> Result<Vec<(String, FactorFigures, Time)>> {
        let read = |row: &QueryResult| {
            let mut columns = Columns::of(row);
            Ok((columns.next()?, numbers(&mut columns)?, columns.next()?))
        };
        sql::read_all(&sql::all(&self.db, DAYS, vec![]).await?, read)
    }

    /// The 100 accounts at which most second factors were wrong since `day`.
    pub async fn guessed_at(&self, _: PlatformScope<'_>, day: Day) -> Result<Vec<Suspicious>> {
        let read = |row: &QueryResult| {
            let mut columns = Columns::of(row);
            Ok(Suspicious {
                user_id: UserId::new(columns.next()?),
                email: Email::stored(columns.next()?),
                failed: columns.next()?,
                succeeded: columns.next()?,
            })
        };
        sql::read_all(&sql::all(&self.db, GUESSED_AT, vec![day.to_string().into(), SUSPICIOUS.into()]).await?, read)
    }

    /// Deletes at most `batch` numbers of days before this one; how many.
    pub async fn forget_factor_days(&self, _: SystemScope, before: Day, batch: u64) -> Result<u64> {
        if sql::one(&self.db, ANY_OLD, vec![before.to_string().into()]).await?.is_none() {
            return Ok(0);
        }
        let values = || vec![before.to_string().into(), batch.cast_signed().into()];
        self.bookkeep(async |tx| {
            sql::execute(&*tx, FORGET_DAYS, vec![before.to_string().into()]).await?;
            sql::execute(&*tx, FORGET, values()).await
        })
        .await
    }
}
