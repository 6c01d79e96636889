//! Retention: everything that grows is deleted some day, in batches, so that no statement holds its locks for long. Also invitations
//! that ran out: nobody depends on this to happen in time (their age is compared at use), but their organization hears of it.

mod events;
mod organizations;

use chrono::TimeDelta;
use domain::{
    Actor, Event, InvitationId, OrgId, Origin, Result, Stamp, Time, authorization::policy::SystemScope,
    events::audit::RetentionDays, tenancy::invitations::InvitationStatus,
};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::{
    Change, NoEvent, Store, WriteTx,
    core::{
        dialect,
        error::from_db,
        sql::{self, Sql},
        table::{Age, WhenOld},
        tables,
    },
};

/// How many days things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events, audit records and their feed: by default, and within which bounds an organization may choose otherwise.
    pub events: RetentionDays,
    /// Finished deliveries, their attempts, and finished mails.
    pub deliveries_days: u32,
    /// Answers to requests with an idempotency key.
    pub idempotency_days: u32,
    /// Ended sessions.
    pub sessions_days: u32,
}

/// What one call deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Rows, not counting those that cascaded.
    pub rows: u64,
    /// Organizations that are gone for good.
    pub organizations: u64,
    /// Whether some batch was full: call again.
    pub more: bool,
}

impl Purged {
    fn add(&mut self, rows: u64, batch: u64) {
        self.rows += rows;
        self.more |= rows >= batch;
    }
}

impl Retention {
    fn before(self, age: Age, now: Time) -> Time {
        let days = match age {
            Age::Now => 0,
            Age::Idempotency => self.idempotency_days,
            Age::Sessions => self.sessions_days,
            Age::Deliveries => self.deliveries_days,
        };
        now - TimeDelta::days(i64::from(days))
    }
}

impl Store {
    /// Deletes what is past its time: one batch of each kind, each in a transaction of its own. Call again while there is more.
    pub async fn purge(&self, _: SystemScope, now: Time, keep: &Retention, batch: u64) -> Result<Purged> {
        let mut purged = Purged::default();
        for table in tables::ALL {
            let WhenOld::Deleted(age, old) = table.when_old else { continue };
            let before = keep.before(age, now);
            let values = vec![before.into(), batch.cast_signed().into()];
            let rows = self.bookkeep(async |tx| sql::execute(&*tx, old, values).await).await?;
            purged.add(rows, batch);
        }
        organizations::purge(self, batch, &mut purged).await?;
        events::purge(self, now, keep.events, batch, &mut purged).await?;
        Ok(purged)
    }

    /// Closes at most `limit` invitations that ran out. Answers how many.
    pub async fn expire_invitations(&self, scope: SystemScope, now: Time, limit: u64) -> Result<usize> {
        let values = || vec![now.into(), limit.cast_signed().into()];
        if sql::one(&self.db, RAN_OUT, values()).await?.is_none() {
            return Ok(0);
        }
        let stamp = Stamp { actor: Actor::System(scope.job), origin: Origin::default(), now };
        let tx = self.begin(&stamp).await?;
        let clause = dialect::row_lock(tx.is_sqlite(), "for update of i skip locked");
        let rows = sql::all(&tx.tx, &format!("{RAN_OUT} {clause}"), values()).await?;
        let change = close(&tx, &rows).await?;
        tx.commit(change).await
    }
}

const RAN_OUT: &str = "select i.org_id, i.id, i.email from invitations i join organizations o on o.id = i.org_id
                       where i.pending_email is not null and i.expires_at <= $1 and o.deleted_at is null order by i.expires_at limit $2";

async fn close(tx: &WriteTx, rows: &[QueryResult]) -> Result<Change<usize>> {
    let found = rows.iter().map(read).collect::<Result<Vec<_>, _>>().map_err(from_db)?;
    let mut events =
        found.iter().map(|(org, id, email)| (*org, Event::InvitationExpired { invitation_id: *id, email: email.clone() }));
    let Some((org, first)) = events.next() else { return Ok(Change::silent(0, NoEvent::Housekeeping)) };
    let change = events.fold(Change::new(found.len(), org, first), |change, (org, event)| change.and(org, event));
    let text = format!(
        "update invitations set status = $1, pending_email = null, updated_at = $2 where (org_id, id) in (values {})",
        sql::tuples(3, found.len(), 2)
    );
    let mut values: Vec<Value> = vec![InvitationStatus::Expired.as_str().into(), tx.now().into()];
    values.extend(found.iter().flat_map(|(org, id, _)| [Value::from(org.uuid()), id.uuid().into()]));
    sql::execute(&tx.tx, &text, values).await?;
    Ok(change)
}

fn read(row: &QueryResult) -> Result<(OrgId, InvitationId, String), DbErr> {
    Ok((OrgId::new(row.try_get("", "org_id")?), InvitationId::new(row.try_get("", "id")?), row.try_get("", "email")?))
}

/// The ids that a statement selects.
async fn ids(tx: &DatabaseTransaction, text: Sql, values: Vec<Value>) -> Result<Vec<Uuid>> {
    let rows = sql::all(tx, text, values).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(from_db)
}

#[cfg(test)]
mod tests;
