//! The statements of the mail queue.

use domain::{OrgId, Result, Time, delivery::webhooks::DeliveryState};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{ClaimedMail, MailClaim, MailOutcome, MailTicket, MailVerdict};
use crate::core::{dialect, error::from_db, sql};

pub(super) const DUE: &str =
    "select id, state, attempts from mails where state < 2 and next_at <= $1 order by next_at, id limit $2";

pub(super) async fn take(tx: &DatabaseTransaction, claim: MailClaim) -> Result<Vec<QueryResult>> {
    let lock = dialect::row_lock(dialect::is_sqlite(tx), "for update skip locked");
    let rows = sql::all(tx, &format!("{DUE} {lock}"), vec![claim.now.into(), claim.max_rows.cast_signed().into()]).await?;
    let (mut exhausted, mut fresh) = (Vec::new(), Vec::new());
    for row in &rows {
        let (id, state, attempts): (Uuid, i16, i32) = read_due(row).map_err(from_db)?;
        if state == 1 && attempts >= claim.max_attempts { exhausted.push(id) } else { fresh.push(id) }
    }
    give_up(tx, &exhausted, claim.now).await?;
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "update mails set state = 1, attempts = attempts + 1, lease = $1, next_at = $2, updated_at = $3 where id in {}
         returning id, org_id, message, attempts, created_at",
        sql::tuples(4, 1, fresh.len())
    );
    let mut values: Vec<Value> = vec![claim.lease.into(), claim.lease_until.into(), claim.now.into()];
    values.extend(fresh.into_iter().map(Value::from));
    sql::all(tx, &text, values).await
}

fn read_due(row: &QueryResult) -> Result<(Uuid, i16, i32), DbErr> {
    Ok((row.try_get("", "id")?, row.try_get("", "state")?, row.try_get("", "attempts")?))
}

/// The worker that made the last permitted attempt never told how it went.
async fn give_up(tx: &DatabaseTransaction, ids: &[Uuid], now: Time) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let text = format!(
        "update mails set state = 3, lease = null, message = '', error = 'the last attempt was interrupted', updated_at = $1 where id in {}",
        sql::tuples(2, 1, ids.len())
    );
    sql::execute(tx, &text, std::iter::once(now.into()).chain(ids.iter().map(|id| (*id).into())).collect()).await?;
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

pub(super) async fn settle(tx: &DatabaseTransaction, now: Time, outcomes: &[MailOutcome]) -> Result<()> {
    let text = format!(
        "with v(v_id, v_lease, v_state, v_next, v_error) as (values {})
         update mails set state = v_state, next_at = v_next, lease = null, error = v_error, updated_at = $1,
         message = case when v_state < 2 then message else '' end from v where id = v_id and lease = v_lease and state = 1",
        sql::tuples(2, outcomes.len(), 5)
    );
    let mut values: Vec<Value> = vec![now.into()];
    for MailOutcome { ticket, verdict } in outcomes {
        let (state, next_at, error) = match verdict {
            MailVerdict::Sent => (DeliveryState::Delivered, now, None),
            MailVerdict::Retry { error, next_at } => (DeliveryState::Waiting, *next_at, Some(error)),
            MailVerdict::Failed { error } => (DeliveryState::Failed, now, Some(error)),
        };
        let error = error.map(|text| text.replace('\0', ""));
        values.extend([ticket.id.into(), ticket.lease.into(), (state as i16).into(), next_at.into(), error.into()]);
    }
    sql::execute(tx, &text, values).await?;
    Ok(())
}
