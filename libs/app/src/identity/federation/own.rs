//! The providers through which somebody signs in, in their own hands.

use domain::{ConnectionId, Error, Event, Result, authorization::policy};
use store::{Change, identity::federation::own::OwnIdentity};

use crate::{App, Caller};

impl App {
    /// The providers through which the caller signs in, the newest first.
    pub async fn own_identities(&self, c: &Caller) -> Result<Vec<OwnIdentity>> {
        let person = self.reader(c).await?;
        person.require_unconfined()?;
        self.store.own_identities(policy::own(&person)).await
    }

    /// The caller signs in through a connection, by its id or name, no more. `NotFound`; `Conflict` (`ambiguous_provider`, `last_identity`); `Forbidden`
    /// (`recent_sign_in_required`) unless they just showed by something of their own that it is they (T25).
    pub async fn unlink_own_identity(&self, c: &Caller, provider: &str) -> Result<()> {
        let id = provider.parse::<ConnectionId>().ok();
        self.as_person(c, async |tx, person| {
            person.require_unconfined()?;
            if !person.is_fresh(c.call.now) {
                return Err(Error::forbidden(
                    "recent_sign_in_required",
                    "Sign in again with something of your own, and then unlink it.",
                ));
            }
            let (org, connection) = tx.unlink_own_identity(person.id, (id, provider)).await?;
            Ok(Change::new((), org, Event::IdentityUnlinked { user_id: person.id, provider_id: connection }))
        })
        .await
    }
}
