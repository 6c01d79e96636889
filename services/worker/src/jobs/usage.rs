//! Tells the platform's payment provider how many users of each organization were active, where it is configured to be told.

use app::applications::billing::usage::report;
use chrono::TimeDelta;
use domain::Result;

use super::{Context, Job};

pub(super) const JOB: Job = Job { name: "usage", every: TimeDelta::hours(1), run: |context| Box::pin(run(context)) };

/// Numbers that are read together.
const BATCH: u64 = 50;

async fn run(context: Context<'_>) -> Result<u64> {
    let Context { deps, scope, now } = context;
    let Some(reporting) = &deps.settings.usage else { return Ok(0) };
    let (mut told, mut last) = (0, None);
    while context.has_time() {
        let (some, next) = report(&deps.store, scope, &deps.payments, reporting, (now, last.as_ref()), BATCH).await?;
        told += some;
        match next {
            Some(next) => last = Some(next),
            None => break,
        }
    }
    Ok(told)
}
