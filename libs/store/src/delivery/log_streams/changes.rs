//! Making a stream, changing and deleting it. Whatever changes takes the stream out of the hands of the worker that has it: what that
//! one was sending may still arrive, and changes nothing here.

use domain::{
    Error, LogStreamId, Patch, Result,
    authorization::policy::Write,
    delivery::log_streams::{
        From, LogStream, MAX_LOG_STREAMS,
        credentials::{AuthHeader, Credentials, ReceiverKey, SigningSecret},
    },
};
use sea_orm::{DbErr, Value};

use super::{
    LOCK, LogScope, get,
    table::{API_KEY, AUTH_HEADER, LOG_STREAMS_NAME, SIGNING_SECRET},
};
use crate::{
    WriteTx,
    core::{
        error::on,
        sql::{self, Sql, sql},
        table::SealedColumn,
    },
    tenancy::organizations::counters,
};

/// Changes of a stream's credentials.
#[derive(Clone, Debug)]
pub struct CredentialChanges {
    /// The key at the receiver.
    pub api_key: Patch<ReceiverKey>,
    /// A header of the organization's choice.
    pub auth_header: Patch<AuthHeader>,
    /// What signs bodies.
    pub signing_secret: Patch<SigningSecret>,
}

const INSERT: Sql = sql!(
    "insert into log_streams
       (org_id, id, name, name_key, provider, url, options, batch_size, enabled, api_key, auth_header, signing_secret,
        created_at, updated_at, url_chosen_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14)"
);

/// Before the oldest record that is kept, …
const BEFORE_OLDEST: &str = "coalesce((select min(f.seq) - 1 from feed f where f.org_id = $1), {newest})";
/// … or behind the newest.
const NEWEST: &str = "coalesce((select h.seq from heads h where h.org_id = $1), 0)";

const INSERT_TURN: Sql = sql!(
    "insert into stream_turns (org_id, stream_id, seq, is_on, due_at, failures, set_aside, lost)
     values ($1, $2, {newest}, $3, case when $3 then $4 end, 0, 0, 0)",
    newest = NEWEST
);

const SAVE: Sql = sql!(
    "update log_streams
     set name = $3, name_key = $4, url = $5, options = $6, batch_size = $7, enabled = $8, disabled_at = $9, updated_at = $10,
       url_chosen_by = case when url = $5 then url_chosen_by else $11 end
     where org_id = $1 and id = $2"
);

/// How it went does not hold any more.
const AFRESH: Sql = sql!(
    "update stream_turns
     set is_on = $3, due_at = case when $3 then $4 end, lease = null, failures = 0, room = null, failing_since = null,
       failed_at = null, failed_reason = null, failed_status = null
     where org_id = $1 and stream_id = $2"
);

const FROM_START: Sql =
    sql!("update stream_turns set seq = {oldest} where org_id = $1 and stream_id = $2", oldest = BEFORE_OLDEST, newest = NEWEST);
const FROM_NOW: Sql = sql!("update stream_turns set seq = {newest} where org_id = $1 and stream_id = $2", newest = NEWEST);

const DELETE: Sql = sql!("delete from log_streams where org_id = $1 and id = $2");

const SET_API_KEY: Sql = sql!("update log_streams set api_key = $3 where org_id = $1 and id = $2");
const SET_AUTH_HEADER: Sql = sql!("update log_streams set auth_header = $3 where org_id = $1 and id = $2");
const SET_SIGNING_SECRET: Sql = sql!("update log_streams set signing_secret = $3 where org_id = $1 and id = $2");

/// Of the platform's log: nobody else can make one meanwhile.
const COUNT: Sql = sql!("select count(*) from log_streams where org_id = $1");

fn name_taken() -> impl FnOnce(DbErr) -> Error {
    on(&LOG_STREAMS_NAME, || Error::exists("log_stream_name_taken", "Another log stream has this name."))
}

fn options(stream: &LogStream) -> Result<String> {
    serde_json::to_string(&stream.options).map_err(Error::internal)
}

impl WriteTx {
    /// A stream, locked until the transaction ends.
    pub async fn lock_log_stream(&self, scope: impl LogScope<Write>, id: LogStreamId) -> Result<LogStream> {
        get(&self.tx, LOCK, scope.log(), id).await
    }

    /// Keeps a new stream. `AlreadyExists` (`log_stream_name_taken`), `Conflict` (`log_stream_limit`).
    pub async fn insert_log_stream(
        &self,
        scope: impl LogScope<Write>,
        stream: &LogStream,
        credentials: &Credentials,
        from: From,
    ) -> Result<()> {
        let org = scope.log();
        let seal = |column: &SealedColumn, plain: Option<&str>| -> Result<Value> {
            let sealed = plain.map(|plain| self.store.seal_credential(column, org, stream.id, plain)).transpose()?;
            Ok(sealed.into())
        };
        let values = vec![
            org.uuid().into(),
            stream.id.uuid().into(),
            stream.name.as_str().into(),
            stream.name.key().into(),
            stream.provider.as_str().into(),
            stream.url.as_str().into(),
            options(stream)?.into(),
            stream.batch_size.get().into(),
            stream.enabled.into(),
            seal(&API_KEY, credentials.api_key.as_ref().map(ReceiverKey::expose))?,
            seal(&AUTH_HEADER, credentials.auth_header.as_ref().map(AuthHeader::expose))?,
            seal(&SIGNING_SECRET, credentials.signing_secret.as_ref().map(SigningSecret::expose))?,
            stream.created_at.into(),
            self.chooser().into(),
        ];
        sql::try_execute(&self.tx, INSERT, values).await.map_err(name_taken())?;
        let values = vec![org.uuid().into(), stream.id.uuid().into(), stream.enabled.into(), self.now().into()];
        sql::execute(&self.tx, INSERT_TURN, values).await?;
        self.move_log_stream(scope, stream.id, from).await?;
        if self.has_room_for_log_stream(scope).await? {
            return Ok(());
        }
        Err(Error::conflict("log_stream_limit", format!("There are at most {MAX_LOG_STREAMS} log streams. Delete one first.")))
    }

    async fn has_room_for_log_stream(&self, scope: impl LogScope<Write>) -> Result<bool> {
        let org = scope.log();
        if org != domain::PLATFORM {
            return self.take_place(org, &counters::LOG_STREAMS, MAX_LOG_STREAMS).await;
        }
        self.has_platform_room("log_streams", COUNT, MAX_LOG_STREAMS).await
    }

    /// Who chooses where it leads: a person; a program is none.
    fn chooser(&self) -> Option<uuid::Uuid> {
        self.actor().answerable().map(|id| id.uuid())
    }

    /// Saves what may change of a locked stream, and tries it afresh. `AlreadyExists` (`log_stream_name_taken`).
    pub async fn save_log_stream(&self, scope: impl LogScope<Write>, stream: &LogStream) -> Result<()> {
        let key: [Value; 2] = [scope.log().uuid().into(), stream.id.uuid().into()];
        let set: [Value; 9] = [
            stream.name.as_str().into(),
            stream.name.key().into(),
            stream.url.as_str().into(),
            options(stream)?.into(),
            stream.batch_size.get().into(),
            stream.enabled.into(),
            stream.disabled_at.into(),
            stream.updated_at.into(),
            self.chooser().into(),
        ];
        sql::try_execute(&self.tx, SAVE, key.clone().into_iter().chain(set).collect()).await.map_err(name_taken())?;
        let turn: [Value; 2] = [stream.enabled.into(), self.now().into()];
        sql::execute(&self.tx, AFRESH, key.into_iter().chain(turn).collect()).await?;
        Ok(())
    }

    /// Changes the credentials of a locked stream.
    pub async fn set_log_stream_credentials(
        &self,
        scope: impl LogScope<Write>,
        id: LogStreamId,
        changes: &CredentialChanges,
    ) -> Result<()> {
        let org = scope.log();
        let set = async |text: Sql, column: &SealedColumn, plain: Option<&str>| {
            let sealed = plain.map(|plain| self.store.seal_credential(column, org, id, plain)).transpose()?;
            sql::execute(&self.tx, text, vec![org.uuid().into(), id.uuid().into(), sealed.into()]).await.map(|_| ())
        };
        if let Some(plain) = change(&changes.api_key) {
            set(SET_API_KEY, &API_KEY, plain.map(ReceiverKey::expose)).await?;
        }
        if let Some(plain) = change(&changes.auth_header) {
            set(SET_AUTH_HEADER, &AUTH_HEADER, plain.map(AuthHeader::expose)).await?;
        }
        if let Some(plain) = change(&changes.signing_secret) {
            set(SET_SIGNING_SECRET, &SIGNING_SECRET, plain.map(SigningSecret::expose)).await?;
        }
        Ok(())
    }

    /// Lets a locked stream go on elsewhere.
    pub async fn move_log_stream(&self, scope: impl LogScope<Write>, id: LogStreamId, to: From) -> Result<()> {
        let text = if to == From::Start { FROM_START } else { FROM_NOW };
        sql::execute(&self.tx, text, vec![scope.log().uuid().into(), id.uuid().into()]).await?;
        Ok(())
    }

    /// Deletes a locked stream.
    pub async fn delete_log_stream(&self, scope: impl LogScope<Write>, id: LogStreamId) -> Result<()> {
        let org = scope.log();
        sql::execute(&self.tx, DELETE, vec![org.uuid().into(), id.uuid().into()]).await?;
        self.give_place_back(org, &counters::LOG_STREAMS).await
    }
}

/// `None`: it stays.
fn change<T>(patch: &Patch<T>) -> Option<Option<&T>> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(value) => Some(Some(value)),
    }
}
