//! The chain as the feed has it, and the leaves of records that have none yet.

use crypto::audit::chain;
use domain::{EventId, OrgId, Result};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};

use crate::{core::sql, events::audit::leaves::StoredRecord};

/// A record of the feed, with what its link is over.
pub(super) struct Linked {
    pub(super) seq: i64,
    pub(super) id: EventId,
    pub(super) leaf: Option<String>,
    pub(super) hash: String,
    pub(super) over_leaf: bool,
    pub(super) body: Option<String>,
    pub(super) erased: bool,
}

impl Linked {
    pub(super) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            seq: row.try_get("", "seq")?,
            id: EventId::new(row.try_get("", "event_id")?),
            leaf: row.try_get("", "leaf")?,
            hash: row.try_get("", "hash")?,
            over_leaf: row.try_get::<i16>("", "chained")? == 1,
            body: row.try_get("", "body")?,
            erased: row.try_get::<Option<String>>("", "digest")?.is_some(),
        })
    }

    /// The chain at this record, if it follows `before`.
    pub(super) fn follow(&self, before: &str) -> Option<String> {
        // What an old record's link was over is gone with its erasure, as the verifier knows.
        if !self.over_leaf && self.erased {
            return Some(self.hash.clone());
        }
        let what = if self.over_leaf { &self.leaf } else { &self.body };
        let hash = chain::link(before, self.seq, self.id, what.as_deref()?);
        (hash == self.hash).then_some(hash)
    }
}

const SET_SALT: &str = "update events set salt = $3 where org_id = $1 and id = $2 and salt is null and digest is null";

const SET_LEAF: &str = "update feed set leaf = $3 where org_id = $1 and seq = $2 and leaf is null";

/// Gives a record without a salt this one, and its leaf. Of two who do this at once, the second changes nothing and is answered false.
pub(in crate::events::audit) async fn give_leaf(
    tx: &DatabaseTransaction,
    org: OrgId,
    seq: i64,
    record: &mut StoredRecord,
    salt: String,
) -> Result<bool> {
    if sql::execute(tx, SET_SALT, vec![org.uuid().into(), record.id.uuid().into(), salt.as_str().into()]).await? == 0 {
        return Ok(false);
    }
    record.salt = Some(salt);
    sql::execute(tx, SET_LEAF, vec![org.uuid().into(), seq.into(), record.leaf(org).into()]).await?;
    Ok(true)
}
