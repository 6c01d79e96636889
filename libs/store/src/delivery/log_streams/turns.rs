//! The cursors of streams: who is due, who works on which, and how far each has come.
//!
//! A claim is a lease. Only whoever holds it moves the cursor, so a worker that was too slow, or that was taken for dead, changes nothing
//! any more; what it had sent arrives a second time. Killing a worker at any moment so repeats at most what it had not written down yet.

use std::fmt;

use domain::{
    LogStreamId, OrgId, PLATFORM, Result, Time,
    authorization::policy::SystemScope,
    delivery::log_streams::{
        BatchSize, Provider, ReceiverUrl, credentials::Credentials, options::StreamOptions, verdict::Failure,
    },
    tenancy::organizations::OrgStatus,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{columns::unknown, records::HEAD};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// Which stream, and whose turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTicket {
    /// Whose log.
    pub org: OrgId,
    /// The stream.
    pub stream: LogStreamId,
    /// The claim.
    pub lease: Uuid,
}

impl StreamTicket {
    fn values(self) -> Vec<Value> {
        vec![self.org.uuid().into(), self.stream.uuid().into(), self.lease.into()]
    }
}

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub struct StreamClaim {
    /// Streams that were due by then.
    pub due_by: Time,
    /// A new lease.
    pub lease: Uuid,
    /// When it ends.
    pub lease_until: Time,
    /// Streams at most.
    pub most: u64,
    /// Of these, such that failed last at most.
    pub most_failing: u64,
}

/// A claimed stream.
#[derive(Clone)]
pub struct ClaimedStream {
    /// Which, and whose turn.
    pub ticket: StreamTicket,
    /// The last record that arrived or was passed over.
    pub seq: i64,
    /// Failed attempts since the last success.
    pub failures: u32,
    /// Records of the next batch at most, if one was refused as a whole.
    pub room: Option<usize>,
    /// Its name.
    pub name: String,
    /// What receives the records.
    pub provider: Provider,
    /// Where.
    pub url: ReceiverUrl,
    /// How records are written.
    pub options: StreamOptions,
    /// Records of one batch at most.
    pub batch_size: BatchSize,
    /// The credentials; `None`: they cannot be opened with the keys we have.
    pub credentials: Option<Credentials>,
    /// Whether its organization may send anything now. A deleted one sends its last records.
    pub may_send: bool,
}

impl fmt::Debug for ClaimedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedStream").field("ticket", &self.ticket).field("seq", &self.seq).finish_non_exhaustive()
    }
}

// Looking first keeps an idle worker from occupying SQLite's writer.
const ANY_DUE: Sql = sql!("select 1 from stream_turns where due_at <= $1 and (failures = 0 or $2 > 0) limit 1");

/// One text for both: `$5` is whether those that failed last are asked for.
const CLAIM: Sql = sql!(
    "with t as (
       select org_id, stream_id
       from stream_turns
       where due_at <= $1 and (failures > 0) = $5
       order by due_at
       limit $4
       {for update skip locked})
     update stream_turns
     set due_at = $2, lease = $3
     from t
     where stream_turns.org_id = t.org_id and stream_turns.stream_id = t.stream_id"
);

const CLAIMED: Sql = sql!(
    "select t.org_id, t.stream_id, t.seq, t.failures, t.room, s.name, s.provider, s.url, s.options, s.batch_size,
       s.api_key, s.auth_header, s.signing_secret, o.status, o.deleted_at
     from stream_turns t
     join log_streams s on s.org_id = t.org_id and s.id = t.stream_id
     left join organizations o on o.id = t.org_id
     where t.due_at = $2 and t.lease = $1"
);

type Sealed = [Option<String>; 3];

fn read(row: &QueryResult, lease: Uuid) -> Result<(ClaimedStream, Sealed), DbErr> {
    let mut columns = Columns::of(row);
    let (org, stream) = (OrgId::new(columns.next()?), LogStreamId::new(columns.next()?));
    let (seq, failures) = (columns.next()?, columns.next::<i32>()?);
    let room = columns.next::<Option<i32>>()?.and_then(|room| usize::try_from(room).ok());
    let name = columns.next()?;
    let provider = columns.next::<String>()?.parse().map_err(unknown)?;
    let url = columns.next::<String>()?.parse().map_err(unknown)?;
    let options = serde_json::from_str(&columns.next::<String>()?).map_err(unknown)?;
    let batch_size = BatchSize::stored(columns.next()?);
    let sealed = [columns.next()?, columns.next()?, columns.next()?];
    let status = columns.next::<Option<String>>()?.and_then(|status| status.parse().ok());
    let deleted = columns.next::<Option<Time>>()?.is_some();
    let stream = ClaimedStream {
        ticket: StreamTicket { org, stream, lease },
        seq,
        failures: u32::try_from(failures).unwrap_or(0),
        room,
        name,
        provider,
        url,
        options,
        batch_size,
        credentials: None,
        may_send: org == PLATFORM || deleted || status == Some(OrgStatus::Active),
    };
    Ok((stream, sealed))
}

impl Store {
    /// Claims due streams, those that wait longest first.
    pub async fn claim_log_streams(&self, _: SystemScope, claim: StreamClaim) -> Result<Vec<ClaimedStream>> {
        let failing = claim.most_failing.min(claim.most).cast_signed();
        if sql::one(&self.db, ANY_DUE, vec![claim.due_by.into(), failing.into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let rows = self.bookkeep(async |tx| take(&tx, claim).await).await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            match read(row, claim.lease) {
                Ok((stream, sealed)) => claimed.push((stream, sealed)),
                // A newer version's. Its lease keeps it away for a while.
                Err(error) => tracing::warn!(%error, "a log stream cannot be read"),
            }
        }
        let mut streams = Vec::with_capacity(claimed.len());
        for (mut stream, sealed) in claimed {
            let StreamTicket { org, stream: id, .. } = stream.ticket;
            stream.credentials = self
                .open_credentials(org, id, sealed)
                .await
                .inspect_err(|error| {
                    tracing::warn!(stream = %id, %error, "the credentials of a log stream cannot be opened");
                })
                .ok();
            streams.push(stream);
        }
        Ok(streams)
    }
}

async fn take(tx: &DatabaseTransaction, claim: StreamClaim) -> Result<Vec<QueryResult>> {
    let ask = async |most: i64, failing: bool| {
        let values = vec![claim.due_by.into(), claim.lease_until.into(), claim.lease.into(), most.into(), failing.into()];
        sql::execute(tx, CLAIM, values).await
    };
    let most = claim.most.cast_signed();
    let well = ask(most, false).await?;
    let failing = claim.most_failing.cast_signed().min(most - well.cast_signed());
    let failing = if failing > 0 { ask(failing, true).await? } else { 0 };
    if well + failing == 0 {
        return Ok(Vec::new());
    }
    sql::all(tx, CLAIMED, vec![claim.lease.into(), claim.lease_until.into()]).await
}

/// How far a stream came by a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The last record that needs no further attempt.
    pub seq: i64,
    /// Records of the next batch at most; `None`: as many as the stream may have.
    pub room: Option<usize>,
    /// Whether the receiver took something.
    pub taken: bool,
    /// Records that it refused.
    pub set_aside: i64,
    /// Records that were gone.
    pub lost: i64,
    /// When the lease ends now.
    pub lease_until: Time,
}

const ADVANCE: Sql = sql!(
    "update stream_turns
     set seq = $4, room = $5, set_aside = set_aside + $6, lost = lost + $7, due_at = $8
     where org_id = $1 and stream_id = $2 and lease = $3"
);
const ADVANCE_BY_SUCCESS: Sql = sql!(
    "update stream_turns
     set seq = $4, room = $5, set_aside = set_aside + $6, lost = lost + $7, due_at = $8,
       failures = 0, failing_since = null, failed_at = null, failed_reason = null, failed_status = null, last_sent_at = $9
     where org_id = $1 and stream_id = $2 and lease = $3"
);

async fn advance(db: &impl ConnectionTrait, now: Time, ticket: StreamTicket, by: Advance) -> Result<bool> {
    let mut values = ticket.values();
    let room: Option<i32> = by.room.and_then(|room| i32::try_from(room).ok());
    values.extend([by.seq.into(), room.into(), by.set_aside.into(), by.lost.into(), by.lease_until.into()]);
    if by.taken {
        values.push(now.into());
    }
    let text = if by.taken { ADVANCE_BY_SUCCESS } else { ADVANCE };
    Ok(sql::execute(db, text, values).await? == 1)
}

impl Store {
    /// Writes down how far a stream came. `false`: it is in other hands, so nothing was written.
    pub async fn advance_log_stream(&self, _: SystemScope, now: Time, ticket: StreamTicket, by: Advance) -> Result<bool> {
        self.bookkeep(async |tx| advance(&*tx, now, ticket, by).await).await
    }
}

impl WriteTx {
    /// The same where it is told of: records were set aside.
    pub async fn advance_log_stream(&self, _: SystemScope, ticket: StreamTicket, by: Advance) -> Result<bool> {
        advance(&self.tx, self.now(), ticket, by).await
    }
}

const RENEW: Sql = sql!("update stream_turns set due_at = $4 where org_id = $1 and stream_id = $2 and lease = $3");

impl Store {
    /// Keeps a lease for longer. `false`: it is in other hands.
    pub async fn renew_log_stream(&self, _: SystemScope, ticket: StreamTicket, until: Time) -> Result<bool> {
        let mut values = ticket.values();
        values.push(until.into());
        Ok(self.bookkeep(async |tx| sql::execute(&*tx, RENEW, values).await).await? == 1)
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// There was nothing left, or others are to have a turn as well: it sleeps, or comes again if there is more.
    Paused,
    /// Nothing was tried: it comes again at this time.
    Held(Time),
    /// The receiver did not take something: it comes again at this time.
    Failed(Failure, Time),
}

const LOCK: Sql = sql!("select seq from stream_turns where org_id = $1 and stream_id = $2 and lease = $3 {for update}");

const PAUSE: Sql = sql!("update stream_turns set lease = null, due_at = $4 where org_id = $1 and stream_id = $2 and lease = $3");

const FAIL: Sql = sql!(
    "update stream_turns
     set lease = null, due_at = $4, failures = failures + 1, failing_since = coalesce(failing_since, $5), failed_at = $5,
       failed_reason = $6, failed_status = $7
     where org_id = $1 and stream_id = $2 and lease = $3"
);

impl Store {
    /// Ends turns. What is in other hands stays as it is.
    pub async fn end_log_stream_turns(&self, _: SystemScope, now: Time, turns: &[(StreamTicket, TurnEnd)]) -> Result<()> {
        let mut turns = turns.to_vec();
        turns.sort_unstable_by_key(|(ticket, _)| (ticket.org, ticket.stream));
        self.bookkeep(async |tx| {
            for (ticket, how) in turns {
                end(&tx, now, ticket, how).await?;
            }
            Ok(())
        })
        .await
    }
}

async fn end(tx: &DatabaseTransaction, now: Time, ticket: StreamTicket, how: TurnEnd) -> Result<()> {
    let mut values = ticket.values();
    match how {
        TurnEnd::Paused => {
            let Some(row) = sql::one(tx, LOCK, values.clone()).await? else { return Ok(()) };
            let seq: i64 = row.try_get_by_index(0).map_err(from_db)?;
            // A statement of its own, behind the lock: whoever numbered records since has either been seen here or will wake the stream.
            let head = sql::count(tx, HEAD, vec![ticket.org.uuid().into()]).await?;
            values.push((head > seq).then_some(now).into());
            sql::execute(tx, PAUSE, values).await?;
        }
        TurnEnd::Held(until) => {
            values.push(until.into());
            sql::execute(tx, PAUSE, values).await?;
        }
        TurnEnd::Failed(failure, until) => {
            let status: Option<i32> = failure.status.map(Into::into);
            values.extend([until.into(), now.into(), failure.reason.as_str().into(), status.into()]);
            sql::execute(tx, FAIL, values).await?;
        }
    }
    Ok(())
}
