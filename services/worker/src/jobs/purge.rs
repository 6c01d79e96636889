//! Deletes what is past its time.

use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "purge", every: TimeDelta::minutes(10), run: |context| Box::pin(run(context)) };

/// Batches of one purge; the next one goes on.
const ROUNDS: usize = 200;

async fn run(Context { deps, scope, now }: Context<'_>) -> Result<u64> {
    let mut rows = 0;
    for _ in 0..ROUNDS {
        let purged = deps.store.purge(scope, now, &deps.settings.retention, BATCH).await?;
        rows += purged.rows;
        if !purged.more {
            break;
        }
    }
    Ok(rows)
}
