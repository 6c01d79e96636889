//! Retention: everything that grows is deleted some day, in batches, so that no statement holds its locks for long. What is old, and what
//! goes with a deleted organization, each table declares for itself ([`crate::core::table`]).

mod events;
mod organizations;

use chrono::TimeDelta;
use domain::{Error, Result, Time, authorization::policy::SystemScope, events::audit::RetentionDays};
use sea_orm::{DatabaseTransaction, Value};
use uuid::Uuid;

use crate::{
    Store,
    core::{
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
    /// Sign-ins.
    pub sign_ins_days: u32,
    /// Used refresh tokens, to notice their return: as long as one that was not used could be.
    pub refresh_days: u32,
}

/// What one call deleted.
#[derive(Debug, Default)]
pub struct Purged {
    /// Rows, not counting those that cascaded.
    pub rows: u64,
    /// Organizations that are gone for good.
    pub organizations: u64,
    /// Whether some batch was full: call again.
    pub more: bool,
    /// The first of the errors: what fails keeps nothing else from being deleted.
    pub error: Option<Error>,
}

impl Purged {
    fn add(&mut self, rows: u64, batch: u64) {
        self.rows += rows;
        self.more |= rows >= batch;
    }
    fn note(&mut self, part: Result<()>) {
        if let Err(error) = part {
            self.error.get_or_insert(error);
        }
    }
}

impl Retention {
    fn before(self, age: Age, now: Time) -> Time {
        let days = match age {
            Age::Now => 0,
            Age::Idempotency => self.idempotency_days,
            Age::Sessions => self.sessions_days,
            Age::SignIns => self.sign_ins_days,
            Age::RefreshTokens => self.refresh_days,
            Age::Deliveries => self.deliveries_days,
        };
        now - TimeDelta::days(i64::from(days))
    }
}

impl Store {
    /// Deletes what is past its time: one batch of each kind, each in a transaction of its own. Call again while there is more.
    pub async fn purge(&self, _: SystemScope, now: Time, keep: &Retention, batch: u64) -> Purged {
        let mut purged = Purged::default();
        for table in tables::ALL {
            let WhenOld::Deleted(age, old) = table.when_old else { continue };
            let before = keep.before(age, now);
            let values = vec![before.into(), batch.cast_signed().into()];
            let deleted = self.bookkeep_long(async |tx| sql::execute(&*tx, old, values).await).await;
            let part = deleted.map(|rows| purged.add(rows, batch));
            purged.note(part);
        }
        let part = organizations::purge(self, batch, &mut purged).await;
        purged.note(part);
        let part = events::purge(self, now, keep.events, batch, &mut purged).await;
        purged.note(part);
        purged
    }
}

async fn ids(tx: &DatabaseTransaction, text: Sql, values: Vec<Value>) -> Result<Vec<Uuid>> {
    let rows = sql::all(tx, text, values).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(from_db)
}

#[cfg(test)]
mod tests;
