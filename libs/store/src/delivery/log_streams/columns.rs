//! Streams as rows have them.

use domain::{
    LogStreamId, OrgId, Time,
    core::value::Name,
    delivery::log_streams::{BatchSize, Has, LastFailure, LogStream, Progress, Provider, ReceiverUrl, verdict::Reason},
};
use sea_orm::DbErr;

use crate::core::sql::Columns;

/// The columns of a [`LogStream`], of [`FROM`], in the order of [`read_stream`].
pub(super) const STREAM: &str = "s.id, s.org_id, s.name, s.provider, s.url, s.options, s.batch_size, s.enabled, s.disabled_at,
    s.api_key is not null, s.auth_header is not null, s.signing_secret is not null,
    t.seq, coalesce(h.seq, 0),
    (select e.created_at from feed f join events e on e.org_id = f.org_id and e.id = f.event_id
     where f.org_id = t.org_id and f.seq > t.seq order by f.seq limit 1),
    t.failures, t.failing_since, t.due_at, t.last_sent_at, t.failed_at, t.failed_reason, t.failed_status, t.set_aside, t.lost,
    s.created_at, s.updated_at";

pub(super) const FROM: &str = "from log_streams s
    join stream_turns t on t.org_id = s.org_id and t.stream_id = s.id
    left join heads h on h.org_id = s.org_id";

pub(super) fn unknown(error: impl ToString) -> DbErr {
    DbErr::Type(error.to_string())
}

/// Reads what [`STREAM`] selects.
pub(super) fn read_stream(columns: &mut Columns<'_>) -> Result<LogStream, DbErr> {
    let (id, org_id) = (LogStreamId::new(columns.next()?), OrgId::new(columns.next()?));
    let name = Name::stored(columns.next()?);
    let provider = columns.next::<String>()?.parse::<Provider>().map_err(unknown)?;
    let url = columns.next::<String>()?.parse::<ReceiverUrl>().map_err(unknown)?;
    let options = serde_json::from_str(&columns.next::<String>()?).map_err(unknown)?;
    let batch_size = BatchSize::stored(columns.next()?);
    let (enabled, disabled_at) = (columns.next()?, columns.next()?);
    let has = Has { api_key: columns.next()?, auth_header: columns.next()?, signing_secret: columns.next()? };
    let progress = read_progress(columns)?;
    let (created_at, updated_at) = (columns.next()?, columns.next()?);
    Ok(LogStream {
        id,
        org_id,
        name,
        provider,
        url,
        options,
        batch_size,
        enabled,
        disabled_at,
        has,
        progress,
        created_at,
        updated_at,
    })
}

fn read_progress(columns: &mut Columns<'_>) -> Result<Progress, DbErr> {
    let (seq, head, oldest_waiting, failures) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    let (failing_since, due_at): (Option<Time>, Option<Time>) = (columns.next()?, columns.next()?);
    let last_sent_at = columns.next()?;
    let (at, reason): (Option<Time>, Option<String>) = (columns.next()?, columns.next()?);
    let status: Option<i32> = columns.next()?;
    // A reason that a newer version wrote is left out.
    let reason = reason.as_deref().and_then(Reason::stored);
    let last_failure = at.zip(reason).map(|(at, reason)| {
        let status = status.and_then(|status| u16::try_from(status).ok());
        LastFailure { at, reason, status }
    });
    Ok(Progress {
        seq,
        head,
        oldest_waiting,
        failures,
        failing_since,
        next_try_at: due_at.filter(|_| failing_since.is_some()),
        last_sent_at,
        last_failure,
        set_aside: columns.next()?,
        lost: columns.next()?,
    })
}
