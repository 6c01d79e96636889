//! Makes the deliveries that were not made while too many were open.

use app::delivery::webhooks::catching_up::catch_up;
use chrono::TimeDelta;
use domain::Result;

use super::{Context, Job};

pub(super) const JOB: Job = Job { name: "catching_up", every: TimeDelta::seconds(5), run: |context| Box::pin(run(context)) };

/// Endpoints of one round.
const ROUND: u64 = 64;

async fn run(context: Context<'_>) -> Result<u64> {
    let Context { deps, scope, .. } = context;
    let mut made = 0;
    while context.has_time() {
        // A time of its own for each round: whoever had a turn goes behind those that wait for theirs.
        let done = catch_up(&deps.store, scope, deps.clock.now(), &deps.settings.catching_up, ROUND).await?;
        made += done.made as u64;
        if done.endpoints == 0 {
            break;
        }
    }
    metrics::counter!("tenantry_webhooks_caught_up_total").increment(made);
    Ok(made)
}
