//! Plans of services. One of each service is the default one, at every commit.

use domain::{
    Error, OrgId, PlanId, Result, ServiceId,
    applications::plans::{Currency, Features, MAX_PLANS, Plan, PolarProductId, StripePriceId},
    authorization::{
        in_service::InService,
        policy::{Read, Write},
        resource,
    },
    core::value::{Description, Name},
};
use sea_orm::{DbErr, QueryResult, Value};

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db, on},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

const PLANS_NAME: Constraint = Constraint { name: "plans_name", columns: "plans.org_id, plans.service_id, plans.name_key" };
/// Never violated: whoever makes another plan the default one takes that from the one before first.
const PLANS_DEFAULT: Constraint = Constraint { name: "plans_default", columns: "plans.org_id, plans.service_id" };

pub(crate) const PLANS: Table = Table {
    name: "plans",
    unique: &[&PLANS_NAME, &PLANS_DEFAULT],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::GoesWith("services"),
};

/// The columns of a [`Plan`], of `plans p`, in the order of [`read_plan`].
const PLAN: &str =
    "p.id, p.org_id, p.service_id, p.name, p.description, p.price_cents, p.currency, p.features, p.stripe_price_id,
    p.polar_product_id, p.is_default, p.subscriptions, p.created_at, p.updated_at";

fn read_plan(row: &QueryResult) -> Result<Plan, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Plan {
        id: PlanId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
        service_id: ServiceId::new(columns.next()?),
        name: Name::stored(columns.next()?),
        description: columns.next::<Option<String>>()?.map(Description::stored),
        price_cents: columns.next()?,
        currency: Currency::stored(columns.next()?),
        features: features(&columns.next::<String>()?)?,
        stripe_price_id: columns.next::<Option<String>>()?.map(StripePriceId::stored),
        polar_product_id: columns.next::<Option<String>>()?.map(PolarProductId::stored),
        is_default: columns.next()?,
        subscriptions: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

fn features(text: &str) -> Result<Features, DbErr> {
    serde_json::from_str(text).map_err(|e| DbErr::Json(e.to_string()))
}

fn features_text(plan: &Plan) -> String {
    serde_json::Value::from(plan.features.texts()).to_string()
}

fn name_taken() -> impl FnOnce(DbErr) -> Error {
    on(&PLANS_NAME, || Error::exists("plan_name_taken", "Another plan of this service has this name."))
}

const LIST: Sql = sql!(
    "select {plan}
    from plans p
    where p.org_id = $1 and p.service_id = $2
    order by p.created_at, p.id",
    plan = PLAN
);
const LOCK: Sql = sql!(
    "select {plan}
    from plans p
    where p.org_id = $1 and p.service_id = $2 and p.id = $3
    {for no key update}",
    plan = PLAN
);

impl Store {
    /// Every plan of the service, by age; [`MAX_PLANS`] bounds their number.
    pub async fn list_plans(&self, scope: InService<'_, resource::Plans, Read>) -> Result<Vec<Plan>> {
        self.plans(scope).await
    }

    /// The same for whoever counts subscriptions.
    pub async fn count_plans(&self, scope: InService<'_, resource::ServiceAnalytics, Read>) -> Result<Vec<Plan>> {
        self.plans(scope).await
    }

    async fn plans<R>(&self, scope: InService<'_, R, Read>) -> Result<Vec<Plan>> {
        let rows = sql::all(&self.db, LIST, vec![scope.org().uuid().into(), scope.service().uuid().into()]).await?;
        sql::read_all(&rows, read_plan)
    }
}

const INSERT: Sql = sql!(
    "insert into plans (org_id, id, service_id, name, name_key, description, price_cents, currency, features, stripe_price_id,
      is_default, subscriptions, created_at, updated_at, polar_product_id)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $12, $13)"
);
const SAVE: Sql = sql!(
    "update plans
    set name = $4, name_key = $5, description = $6, price_cents = $7, currency = $8, features = $9, stripe_price_id = $10,
      is_default = $11, updated_at = $12, polar_product_id = $13
    where org_id = $1 and id = $2 and service_id = $3"
);
/// Whoever subscribes to it at the same moment is waited for, and counted.
const DELETE: Sql = sql!("delete from plans where org_id = $1 and service_id = $2 and id = $3 and subscriptions = 0");
const NO_DEFAULT: Sql = sql!("update plans set is_default = false where org_id = $1 and service_id = $2 and is_default");
const TAKE_PLACE: Sql = sql!("update services set plans = plans + 1 where org_id = $1 and id = $2 and plans < $3");
const GIVE_BACK: Sql = sql!("update services set plans = plans - 1 where org_id = $1 and id = $2");

fn values(plan: &Plan) -> Vec<Value> {
    vec![
        plan.org_id.uuid().into(),
        plan.id.uuid().into(),
        plan.service_id.uuid().into(),
        plan.name.as_str().into(),
        plan.name.key().into(),
        plan.description.as_ref().map(Description::as_str).into(),
        plan.price_cents.into(),
        plan.currency.as_str().into(),
        features_text(plan).into(),
        plan.stripe_price_id.as_ref().map(StripePriceId::as_str).into(),
        plan.is_default.into(),
        plan.updated_at.into(),
        plan.polar_product_id.as_ref().map(PolarProductId::as_str).into(),
    ]
}

impl WriteTx {
    pub(super) async fn insert_first_plan(&self, plan: &Plan) -> Result<()> {
        sql::try_execute(&self.tx, INSERT, values(plan)).await.map_err(name_taken())?;
        self.take_plan_place(plan).await
    }

    /// Keeps a new plan; if it is the default one, the one before is that no more. `AlreadyExists` (`plan_name_taken`), `Conflict`
    /// (`plan_limit`).
    pub async fn insert_plan(&self, scope: InService<'_, resource::Plans, Write>, plan: &Plan) -> Result<()> {
        self.hold_service(scope).await?;
        if plan.is_default {
            self.clear_default(scope).await?;
        }
        self.insert_first_plan(plan).await
    }

    async fn take_plan_place(&self, plan: &Plan) -> Result<()> {
        let of = vec![plan.org_id.uuid().into(), plan.service_id.uuid().into(), MAX_PLANS.into()];
        if sql::execute(&self.tx, TAKE_PLACE, of).await? == 1 {
            return Ok(());
        }
        Err(Error::conflict("plan_limit", format!("A service has at most {MAX_PLANS} plans. Delete one first.")))
    }

    async fn clear_default(&self, scope: InService<'_, resource::Plans, Write>) -> Result<()> {
        let of = vec![scope.org().uuid().into(), scope.service().uuid().into()];
        sql::execute(&self.tx, NO_DEFAULT, of).await.map(|_| ())
    }

    /// A plan of the service, locked until the transaction ends.
    pub async fn lock_plan(&self, scope: InService<'_, resource::Plans, Write>, id: PlanId) -> Result<Plan> {
        self.hold_service(scope).await?;
        let values = vec![scope.org().uuid().into(), scope.service().uuid().into(), id.uuid().into()];
        let row = sql::one(&self.tx, LOCK, values).await?.ok_or_else(|| Error::not_found("plan"))?;
        read_plan(&row).map_err(from_db)
    }

    /// Saves a locked plan. If it becomes the default one, the one before is that no more. `AlreadyExists` (`plan_name_taken`).
    pub async fn save_plan(&self, scope: InService<'_, resource::Plans, Write>, before: &Plan, plan: &Plan) -> Result<()> {
        if plan.is_default && !before.is_default {
            self.clear_default(scope).await?;
        }
        sql::try_execute(&self.tx, SAVE, values(plan)).await.map_err(name_taken())?;
        Ok(())
    }

    /// Deletes a locked plan that nobody has and that is not the default one. `Conflict` (`plan_in_use`).
    pub async fn delete_plan(&self, scope: InService<'_, resource::Plans, Write>, plan: &Plan) -> Result<()> {
        let of = vec![scope.org().uuid().into(), scope.service().uuid().into()];
        if sql::execute(&self.tx, DELETE, [of.clone(), vec![plan.id.uuid().into()]].concat()).await? == 0 {
            return Err(Error::conflict("plan_in_use", "There are subscriptions to this plan. Move or delete them first."));
        }
        sql::execute(&self.tx, GIVE_BACK, of).await.map(|_| ())
    }
}
