//! Erasing a person from an organization's log, as the worker does it: a batch of records in each transaction, from the first up to the
//! one that recorded the order, whose number says what had happened before. The order remembers how far it got, so a crash costs a batch.
//!
//! Of an erased record its name, outcome, time, number and the digest of its content stay, and with them leaf, chain and tree: whoever
//! verified the log before still does. The salt goes, so that nobody can try contents against the digest. Deliveries point at the same
//! row: their history shows the erased body, and those that still wait are sent with it, because the event did happen.

use domain::{
    Actor, ErasureId, Event, OrgId, Origin, Result, Stamp, Time, UserId, authorization::policy::SystemScope, core::value::Email,
    events::audit::Subject,
};
use sea_orm::{DbErr, QueryResult};
use serde_json::json;

use super::{
    leaves::{self, StoredRecord, record_columns},
    seal::give_leaf,
};
use crate::{
    Change, NoEvent, Store, WriteTx,
    core::{
        dialect,
        error::{from_db, retry},
        sql,
    },
};

/// What stands where a content was.
const ERASED: &str = "erased";

/// An order.
struct Erasure {
    org: OrgId,
    id: ErasureId,
    subject: Subject,
    done_seq: i64,
    erased: i64,
}

impl Erasure {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let (user, email): (Option<uuid::Uuid>, Option<String>) = (row.try_get("", "user_id")?, row.try_get("", "email")?);
        Ok(Self {
            org: OrgId::new(row.try_get("", "org_id")?),
            id: ErasureId::new(row.try_get("", "id")?),
            subject: Subject { user: user.map(UserId::new), email: email.map(Email::stored) },
            done_seq: row.try_get("", "done_seq")?,
            erased: row.try_get("", "erased")?,
        })
    }
}

/// The oldest order whose own record is numbered: then everything that was acknowledged before it is numbered, too.
const NEXT: &str = "select x.org_id, x.id, x.user_id, x.email, x.done_seq, x.erased from erasures x
join organizations o on o.id = x.org_id where o.deleted_at is null
and not exists (select 1 from outbox q join events e on e.org_id = q.org_id and e.id = q.event_id
where q.org_id = x.org_id and e.name = 'audit_log.erasure_requested') order by x.created_at, x.org_id, x.id limit 1";

const ORDERED: &str = "select f.seq from events e join feed f on f.org_id = e.org_id and f.event_id = e.id
where e.org_id = $1 and e.target_type = 'erasure' and e.target_id = $2 and e.name = 'audit_log.erasure_requested'";

const RECORDS: &str = concat!(
    "select f.seq, ",
    record_columns!(),
    " from feed f join events e on e.org_id = f.org_id and e.id = f.event_id
where f.org_id = $1 and f.seq > $2 and f.seq < $3 order by f.seq limit $4"
);

impl Store {
    /// Goes on with the oldest erasure by one batch. Answers how many records it looked at; none when there is nothing to do.
    pub async fn erase_next(&self, scope: SystemScope, now: Time, batch: u64) -> Result<Option<u64>> {
        if sql::one(&self.db, NEXT, vec![]).await?.is_none() {
            return Ok(None);
        }
        let stamp = Stamp { actor: Actor::System(scope.job), origin: Origin::default(), now };
        let tx = self.begin(&stamp).await?;
        match next(&tx, batch).await {
            Ok(change) => tx.commit(change).await,
            Err(e) => {
                tx.rollback().await;
                Err(e)
            }
        }
    }
}

async fn next(tx: &WriteTx, batch: u64) -> Result<Change<Option<u64>>> {
    let clause = dialect::row_lock(tx.is_sqlite(), "for update of x skip locked");
    match sql::one(&tx.tx, &format!("{NEXT} {clause}"), vec![]).await? {
        Some(row) => step(tx, Erasure::read(&row).map_err(from_db)?, batch).await,
        None => Ok(Change::silent(None, NoEvent::Unchanged)),
    }
}

async fn step(tx: &WriteTx, order: Erasure, batch: u64) -> Result<Change<Option<u64>>> {
    let org = order.org.uuid();
    let ordered = sql::one(&tx.tx, ORDERED, vec![org.into(), order.id.to_string().into()]).await?;
    // Gone only if retention has removed it, and with it everything before.
    let until: i64 = ordered.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?.unwrap_or(0);
    let values = vec![org.into(), order.done_seq.into(), until.into(), batch.cast_signed().into()];
    let rows = sql::all(&tx.tx, RECORDS, values).await?;
    let (mut erased, mut done) = (order.erased, order.done_seq);
    for row in &rows {
        done = row.try_get("", "seq").map_err(from_db)?;
        let record = StoredRecord::read(row).map_err(from_db)?;
        if record.digest.is_none() && names(&order.subject, &record) {
            erase(tx, order.org, done, record).await?;
            erased += 1;
        }
    }
    let looked = rows.len() as u64;
    if looked == batch {
        let text = "update erasures set done_seq = $3, erased = $4 where org_id = $1 and id = $2";
        sql::execute(&tx.tx, text, vec![org.into(), order.id.uuid().into(), done.into(), erased.into()]).await?;
        return Ok(Change::silent(Some(looked), NoEvent::Housekeeping));
    }
    sql::execute(&tx.tx, "delete from erasures where org_id = $1 and id = $2", vec![org.into(), order.id.uuid().into()]).await?;
    let event = Event::AuditLogErased { erasure_id: order.id, count: erased.unsigned_abs() };
    Ok(Change::new(Some(looked), order.org, event))
}

fn names(subject: &Subject, record: &StoredRecord) -> bool {
    let content = &record.content;
    let exact = [content.actor_id.as_deref(), content.actor_email.as_deref(), Some(&content.target_id)];
    let exact: Vec<&str> = exact.into_iter().flatten().collect();
    subject.is_named_in(&exact, &[&content.body, &content.metadata])
}

const ERASE: &str = "update events set actor_kind = $3, actor_id = null, actor_email = null, target_type = $3, target_id = $3,
ip_address = null, user_agent = null, request_id = null, traceparent = null, metadata = $4, body = $5, salt = null, digest = $6
where org_id = $1 and id = $2";

async fn erase(tx: &WriteTx, org: OrgId, seq: i64, mut record: StoredRecord) -> Result<()> {
    // A record from before there were leaves gets its leaf now: afterwards nothing could compute it.
    if record.salt.is_none() && !give_leaf(&tx.tx, org, seq, &mut record, leaves::salt(tx.store.ids.as_ref())).await? {
        return Err(retry());
    }
    let timestamp = crypto::audit::leaf::moment(record.at);
    let body = json!({"event": record.name, "timestamp": timestamp, "organization_id": org, "erased": true}).to_string();
    let metadata = json!({"erased": true}).to_string();
    let values =
        vec![org.uuid().into(), record.id.uuid().into(), ERASED.into(), metadata.into(), body.into(), record.digest().into()];
    sql::execute(&tx.tx, ERASE, values).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
