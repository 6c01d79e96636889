//! The tables of log streams, and their sealed columns. Only written as SQL.

use domain::delivery::log_streams::credentials::{AuthHeader, Credentials, ReceiverKey, SigningSecret};
use domain::{LogStreamId, OrgId, Result};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        error::Constraint,
        sql::sql,
        table::{SealedColumn, SealedRow, Table, WhenOld, WithOrganization, own_rows},
    },
};

pub(super) const LOG_STREAMS_NAME: Constraint =
    Constraint { name: "log_streams_name", columns: "log_streams.org_id, log_streams.name_key" };

/// A sealed column of `log_streams`.
macro_rules! sealed {
    ($column:literal) => {{
        const COLUMN: &str = $column;
        SealedColumn {
            table: "log_streams",
            column: $column,
            find: sql!("select org_id, id, {c} as sealed from log_streams where {c} is not null", c = COLUMN),
            replace: sql!("update log_streams set {c} = $1 where {c} = $2 and org_id = $3 and id = $4", c = COLUMN),
            row,
        }
    }};
}

/// The key at the receiver.
pub(super) const API_KEY: SealedColumn = sealed!("api_key");
/// A header of the organization's choice.
pub(super) const AUTH_HEADER: SealedColumn = sealed!("auth_header");
/// What signs bodies.
pub(super) const SIGNING_SECRET: SealedColumn = sealed!("signing_secret");

fn row(row: &QueryResult) -> Result<SealedRow, DbErr> {
    let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
    Ok(SealedRow { org: OrgId::new(org), name: LogStreamId::new(id).to_string(), key: vec![org.into(), id.into()] })
}

pub(crate) const LOG_STREAMS: Table = Table {
    name: "log_streams",
    unique: &[&LOG_STREAMS_NAME],
    sealed: &[&API_KEY, &AUTH_HEADER, &SIGNING_SECRET],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::Deleted(own_rows!("log_streams")),
};

pub(crate) const STREAM_TURNS: Table = Table {
    name: "stream_turns",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::GoesWith("log_streams"),
    with_organization: WithOrganization::GoesWith("log_streams"),
};

impl Store {
    /// Seals one credential.
    pub(super) fn seal_credential(&self, column: &SealedColumn, org: OrgId, id: LogStreamId, plain: &str) -> Result<String> {
        let sealed = self.keyring().seal(&column.place(org, &id.to_string()), plain.as_bytes())?;
        Ok(sealed.as_str().to_owned())
    }

    /// Opens the three sealed columns, in the order in which they are declared. One that cannot be opened is an error.
    pub(super) async fn open_credentials(
        &self,
        org: OrgId,
        id: LogStreamId,
        [api_key, auth_header, signing_secret]: [Option<String>; 3],
    ) -> Result<Credentials> {
        Ok(Credentials {
            api_key: self.open_credential(&API_KEY, org, id, api_key).await?.map(ReceiverKey::stored),
            auth_header: self.open_credential(&AUTH_HEADER, org, id, auth_header).await?.map(AuthHeader::stored),
            signing_secret: self.open_credential(&SIGNING_SECRET, org, id, signing_secret).await?.map(SigningSecret::stored),
        })
    }

    async fn open_credential(
        &self,
        column: &SealedColumn,
        org: OrgId,
        id: LogStreamId,
        sealed: Option<String>,
    ) -> Result<Option<String>> {
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.open_sealed(&column.place(org, &id.to_string()), &sealed.into()).await?;
        Ok(Some(String::from_utf8_lossy(&plain).into_owned()))
    }
}
