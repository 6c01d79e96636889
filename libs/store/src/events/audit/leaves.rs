//! From a stored record to its leaf.

use crypto::audit::leaf::{Content, Kept, digest, leaf, moment};
use domain::{EventId, IdGen, OrgId, Time};
use sea_orm::{DbErr, QueryResult};

/// The columns that [`StoredRecord::read`] reads, of `events e`.
macro_rules! record_columns {
    () => {
        "e.id, e.name, e.success, e.created_at, e.salt, e.digest, e.erasure, e.actor_kind, e.actor_id, e.actor_email, e.target_type, e.target_id,
e.ip_address, e.user_agent, e.request_id, e.traceparent, e.metadata, e.body"
    };
}
pub(crate) use record_columns;

/// A new salt: 16 bytes that nobody can guess.
pub(crate) fn salt(ids: &dyn IdGen) -> String {
    hex::encode(&ids.secret()[..16])
}

/// A record as it is stored.
pub(crate) struct StoredRecord {
    pub(crate) id: EventId,
    pub(crate) name: String,
    pub(crate) success: bool,
    pub(crate) at: Time,
    /// None for an erased record, and for one from before there were leaves.
    pub(crate) salt: Option<String>,
    /// Of an erased record.
    pub(crate) digest: Option<String>,
    /// What proves that it was.
    pub(crate) erasure: Option<String>,
    pub(crate) content: Content,
}

impl StoredRecord {
    pub(crate) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            id: EventId::new(row.try_get("", "id")?),
            name: row.try_get("", "name")?,
            success: row.try_get("", "success")?,
            at: row.try_get("", "created_at")?,
            salt: row.try_get("", "salt")?,
            digest: row.try_get("", "digest")?,
            erasure: row.try_get("", "erasure")?,
            content: Content {
                actor_kind: row.try_get("", "actor_kind")?,
                actor_id: row.try_get("", "actor_id")?,
                actor_email: row.try_get("", "actor_email")?,
                target_type: row.try_get("", "target_type")?,
                target_id: row.try_get("", "target_id")?,
                ip_address: row.try_get("", "ip_address")?,
                user_agent: row.try_get("", "user_agent")?,
                request_id: row.try_get("", "request_id")?,
                traceparent: row.try_get("", "traceparent")?,
                metadata: row.try_get("", "metadata")?,
                body: row.try_get("", "body")?,
            },
        })
    }

    /// What stays of the content when it is erased. None for a record without a salt.
    pub(crate) fn digest(&self) -> Option<String> {
        self.digest.clone().or_else(|| self.salt.as_ref().map(|salt| digest(salt, &self.content)))
    }

    /// The leaf. None for a record without a salt.
    pub(crate) fn leaf(&self, org: OrgId) -> Option<String> {
        let at = moment(self.at);
        let kept = Kept { org, id: self.id, name: &self.name, success: self.success, at: &at };
        self.digest().map(|digest| leaf(&kept, &digest))
    }
}
