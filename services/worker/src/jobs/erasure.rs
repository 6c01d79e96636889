//! Erases people from audit logs, where that was ordered.

use app::events::audit::erasure::erase_next;
use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "erasure", every: TimeDelta::seconds(20), run: |context| Box::pin(run(context)) };

async fn run(context: Context<'_>) -> Result<u64> {
    let mut searched = 0;
    while context.has_time() {
        let Context { deps, scope, .. } = context;
        let Some(records) = erase_next(&deps.store, scope, deps.clock.now(), BATCH).await? else { break };
        searched += records;
    }
    Ok(searched)
}
