//! Adds sign-ins to the numbers of their days and months, and forgets days that are long past.

use chrono::TimeDelta;
use domain::{
    Result,
    events::analytics::{Day, Month},
};

use super::{BATCH, Context, Job};

pub(super) const JOB: Job = Job { name: "sign_ins", every: TimeDelta::seconds(30), run: |context| Box::pin(run(context)) };

async fn run(context: Context<'_>) -> Result<u64> {
    let Context { deps, scope, now } = context;
    let mut rows = 0;
    while context.has_time() {
        let counted = deps.store.count_sign_ins(scope, BATCH).await?;
        rows += counted;
        if counted < BATCH {
            break;
        }
    }
    let kept = now - TimeDelta::days(i64::from(deps.settings.analytics_days));
    rows += deps.store.forget_sign_in_days(scope, Day::of(kept), BATCH).await?;
    rows += deps.store.forget_factor_days(scope, Day::of(kept), BATCH).await?;
    // Whom of the month before is still asked of sign-ins that are counted late.
    let months = (Month::of(now).before(), Month::of(kept).min(Month::of(now).before()));
    Ok(rows + deps.store.forget_active_users(scope, months, BATCH).await?)
}
