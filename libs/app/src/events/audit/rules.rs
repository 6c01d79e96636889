//! What an organization decides about its log: how long it is kept, and whose content is erased from it.

use domain::{
    ErasureId, Error, Event, Result,
    authorization::{policy::decide, resource::AuditRules},
    core::value::Slug,
    events::audit::Subject,
};
use store::{Change, NoEvent};

use crate::{App, Caller};

impl App {
    /// How many days the organization chose to keep its records, if it did.
    pub async fn audit_retention(&self, c: &Caller, slug: &Slug) -> Result<Option<u32>> {
        let standing = self.standing(c, slug).await?;
        self.store.audit_retention(decide(&standing)?).await
    }

    /// Chooses how many days the organization keeps its records; none for as long as the platform does.
    pub async fn set_audit_retention(&self, c: &Caller, slug: &Slug, days: Option<i64>) -> Result<Option<u32>> {
        self.in_org::<AuditRules, _>(c, slug, async |tx, scope| {
            let chosen = days.map(|days| self.settings.audit_days.choose(days)).transpose();
            let chosen = chosen.map_err(|violation| Error::invalid(vec![violation]))?;
            if !tx.set_audit_retention(scope, chosen).await? {
                return Ok(Change::silent(chosen, NoEvent::Unchanged));
            }
            let event = Event::AuditRetentionUpdated { organization_id: scope.org(), days: chosen };
            Ok(Change::new(chosen, scope.org(), event))
        })
        .await
    }

    /// Orders that a person's content is erased from the log. The worker does it; an event says when it is done, and in how many records.
    pub async fn erase_from_audit_log(&self, c: &Caller, slug: &Slug, subject: &Subject) -> Result<ErasureId> {
        self.in_org::<AuditRules, _>(c, slug, async |tx, scope| {
            let id = ErasureId::new(tx.uuid());
            tx.insert_erasure(scope, id, subject).await?;
            Ok(Change::new(id, scope.org(), Event::AuditErasureRequested { erasure_id: id }))
        })
        .await
    }
}
