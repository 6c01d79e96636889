//! Who was active in a month, in an organization and in each of its services, and what the platform's payment provider was told of it. Whoever
//! counts sign-ins adds each user once, so that the number is kept and not counted when somebody asks.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    OrgId, Result, ServiceId,
    applications::billing::PaymentProvider,
    authorization::{
        policy::{OrgScope, Read, SystemScope},
        resource::BillingAccount,
    },
    events::analytics::{ActiveUsers, Month, ServiceSignIns},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

pub(crate) const ACTIVE_USERS: Table = Table {
    name: "active_users",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::ByItsOwnRule("Store::forget_active_users"),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from active_users
            where org_id = $1 and (month, service_id, user_id) in
              (select month, service_id, user_id from active_users where org_id = $1 limit $2)"
    )),
};

pub(crate) const ACTIVE_USER_MONTHS: Table = Table {
    name: "active_user_months",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::ByItsOwnRule("Store::forget_active_users"),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from active_user_months
            where org_id = $1 and (month, service_id) in (select month, service_id from active_user_months where org_id = $1 limit $2)"
    )),
};

const ADD_USERS: Sql<4> = sql!(
    "insert into active_users (org_id, month, service_id, user_id)
    select v.org_id, v.month, v.service_id, v.user_id
    from {rows}
    where true
    on conflict (org_id, month, service_id, user_id) do nothing
    returning org_id, month, service_id",
    rows = 1 (org_id: Uuid, month: String, service_id: Uuid, user_id: Uuid)
);
const ADD_NUMBERS: Sql<4> = sql!(
    "insert into active_user_months (org_id, month, service_id, users, reported)
    select v.org_id, v.month, v.service_id, v.n, 0
    from {rows}
    where true
    on conflict (org_id, month, service_id) do update set users = active_user_months.users + excluded.users",
    rows = 1 (org_id: Uuid, month: String, service_id: Uuid, n: i64)
);

/// Users who signed in, in one order, whoever adds the same ones at once.
#[derive(Default)]
pub(super) struct Active(BTreeSet<(Uuid, String, Uuid, Uuid)>);

impl Active {
    /// One sign-in: to the organization, and to a service of it unless that is nil. The platform's own are nobody's.
    pub(super) fn add(&mut self, org: Uuid, month: Month, service: Uuid, user: Uuid) {
        if !org.is_nil() {
            self.0.extend([Uuid::nil(), service].map(|of| (org, month.to_string(), of, user)));
        }
    }

    /// Adds those who are new to the numbers of their months.
    pub(super) async fn write(self, db: &impl ConnectionTrait) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let users = self.0.into_iter().map(|(org, month, service, user)| [org.into(), month.into(), service.into(), user.into()]);
        let added: Vec<(Uuid, String, Uuid)> = sql::read_all(&ADD_USERS.all(db, vec![], users).await?, |row| {
            let mut columns = Columns::of(row);
            Ok((columns.next()?, columns.next()?, columns.next()?))
        })?;
        let mut numbers: BTreeMap<(Uuid, String, Uuid), i64> = BTreeMap::new();
        for of in added {
            *numbers.entry(of).or_default() += 1;
        }
        if numbers.is_empty() {
            return Ok(());
        }
        let numbers = numbers.into_iter().map(|((org, month, service), n)| [org.into(), month.into(), service.into(), n.into()]);
        ADD_NUMBERS.execute(db, vec![], numbers).await.map(|_| ())
    }
}

const TOTAL: Sql = sql!("select users from active_user_months where org_id = $1 and month = $2 and service_id = $3");
const BY_SERVICE: Sql = sql!(
    "select c.id, c.name, m.users
    from active_user_months m
    join clients c on c.org_id = m.org_id and c.id = m.service_id
    where m.org_id = $1 and m.month = $2
    order by m.users desc, c.id"
);

impl Store {
    /// How many users of the organization were active in a month. It has few services, which bounds the answer.
    pub async fn active_users(&self, scope: OrgScope<'_, BillingAccount, Read>, month: Month) -> Result<ActiveUsers> {
        let (org, text) = (scope.org().uuid(), month.to_string());
        let total = sql::count(&self.db, TOTAL, vec![org.into(), text.as_str().into(), Uuid::nil().into()]).await?;
        let services = sql::read_all(&sql::all(&self.db, BY_SERVICE, vec![org.into(), text.into()]).await?, |row| {
            let mut columns = Columns::of(row);
            Ok(ServiceSignIns {
                service_id: ServiceId::new(columns.next()?),
                service_name: columns.next()?,
                count: columns.next()?,
            })
        })?;
        Ok(ActiveUsers { month, total, services })
    }
}

/// What the platform's payment provider has not heard yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreported {
    /// Whose users.
    pub org: OrgId,
    /// The customer that it is.
    pub customer: String,
    /// The month.
    pub month: Month,
    /// How many were active in it so far.
    pub users: i64,
}

const UNREPORTED: Sql = sql!(
    "select m.org_id, a.customer_id, m.month, m.users
    from billing_accounts a
    join active_user_months m on m.org_id = a.org_id
    where a.provider = $1 and a.customer_id is not null and m.service_id = $2 and m.month >= $3 and m.users > m.reported
      and (m.org_id, m.month) > ($4, $5)
    order by m.org_id, m.month
    limit $6"
);
/// Never less than what somebody else reported meanwhile.
const REPORTED: Sql = sql!(
    "update active_user_months
    set reported = $4
    where org_id = $1 and month = $2 and service_id = $3 and reported < $4"
);
const ANY_OLD: Sql = sql!("select 1 from active_users where month < $1 limit 1");
const FORGET_USERS: Sql = sql!(
    "delete from active_users
    where (org_id, month, service_id, user_id) in
      (select org_id, month, service_id, user_id from active_users where month < $1 limit $2)"
);
const ANY_OLD_NUMBERS: Sql = sql!("select 1 from active_user_months where month < $1 limit 1");
const FORGET_NUMBERS: Sql = sql!(
    "delete from active_user_months
    where (org_id, month, service_id) in (select org_id, month, service_id from active_user_months where month < $1 limit $2)"
);

fn unreported(row: &QueryResult) -> Result<Unreported, DbErr> {
    let mut columns = Columns::of(row);
    let (org, customer) = (OrgId::new(columns.next()?), columns.next()?);
    let month: String = columns.next()?;
    let month = month.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()))?;
    Ok(Unreported { org, customer, month, users: columns.next()? })
}

impl Store {
    /// At most `batch` numbers of months from `first` on that a provider has not heard, after `last` of the batch before.
    pub async fn unreported_users(
        &self,
        _: SystemScope,
        provider: PaymentProvider,
        first: Month,
        last: Option<&Unreported>,
        batch: u64,
    ) -> Result<Vec<Unreported>> {
        let (org, month) = last.map_or((Uuid::nil(), String::new()), |last| (last.org.uuid(), last.month.to_string()));
        let values = vec![
            provider.as_str().into(),
            Uuid::nil().into(),
            first.to_string().into(),
            org.into(),
            month.into(),
            batch.cast_signed().into(),
        ];
        sql::read_all(&sql::all(&self.db, UNREPORTED, values).await?, unreported)
    }

    /// Notes that a provider has heard it.
    pub async fn note_reported_users(&self, _: SystemScope, heard: &Unreported) -> Result<()> {
        let values = || vec![heard.org.uuid().into(), heard.month.to_string().into(), Uuid::nil().into(), heard.users.into()];
        self.bookkeep(async |tx| sql::execute(&*tx, REPORTED, values()).await.map(|_| ())).await
    }

    /// Deletes at most `batch` of those who were active before one month, and as many numbers of months before another; how many.
    pub async fn forget_active_users(&self, _: SystemScope, (users, numbers): (Month, Month), batch: u64) -> Result<u64> {
        let parts = [(ANY_OLD, FORGET_USERS, users), (ANY_OLD_NUMBERS, FORGET_NUMBERS, numbers)];
        let mut rows = 0;
        for (any, forget, before) in parts {
            // Looking first keeps an idle worker from occupying SQLite's writer.
            if sql::one(&self.db, any, vec![before.to_string().into()]).await?.is_some() {
                let values = || vec![before.to_string().into(), batch.cast_signed().into()];
                rows += self.bookkeep(async |tx| sql::execute(&*tx, forget, values()).await).await?;
            }
        }
        Ok(rows)
    }
}
