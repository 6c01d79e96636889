//! The database's side: the processes that serve a program, seen from the system.

use std::time::Duration;

use anyhow::Result;
use sqlx::PgPool;

use crate::process::processor_time_of;

/// The process numbers of the backends that serve the programs of this name (a pattern of `like`) in the database of `pool`.
pub(crate) async fn of(pool: &PgPool, program: &str) -> Result<Vec<u32>> {
    let served = "select pid from pg_stat_activity where datname = current_database() and application_name like $1";
    let pids: Vec<i32> = sqlx::query_scalar(served).bind(program).fetch_all(pool).await?;
    Ok(pids.into_iter().map(i32::unsigned_abs).collect())
}

/// Processor time of all of them so far. One that has ended since is missing, so ask before programs stop.
pub(crate) async fn processor_time(pool: &PgPool, program: &str) -> Result<Duration> {
    Ok(of(pool, program).await?.into_iter().filter_map(|pid| processor_time_of(pid).ok()).sum())
}
