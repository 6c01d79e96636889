//! Switches off endpoints that have failed for days.

use app::delivery::webhooks::disabling::disable_failing;
use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "webhooks", every: TimeDelta::minutes(10), run: |context| Box::pin(run(context)) };

async fn run(Context { deps, scope, now }: Context<'_>) -> Result<u64> {
    match &deps.settings.disabling {
        Some(when) => disable_failing(&deps.store, scope, now, when, BATCH).await,
        None => Ok(0),
    }
}
