//! Counts the platform: its days, and what there is. Counting twice changes nothing, so processes need not agree about whose turn it is.

use chrono::TimeDelta;
use domain::{Result, events::analytics::Day};

use super::{Context, Job};

pub(super) const JOB: Job = Job { name: "platform", every: TimeDelta::minutes(10), run: |context| Box::pin(run(context)) };

async fn run(context: Context<'_>) -> Result<u64> {
    let Context { deps, scope, now } = context;
    let days = deps.store.platform_days_to_count(scope, now, deps.settings.analytics_days).await?;
    let (mut day, mut counted) = (days.first, 0);
    while day <= days.last && context.has_time() {
        deps.store.count_platform_day(scope, day).await?;
        (day, counted) = (day.plus(1), counted + 1);
    }
    deps.store.count_platform(scope, now).await?;
    let before = Day::of(now - TimeDelta::days(i64::from(deps.settings.analytics_days)));
    Ok(counted + deps.store.forget_platform_days(scope, before).await?)
}
