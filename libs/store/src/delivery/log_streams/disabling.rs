//! Streams whose receiver has taken nothing for days, for the worker that switches them off.

use domain::{
    LogStreamId, OrgId, PLATFORM, Result, Time, authorization::policy::SystemScope, core::value::Email,
    delivery::log_streams::LogStream, tenancy::roles::RoleName,
};
use sea_orm::{DbErr, QueryResult};

use super::{LOCK, get};
use crate::{
    Store, WriteTx,
    core::sql::{self, Sql, sql},
};

/// A stream that fails.
#[derive(Clone, Copy, Debug)]
pub struct FailingStream {
    org: OrgId,
    id: LogStreamId,
}

/// Whom a stream concerns.
#[derive(Clone, Debug)]
pub struct StreamOwner {
    /// An owner's address.
    pub email: Email,
    /// The organization's name.
    pub organization: String,
}

const FAILING: Sql =
    sql!("select org_id, stream_id from stream_turns where is_on and failing_since <= $1 order by failing_since limit $2");

const SWITCH_OFF: Sql =
    sql!("update log_streams set enabled = false, disabled_at = $3, updated_at = $3 where org_id = $1 and id = $2");
// What failed last stays, for whoever looks.
const END_TURNS: Sql =
    sql!("update stream_turns set is_on = false, due_at = null, lease = null where org_id = $1 and stream_id = $2");

const OWNERS: Sql = sql!(
    "select u.email, o.name
     from memberships m join users u on u.id = m.user_id join organizations o on o.id = m.org_id
     where m.org_id = $1 and m.role = $2 and u.deleted_at is null
     order by m.id"
);
const OPERATORS: Sql = sql!("select u.email from users u where u.is_platform_owner and u.deleted_at is null order by u.id");

impl Store {
    /// At most `limit` streams that have failed since `before`, the longest first.
    pub async fn failing_log_streams(&self, _: SystemScope, before: Time, limit: u64) -> Result<Vec<FailingStream>> {
        let rows = sql::all(&self.db, FAILING, vec![before.into(), limit.cast_signed().into()]).await?;
        sql::read_all(&rows, |row: &QueryResult| {
            let (org, id) = (row.try_get("", "org_id")?, row.try_get("", "stream_id")?);
            Ok(FailingStream { org: OrgId::new(org), id: LogStreamId::new(id) })
        })
    }
}

fn read_owner(row: &QueryResult) -> Result<StreamOwner, DbErr> {
    Ok(StreamOwner { email: Email::stored(row.try_get("", "email")?), organization: row.try_get("", "name")? })
}

fn read_operator(row: &QueryResult) -> Result<StreamOwner, DbErr> {
    Ok(StreamOwner { email: Email::stored(row.try_get("", "email")?), organization: "Tenantry".to_owned() })
}

impl WriteTx {
    /// A stream, locked until the transaction ends; `None` for one that was deleted meanwhile.
    pub async fn lock_failing_log_stream(&self, _: SystemScope, failing: FailingStream) -> Result<Option<LogStream>> {
        match get(&self.tx, LOCK, failing.org, failing.id).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) if error.kind == domain::Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Switches a locked stream off.
    pub async fn disable_log_stream(&self, _: SystemScope, stream: &LogStream) -> Result<()> {
        let (org, id) = (stream.org_id.uuid(), stream.id.uuid());
        sql::execute(&self.tx, SWITCH_OFF, vec![org.into(), id.into(), self.now().into()]).await?;
        sql::execute(&self.tx, END_TURNS, vec![org.into(), id.into()]).await?;
        Ok(())
    }

    /// The owners of the stream's organization; who operates the platform, of the platform's.
    pub async fn log_stream_owners(&self, _: SystemScope, stream: &LogStream) -> Result<Vec<StreamOwner>> {
        if stream.org_id == PLATFORM {
            return sql::read_all(&sql::all(&self.tx, OPERATORS, vec![]).await?, read_operator);
        }
        let values = vec![stream.org_id.uuid().into(), RoleName::Owner.as_str().into()];
        sql::read_all(&sql::all(&self.tx, OWNERS, values).await?, read_owner)
    }
}
