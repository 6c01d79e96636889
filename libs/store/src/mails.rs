//! Mail on its way. The message is sealed, because it holds one-time links, and blanked as soon as it is of no use any more.

use std::fmt;

use crypto::{SealError, Sealed};
use domain::{OrgId, Result, Time, mails::Mail, policy::SystemScope, webhooks::DeliveryState};
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, QueryResult, Set, Value};
use uuid::Uuid;

use crate::{Store, WriteTx, dialect, entity::mails, error::from_db, keys::place, sql};

/// A claimed mail. Its content keeps it from being shown.
pub struct ClaimedMail {
    /// To settle or release it.
    pub ticket: MailTicket,
    /// The organization it belongs to, or the platform.
    pub org: OrgId,
    /// When it was queued.
    pub created_at: Time,
    /// What to send; `None` if it cannot be opened with the keys we have.
    pub mail: Option<Mail>,
}

impl fmt::Debug for ClaimedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedMail").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// A claimed mail, and the right to settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailTicket {
    /// The mail.
    pub id: Uuid,
    /// The claim.
    pub lease: Uuid,
    /// Which attempt this is, from 1.
    pub number: i32,
}

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub struct MailClaim {
    /// Now.
    pub now: Time,
    /// Names this claim.
    pub lease: Uuid,
    /// When the mails go to somebody else.
    pub lease_until: Time,
    /// Attempts after which a mail whose worker vanished is given up.
    pub max_attempts: i32,
    /// Mails at most.
    pub max_rows: u64,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailOutcome {
    /// Of which mail.
    pub ticket: MailTicket,
    /// What follows.
    pub verdict: MailVerdict,
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailVerdict {
    /// The mail server has it.
    Sent,
    /// Try again.
    Retry {
        /// For the operator.
        error: String,
        /// When.
        next_at: Time,
    },
    /// Given up.
    Failed {
        /// For the operator.
        error: String,
    },
}

impl WriteTx {
    /// Queues a mail: it leaves if, and only if, this transaction commits.
    pub async fn queue_mail(&self, org: OrgId, mail: &Mail) -> Result<()> {
        let id = self.uuid();
        let sealed = self.store.keyring.seal_json(&place(org, "mails", "message", &id.to_string()), mail)?;
        let row = mails::ActiveModel {
            id: Set(id),
            org_id: Set(org.uuid()),
            message: Set(sealed.as_str().to_owned()),
            state: Set(DeliveryState::Waiting as i16),
            attempts: Set(0),
            next_at: Set(self.now()),
            lease: Set(None),
            error: Set(None),
            created_at: Set(self.now()),
            updated_at: Set(self.now()),
        };
        mails::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(from_db)?;
        Ok(())
    }
}

const DUE: &str = "select id, state, attempts from mails where state < 2 and next_at <= $1 order by next_at, id limit $2";

impl Store {
    /// Claims due mails, the longest waiting first.
    pub async fn claim_mails(&self, _: SystemScope, claim: MailClaim) -> Result<Vec<ClaimedMail>> {
        if sql::one(&self.db, DUE, vec![claim.now.into(), 1_i64.into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let work = self.bookkeep().await?;
        let rows = take(&work.tx, claim).await?;
        work.commit().await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut mail = read(row, claim.lease).map_err(from_db)?;
            let sealed = Sealed::from(row.try_get::<String>("", "message").map_err(from_db)?);
            mail.mail = self.open_mail(mail.org, mail.ticket.id, &sealed, claim.now).await?;
            claimed.push(mail);
        }
        Ok(claimed)
    }

    async fn open_mail(&self, org: OrgId, id: Uuid, sealed: &Sealed, now: Time) -> Result<Option<Mail>> {
        let text = id.to_string();
        let place = place(org, "mails", "message", &text);
        let mut opened = self.keyring.open_json(&place, sealed);
        if matches!(opened, Err(SealError::UnknownKey(_))) {
            // Another process has rotated the keys.
            self.load_data_keys(now).await?;
            opened = self.keyring.open_json(&place, sealed);
        }
        Ok(opened.inspect_err(|error| tracing::error!(%error, mail = %id, "a queued mail cannot be opened")).ok())
    }

    /// Writes what became of claimed mails; those whose lease ended are left alone.
    pub async fn settle_mails(&self, _: SystemScope, now: Time, outcomes: &[MailOutcome]) -> Result<()> {
        for some in outcomes.chunks(500) {
            let work = self.bookkeep().await?;
            settle(&work.tx, now, some).await?;
            work.commit().await?;
        }
        Ok(())
    }

    /// Gives mails back that were claimed and not started.
    pub async fn release_mails(&self, _: SystemScope, now: Time, tickets: &[MailTicket]) -> Result<()> {
        for some in tickets.chunks(500) {
            let text = format!(
                "with v(v_id, v_lease) as (values {})
update mails set state = 0, attempts = attempts - 1, lease = null, next_at = $1, updated_at = $1 from v where id = v_id and lease = v_lease and state = 1",
                sql::tuples(2, some.len(), 2)
            );
            let values: Vec<Value> =
                std::iter::once(now.into()).chain(some.iter().flat_map(|t| [t.id.into(), t.lease.into()])).collect();
            let work = self.bookkeep().await?;
            sql::execute(&work.tx, &text, values).await?;
            work.commit().await?;
        }
        Ok(())
    }
}

async fn take(tx: &DatabaseTransaction, claim: MailClaim) -> Result<Vec<QueryResult>> {
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

fn read(row: &QueryResult, lease: Uuid) -> Result<ClaimedMail, DbErr> {
    let ticket = MailTicket { id: row.try_get("", "id")?, lease, number: row.try_get("", "attempts")? };
    Ok(ClaimedMail {
        ticket,
        org: OrgId::new(row.try_get("", "org_id")?),
        created_at: row.try_get("", "created_at")?,
        mail: None,
    })
}

async fn settle(tx: &DatabaseTransaction, now: Time, outcomes: &[MailOutcome]) -> Result<()> {
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

#[cfg(test)]
mod tests;
