//! Deletes what is past its time.

use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "purge", every: TimeDelta::minutes(10), run: |context| Box::pin(run(context)) };

/// What fails stops nothing else, and is told at the end.
async fn run(context: Context<'_>) -> Result<u64> {
    let Context { deps, scope, now } = context;
    let (mut rows, mut error) = (0, None);
    while context.has_time() {
        let purged = deps.store.purge(scope, now, &deps.settings.retention, BATCH).await;
        rows += purged.rows;
        error = error.or(purged.error);
        if !purged.more {
            break;
        }
    }
    error.map_or(Ok(rows), Err)
}
