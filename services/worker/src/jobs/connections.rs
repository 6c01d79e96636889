//! Looks again at what identity providers publish, and at how long their certificates last.

use app::identity::connections::due::{Looking, check_due};
use chrono::TimeDelta;
use domain::Result;

use super::{Context, Job};

pub(super) const JOB: Job = Job { name: "connections", every: TimeDelta::minutes(10), run: |context| Box::pin(run(context)) };

/// Connections that are claimed together. Each look ends within some seconds.
const BATCH: u64 = 32;

async fn run(context: Context<'_>) -> Result<u64> {
    let Context { deps, scope, now } = context;
    let by = Looking { providers: &deps.egress, link: &deps.settings.webhooks_link };
    let mut looked = 0;
    while context.has_time() {
        let batch = check_due(&deps.store, scope, now, by, BATCH).await?;
        looked += batch;
        if batch < BATCH {
            break;
        }
    }
    Ok(looked)
}
