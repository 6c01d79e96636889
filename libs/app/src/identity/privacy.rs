//! What is kept of a person, shown; and a person forgotten.

use domain::{
    Event, PLATFORM, Result, Time, UserId,
    authorization::privacy::{may_export, may_forget},
    identity::accounts::User,
};
use store::{Change, NoEvent, identity::privacy::export::Shown};

use crate::{App, Caller, core::admission::Place};

/// Everything that is kept of a person.
#[derive(Debug)]
pub struct PersonData {
    /// The account.
    pub user: User,
    /// What else there is.
    pub sections: Vec<Shown>,
    /// When it was read.
    pub at: Time,
}

impl App {
    /// Everything that is kept of somebody, told in the platform's log.
    pub async fn export_person(&self, c: &Caller, id: UserId) -> Result<PersonData> {
        let principal = self.principal(c).await?;
        let scope = may_export(&principal, id)?;
        let (user, sections) = self.heavy_read(PLATFORM, self.store.export_person(scope)).await?;
        self.as_person(c, async |_, _| Ok(Change::new((), PLATFORM, Event::PlatformUserExported { user_id: id }))).await?;
        Ok(PersonData { user, sections, at: c.call.now })
    }

    /// Forgets somebody in every organization that has to do with them. What the logs say of them is erased by the worker.
    pub async fn forget_person(&self, c: &Caller, id: UserId) -> Result<()> {
        let place = self.admit_write(c.who.id(), Place::Elsewhere).await?;
        self.write(c, place, async |tx| {
            let principal = tx.principal(&c.who).await?;
            let (user, concerned) = tx.lock_person(id, principal.answerable()).await?;
            let scope = may_forget(&principal, &user, &concerned)?;
            let orders = tx.forget_person(scope).await?;
            let ordered = orders.into_iter().map(|(org, erasure_id)| (org, Event::AuditErasureRequested { erasure_id }));
            // What follows an order is not erased by it.
            let told = concerned.iter().map(|one| (one.org, Event::UserForgotten { user_id: id }));
            let last = Event::PlatformUserForgotten { user_id: id, organizations: concerned.len() };
            let change = Change::silent((), NoEvent::Unchanged);
            Ok(ordered.chain(told).chain([(PLATFORM, last)]).fold(change, |change, (org, event)| change.and(org, event)))
        })
        .await
    }
}
