//! Somebody who is no member of an organization meets one of its services: they say whether it gets what it asks for of their account.

use domain::{
    Event, Result,
    identity::{accounts::User, entry::Entry},
};
use store::{Change, NoEvent, WriteTx};

use super::{
    Loaded, Stop, Turn,
    finish::{CHANGED, changed},
};
use crate::{App, Call};

impl App {
    /// Takes somebody's yes or no. After a yes the flow goes on; a no is told to the client.
    pub(super) async fn consent(&self, call: &Call, loaded: Loaded, allows: bool) -> Result<Turn> {
        if !allows {
            return self.refuse_consent(call, loaded).await;
        }
        match self.anonymously(call, async |tx| self.allow(tx, call, &loaded).await).await {
            Ok(()) => Ok(Turn::Continue(loaded.flow.id)),
            Err(e) if e.code == CHANGED => Ok(Turn::Continue(loaded.flow.id)),
            Err(e) if e.code == "service_user_limit" => Ok(Turn::Stop(Stop::Refused(e))),
            Err(e) => Err(e),
        }
    }

    async fn refuse_consent(&self, call: &Call, loaded: Loaded) -> Result<Turn> {
        let work = async |tx: &WriteTx| {
            let ended = tx.end_flow(loaded.mine()).await?;
            if let Some(hash) = loaded.flow.request.device.as_deref().filter(|_| ended) {
                tx.answer_device(hash, loaded.flow.id, None).await?;
            }
            Ok(Change::silent(ended, NoEvent::Housekeeping))
        };
        if !self.anonymously(call, work).await? {
            return Ok(Turn::Stop(Stop::Over));
        }
        if loaded.flow.request.device.is_some() {
            return Ok(Turn::Answered { approved: false });
        }
        // What a client takes back counts at once.
        if !loaded.comes_back() {
            return Ok(Turn::Stop(Stop::BadRedirect));
        }
        self.refuse_to_client(call, &loaded, ("access_denied", "The person refused."), None).await
    }

    /// Who is signed in lets the service have what it asks for; who did not use it yet begins to.
    async fn allow(&self, tx: &WriteTx, call: &Call, loaded: &Loaded) -> Result<Change<()>> {
        let Some(service) = loaded.service() else { return Err(changed()) };
        let of = (loaded.client.org(), service);
        let Some(known) = &loaded.session else { return Err(changed()) };
        let session = tx.lock_session(known.id, self.settings.session_longest).await?.ok_or_else(changed)?;
        let user = &session.user;
        let entry = self.entry(tx, user, (Some(of.0), Some(service)), (&session.did, call)).await;
        if !matches!(entry, Ok(Entry::Enter(_))) {
            return Err(changed());
        }
        let guest = tx.guest(of, user).await?;
        if !guest.may_come() {
            return Err(changed());
        }
        tx.acts(domain::Actor::User { id: user.id, email: user.email.clone() });
        let begins = !guest.uses && tx.begin_to_use(of, user.id).await?;
        let scopes = &loaded.flow.request.scopes;
        tx.allow(of, user.id, scopes).await?;
        let allowed = scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
        let client_id = loaded.client.client_id.clone();
        let given = Event::ConsentGiven { user_id: user.id, service_id: service, client_id, scopes: allowed };
        let change = Change::new((), of.0, given);
        if !begins {
            return Ok(change);
        }
        Ok(change.and(of.0, Event::EndUserCreated { user_id: user.id, email: user.email.to_string(), service_id: service }))
    }

    /// Whether somebody who is no member uses the service and let it have what the flow asks for, which they cannot take back before the transaction
    /// ends.
    pub(super) async fn still_allowed(&self, tx: &WriteTx, loaded: &Loaded, user: &User) -> Result<bool> {
        let Some(service) = loaded.service() else { return Ok(false) };
        let of = (loaded.client.org(), service);
        tx.keep_consent(of, user.id).await?;
        let guest = tx.guest(of, user).await?;
        Ok(!guest.is_asked(&loaded.flow.request.scopes, None))
    }
}
