//! Sign-ins, and their numbers by day. A sign-in is one row, written with the grant that it gave; a job of the worker adds what is not
//! counted yet to the numbers, each row once, and its user to those who were active in its month.

use std::collections::BTreeMap;

use domain::{
    OrgId, Result, ServiceId, SessionId, SignInId, Time, UserId,
    authorization::policy::SystemScope,
    events::analytics::{Day, Month},
    identity::sign_ins::SignIn,
};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization, own_rows},
    },
    identity::active_users::Active,
};

const SIGN_INS_SESSION: Constraint =
    Constraint { name: "sign_ins_session", columns: "sign_ins.org_id, sign_ins.session_id, sign_ins.service_id" };

pub(crate) const SIGN_INS: Table = Table {
    name: "sign_ins",
    unique: &[&SIGN_INS_SESSION],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::SignIns,
        sql!(
            "delete from sign_ins
            where (org_id, id) in (select org_id, id from sign_ins where created_at < $1 and counted order by created_at limit $2)"
        ),
    ),
    with_organization: WithOrganization::Deleted(own_rows!("sign_ins")),
};

pub(crate) const SIGN_IN_DAYS: Table = Table {
    name: "sign_in_days",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::ByItsOwnRule("Store::forget_sign_in_days"),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from sign_in_days
            where org_id = $1 and (day, service_id, method) in
              (select day, service_id, method from sign_in_days where org_id = $1 limit $2)"
    )),
};

/// The columns of a [`SignIn`], in the order of [`read`], and what they are selected from.
pub(crate) const SIGN_IN: &str = "i.id, i.user_id, i.service_id, c.name, i.method, i.ip_address, i.user_agent, i.created_at,
      r.score, r.factors, r.geo_country, r.geo_city";
pub(crate) const SOURCE: &str = "sign_ins i
    left join clients c on c.org_id = i.org_id and c.id = i.service_id
    left join risk_events r on r.org_id = i.org_id and r.session_id = i.session_id";

pub(crate) fn read(row: &QueryResult) -> Result<SignIn, DbErr> {
    let mut columns = Columns::of(row);
    let (id, user_id) = (SignInId::new(columns.next()?), UserId::new(columns.next()?));
    let (service, name): (Uuid, _) = (columns.next()?, columns.next()?);
    Ok(SignIn {
        id,
        user_id,
        service: (!service.is_nil()).then(|| (ServiceId::new(service), name)),
        method: columns.next()?,
        ip_address: columns.next()?,
        user_agent: columns.next()?,
        created_at: columns.next()?,
        risk: match (columns.next::<Option<i16>>()?, columns.next::<Option<String>>()?) {
            (Some(score), Some(factors)) => Some((score.into(), parsed(&factors)?)),
            _ => None,
        },
        country: columns.next()?,
        city: columns.next()?,
    })
}

fn parsed(factors: &str) -> Result<Vec<String>, DbErr> {
    serde_json::from_str(factors).map_err(|e| DbErr::Json(e.to_string()))
}

const INSERT: Sql = sql!(
    "insert into sign_ins (org_id, id, user_id, session_id, service_id, method, ip_address, user_agent, created_at, counted)
    select $1, $2, s.user_id, s.id, $4, s.method, $5, $6, $7, false
    from sessions s
    where s.id = $3
    on conflict (org_id, session_id, service_id) do nothing"
);

impl WriteTx {
    /// Records that a session entered an organization, or the platform, from where the caller is; once, however often it does.
    pub async fn record_sign_in(&self, org: OrgId, session: SessionId, service: Option<Uuid>) -> Result<()> {
        let values = vec![
            org.uuid().into(),
            self.uuid().into(),
            session.uuid().into(),
            service.unwrap_or(Uuid::nil()).into(),
            self.origin().ip_address.clone().into(),
            self.origin().user_agent.clone().into(),
            self.now().into(),
        ];
        sql::execute(&self.tx, INSERT, values).await.map(|_| ())
    }
}

const ANY_UNCOUNTED: Sql = sql!("select 1 from sign_ins where not counted limit 1");
const UNCOUNTED: Sql = sql!(
    "select org_id, id, created_at, service_id, method, user_id
    from sign_ins
    where not counted
    order by created_at
    limit $1
    {for update skip locked}"
);
const MARK: Sql<2> = sql!(
    "update sign_ins set counted = true
    where (org_id, id) in (select org_id, id from {rows})",
    rows = 1 (org_id: Uuid, id: Uuid)
);
const ADD: Sql<5> = sql!(
    "insert into sign_in_days (org_id, day, service_id, method, sign_ins)
    select v.org_id, v.day, v.service_id, v.method, v.n
    from {rows}
    where true
    on conflict (org_id, day, service_id, method) do update set sign_ins = sign_in_days.sign_ins + excluded.sign_ins",
    rows = 1 (org_id: Uuid, day: String, service_id: Uuid, method: String, n: i64)
);
const ANY_OLD: Sql = sql!("select 1 from sign_in_days where day < $1 limit 1");
const FORGET: Sql = sql!(
    "delete from sign_in_days
    where (org_id, day, service_id, method) in
      (select org_id, day, service_id, method from sign_in_days where day < $1 limit $2)"
);

impl Store {
    /// Adds at most `batch` sign-ins to the numbers of their days; how many. Several processes may do it at once: each sign-in is counted
    /// once.
    pub async fn count_sign_ins(&self, _: SystemScope, batch: u64) -> Result<u64> {
        // Looking first keeps an idle worker from occupying SQLite's writer.
        if sql::one(&self.db, ANY_UNCOUNTED, vec![]).await?.is_none() {
            return Ok(0);
        }
        self.bookkeep(async |tx| {
            let rows = sql::all(&*tx, UNCOUNTED, vec![batch.cast_signed().into()]).await?;
            let mut found: Vec<[Value; 2]> = Vec::with_capacity(rows.len());
            // In one order, whoever adds to the same days at once.
            let mut days: BTreeMap<(Uuid, String, Uuid, String), i64> = BTreeMap::new();
            let mut active = Active::default();
            for row in &rows {
                let (org, id, time, service, method, user) = key(row).map_err(from_db)?;
                found.push([org.into(), id.into()]);
                active.add(org, Month::of(time), service, user);
                *days.entry((org, Day::of(time).to_string(), service, method)).or_default() += 1;
            }
            if found.is_empty() {
                return Ok(0);
            }
            let counted = MARK.execute(&*tx, vec![], found).await?;
            let days = days
                .into_iter()
                .map(|((org, day, service, method), n)| [org.into(), day.into(), service.into(), method.into(), n.into()]);
            ADD.execute(&*tx, vec![], days).await?;
            active.write(&*tx).await?;
            Ok(counted)
        })
        .await
    }

    /// Deletes at most `batch` numbers of days before this one; how many.
    pub async fn forget_sign_in_days(&self, _: SystemScope, before: Day, batch: u64) -> Result<u64> {
        if sql::one(&self.db, ANY_OLD, vec![before.to_string().into()]).await?.is_none() {
            return Ok(0);
        }
        let values = || vec![before.to_string().into(), batch.cast_signed().into()];
        self.bookkeep(async |tx| sql::execute(&*tx, FORGET, values()).await).await
    }
}

fn key(row: &QueryResult) -> Result<(Uuid, Uuid, Time, Uuid, String, Uuid), DbErr> {
    let mut columns = Columns::of(row);
    Ok((columns.next()?, columns.next()?, columns.next()?, columns.next()?, columns.next()?, columns.next()?))
}
