//! Sign-ins of an organization in numbers, from the rows of days that the worker keeps; never by counting sign-ins.

use domain::{
    Result, ServiceId,
    authorization::{
        policy::{OrgScope, Read},
        resource::Analytics,
    },
    events::analytics::{Days, ServiceSignIns},
    identity::sign_ins::SignIn,
};
use sea_orm::{QueryResult, Value};

use crate::{
    Store,
    core::sql::{self, Columns, Sql, sql},
    identity::sign_ins::{self, SIGN_IN, SOURCE},
};

const BY_DAY: Sql = sql!(
    "select day, cast(sum(sign_ins) as bigint)
    from sign_in_days
    where org_id = $1 and day >= $2 and day <= $3
    group by day
    order by day"
);
const BY_METHOD: Sql = sql!(
    "select method, cast(sum(sign_ins) as bigint) as n
    from sign_in_days
    where org_id = $1 and day >= $2 and day <= $3
    group by method
    order by n desc, method"
);
const BY_SERVICE: Sql = sql!(
    "select d.service_id, c.name, d.n
    from (
      select service_id, cast(sum(sign_ins) as bigint) as n
      from sign_in_days
      where org_id = $1 and day >= $2 and day <= $3
      group by service_id
    ) d
    join clients c on c.org_id = $1 and c.id = d.service_id
    order by d.n desc, d.service_id"
);
const RECENT: Sql = sql!(
    "select {sign_in}
    from {source}
    where i.org_id = $1 and i.created_at >= $2 and i.created_at < $3
    order by i.created_at desc, i.id desc
    limit $4",
    sign_in = SIGN_IN,
    source = SOURCE
);

type Scope<'f> = OrgScope<'f, Analytics, Read>;

impl Store {
    /// Sign-ins by day, of the days that have some.
    pub async fn sign_ins_by_day(&self, scope: Scope<'_>, days: Days) -> Result<Vec<(String, i64)>> {
        sql::read_all(&self.numbers(BY_DAY, scope, days).await?, named)
    }

    /// Sign-ins by method, most first.
    pub async fn sign_ins_by_method(&self, scope: Scope<'_>, days: Days) -> Result<Vec<(String, i64)>> {
        sql::read_all(&self.numbers(BY_METHOD, scope, days).await?, named)
    }

    /// Sign-ins to each service that there is, most first. Those to the organization itself are of no service.
    pub async fn sign_ins_by_service(&self, scope: Scope<'_>, days: Days) -> Result<Vec<ServiceSignIns>> {
        sql::read_all(&self.numbers(BY_SERVICE, scope, days).await?, |row| {
            let mut columns = Columns::of(row);
            Ok(ServiceSignIns {
                service_id: ServiceId::new(columns.next()?),
                service_name: columns.next()?,
                count: columns.next()?,
            })
        })
    }

    /// The newest sign-ins of those days.
    pub async fn recent_sign_ins(&self, scope: Scope<'_>, days: Days, limit: u32) -> Result<Vec<SignIn>> {
        let values: Vec<Value> =
            vec![scope.org().uuid().into(), days.first.begin().into(), days.end().into(), i64::from(limit).into()];
        sql::read_all(&sql::all(&self.db, RECENT, values).await?, sign_ins::read)
    }

    async fn numbers(&self, text: Sql, scope: Scope<'_>, days: Days) -> Result<Vec<QueryResult>> {
        let values = vec![scope.org().uuid().into(), days.first.to_string().into(), days.last.to_string().into()];
        sql::all(&self.db, text, values).await
    }
}

fn named(row: &QueryResult) -> Result<(String, i64), sea_orm::DbErr> {
    let mut columns = Columns::of(row);
    Ok((columns.next()?, columns.next()?))
}
