//! The audit log: the events of an organization (or of the platform), newest first. How it is sealed is in the files beside this one.

mod adoption;
mod erasure;
pub(crate) mod keys;
pub(crate) mod leaves;
pub(crate) mod pages;
pub(crate) mod register;
mod rules;
mod seal;
mod sealed;
pub(crate) mod table;

use domain::{
    EventId, OrgId, Result, Time,
    authorization::{
        policy::{OrgScope, Read},
        resource::AuditLog,
    },
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

pub(crate) use self::seal::Signer;
pub use self::{
    erasure::{Erasure, NumberedRecord},
    seal::Seal,
    sealed::{Checkpoint, ExportFrame, Proof},
};
use crate::{
    Store,
    core::{
        entity::{events, heads},
        error::from_db,
    },
};

/// One record.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// The event's id.
    pub id: EventId,
    /// Whose log.
    pub org: OrgId,
    /// `user`, `system` or `anonymous`.
    pub actor_kind: String,
    /// Who did it.
    pub actor_id: Option<String>,
    /// Their address then.
    pub actor_email: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub target_type: String,
    /// Its id.
    pub target_id: String,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// Whether it worked.
    pub success: bool,
    /// More, as JSON text; not redacted.
    pub metadata: String,
    /// When.
    pub created_at: Time,
}

/// What to show; all filters apply together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditFilter {
    /// A registered name (resolve aliases before).
    pub action: Option<String>,
    /// `user`, `invitation`, …
    pub target_type: Option<String>,
    /// Its id.
    pub target_id: Option<String>,
}

fn record(row: events::Model) -> AuditRecord {
    AuditRecord {
        id: EventId::new(row.id),
        org: OrgId::new(row.org_id),
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_email: row.actor_email,
        action: row.name,
        target_type: row.target_type,
        target_id: row.target_id,
        ip_address: row.ip_address,
        user_agent: row.user_agent,
        success: row.success,
        metadata: row.metadata,
        created_at: row.created_at,
    }
}

impl Store {
    /// The next records after `after`, oldest first: one step of an export. Decide anew for each step.
    pub async fn audit_after(
        &self,
        scope: OrgScope<'_, AuditLog, Read>,
        filter: &AuditFilter,
        after: Option<EventId>,
        limit: u64,
    ) -> Result<Vec<AuditRecord>> {
        let mut query = pages::kept(pages::matching(scope.org(), filter), self.audit_anchor(scope.org()).await?);
        if let Some(id) = after {
            query = query.filter(events::Column::Id.gt(id.uuid()));
        }
        let rows = query.order_by_asc(events::Column::Id).limit(limit).all(&self.db).await.map_err(from_db)?;
        Ok(rows.into_iter().map(record).collect())
    }

    async fn audit_anchor(&self, org: OrgId) -> Result<i64> {
        let row = heads::Entity::find_by_id(org.uuid()).one(&self.db).await.map_err(from_db)?;
        Ok(row.map_or(0, |row| row.anchor))
    }
}
