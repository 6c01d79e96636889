//! Organizations' own accounts at payment providers; at most one at each.

pub mod accounts;
pub mod inbound;
pub mod offers;
pub(crate) mod table;

use domain::{
    BillingCredentialsId, Error, OrgId, Result,
    applications::billing::{BillingCredentials, BillingSecrets, PaymentMode, PaymentProvider},
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::BillingCredentials as Resource,
    },
    core::secret::ProviderSecret,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use self::table::{API_KEY, WEBHOOK_SECRET};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::SealedColumn,
    },
};

/// The columns of [`BillingCredentials`], in the order of [`read`].
const CREDENTIALS: &str = "b.id, b.org_id, b.provider, b.mode, b.created_at, b.updated_at";

fn read(row: &QueryResult) -> Result<BillingCredentials, DbErr> {
    let unknown = |e: domain::BadValue| DbErr::Type(e.to_string());
    let mut columns = Columns::of(row);
    Ok(BillingCredentials {
        id: BillingCredentialsId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
        provider: columns.next::<String>()?.parse().map_err(unknown)?,
        mode: columns.next::<String>()?.parse().map_err(unknown)?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

const GET: Sql = sql!(
    "select {credentials}
    from billing_credentials b
    where b.org_id = $1 and b.provider = $2",
    credentials = CREDENTIALS
);
const LOCK: Sql = sql!(
    "select {credentials}
    from billing_credentials b
    where b.org_id = $1 and b.provider = $2
    {for update}",
    credentials = CREDENTIALS
);

async fn get(db: &impl ConnectionTrait, text: Sql, org: OrgId, provider: PaymentProvider) -> Result<Option<BillingCredentials>> {
    let row = sql::one(db, text, vec![org.uuid().into(), provider.as_str().into()]).await?;
    row.as_ref().map(read).transpose().map_err(from_db)
}

impl Store {
    /// The organization's account at a provider, if there is one.
    pub async fn billing_credentials(
        &self,
        scope: OrgScope<'_, Resource, Read>,
        provider: PaymentProvider,
    ) -> Result<Option<BillingCredentials>> {
        get(&self.db, GET, scope.org(), provider).await
    }
}

const PUT: Sql = sql!(
    "insert into billing_credentials
      (org_id, id, provider, mode, api_key, webhook_secret, entered_by, received, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8)
    on conflict (org_id, provider) do update
    set mode = excluded.mode, api_key = excluded.api_key, webhook_secret = excluded.webhook_secret,
      entered_by = excluded.entered_by, updated_at = excluded.updated_at"
);
const DELETE: Sql = sql!("delete from billing_credentials where org_id = $1 and id = $2");

impl WriteTx {
    /// The organization's account at a provider, locked until the transaction ends.
    pub async fn lock_billing_credentials(
        &self,
        scope: OrgScope<'_, Resource, Write>,
        provider: PaymentProvider,
    ) -> Result<Option<BillingCredentials>> {
        get(&self.tx, LOCK, scope.org(), provider).await
    }

    /// Keeps the organization's account at a provider, in the place of another.
    pub async fn put_billing_credentials(
        &self,
        scope: OrgScope<'_, Resource, Write>,
        provider: PaymentProvider,
        mode: PaymentMode,
        secrets: &BillingSecrets,
    ) -> Result<BillingCredentials> {
        let seal = |column: &SealedColumn, secret: &ProviderSecret| {
            let place = column.place(scope.org(), provider.as_str());
            Ok::<_, Error>(self.store.keyring().seal(&place, secret.expose().as_bytes())?.as_str().to_owned())
        };
        let values = vec![
            scope.org().uuid().into(),
            self.uuid().into(),
            provider.as_str().into(),
            mode.as_str().into(),
            seal(&API_KEY, &secrets.api_key)?.into(),
            seal(&WEBHOOK_SECRET, &secrets.webhook_secret)?.into(),
            scope.principal().answerable().map(domain::UserId::uuid).into(),
            self.now().into(),
        ];
        sql::execute(&self.tx, PUT, values).await?;
        let put = get(&self.tx, GET, scope.org(), provider).await?;
        put.ok_or_else(|| Error::internal("what was put is not there"))
    }

    /// Deletes a locked account.
    pub async fn delete_billing_credentials(
        &self,
        scope: OrgScope<'_, Resource, Write>,
        credentials: &BillingCredentials,
    ) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), credentials.id.uuid().into()]).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests;
