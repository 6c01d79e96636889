//! What platform owners set while the platform runs.

use domain::{
    Error, Result, Time,
    authorization::policy::PlatformScope,
    tenancy::platform::{ConfigState, PlatformConfig},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

pub(crate) const PLATFORM_CONFIG: Table = Table {
    name: "platform_config",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("one row"),
    with_organization: WithOrganization::NotOfOne,
};

const READ: Sql = sql!("select prepared, applied, updated_at, applied_at from platform_config where id = 1");
const SAVE: Sql = sql!(
    "insert into platform_config (id, prepared, applied, updated_at, applied_at)
    values (1, $1, $2, $3, $4)
    on conflict (id) do update set prepared = excluded.prepared, applied = excluded.applied, updated_at = excluded.updated_at,
      applied_at = excluded.applied_at"
);

fn state(row: &QueryResult) -> Result<ConfigState, DbErr> {
    let mut columns = Columns::of(row);
    let [prepared, applied]: [String; 2] = [columns.next()?, columns.next()?];
    let parse = |text: &str| serde_json::from_str::<PlatformConfig>(text).map_err(|e| DbErr::Json(e.to_string()));
    Ok(ConfigState {
        prepared: parse(&prepared)?,
        applied: parse(&applied)?,
        updated_at: Some(columns.next::<Time>()?),
        applied_at: columns.next()?,
    })
}

async fn read(db: &impl ConnectionTrait) -> Result<ConfigState> {
    let row = sql::one(db, READ, vec![]).await?;
    Ok(row.as_ref().map(state).transpose().map_err(from_db)?.unwrap_or_default())
}

impl Store {
    /// What was prepared, and what holds.
    pub async fn platform_config(&self, _: PlatformScope<'_>) -> Result<ConfigState> {
        read(&self.db).await
    }
}

impl WriteTx {
    /// What holds now, for who founds an organization.
    pub async fn applied_config(&self) -> Result<PlatformConfig> {
        Ok(read(&self.tx).await?.applied)
    }

    /// What was prepared and what holds; nobody else changes it until the transaction ends.
    pub async fn lock_platform_config(&self, scope: PlatformScope<'_>) -> Result<ConfigState> {
        // Its row may not be there yet.
        self.lock_platform_owners(scope).await?;
        read(&self.tx).await
    }

    /// Saves it.
    pub async fn save_platform_config(&self, _: PlatformScope<'_>, state: &ConfigState) -> Result<()> {
        let text = |config: &PlatformConfig| serde_json::to_string(config).map_err(Error::internal);
        let values = vec![
            text(&state.prepared)?.into(),
            text(&state.applied)?.into(),
            state.updated_at.unwrap_or_else(|| self.now()).into(),
            state.applied_at.into(),
        ];
        sql::execute(&self.tx, SAVE, values).await.map(|_| ())
    }
}
