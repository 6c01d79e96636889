//! Closes invitations that ran out.

use app::tenancy::invitations::expiry::expire;
use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "invitations", every: TimeDelta::minutes(1), run: |context| Box::pin(run(context)) };

async fn run(Context { deps, scope, now }: Context<'_>) -> Result<u64> {
    let mut closed = 0;
    loop {
        let batch = expire(&deps.store, scope, now, BATCH).await?;
        closed += batch;
        if batch < BATCH {
            return Ok(closed);
        }
    }
}
