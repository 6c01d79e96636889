//! The audit log: the events of an organization (or of the platform), newest first. How it is sealed is in the files beside this one.

mod adoption;
mod erasure;
pub(crate) mod keys;
pub(crate) mod leaves;
pub(crate) mod register;
mod rules;
mod seal;
mod sealed;
pub(crate) mod table;

use domain::{
    EventId, OrgId, PLATFORM, Page, Result, Time,
    authorization::{
        policy::{OrgScope, PlatformScope, Read},
        resource::AuditLog,
    },
    events::record::TEST_PING,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

pub(crate) use self::seal::Signer;
pub use self::{
    erasure::{Erasure, NumberedRecord},
    seal::Seal,
    sealed::{Checkpoint, ExportFrame, Proof},
};
use crate::{
    Store,
    core::{entity::events, error::from_db},
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

/// Totals are exact up to here, and this number beyond: nobody pages that far, and counting a long log would cost every reader.
pub const COUNT_LIMIT: u64 = 100_000;

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

fn matching(org: OrgId, filter: &AuditFilter) -> Select<events::Entity> {
    let mut query =
        events::Entity::find().filter(events::Column::OrgId.eq(org.uuid())).filter(events::Column::Name.ne(TEST_PING));
    if let Some(action) = &filter.action {
        query = query.filter(events::Column::Name.eq(action));
    }
    if let Some(kind) = &filter.target_type {
        query = query.filter(events::Column::TargetType.eq(kind));
    }
    if let Some(id) = &filter.target_id {
        query = query.filter(events::Column::TargetId.eq(id));
    }
    query
}

async fn page(
    db: &impl ConnectionTrait,
    org: OrgId,
    filter: &AuditFilter,
    offset: u64,
    limit: u64,
) -> Result<(Vec<AuditRecord>, u64)> {
    use sea_orm::PaginatorTrait;
    let total = matching(org, filter).limit(COUNT_LIMIT).count(db).await.map_err(from_db)?;
    if offset > Page::MAX_OFFSET {
        return Ok((Vec::new(), total));
    }
    let rows =
        matching(org, filter).order_by_desc(events::Column::Id).offset(offset).limit(limit).all(db).await.map_err(from_db)?;
    Ok((rows.into_iter().map(record).collect(), total))
}

impl Store {
    /// A page of the organization's log, newest first, and how many records match (up to [`COUNT_LIMIT`]).
    pub async fn audit_page(
        &self,
        scope: OrgScope<'_, AuditLog, Read>,
        filter: &AuditFilter,
        p: Page,
    ) -> Result<(Vec<AuditRecord>, u64)> {
        page(&self.db, scope.org(), filter, p.offset(), u64::from(p.limit)).await
    }

    /// The platform's own log.
    pub async fn platform_audit_page(
        &self,
        _: PlatformScope<'_>,
        filter: &AuditFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<AuditRecord>, u64)> {
        page(&self.db, PLATFORM, filter, offset, limit).await
    }

    /// The next records after `after`, oldest first: one step of an export. Decide anew for each step.
    pub async fn audit_after(
        &self,
        scope: OrgScope<'_, AuditLog, Read>,
        filter: &AuditFilter,
        after: Option<EventId>,
        limit: u64,
    ) -> Result<Vec<AuditRecord>> {
        let mut query = matching(scope.org(), filter);
        if let Some(id) = after {
            query = query.filter(events::Column::Id.gt(id.uuid()));
        }
        let rows = query.order_by_asc(events::Column::Id).limit(limit).all(&self.db).await.map_err(from_db)?;
        Ok(rows.into_iter().map(record).collect())
    }
}
