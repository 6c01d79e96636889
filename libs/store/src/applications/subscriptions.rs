//! Subscriptions: which plan a service's user has. The counts beside plans and services change in the same transaction, last.

use domain::{
    Error, OrgId, PlanId, Result, ServiceId, UserId,
    applications::subscriptions::Subscription,
    authorization::{
        in_service::InService,
        policy::{Read, Write},
        resource::{ServiceAnalytics, Subscriptions},
    },
    core::value::{Name, ServiceSlug},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

pub(crate) const SUBSCRIPTIONS: Table = Table {
    name: "subscriptions",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::GoesWith("service_users"),
    with_organization: WithOrganization::GoesWith("service_users"),
};

/// The columns of a [`Subscription`], in the order of [`read`].
const SUBSCRIPTION: &str =
    "b.user_id, s.id, s.slug, c.name, p.id, p.name, b.status, b.current_period_end, b.created_at, b.updated_at";
/// What they are selected from.
const SOURCE: &str = "subscriptions b
    join services s on s.org_id = b.org_id and s.id = b.service_id
    join clients c on c.org_id = b.org_id and c.id = b.service_id
    join plans p on p.org_id = b.org_id and p.id = b.plan_id";

fn read(row: &QueryResult) -> Result<Subscription, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Subscription {
        user_id: UserId::new(columns.next()?),
        service_id: ServiceId::new(columns.next()?),
        service_slug: ServiceSlug::stored(columns.next()?),
        service_name: Name::stored(columns.next()?),
        plan_id: PlanId::new(columns.next()?),
        plan_name: Name::stored(columns.next()?),
        status: columns.next::<String>()?.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()))?,
        current_period_end: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

const LIST: Sql = sql!(
    "select {subscription}
    from {source}
    where b.org_id = $1 and b.service_id = $2
    order by b.created_at desc, b.user_id desc
    limit $3 offset $4",
    subscription = SUBSCRIPTION,
    source = SOURCE
);
const GET: Sql = sql!(
    "select {subscription}
    from {source}
    where b.org_id = $1 and b.service_id = $2 and b.user_id = $3",
    subscription = SUBSCRIPTION,
    source = SOURCE
);
const LOCK: Sql = sql!(
    "select {subscription}
    from {source}
    where b.org_id = $1 and b.service_id = $2 and b.user_id = $3
    {for update of b}",
    subscription = SUBSCRIPTION,
    source = SOURCE
);
/// Those of some people, by age.
const OF_USERS: Sql<1> = sql!(
    "select {subscription}
    from {source}
    where b.org_id = $1 and b.user_id in (select id from {hidden rows})
    order by b.created_at, b.service_id",
    rows = 2 (id: Uuid),
    subscription = SUBSCRIPTION,
    source = SOURCE
);
const COUNT: Sql = sql!("select subscriptions from services where org_id = $1 and id = $2");
const USERS: Sql = sql!("select users from services where org_id = $1 and id = $2");

fn of<R, A>(scope: InService<'_, R, A>) -> Vec<Value> {
    vec![scope.org().uuid().into(), scope.service().uuid().into()]
}

async fn get<R, A>(db: &impl ConnectionTrait, text: Sql, scope: InService<'_, R, A>, user: UserId) -> Result<Subscription> {
    let row = sql::one(db, text, [of(scope), vec![user.uuid().into()]].concat()).await?;
    read(&row.ok_or_else(|| Error::not_found("subscription"))?).map_err(from_db)
}

/// Subscriptions of some people to the services of an organization, by age.
pub(super) async fn of_users(
    db: &impl ConnectionTrait,
    org: OrgId,
    users: impl Iterator<Item = UserId>,
) -> Result<Vec<Subscription>> {
    let rows = OF_USERS.all(db, vec![org.uuid().into()], users.map(|id| [id.uuid().into()])).await?;
    sql::read_all(&rows, read)
}

impl Store {
    /// Subscriptions to the service, newest first, so many after so many; and how many there are.
    pub async fn list_subscriptions(
        &self,
        scope: InService<'_, Subscriptions, Read>,
        (limit, offset): (u64, u64),
    ) -> Result<(Vec<Subscription>, i64)> {
        let values = [of(scope), vec![limit.cast_signed().into(), offset.cast_signed().into()]].concat();
        let subscriptions = sql::read_all(&sql::all(&self.db, LIST, values).await?, read)?;
        Ok((subscriptions, sql::count(&self.db, COUNT, of(scope)).await?))
    }

    /// A user's subscription to the service.
    pub async fn get_subscription(&self, scope: InService<'_, Subscriptions, Read>, user: UserId) -> Result<Subscription> {
        get(&self.db, GET, scope, user).await
    }

    /// How many users the service has.
    pub async fn count_service_users(&self, scope: InService<'_, ServiceAnalytics, Read>) -> Result<i64> {
        sql::count(&self.db, USERS, of(scope)).await
    }
}

/// The plan of the service with that id; kept until the transaction ends.
const KEEP_PLAN: Sql = sql!("select 1 from plans where org_id = $1 and service_id = $2 and id = $3 {for key share}");
const KEEP_USER: Sql = sql!("select 1 from service_users where org_id = $1 and service_id = $2 and user_id = $3 {for key share}");
const INSERT: Sql = sql!(
    "insert into subscriptions (org_id, service_id, user_id, plan_id, status, current_period_end, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $7)
    on conflict (org_id, service_id, user_id) do nothing"
);
const SAVE: Sql = sql!(
    "update subscriptions
    set plan_id = $4, status = $5, current_period_end = $6, updated_at = $7
    where org_id = $1 and service_id = $2 and user_id = $3"
);
const PLAN_OF: Sql =
    sql!("select plan_id from subscriptions where org_id = $1 and service_id = $2 and user_id = $3 {for update}");
const DELETE: Sql = sql!("delete from subscriptions where org_id = $1 and service_id = $2 and user_id = $3");
const COUNT_PLAN: Sql = sql!("update plans set subscriptions = subscriptions + $3 where org_id = $1 and id = $2");
const COUNT_SERVICE: Sql = sql!("update services set subscriptions = subscriptions + $3 where org_id = $1 and id = $2");

/// An organization and a service of it.
type At = (OrgId, ServiceId);

/// What is asked of a subscription.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Which plan.
    pub plan: PlanId,
    /// Where it stands.
    pub status: domain::applications::subscriptions::SubscriptionStatus,
    /// Until when it is paid.
    pub until: Option<domain::Time>,
}

impl WriteTx {
    /// Gives a user of the service a subscription. `NotFound` for an unknown user or plan, `AlreadyExists` (`already_subscribed`).
    pub async fn insert_subscription(
        &self,
        scope: InService<'_, Subscriptions, Write>,
        user: UserId,
        wanted: Wanted,
    ) -> Result<Subscription> {
        self.keep_service(scope).await?;
        self.add_subscription((scope.org(), scope.service()), user, wanted).await?;
        get(&self.tx, GET, scope, user).await
    }

    /// The same in a service that is kept already.
    pub(super) async fn add_subscription(&self, at: At, user: UserId, wanted: Wanted) -> Result<()> {
        self.keep(at, KEEP_USER, user.uuid().into(), "user").await?;
        self.keep(at, KEEP_PLAN, wanted.plan.uuid().into(), "plan").await?;
        if sql::execute(&self.tx, INSERT, self.values(at, user, wanted)).await? == 0 {
            return Err(Error::exists("already_subscribed", "This user has a subscription to the service already. Change that."));
        }
        self.count_subscriptions(at.0, wanted.plan, 1).await?;
        let more = vec![at.0.uuid().into(), at.1.uuid().into(), 1_i64.into()];
        sql::execute(&self.tx, COUNT_SERVICE, more).await.map(|_| ())
    }

    async fn keep(&self, (org, service): At, text: Sql, id: Value, what: &'static str) -> Result<()> {
        let row = sql::one(&self.tx, text, vec![org.uuid().into(), service.uuid().into(), id]).await?;
        row.map(|_| ()).ok_or_else(|| Error::not_found(what))
    }

    fn values(&self, (org, service): At, user: UserId, wanted: Wanted) -> Vec<Value> {
        vec![
            org.uuid().into(),
            service.uuid().into(),
            user.uuid().into(),
            wanted.plan.uuid().into(),
            wanted.status.as_str().into(),
            wanted.until.into(),
            self.now().into(),
        ]
    }

    async fn count_subscriptions(&self, org: OrgId, plan: PlanId, by: i64) -> Result<()> {
        sql::execute(&self.tx, COUNT_PLAN, vec![org.uuid().into(), plan.uuid().into(), by.into()]).await.map(|_| ())
    }

    /// A user's subscription to the service, locked until the transaction ends.
    pub async fn lock_subscription(&self, scope: InService<'_, Subscriptions, Write>, user: UserId) -> Result<Subscription> {
        self.keep_service(scope).await?;
        get(&self.tx, LOCK, scope, user).await
    }

    /// Changes a locked subscription; answers what it is now. `NotFound` for an unknown plan.
    pub async fn save_subscription(
        &self,
        scope: InService<'_, Subscriptions, Write>,
        before: &Subscription,
        wanted: Wanted,
    ) -> Result<Subscription> {
        self.change_subscription((scope.org(), scope.service()), before.user_id, before.plan_id, wanted).await?;
        get(&self.tx, GET, scope, before.user_id).await
    }

    /// The same of the plan that a locked subscription had, for who has no proof of one service.
    pub(super) async fn change_subscription(&self, at: At, user: UserId, before: PlanId, wanted: Wanted) -> Result<()> {
        self.keep(at, KEEP_PLAN, wanted.plan.uuid().into(), "plan").await?;
        sql::execute(&self.tx, SAVE, self.values(at, user, wanted)).await?;
        if wanted.plan != before {
            // In one order, whoever moves from which to which.
            let mut moves = [(before, -1), (wanted.plan, 1)];
            moves.sort_unstable();
            for (plan, by) in moves {
                self.count_subscriptions(at.0, plan, by).await?;
            }
        }
        Ok(())
    }

    /// Deletes a locked subscription.
    pub async fn delete_subscription(
        &self,
        scope: InService<'_, Subscriptions, Write>,
        subscription: &Subscription,
    ) -> Result<()> {
        self.end_subscription(scope.org(), scope.service(), subscription.user_id).await
    }

    /// Deletes the subscription of a user, if there is one.
    pub(super) async fn end_subscription(&self, org: OrgId, service: ServiceId, user: UserId) -> Result<()> {
        let which = || vec![org.uuid().into(), service.uuid().into(), user.uuid().into()];
        let Some(row) = sql::one(&self.tx, PLAN_OF, which()).await? else { return Ok(()) };
        let plan = PlanId::new(row.try_get_by_index(0).map_err(from_db)?);
        sql::execute(&self.tx, DELETE, which()).await?;
        self.count_subscriptions(org, plan, -1).await?;
        let less = vec![org.uuid().into(), service.uuid().into(), (-1_i64).into()];
        sql::execute(&self.tx, COUNT_SERVICE, less).await.map(|_| ())
    }
}
