//! Puts what is new in the audit logs under checkpoints.

use chrono::TimeDelta;
use domain::Result;
use store::events::audit::Seal;

use super::{Context, Job};

pub(super) const JOB: Job = Job { name: "seal", every: TimeDelta::minutes(1), run: |context| Box::pin(run(context, Seal::All)) };

/// For logs that have grown by a whole segment, so that a busy one does not wait for its minute.
pub(super) const FULL_SEGMENTS: Job =
    Job { name: "seal_full_segments", every: TimeDelta::seconds(5), run: |context| Box::pin(run(context, Seal::Full)) };

async fn run(Context { deps, scope, now }: Context<'_>, what: Seal) -> Result<u64> {
    let records = deps.store.seal(scope, now, what).await?;
    metrics::counter!("tenantry_audit_records_sealed_total").increment(records);
    Ok(records)
}
