//! Closing invitations that ran out: what the worker does by the clock. Nobody depends on this to happen in time (their age is compared at
//! use), but their organization hears of it.

use domain::{Event, Result, Time, authorization::policy::SystemScope};
use store::{Change, NoEvent, Store, WriteTx};

/// Closes at most `limit` invitations that ran out. Answers how many.
pub async fn expire(store: &Store, scope: SystemScope, now: Time, limit: u64) -> Result<u64> {
    if !store.any_invitation_ran_out(scope, now).await? {
        return Ok(0);
    }
    store.write_as_job(scope, now, async |tx| close(&tx, scope, limit).await).await
}

async fn close(tx: &WriteTx, scope: SystemScope, limit: u64) -> Result<Change<u64>> {
    let ran_out = tx.expire_invitations(scope, limit).await?;
    let count = ran_out.len() as u64;
    let mut events = ran_out
        .into_iter()
        .map(|invitation| (invitation.org, Event::InvitationExpired { invitation_id: invitation.id, email: invitation.email }));
    let Some((org, first)) = events.next() else { return Ok(Change::silent(0, NoEvent::Housekeeping)) };
    Ok(events.fold(Change::new(count, org, first), |change, (org, event)| change.and(org, event)))
}
