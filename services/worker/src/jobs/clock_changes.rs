//! Makes due what waits for a moment that a clock which was ahead had named.

use chrono::TimeDelta;
use domain::Result;

use super::{Context, Job};

pub(super) const JOB: Job = Job { name: "clock_changes", every: TimeDelta::minutes(10), run: |context| Box::pin(run(context)) };

async fn run(Context { deps, scope, now }: Context<'_>) -> Result<u64> {
    deps.store.reschedule_after_clock_change(scope, now).await
}
