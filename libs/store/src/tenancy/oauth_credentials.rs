//! Organizations' own OAuth clients at social providers; at most one at each.

use domain::{
    Error, OAuthCredentialsId, OrgId, Result,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::OAuthCredentials as Resource,
    },
    core::secret::ProviderSecret,
    tenancy::{
        features::SocialProvider,
        oauth_credentials::{OAuthClientId, OAuthCredentials},
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
        table::{SealedColumn, SealedRow, Table, WhenOld, WithOrganization, own_rows},
    },
};

/// Never violated: who sets them anew changes the row that there is.
const OAUTH_CREDENTIALS_PROVIDER: Constraint =
    Constraint { name: "oauth_credentials_provider", columns: "oauth_credentials.org_id, oauth_credentials.provider" };

/// The client's secret, bound to the provider's name: who sets it first does not know whose row it will be.
const CLIENT_SECRET: SealedColumn = SealedColumn {
    table: "oauth_credentials",
    column: "client_secret",
    find: sql!("select org_id, id, provider, client_secret as sealed from oauth_credentials"),
    replace: sql!("update oauth_credentials set client_secret = $1 where client_secret = $2 and org_id = $3 and id = $4"),
    row: |row| {
        let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
        Ok(SealedRow { org: OrgId::new(org), name: row.try_get("", "provider")?, key: vec![org.into(), id.into()] })
    },
};

pub(crate) const OAUTH_CREDENTIALS: Table = Table {
    name: "oauth_credentials",
    unique: &[&OAUTH_CREDENTIALS_PROVIDER],
    sealed: &[&CLIENT_SECRET],
    when_old: WhenOld::Stays("one row for each organization and provider"),
    with_organization: WithOrganization::Deleted(own_rows!("oauth_credentials")),
};

/// The columns of [`OAuthCredentials`], in the order of [`read`].
const CREDENTIALS: &str = "o.id, o.org_id, o.provider, o.client_id, o.created_at, o.updated_at";

fn read(row: &QueryResult) -> Result<OAuthCredentials, DbErr> {
    let mut columns = Columns::of(row);
    Ok(OAuthCredentials {
        id: OAuthCredentialsId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
        provider: columns.next::<String>()?.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()))?,
        client_id: OAuthClientId::stored(columns.next()?),
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

const GET: Sql = sql!(
    "select {credentials}
    from oauth_credentials o
    where o.org_id = $1 and o.provider = $2",
    credentials = CREDENTIALS
);
const LOCK: Sql = sql!(
    "select {credentials}
    from oauth_credentials o
    where o.org_id = $1 and o.provider = $2
    {for update}",
    credentials = CREDENTIALS
);

async fn get(db: &impl ConnectionTrait, text: Sql, org: OrgId, provider: SocialProvider) -> Result<Option<OAuthCredentials>> {
    let row = sql::one(db, text, vec![org.uuid().into(), provider.as_str().into()]).await?;
    row.as_ref().map(read).transpose().map_err(from_db)
}

impl Store {
    /// The organization's client at a provider, if there is one.
    pub async fn oauth_credentials(
        &self,
        scope: OrgScope<'_, Resource, Read>,
        provider: SocialProvider,
    ) -> Result<Option<OAuthCredentials>> {
        get(&self.db, GET, scope.org(), provider).await
    }
}

/// The first one stays the row, with its id and age; whoever comes at the same moment changes it.
const PUT: Sql = sql!(
    "insert into oauth_credentials (org_id, id, provider, client_id, client_secret, entered_by, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $7)
    on conflict (org_id, provider) do update
    set client_id = excluded.client_id, client_secret = excluded.client_secret, entered_by = excluded.entered_by,
      updated_at = excluded.updated_at"
);
const DELETE: Sql = sql!("delete from oauth_credentials where org_id = $1 and id = $2");

impl WriteTx {
    /// The organization's client at a provider, locked until the transaction ends.
    pub async fn lock_oauth_credentials(
        &self,
        scope: OrgScope<'_, Resource, Write>,
        provider: SocialProvider,
    ) -> Result<Option<OAuthCredentials>> {
        get(&self.tx, LOCK, scope.org(), provider).await
    }

    /// Keeps the organization's client at a provider, in the place of another.
    pub async fn put_oauth_credentials(
        &self,
        scope: OrgScope<'_, Resource, Write>,
        provider: SocialProvider,
        client_id: &OAuthClientId,
        secret: &ProviderSecret,
    ) -> Result<OAuthCredentials> {
        let place = CLIENT_SECRET.place(scope.org(), provider.as_str());
        let sealed = self.store.keyring().seal(&place, secret.expose().as_bytes())?;
        let values = vec![
            scope.org().uuid().into(),
            self.uuid().into(),
            provider.as_str().into(),
            client_id.as_str().into(),
            sealed.as_str().into(),
            scope.principal().answerable().map(domain::UserId::uuid).into(),
            self.now().into(),
        ];
        sql::execute(&self.tx, PUT, values).await?;
        let put = get(&self.tx, GET, scope.org(), provider).await?;
        put.ok_or_else(|| Error::internal("what was put is not there"))
    }

    /// Deletes a locked client.
    pub async fn delete_oauth_credentials(
        &self,
        scope: OrgScope<'_, Resource, Write>,
        credentials: &OAuthCredentials,
    ) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), credentials.id.uuid().into()]).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests;
