//! What the caller lets services have of their account, where they are no member.

use domain::{Error, Event, Result, ServiceId, applications::consents::Consent, authorization::policy};
use store::Change;

use crate::{App, Caller};

impl App {
    /// What the caller let services have, the newest first.
    pub async fn list_consents(&self, c: &Caller) -> Result<Vec<Consent>> {
        let person = self.reader(c).await?;
        person.require_unconfined()?;
        self.store.own_consents(policy::own(&person)).await
    }

    /// Takes back what they let a service have, with what its client holds in their name. They go on using it, and are asked anew. `NotFound`.
    pub async fn take_consent_back(&self, c: &Caller, service: ServiceId) -> Result<()> {
        self.as_person(c, async |tx, person| {
            person.require_unconfined()?;
            let taken = tx.take_consent_back(service, person.id).await?;
            let (org, client_id) = taken.ok_or_else(|| Error::not_found("consent"))?;
            Ok(Change::new((), org, Event::ConsentRevoked { user_id: person.id, service_id: service, client_id }))
        })
        .await
    }
}
