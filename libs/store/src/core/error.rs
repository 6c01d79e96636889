//! Database errors become [`domain::Error`]s here: an outage is 503 and worth a retry, a violated unique index is whatever the
//! caller says it means, everything else is a defect of ours. Never by searching the text for words, except the one place that
//! databases leave no other way: which constraint it was.

use domain::{Error, Kind};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// The transaction lost against another one and may simply be run again.
pub(crate) const RETRY: &str = "write_conflict";

/// A database error without a meaning of its own.
pub(crate) fn from_db(e: DbErr) -> Error {
    match code(&e).as_deref() {
        // serialization_failure, deadlock_detected, lock_not_available; SQLite: busy, locked, busy_snapshot
        Some("40001" | "40P01" | "55P03" | "5" | "6" | "517" | "261") => retry().because(e),
        // connection exceptions, shutdown, out of resources, read-only standby; SQLite: full, cannot open, read-only, io
        Some(c)
            if c.starts_with("08")
                || c.starts_with("57P")
                || c.starts_with("53")
                || c == "25006"
                || matches!(c, "13" | "14" | "8" | "10") =>
        {
            outage(e)
        }
        Some(_) => Error::internal(e),
        None if is_connection(&e) => outage(e),
        None => Error::internal(e),
    }
}

/// The transaction must be run again from its beginning.
pub(crate) fn retry() -> Error {
    let mut busy = Error::unavailable(1, "The server is busy. Try again.");
    busy.code = RETRY;
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
    move |e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(text))
            if text.contains(&format!("\"{}\"", constraint.name)) || text.ends_with(constraint.columns) =>
        {
            meaning().because(e)
        }
        _ => from_db(e),
    }
}

/// Whether the whole use case may be run again.
pub(crate) fn is_retryable(e: &Error) -> bool {
    e.kind == Kind::Unavailable && e.code == RETRY
}
