//! Database errors become [`domain::Error`]s here: an outage is 503 and worth a retry, a violated unique index is whatever the
//! caller says it means, everything else is a defect of ours. Never by searching the text for words, except the one place that
//! databases leave no other way: which constraint it was.

use domain::{Error, Kind};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

use crate::core::reach::POOLER;

/// The transaction lost against another one and may simply be run again.
pub(crate) const RETRY: &str = "write_conflict";

/// Somebody holds what the transaction needs, and did not let go of it in time. Each run again waits as long, so it is run again once.
pub(crate) const LOCKED: &str = "lock_timeout";

/// What a code of the database means for whoever waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Run the transaction again.
    Retry,
    /// Waiting for a lock took too long.
    Locked,
    /// The database is away or overloaded; it heals by itself or by its operator.
    Outage,
    /// It was not set up as this program needs it: a right, a table, an encoding is missing.
    SetUp,
    /// A pooler stands between, and nobody said so.
    Pooler,
    /// Ours.
    Defect,
}

/// By PostgreSQL's SQLSTATE, or SQLite's primary result code.
fn meaning(code: &str) -> Meaning {
    match code {
        // serialization_failure, deadlock_detected; SQLite: locked, protocol, schema, busy_recovery, busy_snapshot
        "40001" | "40P01" | "6" | "15" | "17" | "261" | "517" => Meaning::Retry,
        // lock_not_available; SQLite: busy, which is told after the busy time-out
        "55P03" | "5" => Meaning::Locked,
        // statement_completion_unknown, snapshot too old, a standby's read-only transactions, prerequisites (a server that recovers), object in
        // use, statements lost by a pooler, time-outs of transactions (whose connection is gone); SQLite: full, cannot open, read-only, io, out of memory, interrupted
        "40003" | "72000" | "25006" | "55000" | "55006" | "26000" | "25P03" | "25P04" | "13" | "14" | "8" | "10" | "7" | "9" => {
            Meaning::Outage
        }
        // duplicate_prepared_statement: another client's, in the same session
        "42P05" => Meaning::Pooler,
        // roles, rights, database, schema, table, column, function, type; what its encoding cannot hold; damaged files.
        // SQLite: damaged, no database, no right
        "0P000" | "42501" | "3D000" | "3F000" | "42P01" | "42703" | "42883" | "42704" | "22P05" | "11" | "26" | "3" | "23" => {
            Meaning::SetUp
        }
        // connections, resources, the operator's interventions (57014: also a statement_timeout), the system
        c if ["08", "53", "57", "58"].iter().any(|class| c.len() == 5 && c.starts_with(class)) => Meaning::Outage,
        // authorization, configuration file, internal errors such as damaged data, foreign data
        c if ["28", "F0", "XX", "HV"].iter().any(|class| c.len() == 5 && c.starts_with(class)) => Meaning::SetUp,
        _ => Meaning::Defect,
    }
}

/// A database error without a meaning of its own.
pub(crate) fn from_db(e: DbErr) -> Error {
    match code(&e).as_deref().map(meaning) {
        Some(Meaning::Retry) => retry().because(e),
        Some(Meaning::Locked) => locked().because(e),
        Some(Meaning::Outage) => outage(e),
        Some(Meaning::Pooler) => Error::unavailable(60, POOLER).because(e),
        Some(Meaning::SetUp) => Error::unavailable(60, SET_UP).because(e),
        None if is_connection(&e) => outage(e),
        Some(Meaning::Defect) | None => Error::internal(e),
    }
}

const SET_UP: &str = "The database does not let this server do its work. Its operator finds the reason in the log.";

/// The transaction must be run again from its beginning.
pub(crate) fn retry() -> Error {
    let mut busy = Error::unavailable(1, "The server is busy. Try again.");
    busy.code = RETRY;
    busy
}

/// Somebody else is at work on the same thing, and does not come to an end.
pub(crate) fn locked() -> Error {
    let mut busy = Error::unavailable(2, "Somebody else is changing the same thing. Try again.");
    busy.code = LOCKED;
    busy
}

fn outage(e: DbErr) -> Error {
    Error::unavailable(2, "The database is not available right now. Try again shortly.").because(e)
}

fn sqlx(e: &DbErr) -> Option<&sqlx::Error> {
    match e {
        DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e))
        | DbErr::Conn(RuntimeErr::SqlxError(e)) => Some(e.as_ref()),
        _ => None,
    }
}

fn code(e: &DbErr) -> Option<String> {
    let code = sqlx(e)?.as_database_error()?.code()?;
    // SQLite tells extended codes; their low byte is the kind. PostgreSQL's have five characters.
    match code.parse::<u32>() {
        Ok(extended) if code.len() < 5 && !matches!(extended, 261 | 517) => Some((extended & 0xff).to_string()),
        _ => Some(code.into_owned()),
    }
}

/// Whether somebody else is at it, who will come to an end.
pub(crate) fn is_contended(e: &DbErr) -> bool {
    matches!(code(e).as_deref().map(meaning), Some(Meaning::Retry | Meaning::Locked))
}

fn is_connection(e: &DbErr) -> bool {
    let lost = |e: &sqlx::Error| {
        matches!(
            e,
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_)
                | sqlx::Error::Tls(_)
        )
    };
    matches!(e, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) || sqlx(e).is_some_and(lost)
}

/// A unique constraint, by its name (PostgreSQL) or its columns (how SQLite names it). Declared with its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constraint {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static str,
}

/// Gives the violation of `constraint` its meaning; every other error stays what it is.
pub(crate) fn on(constraint: &'static Constraint, meaning: impl FnOnce() -> Error) -> impl FnOnce(DbErr) -> Error {
    move |e| if violates(&e, constraint) { meaning().because(e) } else { from_db(e) }
}

/// The same for constraints that mean one thing.
pub(crate) fn on_any<const N: usize>(
    constraints: [&'static Constraint; N],
    meaning: impl FnOnce() -> Error,
) -> impl FnOnce(DbErr) -> Error {
    move |e| if constraints.iter().any(|one| violates(&e, one)) { meaning().because(e) } else { from_db(e) }
}

pub(crate) fn violates(e: &DbErr, constraint: &Constraint) -> bool {
    let Some(SqlErr::UniqueConstraintViolation(text)) = e.sql_err() else { return false };
    text.contains(&format!("\"{}\"", constraint.name)) || text.ends_with(constraint.columns)
}

/// For a row that refers to another: somebody deleted that meanwhile, and who looks again finds it gone.
pub(crate) fn when_gone(e: DbErr) -> Error {
    match e.sql_err() {
        Some(SqlErr::ForeignKeyConstraintViolation(_)) => retry().because(e),
        _ => from_db(e),
    }
}

/// Whether the whole use case may be run again, after this many times.
pub(crate) fn is_retryable(e: &Error, times: u32) -> bool {
    let most = match e.code {
        RETRY => 3,
        LOCKED => 1,
        _ => 0,
    };
    e.kind == Kind::Unavailable && times <= most
}

#[cfg(test)]
mod tests;
