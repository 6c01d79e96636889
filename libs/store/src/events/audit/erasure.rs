//! Erasures as they are stored: the orders, the records that an order is about, and what of a record goes. Which records name the person,
//! and when an order is done, the use case decides.
//!
//! Of an erased record its name, outcome, time, number and the digest of its content stay, and with them leaf, chain and tree: whoever
//! verified the log before still does. The salt goes, so that nobody can try contents against the digest. Deliveries point at the same
//! row: their history shows the erased body, and those that still wait are sent with it, because the event did happen.

use crypto::{
    SigningKey,
    audit::{
        leaf::{Content, moment},
        statement::{self, Erased},
    },
};
use domain::{
    ErasureId, OrgId, PLATFORM, Result, UserId, authorization::policy::SystemScope, core::value::Email, events::audit::Subject,
};
use sea_orm::{DbErr, QueryResult};
use serde_json::json;

use super::{
    leaves::{self, StoredRecord, record_columns},
    seal::give_leaf,
};
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, retry},
        sql,
    },
    tenancy::organizations::counters,
};

/// What stands where a content was.
const ERASED: &str = "erased";

/// An order to erase a person from the log of an organization, and how far it got.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Whose log.
    pub org: OrgId,
    /// The order.
    pub id: ErasureId,
    /// Who is erased.
    pub subject: Subject,
    /// The number of the last record that was looked at.
    pub done_seq: i64,
    /// How many records have been erased.
    pub erased: i64,
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

/// A record with its number, as an erasure looks at it.
pub struct NumberedRecord {
    /// Its number in the organization's feed.
    pub seq: i64,
    stored: StoredRecord,
}

impl NumberedRecord {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self { seq: row.try_get("", "seq")?, stored: StoredRecord::read(row)? })
    }
    /// What it says; none if that was erased before.
    pub fn content(&self) -> Option<&Content> {
        self.stored.digest.is_none().then_some(&self.stored.content)
    }
}

/// The order of whichever organization has waited longest, so that one with many large ones takes its turns like the others. Its own record
/// is numbered: then everything that was acknowledged before it is numbered, too.
macro_rules! next_order {
    ($lock:literal) => {
        concat!(
            "select x.org_id, x.id, x.user_id, x.email, x.done_seq, x.erased
            from erasures x
            left join organizations o on o.id = x.org_id
            where o.deleted_at is null
              and not exists (
                select 1 from outbox q join events e on e.org_id = q.org_id and e.id = q.event_id
                where q.org_id = x.org_id and e.name = 'audit_log.erasure_requested')
            order by (
                select coalesce(max(y.worked_at), min(y.created_at)) from erasures y where y.org_id = x.org_id
              ), x.created_at, x.org_id, x.id
            limit 1 ",
            $lock
        )
    };
}

const NEXT_ORDER: &str = next_order!("");
const LOCK_NEXT_ORDER: &str = next_order!("for update of x skip locked");

impl Store {
    /// Whether there is an order that can be gone on with. Another worker may have it.
    pub async fn has_erasures(&self, _: SystemScope) -> Result<bool> {
        Ok(sql::one(&self.db, NEXT_ORDER, vec![]).await?.is_some())
    }
}

/// The number of the record of an order.
const NUMBER_OF_ORDER: &str = "
    select f.seq
    from events e
    join feed f on f.org_id = e.org_id and f.event_id = e.id
    where e.org_id = $1 and e.target_type = 'erasure' and e.target_id = $2 and e.name = 'audit_log.erasure_requested'";

const RECORDS_BEFORE: &str = concat!(
    "select f.seq, ",
    record_columns!(),
    " from feed f
    join events e on e.org_id = f.org_id and e.id = f.event_id
    where f.org_id = $1 and f.seq > $2 and f.seq < $3
    order by f.seq
    limit $4"
);

const SAVE_PROGRESS: &str = "update erasures set done_seq = $3, erased = $4, worked_at = $5 where org_id = $1 and id = $2";

const DELETE_ORDER: &str = "delete from erasures where org_id = $1 and id = $2";

impl WriteTx {
    /// The order whose turn it is and that no other worker has, locked until the transaction ends.
    pub async fn lock_next_erasure(&self, _: SystemScope) -> Result<Option<Erasure>> {
        let text = if self.is_sqlite() { NEXT_ORDER } else { LOCK_NEXT_ORDER };
        sql::one(&self.tx, text, vec![]).await?.as_ref().map(Erasure::read).transpose().map_err(from_db)
    }

    /// The next records that an order is about, by their number: what was numbered before the order itself.
    pub async fn records_to_erase(&self, _: SystemScope, order: &Erasure, limit: u64) -> Result<Vec<NumberedRecord>> {
        let org = order.org.uuid();
        let ordered = sql::one(&self.tx, NUMBER_OF_ORDER, vec![org.into(), order.id.to_string().into()]).await?;
        // Gone only if retention has removed it, and with it everything before.
        let until: i64 = ordered.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?.unwrap_or(0);
        let values = vec![org.into(), order.done_seq.into(), until.into(), limit.cast_signed().into()];
        let rows = sql::all(&self.tx, RECORDS_BEFORE, values).await?;
        rows.iter().map(NumberedRecord::read).collect::<Result<_, _>>().map_err(from_db)
    }

    /// Remembers how far an order got.
    pub async fn save_erasure(&self, _: SystemScope, order: &Erasure) -> Result<()> {
        let (org, id) = (order.org.uuid().into(), order.id.uuid().into());
        let values = vec![org, id, order.done_seq.into(), order.erased.into(), self.now().into()];
        sql::execute(&self.tx, SAVE_PROGRESS, values).await.map(|_| ())
    }

    /// Forgets an order that is done; it names the person as well.
    pub async fn delete_erasure(&self, _: SystemScope, order: &Erasure) -> Result<()> {
        sql::execute(&self.tx, DELETE_ORDER, vec![order.org.uuid().into(), order.id.uuid().into()]).await?;
        if order.org == PLATFORM {
            return Ok(());
        }
        self.give_place_back(order.org, &counters::ERASURES).await
    }
}

const ERASE: &str = "
    update events
    set actor_kind = $3, actor_id = null, actor_email = null, target_type = $3, target_id = $3, ip_address = null, user_agent = null,
        request_id = null, traceparent = null, metadata = $4, body = $5, salt = null, digest = $6, erasure = $7
    where org_id = $1 and id = $2";

impl WriteTx {
    /// Erases the content of a record; `key` signs that it did.
    pub async fn erase_record(&self, _: SystemScope, order: &Erasure, key: &SigningKey, record: NumberedRecord) -> Result<()> {
        let (org, NumberedRecord { seq, stored: mut record }) = (order.org, record);
        // A record from before there were leaves gets its leaf now: afterwards nothing could compute it.
        if record.salt.is_none() && !give_leaf(&self.tx, org, seq, &mut record, leaves::salt(self.store.ids.as_ref())).await? {
            return Err(retry());
        }
        let timestamp = moment(record.at);
        let body = json!({"event": record.name, "timestamp": timestamp, "organization_id": org, "erased": true}).to_string();
        let metadata = json!({"erased": true}).to_string();
        let digest = record.digest().ok_or_else(retry)?;
        let (id, erasure_id, created_at) = (record.id, Some(order.id), moment(self.now()));
        let erased = Erased { organization_id: org, id, digest: digest.clone(), erasure_id, created_at };
        let (org, id, signed) = (org.uuid(), id.uuid(), statement::sign(key, &erased)?);
        let values = vec![org.into(), id.into(), ERASED.into(), metadata.into(), body.into(), digest.into(), signed.into()];
        sql::execute(&self.tx, ERASE, values).await.map(|_| ())
    }
}
