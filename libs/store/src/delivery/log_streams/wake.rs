//! Waking streams. Who is awake is not written to, so that a busy organization costs the sequencer nothing.
//!
//! The sequencer takes no locks for it. A stream that is just being worked on is awake; when it is put to sleep, whoever does that looks
//! at the end of the feed with the row locked ([`super::turns`]). What slips through all the same is found by the sweep.

use domain::{
    OrgId, Result, Time,
    authorization::policy::{PlatformScope, SystemScope},
};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::sql::{self, Sql, sql},
};

const WAKE: Sql<1> = sql!(
    "update stream_turns
     set due_at = $1
     where due_at is null and is_on and org_id in (select org_id from {rows})",
    rows = 2 (org_id: Uuid)
);

/// The streams of these logs, which have something new.
pub(crate) async fn wake(tx: &DatabaseTransaction, orgs: impl Iterator<Item = OrgId>, now: Time) -> Result<()> {
    WAKE.execute(tx, vec![now.into()], orgs.map(|org| [org.uuid().into()])).await?;
    Ok(())
}

const BEHIND: &str = "due_at is null and is_on and seq < (select h.seq from heads h where h.org_id = stream_turns.org_id)";

const ANY_BEHIND: Sql = sql!("select 1 from stream_turns where {behind} limit 1", behind = BEHIND);

// Not in the way of the sequencer, which locks them in another order.
const SWEEP: Sql = sql!(
    "update stream_turns
     set due_at = $1
     where due_at is null and (org_id, stream_id) in
       (select org_id, stream_id from stream_turns where {behind} {for update skip locked})",
    behind = BEHIND
);

const WAKE_ALL: Sql = sql!(
    "update stream_turns
     set due_at = $2
     where is_on and lease is null and (org_id, stream_id) in
       (select org_id, stream_id from stream_turns where org_id = $1 {for update skip locked})"
);

impl Store {
    /// Wakes whatever sleeps behind the end of its feed. Answers how many.
    pub async fn sweep_log_streams(&self, _: SystemScope, now: Time) -> Result<u64> {
        // Looking first keeps an idle worker from occupying SQLite's writer.
        if sql::one(&self.db, ANY_BEHIND, vec![]).await?.is_none() {
            return Ok(0);
        }
        self.bookkeep(async |tx| sql::execute(&*tx, SWEEP, vec![now.into()]).await).await
    }
}

impl WriteTx {
    /// The streams of an organization that is active again.
    pub async fn wake_log_streams(&self, _: PlatformScope<'_>, org: OrgId) -> Result<()> {
        sql::execute(&self.tx, WAKE_ALL, vec![org.uuid().into(), self.now().into()]).await?;
        Ok(())
    }
}
