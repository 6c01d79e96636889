//! What a write locks before it decides, and in which order those who wait get it.
//!
//! What takes a right away queues with those who use it: row locks alone would not do, since PostgreSQL gives `FOR SHARE` to newcomers
//! past somebody who waits to change the row, so a member who keeps writing from several connections could put off their own removal for
//! ever. Advisory locks are handed out in the order in which they were asked for, so one of them, shared by whoever uses the right
//! and exclusive for whoever takes it away, makes the queue fair. SQLite needs none: its writer is alone.

use domain::{OrgId, Result, UserId, core::value::Slug};
use uuid::Uuid;

use crate::{
    WriteTx,
    core::sql::{self, Sql, sql},
};

/// What a transaction is going to change, which decides what it locks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockScope {
    /// No membership: the caller's is only kept as it is.
    Caller,
    /// Memberships, perhaps the caller's: one such transaction of an organization at a time, since two people who change each other's
    /// membership would each hold what the other waits for.
    Memberships,
}

const FAIR_LOCK: &str = "
    select 1
     where (select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))) is not null";

/// A lock of its own, not the row of `org_counters`, which everybody takes last: whoever took that first and then queued for a member
/// would wait for a write of that member that waits for the row.
const LOCK_MEMBERSHIPS: Sql = sql!(
    "with o as materialized (select id from organizations where slug = $1)
     select 1 from o
     where (select pg_advisory_xact_lock(hashtextextended('memberships/' || o.id::text, 0))) is not null"
);
const LOCK_MEMBERSHIPS_BY_ID: Sql =
    sql!("select 1 where (select pg_advisory_xact_lock(hashtextextended('memberships/' || $1::uuid::text, 0))) is not null");

impl WriteTx {
    /// Queues before a member's row is locked to be changed: behind the writes that this member has begun, before those to come.
    pub(crate) async fn fair_lock_member(&self, member: UserId) -> Result<()> {
        self.fair_lock(member.uuid()).await
    }

    /// The same for whatever grants access under `id`.
    pub(crate) async fn fair_lock(&self, id: Uuid) -> Result<()> {
        if self.is_sqlite() {
            return Ok(());
        }
        sql::one(&self.tx, FAIR_LOCK, vec![id.into()]).await.map(|_| ())
    }

    pub(super) async fn lock_memberships(&self, slug: &Slug) -> Result<()> {
        if self.is_sqlite() {
            return Ok(());
        }
        sql::one(&self.tx, LOCK_MEMBERSHIPS, vec![slug.as_str().into()]).await.map(|_| ())
    }

    /// The same for an organization that was found otherwise.
    pub(crate) async fn lock_memberships_of(&self, org: OrgId) -> Result<()> {
        if self.is_sqlite() {
            return Ok(());
        }
        sql::one(&self.tx, LOCK_MEMBERSHIPS_BY_ID, vec![org.uuid().into()]).await.map(|_| ())
    }
}
