//! The statements of the mail queue.

use domain::{OrgId, Result, Time, delivery::webhooks::DeliveryState};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{ClaimedMail, MailClaim, MailOutcome, MailTicket, MailVerdict};
use crate::core::sql::{self, Sql, sql};

const ANY_DUE: Sql = sql!("select 1 from mails where {open} and next_at <= $1 limit 1");

/// Whether there is anything to claim.
pub(super) async fn any_due(db: &impl ConnectionTrait, now: Time) -> Result<bool> {
    Ok(sql::one(db, ANY_DUE, vec![now.into()]).await?.is_some())
}

const DUE: Sql = sql!(
    "select id, state = {in_flight} and attempts >= $3 as exhausted
     from mails
     where {open} and next_at <= $1
     order by next_at, id
     limit $2
     {for update skip locked}"
);

const LEASE: Sql<1> = sql!(
    "update mails
     set state = {in_flight}, attempts = attempts + 1, lease = $1, next_at = $2, updated_at = $3
     where id in (select id from {rows})
     returning id, org_id, message, attempts, created_at",
    rows = 4 (id: Uuid)
);

pub(super) async fn take(tx: &DatabaseTransaction, claim: MailClaim) -> Result<Vec<QueryResult>> {
    let values = vec![claim.now.into(), claim.max_rows.cast_signed().into(), claim.max_attempts.into()];
    let due: Vec<(Uuid, bool)> = sql::read_all(&sql::all(tx, DUE, values).await?, read_due)?;
    let (exhausted, open): (Vec<_>, Vec<_>) = due.into_iter().partition(|(_, exhausted)| *exhausted);
    give_up(tx, &exhausted, claim.now).await?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let values = vec![claim.lease.into(), claim.lease_until.into(), claim.now.into()];
    LEASE.all(tx, values, open.into_iter().map(|(id, _)| [id.into()])).await
}

fn read_due(row: &QueryResult) -> Result<(Uuid, bool), DbErr> {
    Ok((row.try_get("", "id")?, row.try_get("", "exhausted")?))
}

const GIVE_UP: Sql<1> = sql!(
    "update mails
     set state = {failed}, lease = null, message = '', error = 'the last attempt was interrupted', updated_at = $1
     where id in (select id from {rows})",
    rows = 2 (id: Uuid)
);

/// The worker that made the last permitted attempt never told how it went.
async fn give_up(tx: &DatabaseTransaction, mails: &[(Uuid, bool)], now: Time) -> Result<()> {
    if !mails.is_empty() {
        GIVE_UP.execute(tx, vec![now.into()], mails.iter().map(|(id, _)| [(*id).into()])).await?;
    }
    Ok(())
}

pub(super) fn read(row: &QueryResult, lease: Uuid) -> Result<ClaimedMail, DbErr> {
    let ticket = MailTicket { id: row.try_get("", "id")?, lease, number: row.try_get("", "attempts")? };
    Ok(ClaimedMail {
        ticket,
        org: OrgId::new(row.try_get("", "org_id")?),
        created_at: row.try_get("", "created_at")?,
        mail: None,
    })
}

const SETTLE: Sql<7> = sql!(
    "update mails
     set state = v.state, attempts = attempts - v.untried, next_at = v.next_at, lease = null, error = v.error, updated_at = $1,
       message = case when v.finished then '' else message end
     from {rows}
     where mails.id = v.id and mails.lease = v.lease and mails.state = {in_flight}",
    rows = 2 (id: Uuid, lease: Uuid, state: i16, finished: bool, untried: i32, next_at: Time, error: Option<String>)
);

pub(super) async fn settle(tx: &DatabaseTransaction, now: Time, outcomes: &[MailOutcome]) -> Result<()> {
    let rows = outcomes.iter().map(|MailOutcome { ticket, verdict }| -> [Value; 7] {
        let untried = i32::from(matches!(verdict, MailVerdict::Postponed { .. }));
        let (state, next_at, error) = match verdict {
            MailVerdict::Sent => (DeliveryState::Delivered, now, None),
            MailVerdict::Retry { error, next_at } => (DeliveryState::Waiting, *next_at, Some(error)),
            MailVerdict::Postponed { next_at } => (DeliveryState::Waiting, *next_at, None),
            MailVerdict::Failed { error } => (DeliveryState::Failed, now, Some(error)),
        };
        let finished = state != DeliveryState::Waiting;
        let error = error.map(|text| text.replace('\0', ""));
        let (id, lease, state) = (ticket.id.into(), ticket.lease.into(), (state as i16).into());
        [id, lease, state, finished.into(), untried.into(), next_at.into(), error.into()]
    });
    SETTLE.execute(tx, vec![now.into()], rows).await?;
    Ok(())
}

const RELEASE: Sql<2> = sql!(
    "update mails
     set state = {waiting}, attempts = attempts - 1, lease = null, next_at = $1, updated_at = $1
     from {rows}
     where mails.id = v.id and mails.lease = v.lease and mails.state = {in_flight}",
    rows = 2 (id: Uuid, lease: Uuid)
);

pub(super) async fn release(tx: &DatabaseTransaction, now: Time, tickets: &[MailTicket]) -> Result<()> {
    let rows = tickets.iter().map(|ticket| [ticket.id.into(), ticket.lease.into()]);
    RELEASE.execute(tx, vec![now.into()], rows).await?;
    Ok(())
}
