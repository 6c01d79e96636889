//! What streams are given: the records of one log, in the order of its feed, and of no other.

use domain::{EventId, OrgId, Result, Time, authorization::policy::SystemScope, delivery::log_streams::record::Record};
use sea_orm::{DbErr, QueryResult};

use super::turns::StreamTicket;
use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

const AFTER: Sql = sql!(
    "select f.seq, e.id, e.name, e.created_at, e.success, e.actor_kind, e.actor_id, e.actor_email, e.target_type, e.target_id,
       e.ip_address, e.user_agent, e.request_id, e.metadata
     from feed f join events e on e.org_id = f.org_id and e.id = f.event_id
     where f.org_id = $1 and f.seq > $2
     order by f.seq
     limit $3"
);

pub(super) const HEAD: Sql = sql!("select seq from heads where org_id = $1");

fn read(row: &QueryResult, org: OrgId) -> Result<Record, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Record {
        org,
        seq: columns.next()?,
        id: EventId::new(columns.next()?),
        name: columns.next()?,
        at: columns.next::<Time>()?,
        success: columns.next()?,
        actor_kind: columns.next()?,
        actor_id: columns.next()?,
        actor_email: columns.next()?,
        target_type: columns.next()?,
        target_id: columns.next()?,
        ip_address: columns.next()?,
        user_agent: columns.next()?,
        request_id: columns.next()?,
        data: serde_json::from_str(&columns.next::<String>()?).unwrap_or_default(),
    })
}

/// The next records of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NextRecords {
    /// In their order. Not redacted.
    pub records: Vec<Record>,
    /// How many before the first, or before the end if there is none, are gone: they were deleted after their time.
    pub gone: i64,
}

impl Store {
    /// At most `limit` records of the ticket's log after number `after`.
    pub async fn log_stream_records(
        &self,
        _: SystemScope,
        ticket: StreamTicket,
        after: i64,
        limit: usize,
    ) -> Result<NextRecords> {
        let org = ticket.org;
        // The end before the records: then none of those up to it can be missing for any other reason than its age.
        let head = sql::count(&self.db, HEAD, vec![org.uuid().into()]).await?;
        if head <= after {
            return Ok(NextRecords::default());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = sql::all(&self.db, AFTER, vec![org.uuid().into(), after.into(), limit.into()]).await?;
        let records = rows.iter().map(|row| read(row, org)).collect::<Result<Vec<_>, _>>().map_err(from_db)?;
        let next = records.first().map_or(head + 1, |first| first.seq);
        Ok(NextRecords { records, gone: next - after - 1 })
    }
}
