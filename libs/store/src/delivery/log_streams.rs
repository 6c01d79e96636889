//! Log streams: what is set, and the credentials. How far each has come is in [`turns`], what they are given in [`records`].
//!
//! The platform's own log is a log like any other: its streams have the nil organization, and who may touch them proves it otherwise.

mod changes;
mod columns;
pub mod disabling;
pub mod records;
pub(crate) mod table;
pub mod turns;
pub(crate) mod wake;

use domain::{
    Error, LogStreamId, OrgId, PLATFORM, Result,
    authorization::{
        policy::{OrgScope, PlatformScope, Read, Write},
        resource::LogStreams,
    },
    delivery::log_streams::{LogStream, credentials::Credentials},
};
use sea_orm::ConnectionTrait;

pub use self::changes::CredentialChanges;
use self::columns::{FROM, STREAM, read_stream};
use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// Proof that somebody may read (or change) the streams of one log.
pub trait LogScope<Access>: Copy {
    /// Which log.
    fn log(self) -> OrgId;
}

impl LogScope<Read> for OrgScope<'_, LogStreams, Read> {
    fn log(self) -> OrgId {
        self.org()
    }
}

impl LogScope<Write> for OrgScope<'_, LogStreams, Write> {
    fn log(self) -> OrgId {
        self.org()
    }
}

impl LogScope<Read> for PlatformScope<'_> {
    fn log(self) -> OrgId {
        PLATFORM
    }
}

impl LogScope<Write> for PlatformScope<'_> {
    fn log(self) -> OrgId {
        PLATFORM
    }
}

const LIST: Sql = sql!("select {stream} {from} where s.org_id = $1 order by s.created_at, s.id", stream = STREAM, from = FROM);
const GET: Sql = sql!("select {stream} {from} where s.org_id = $1 and s.id = $2", stream = STREAM, from = FROM);
const LOCK: Sql =
    sql!("select {stream} {from} where s.org_id = $1 and s.id = $2 {for update of s}", stream = STREAM, from = FROM);
const SECRETS: Sql =
    sql!("select s.api_key, s.auth_header, s.signing_secret from log_streams s where s.org_id = $1 and s.id = $2");

async fn get(db: &impl ConnectionTrait, text: Sql, org: OrgId, id: LogStreamId) -> Result<LogStream> {
    let row = sql::one(db, text, vec![org.uuid().into(), id.uuid().into()]).await?;
    let row = row.ok_or_else(|| Error::not_found("log stream"))?;
    read_stream(&mut Columns::of(&row)).map_err(from_db)
}

impl Store {
    /// Every stream of the log, by age; `MAX_LOG_STREAMS` bounds their number.
    pub async fn list_log_streams(&self, scope: impl LogScope<Read>) -> Result<Vec<LogStream>> {
        let rows = sql::all(&self.db, LIST, vec![scope.log().uuid().into()]).await?;
        rows.iter().map(|row| read_stream(&mut Columns::of(row))).collect::<Result<_, _>>().map_err(from_db)
    }

    /// A stream.
    pub async fn get_log_stream(&self, scope: impl LogScope<Read>, id: LogStreamId) -> Result<LogStream> {
        get(&self.db, GET, scope.log(), id).await
    }

    /// Its credentials, for whoever tries it out: they go to the receiver and nowhere else.
    pub async fn log_stream_credentials(&self, scope: impl LogScope<Read>, id: LogStreamId) -> Result<Credentials> {
        let row = sql::one(&self.db, SECRETS, vec![scope.log().uuid().into(), id.uuid().into()]).await?;
        let row = row.ok_or_else(|| Error::not_found("log stream"))?;
        let mut columns = Columns::of(&row);
        let mut next = || columns.next::<Option<String>>().map_err(from_db);
        let sealed = [next()?, next()?, next()?];
        self.open_credentials(scope.log(), id, sealed).await
    }
}

#[cfg(test)]
mod tests;
