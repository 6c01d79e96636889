//! What organizations make of risky sign-ins: their settings, what a sign-in is judged on, and how it was judged.

mod challenges;
mod events;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use domain::{
    OrgId, Result, Time, UserId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::RiskPolicy,
    },
    identity::risk::{Coordinates, RiskSettings, Score, VELOCITY_MINUTES},
};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

pub use self::{challenges::Tried, events::Judged};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

const SETTINGS: &str = "s.enforcement_mode, s.low_threshold, s.medium_threshold, s.new_device_score, s.impossible_travel_score, s.velocity_score, s.velocity_threshold";

const FIND: Sql = sql!("select {settings} from risk_settings s where s.org_id = $1", settings = SETTINGS);

/// Null where there is no row: the defaults.
fn read_settings(columns: &mut Columns<'_>) -> Result<RiskSettings, DbErr> {
    fn wrong(e: domain::BadValue) -> DbErr {
        DbErr::Type(e.message.into_owned())
    }
    let mode: Option<String> = columns.next()?;
    let mut score = || -> Result<Option<Score>, DbErr> {
        columns.next::<Option<i16>>()?.map(|n| Score::try_from(i64::from(n)).map_err(wrong)).transpose()
    };
    let scores = [score()?, score()?, score()?, score()?, score()?];
    let attempts: Option<i32> = columns.next()?;
    let (Some(mode), [Some(low), Some(medium), Some(new_device), Some(travel), Some(velocity)], Some(attempts)) =
        (mode, scores, attempts)
    else {
        return Ok(RiskSettings::default());
    };
    Ok(RiskSettings {
        enforcement_mode: mode.parse().map_err(wrong)?,
        low_threshold: low,
        medium_threshold: medium,
        new_device_score: new_device,
        impossible_travel_score: travel,
        velocity_score: velocity,
        velocity_threshold: i64::from(attempts).try_into().map_err(wrong)?,
    })
}

fn stored(row: Option<QueryResult>) -> Result<RiskSettings> {
    row.map_or(Ok(RiskSettings::default()), |row| read_settings(&mut Columns::of(&row)).map_err(from_db))
}

impl Store {
    /// What the organization makes of risky sign-ins.
    pub async fn risk_settings(&self, scope: OrgScope<'_, RiskPolicy, Read>) -> Result<RiskSettings> {
        stored(sql::one(&self.db, FIND, vec![scope.org().uuid().into()]).await?)
    }
}

/// Waits for whoever changes the settings at the same moment: the thresholds are held against each other.
const LOCK: Sql = sql!("update organizations set version = version where id = $1");
const PUT: Sql = sql!(
    "insert into risk_settings (org_id, enforcement_mode, low_threshold, medium_threshold, new_device_score,
      impossible_travel_score, velocity_score, velocity_threshold, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (org_id) do update set
      enforcement_mode = excluded.enforcement_mode, low_threshold = excluded.low_threshold,
      medium_threshold = excluded.medium_threshold, new_device_score = excluded.new_device_score,
      impossible_travel_score = excluded.impossible_travel_score, velocity_score = excluded.velocity_score,
      velocity_threshold = excluded.velocity_threshold, updated_at = excluded.updated_at"
);
const RESET: Sql = sql!("delete from risk_settings where org_id = $1");

impl WriteTx {
    /// The settings, which nobody else changes until the transaction ends.
    pub async fn lock_risk_settings(&self, scope: OrgScope<'_, RiskPolicy, Write>) -> Result<RiskSettings> {
        let org = scope.org().uuid();
        sql::execute(&self.tx, LOCK, vec![org.into()]).await?;
        stored(sql::one(&self.tx, FIND, vec![org.into()]).await?)
    }

    /// Sets all of them.
    pub async fn put_risk_settings(&self, scope: OrgScope<'_, RiskPolicy, Write>, s: &RiskSettings) -> Result<()> {
        let scores =
            [s.low_threshold, s.medium_threshold, s.new_device_score, s.impossible_travel_score, s.velocity_score].map(i64::from);
        let mut values: Vec<Value> = vec![scope.org().uuid().into(), s.enforcement_mode.as_str().into()];
        values.extend(scores.map(Value::from));
        values.extend([i64::from(s.velocity_threshold).into(), self.now().into()]);
        sql::execute(&self.tx, PUT, values).await.map(|_| ())
    }

    /// Forgets what was set: the defaults count.
    pub async fn reset_risk_settings(&self, scope: OrgScope<'_, RiskPolicy, Write>) -> Result<()> {
        sql::execute(&self.tx, RESET, vec![scope.org().uuid().into()]).await.map(|_| ())
    }
}

/// At most so many organizations judge one sign-in.
const MOST_JUDGES: i64 = 100;

/// Who judges a sign-in, and on what: the organization `$1` that it names, and those of the person `$2` whose mode acts on sign-ins. With
/// each its settings, how often somebody tried from the network `$3` in the minutes after `$4`, and where the person signed in last.
const JUDGES: Sql = sql!(
    "select o.id, {settings},
      (select cast(coalesce(sum(a.attempts), 0) as bigint) from sign_in_attempts a where a.network = $3 and a.minute > $4),
      e.geo_latitude, e.geo_longitude, e.created_at
    from organizations o
    left join risk_settings s on s.org_id = o.id
    left join risk_events e on e.org_id = o.id and e.id = (
      select l.id from risk_events l
      where l.org_id = o.id and l.user_id = $2 and l.session_id is not null and l.geo_latitude is not null
      order by l.created_at desc, l.id desc
      limit 1
    )
    where o.deleted_at is null and o.status = 'active'
      and (o.id = $1 or (s.enforcement_mode in ('challenge', 'block')
        and o.id in (select m.org_id from memberships m where m.user_id = $2)))
    order by case when o.id = $1 then 0 else 1 end, o.id
    limit $5",
    settings = SETTINGS
);

/// Who judges a sign-in, and what they judge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge {
    /// Whose settings.
    pub org: OrgId,
    /// The settings.
    pub settings: RiskSettings,
    /// Tries from the network lately, without this one.
    pub attempts: i64,
    /// Where and when the person signed in there last, as far as it is known.
    pub last: Option<(Coordinates, Time)>,
}

fn read_judge(row: &QueryResult) -> Result<Judge, DbErr> {
    let mut columns = Columns::of(row);
    let org = OrgId::new(columns.next()?);
    let settings = read_settings(&mut columns)?;
    let attempts = columns.next()?;
    let (latitude, longitude, at): (Option<i32>, Option<i32>, Option<Time>) = (columns.next()?, columns.next()?, columns.next()?);
    let last = latitude.zip(longitude).zip(at).map(|((latitude, longitude), at)| (Coordinates { latitude, longitude }, at));
    Ok(Judge { org, settings, attempts, last })
}

const COUNT: Sql = sql!(
    "insert into sign_in_attempts as a (network, minute, attempts, forget_at)
    values ($1, $2, 1, $3)
    on conflict (network, minute) do update set attempts = a.attempts + 1"
);

impl WriteTx {
    /// Everything that a sign-in of `user` from `network` (hashed) is judged on, in one statement.
    pub async fn risk_judges(&self, named: Option<OrgId>, user: UserId, network: &str) -> Result<Vec<Judge>> {
        let values = vec![
            named.map_or(Uuid::nil(), OrgId::uuid).into(),
            user.uuid().into(),
            network.into(),
            (self.minute() - VELOCITY_MINUTES).into(),
            MOST_JUDGES.into(),
        ];
        sql::read_all(&sql::all(&self.tx, JUDGES, values).await?, read_judge)
    }

    /// Counts a try to sign in from `network` (hashed). A row that many want: last in a transaction.
    pub async fn count_sign_in_attempt(&self, network: &str) -> Result<()> {
        let forget = self.now() + chrono::TimeDelta::minutes(VELOCITY_MINUTES + 1);
        sql::execute(&self.tx, COUNT, vec![network.into(), self.minute().into(), forget.into()]).await.map(|_| ())
    }

    fn minute(&self) -> i64 {
        self.now().timestamp().div_euclid(60)
    }
}
