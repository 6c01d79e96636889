//! Deletes what is past its time.

use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "purge", every: TimeDelta::minutes(10), run: |context| Box::pin(run(context)) };

/// Batches of one purge; the next one goes on.
const ROUNDS: usize = 200;

/// What fails stops nothing else, and is told at the end.
async fn run(Context { deps, scope, now }: Context<'_>) -> Result<u64> {
    let (mut rows, mut error) = (0, None);
    for _ in 0..ROUNDS {
        let purged = deps.store.purge(scope, now, &deps.settings.retention, BATCH).await;
        rows += purged.rows;
        error = error.or(purged.error);
        if !purged.more {
            break;
        }
    }
    error.map_or(Ok(rows), Err)
}
