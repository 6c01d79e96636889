//! Wakes log streams that sleep although something waits, and switches off those that have failed for days.

use app::delivery::log_streams::disabling::disable_failing;
use chrono::TimeDelta;
use domain::Result;

use super::{BATCH, Context, Job};

pub(super) const SWEEP: Job = Job { name: "log_streams", every: TimeDelta::seconds(5), run: |context| Box::pin(sweep(context)) };

pub(super) const SWITCHING_OFF: Job =
    Job { name: "failing_log_streams", every: TimeDelta::minutes(10), run: |context| Box::pin(switch_off(context)) };

async fn sweep(Context { deps, scope, now }: Context<'_>) -> Result<u64> {
    deps.store.sweep_log_streams(scope, now).await
}

async fn switch_off(Context { deps, scope, now }: Context<'_>) -> Result<u64> {
    match &deps.settings.log_streams.disabling {
        Some(when) => disable_failing(&deps.store, scope, now, when, BATCH).await,
        None => Ok(0),
    }
}
