//! Mail on its way. The message is sealed, because it holds one-time links, and blanked as soon as it is of no use any more.

mod statements;
pub(crate) mod table;

use std::fmt;

use crypto::{SealError, Sealed};
use domain::{
    OrgId, Result, Time,
    authorization::policy::SystemScope,
    delivery::{mails::Mail, webhooks::DeliveryState},
};
use sea_orm::{EntityTrait, Set};
use uuid::Uuid;

use self::statements::{any_due, read, release, settle, take};
use crate::{
    Store, WriteTx,
    core::{entity::mails, error::from_db},
};

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
    /// Not tried: it comes again, and this was no attempt.
    Postponed {
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
        let (id, sealed) = self.seal_mail(org, mail)?;
        self.insert_mail(org, id, sealed, DeliveryState::Waiting).await
    }

    /// Does the work of [`WriteTx::queue_mail`] and sends nothing: where the time it takes must not tell whether there was a mail.
    pub async fn queue_nothing(&self, org: OrgId, mail: &Mail) -> Result<()> {
        let (id, _) = self.seal_mail(org, mail)?;
        self.insert_mail(org, id, String::new(), DeliveryState::Delivered).await
    }

    /// The id of a new mail, and its message as the table keeps it.
    pub(crate) fn seal_mail(&self, org: OrgId, mail: &Mail) -> Result<(Uuid, String)> {
        let id = self.uuid();
        let sealed = self.store.keyring.seal_json(&table::MESSAGE.place(org, &id.to_string()), mail)?;
        Ok((id, sealed.as_str().to_owned()))
    }

    async fn insert_mail(&self, org: OrgId, id: Uuid, message: String, state: DeliveryState) -> Result<()> {
        let row = mails::ActiveModel {
            id: Set(id),
            org_id: Set(org.uuid()),
            message: Set(message),
            state: Set(state as i16),
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

/// Mails of one transaction.
const BATCH: usize = 500;

impl Store {
    /// Claims due mails, the longest waiting first.
    pub async fn claim_mails(&self, _: SystemScope, claim: MailClaim) -> Result<Vec<ClaimedMail>> {
        if !any_due(&self.db, claim.now).await? {
            return Ok(Vec::new());
        }
        let rows = self.bookkeep(async |tx| take(&tx, claim).await).await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut mail = read(row, claim.lease).map_err(from_db)?;
            let sealed = Sealed::from(row.try_get::<String>("", "message").map_err(from_db)?);
            mail.mail = self.open_mail(mail.org, mail.ticket.id, &sealed).await?;
            claimed.push(mail);
        }
        Ok(claimed)
    }

    async fn open_mail(&self, org: OrgId, id: Uuid, sealed: &Sealed) -> Result<Option<Mail>> {
        let text = id.to_string();
        let opened = self.try_open_sealed(&self.db, &table::MESSAGE.place(org, &text), sealed).await?;
        let mail = opened.and_then(|plain| serde_json::from_slice(&plain).map_err(|_| SealError::Shape));
        Ok(mail.inspect_err(|error| tracing::error!(%error, mail = %id, "a queued mail cannot be opened")).ok())
    }

    /// Writes what became of claimed mails; those whose lease ended are left alone.
    pub async fn settle_mails(&self, _: SystemScope, now: Time, outcomes: &[MailOutcome]) -> Result<()> {
        for some in outcomes.chunks(BATCH) {
            self.bookkeep(async |tx| settle(&tx, now, some).await).await?;
        }
        Ok(())
    }

    /// Gives mails back that were claimed and not started.
    pub async fn release_mails(&self, _: SystemScope, now: Time, tickets: &[MailTicket]) -> Result<()> {
        for some in tickets.chunks(BATCH) {
            self.bookkeep(async |tx| release(&tx, now, some).await).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
