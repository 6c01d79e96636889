//! Closes invitations that ran out.

use app::tenancy::invitations::expiry::expire;
use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "invitations", every: TimeDelta::minutes(1), run: |context| Box::pin(run(context)) };

async fn run(context: Context<'_>) -> Result<u64> {
    let Context { deps, scope, now } = context;
    let mut closed = 0;
    while context.has_time() {
        let batch = expire(&deps.store, scope, now, BATCH).await?;
        closed += batch;
        if batch < BATCH {
            break;
        }
    }
    Ok(closed)
}
