//! Calls of payment providers: whom one is for, that each counts once, and the subscription that it is about.

use domain::{
    OrgId, PlanId, Result, ServiceId, UserId,
    applications::billing::{
        PaymentMode, PaymentProvider,
        told::{Call, Known, Outcome, REMEMBERED},
    },
    authorization::policy::SystemScope,
    core::secret::ProviderSecret,
};
use sea_orm::{DbErr, QueryResult, Value};

use super::table::{API_KEY, WEBHOOK_SECRET};
use crate::{
    Store, WriteTx,
    applications::subscriptions::Wanted,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::SealedColumn,
    },
};

/// What an organization is known by at a provider.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whether money moves.
    pub mode: PaymentMode,
    /// The secret that was asked for.
    pub secret: ProviderSecret,
}

/// Of organizations that are there; a suspended one's subscriptions go on.
const WEBHOOK_SECRET_OF: Sql = sql!(
    "select b.mode, b.webhook_secret
    from billing_credentials b
    join organizations o on o.id = b.org_id
    where b.org_id = $1 and b.provider = $2 and o.deleted_at is null"
);
const API_KEY_OF: Sql = sql!(
    "select b.mode, b.api_key
    from billing_credentials b
    join organizations o on o.id = b.org_id
    where b.org_id = $1 and b.provider = $2 and o.deleted_at is null"
);

impl Store {
    /// What a provider signs its calls for the organization with, if it has an account there.
    pub async fn billing_listener(&self, _: SystemScope, org: OrgId, provider: PaymentProvider) -> Result<Option<Account>> {
        self.billing_account(WEBHOOK_SECRET_OF, &WEBHOOK_SECRET, org, provider).await
    }

    /// The key that the organization is known by at a provider, if it has an account there.
    pub async fn billing_caller(&self, _: SystemScope, org: OrgId, provider: PaymentProvider) -> Result<Option<Account>> {
        self.billing_account(API_KEY_OF, &API_KEY, org, provider).await
    }

    async fn billing_account(
        &self,
        text: Sql,
        column: &SealedColumn,
        org: OrgId,
        provider: PaymentProvider,
    ) -> Result<Option<Account>> {
        let Some(row) = sql::one(&self.db, text, vec![org.uuid().into(), provider.as_str().into()]).await? else {
            return Ok(None);
        };
        let read = || -> Result<(String, String), DbErr> {
            let mut columns = Columns::of(&row);
            Ok((columns.next()?, columns.next()?))
        };
        let (mode, sealed) = read().map_err(from_db)?;
        let plain = self.open_sealed(&column.place(org, provider.as_str()), &sealed.into()).await?;
        let secret = ProviderSecret::stored(String::from_utf8_lossy(&plain).into_owned());
        Ok(Some(Account { mode: mode.parse().map_err(|e: domain::BadValue| from_db(DbErr::Type(e.to_string())))?, secret }))
    }
}

/// Calls of one provider for one organization go one after another.
const LOCK_ACCOUNT: Sql = sql!("select received from billing_credentials where org_id = $1 and provider = $2 {for update}");
const IS_KNOWN: Sql = sql!("select 1 from billing_events where org_id = $1 and provider = $2 and event_id = $3");
const REMEMBER: Sql = sql!(
    "insert into billing_events (org_id, provider, event_id, number, event_type, outcome, happened_at, received_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)"
);
const COUNT: Sql = sql!("update billing_credentials set received = $3 where org_id = $1 and provider = $2");
const FORGET: Sql = sql!("delete from billing_events where org_id = $1 and provider = $2 and number <= $3");

/// The columns of a [`Known`], of `subscriptions b`, in the order of [`known`].
const KNOWN: &str = "b.service_id, b.user_id, b.plan_id, b.status, b.current_period_end, b.provider, b.external_id, b.told_at";
const BY_EXTERNAL_ID: Sql = sql!(
    "select {known}
    from subscriptions b
    where b.org_id = $1 and b.external_id = $3 and b.provider = $2",
    known = KNOWN
);
const OF_USER: Sql = sql!(
    "select {known}
    from subscriptions b
    where b.org_id = $1 and b.service_id = $2 and b.user_id = $3
    {for update}",
    known = KNOWN
);

fn known(row: &QueryResult) -> Result<Known, DbErr> {
    let unknown = |e: domain::BadValue| DbErr::Type(e.to_string());
    let mut columns = Columns::of(row);
    let (service, user, plan) = (ServiceId::new(columns.next()?), UserId::new(columns.next()?), PlanId::new(columns.next()?));
    let (status, until) = (columns.next::<String>()?.parse().map_err(unknown)?, columns.next()?);
    let provider = columns.next::<Option<String>>()?.map(|name| name.parse()).transpose().map_err(unknown)?;
    let by = provider.zip(columns.next::<Option<String>>()?).zip(columns.next()?);
    Ok(Known { service, user, plan, status, until, by: by.map(|((provider, id), at)| (provider, id, at)) })
}

/// The plans of an organization that are sold as this at Stripe, …
const AT_STRIPE: Sql =
    sql!("select id, service_id from plans where org_id = $1 and stripe_price_id = $2 order by created_at, id");
/// … or at Polar.
const AT_POLAR: Sql =
    sql!("select id, service_id from plans where org_id = $1 and polar_product_id = $2 order by created_at, id");

const SAY_WHO: Sql = sql!(
    "update subscriptions set provider = $4, external_id = $5, told_at = $6 where org_id = $1 and service_id = $2 and user_id = $3"
);

fn of(org: OrgId, provider: PaymentProvider) -> Vec<Value> {
    vec![org.uuid().into(), provider.as_str().into()]
}

impl WriteTx {
    /// Holds the account until the transaction ends, and answers how many of its calls were taken before this one; `None`: this call was, or
    /// there is no account any more.
    pub async fn begin_billing_call(
        &self,
        _: SystemScope,
        org: OrgId,
        provider: PaymentProvider,
        event_id: &str,
    ) -> Result<Option<i64>> {
        let Some(row) = sql::one(&self.tx, LOCK_ACCOUNT, of(org, provider)).await? else { return Ok(None) };
        let values = [of(org, provider), vec![event_id.into()]].concat();
        if sql::one(&self.tx, IS_KNOWN, values).await?.is_some() {
            return Ok(None);
        }
        row.try_get_by_index(0).map(Some).map_err(from_db)
    }

    /// Remembers a call and what became of it, and forgets the oldest.
    pub async fn end_billing_call(
        &self,
        _: SystemScope,
        (org, provider): (OrgId, PaymentProvider),
        (event_id, call): (&str, &Call),
        before: i64,
        outcome: Outcome,
    ) -> Result<()> {
        let own: Vec<Value> = vec![
            event_id.into(),
            (before + 1).into(),
            call.kind.as_str().into(),
            outcome.as_str().into(),
            call.at.into(),
            self.now().into(),
        ];
        sql::execute(&self.tx, REMEMBER, [of(org, provider), own].concat()).await?;
        sql::execute(&self.tx, COUNT, [of(org, provider), vec![(before + 1).into()]].concat()).await?;
        sql::execute(&self.tx, FORGET, [of(org, provider), vec![(before + 1 - REMEMBERED).into()]].concat()).await?;
        Ok(())
    }

    /// The subscription with a provider's id, as it is now.
    pub async fn external_subscription(
        &self,
        _: SystemScope,
        org: OrgId,
        provider: PaymentProvider,
        id: &str,
    ) -> Result<Option<Known>> {
        let row = sql::one(&self.tx, BY_EXTERNAL_ID, [of(org, provider), vec![id.into()]].concat()).await?;
        row.as_ref().map(known).transpose().map_err(from_db)
    }

    /// A user's subscription to a service, if there is one; both are locked until the transaction ends. `NotFound` if the service was just deleted.
    pub async fn lock_users_subscription(
        &self,
        _: SystemScope,
        org: OrgId,
        service: ServiceId,
        user: UserId,
    ) -> Result<Option<Known>> {
        self.keep_service_of(org, service).await?;
        let row = sql::one(&self.tx, OF_USER, vec![org.uuid().into(), service.uuid().into(), user.uuid().into()]).await?;
        row.as_ref().map(known).transpose().map_err(from_db)
    }

    /// The plans that are sold as one of these at a provider, each with its service.
    pub async fn plans_sold_as(
        &self,
        _: SystemScope,
        org: OrgId,
        provider: PaymentProvider,
        products: &[String],
    ) -> Result<Vec<(PlanId, ServiceId)>> {
        let text = match provider {
            PaymentProvider::Stripe => AT_STRIPE,
            PaymentProvider::Polar => AT_POLAR,
        };
        let mut plans = Vec::new();
        for product in products {
            let rows = sql::all(&self.tx, text, vec![org.uuid().into(), product.as_str().into()]).await?;
            let read = |row: &QueryResult| {
                let mut columns = Columns::of(row);
                Ok((PlanId::new(columns.next()?), ServiceId::new(columns.next()?)))
            };
            plans.extend(sql::read_all::<_, Vec<_>>(&rows, read)?);
        }
        Ok(plans)
    }

    /// Makes a subscription what a provider says, or makes one. `NotFound`: the user does not use the service (any more).
    pub async fn apply_told(&self, _: SystemScope, org: OrgId, (before, after): (Option<&Known>, &Known)) -> Result<()> {
        let wanted = Wanted { plan: after.plan, status: after.status, until: after.until };
        match before {
            Some(before) => self.change_subscription((org, after.service), after.user, before.plan, wanted).await?,
            None => self.add_subscription((org, after.service), after.user, wanted).await?,
        }
        let Some((provider, id, at)) = &after.by else { return Ok(()) };
        let values = vec![
            org.uuid().into(),
            after.service.uuid().into(),
            after.user.uuid().into(),
            provider.as_str().into(),
            id.as_str().into(),
            (*at).into(),
        ];
        sql::execute(&self.tx, SAY_WHO, values).await.map(|_| ())
    }
}
