//! Organizations as customers of the platform, and what its provider says that they have bought.

use domain::{
    Error, Event, OrgId, Result,
    applications::billing::{
        PaymentProvider,
        platform::{BillingAccount, Bought},
        told::{Call, Outcome},
    },
    authorization::{
        policy::{OrgScope, Read, SystemScope, Write},
        resource,
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::table::BILLING_ACCOUNTS_CUSTOMER;
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, on},
        sql::{self, Columns, Sql, sql},
    },
};

/// The columns of a [`BillingAccount`], in the order of [`read`].
const ACCOUNT: &str = "a.org_id, a.customer_id, a.customers, a.subscription_id, a.subscription_status, a.current_period_end,
      a.told_at, a.tier_id";

fn read(row: &QueryResult) -> Result<BillingAccount, DbErr> {
    let mut columns = Columns::of(row);
    let (org, customer, customers) = (OrgId::new(columns.next()?), columns.next()?, columns.next()?);
    let (subscription, status): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let (until, told_at, tier) = (columns.next()?, columns.next()?, columns.next()?);
    let bought = match (subscription, status, told_at) {
        (Some(subscription), Some(status), Some(told_at)) => {
            let status = status.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()))?;
            Some(Bought { subscription, status, until, told_at, tier })
        }
        _ => None,
    };
    Ok(BillingAccount { org, customer, customers, bought })
}

const GET: Sql = sql!(
    "select {account}
    from billing_accounts a
    where a.org_id = $1 and a.provider = $2",
    account = ACCOUNT
);
/// Whose a customer is; of organizations that are there.
const OF_CUSTOMER: Sql = sql!(
    "select {account}
    from billing_accounts a
    join organizations o on o.id = a.org_id
    where a.provider = $1 and a.customer_id = $2 and o.deleted_at is null
    {for update of a}",
    account = ACCOUNT
);
const PUT_CUSTOMER: Sql = sql!(
    "insert into billing_accounts (org_id, provider, customer_id, customers, created_at)
    values ($1, $2, $3, 1, $4)
    on conflict (org_id, provider) do update
    set customer_id = excluded.customer_id, customers = billing_accounts.customers + 1
    where billing_accounts.customer_id is null"
);
const SAVE: Sql = sql!(
    "update billing_accounts
    set customer_id = $3, subscription_id = $4, subscription_status = $5, current_period_end = $6, told_at = $7, tier_id = $8
    where org_id = $1 and provider = $2"
);
const HOST: Sql = sql!("select domain from domains where org_id = $1 and kind = 'host' and verified_at is not null");

async fn get(db: &impl ConnectionTrait, org: OrgId, provider: PaymentProvider) -> Result<Option<BillingAccount>> {
    let row = sql::one(db, GET, vec![org.uuid().into(), provider.as_str().into()]).await?;
    row.as_ref().map(read).transpose().map_err(from_db)
}

impl Store {
    /// The organization's own host, if it has proven one.
    pub async fn proven_host(&self, scope: OrgScope<'_, resource::BillingAccount, Read>) -> Result<Option<String>> {
        let row = sql::one(&self.db, HOST, vec![scope.org().uuid().into()]).await?;
        row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)
    }

    /// What the organization is at the provider that the platform bills through, if it ever was anything there.
    pub async fn platform_billing_account(
        &self,
        scope: OrgScope<'_, resource::BillingAccount, Read>,
        provider: PaymentProvider,
    ) -> Result<Option<BillingAccount>> {
        get(&self.db, scope.org(), provider).await
    }
}

impl WriteTx {
    /// What the organization is there, if it ever was anything.
    pub async fn platform_billing_account(
        &self,
        scope: OrgScope<'_, resource::BillingAccount, Write>,
        provider: PaymentProvider,
    ) -> Result<Option<BillingAccount>> {
        get(&self.tx, scope.org(), provider).await
    }

    /// Keeps which customer the organization is; one that it is already stays. Answers whether it is new. `Conflict` (`payment_answer`): it is
    /// another organization's.
    pub async fn put_billing_customer(
        &self,
        scope: OrgScope<'_, resource::BillingAccount, Write>,
        provider: PaymentProvider,
        customer: &str,
    ) -> Result<bool> {
        let values = vec![scope.org().uuid().into(), provider.as_str().into(), customer.into(), self.now().into()];
        let taken = || Error::conflict("payment_answer", "The payment provider says that another organization is this customer.");
        let put = sql::try_execute(&self.tx, PUT_CUSTOMER, values).await.map_err(on(&BILLING_ACCOUNTS_CUSTOMER, taken))?;
        Ok(put == 1)
    }

    /// Whose a customer is, locked until the transaction ends; `None`: nobody's who is there.
    pub async fn lock_billing_account(
        &self,
        _: SystemScope,
        provider: PaymentProvider,
        customer: &str,
    ) -> Result<Option<BillingAccount>> {
        let row = sql::one(&self.tx, OF_CUSTOMER, vec![provider.as_str().into(), customer.into()]).await?;
        row.as_ref().map(read).transpose().map_err(from_db)
    }

    /// Keeps what a locked account is now.
    pub async fn save_billing_account(&self, _: SystemScope, provider: PaymentProvider, account: &BillingAccount) -> Result<()> {
        let bought = account.bought.as_ref();
        let values = vec![
            account.org.uuid().into(),
            provider.as_str().into(),
            account.customer.clone().into(),
            bought.map(|bought| bought.subscription.clone()).into(),
            bought.map(|bought| bought.status.as_str().to_owned()).into(),
            bought.and_then(|bought| bought.until).into(),
            bought.map(|bought| bought.told_at).into(),
            bought.and_then(|bought| bought.tier.clone()).into(),
        ];
        sql::execute(&self.tx, SAVE, values).await.map(|_| ())
    }
}

const LOCK_TIER: Sql =
    sql!("select tier_id, max_services, max_users from organizations where id = $1 and deleted_at is null {for no key update}");
const SET_TIER: Sql = sql!("update organizations set tier_id = $2, version = version + 1, updated_at = $3 where id = $1");

impl WriteTx {
    /// Gives an organization the tier that `next` makes of the one that it has, and answers what happened, if anything did.
    pub async fn move_tier(
        &self,
        _: SystemScope,
        org: OrgId,
        next: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Option<Event>> {
        let Some(row) = sql::one(&self.tx, LOCK_TIER, vec![org.uuid().into()]).await? else { return Ok(None) };
        let read = || -> Result<(String, Option<i64>, Option<i64>), DbErr> {
            let mut columns = Columns::of(&row);
            Ok((columns.next()?, columns.next()?, columns.next()?))
        };
        let (now, max_services, max_users) = read().map_err(from_db)?;
        let Some(tier_id) = next(&now) else { return Ok(None) };
        sql::execute(&self.tx, SET_TIER, vec![org.uuid().into(), tier_id.as_str().into(), self.now().into()]).await?;
        Ok(Some(Event::OrganizationTierUpdated { organization_id: org, tier_id, max_services, max_users }))
    }
}

/// Whoever brings the same call at the same moment waits here.
const BEGIN: Sql = sql!(
    "insert into platform_billing_events (provider, event_id, event_type, outcome, happened_at, received_at)
    values ($1, $2, $3, '', $4, $5)
    on conflict (provider, event_id) do nothing"
);
const END: Sql = sql!("update platform_billing_events set outcome = $3 where provider = $1 and event_id = $2");

impl WriteTx {
    /// Remembers a call of the platform's provider; false: it was taken before.
    pub async fn begin_platform_billing_call(
        &self,
        _: SystemScope,
        provider: PaymentProvider,
        (event_id, call): (&str, &Call),
    ) -> Result<bool> {
        let values =
            vec![provider.as_str().into(), event_id.into(), call.kind.as_str().into(), call.at.into(), self.now().into()];
        Ok(sql::execute(&self.tx, BEGIN, values).await? == 1)
    }

    /// Remembers what became of it.
    pub async fn end_platform_billing_call(
        &self,
        _: SystemScope,
        provider: PaymentProvider,
        event_id: &str,
        outcome: Outcome,
    ) -> Result<()> {
        let values = vec![provider.as_str().into(), event_id.into(), outcome.as_str().into()];
        sql::execute(&self.tx, END, values).await.map(|_| ())
    }
}
