//! What becomes of somebody who is not let in through a provider: it is written down for whoever looks after the connection, and the person is shown the
//! page again, with a reference to that.

use domain::{
    ConnectionId, Error, Event, OrgId, Page, Result, UserId,
    authorization::{policy::decide, resource::Connections},
    core::value::Slug,
    identity::federation::{
        asserted::Asserted,
        attempts::{Attempt, AttemptId, Failure, Outcome},
    },
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{federation::identities::Identity, flows::Trouble},
};

use crate::{
    App, Call, Caller,
    identity::flows::{Loaded, Turn},
};

/// Characters of a subject that are written down: enough to recognise somebody.
const SHOWN: usize = 60;

/// An attempt, as far as it is known who it was.
pub(super) fn attempt(id: AttemptId, outcome: Outcome, whose: (Option<&Asserted>, Option<UserId>), tx: &WriteTx) -> Attempt {
    let (asserted, user) = whose;
    Attempt {
        id,
        outcome,
        subject: asserted.map(|asserted| asserted.shown().chars().take(SHOWN).collect()),
        email: asserted.and_then(|asserted| asserted.address.email()).map(ToString::to_string),
        user,
        ip_address: tx.origin().ip_address.clone(),
        notes: Vec::new(),
        at: tx.now(),
    }
}

/// What failed is an attempt, which the flow's page names.
pub(super) async fn in_trouble(
    tx: &WriteTx,
    loaded: &Loaded,
    (org, connection): (OrgId, ConnectionId),
    (id, failure): (AttemptId, Failure),
    whose: (Option<&Asserted>, Option<UserId>),
) -> Result<()> {
    let reason = failure.reason;
    let record = attempt(id, Outcome::Failed(failure), whose, tx);
    tx.record_attempt(org, connection, &record).await?;
    tx.flow_in_trouble(loaded.mine(), &Trouble { reason, attempt: id }).await.map(|_| ())
}

impl App {
    /// Writes down why somebody is not in, and leads them back to their flow, whose page says so.
    pub(crate) async fn failed_upstream(
        &self,
        call: &Call,
        loaded: &Loaded,
        of: (OrgId, ConnectionId),
        (failure, asserted): (Failure, Option<&Asserted>),
    ) -> Result<Turn> {
        let id = AttemptId::new(self.ids.uuid(call.now));
        self.anonymously(call, async |tx| {
            in_trouble(tx, loaded, of, (id, failure.clone()), (asserted, None)).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await?;
        Ok(Turn::Continue(loaded.flow.id))
    }

    /// The latest attempts to sign in through a connection, newest first; at most 200 are kept, for 30 days.
    pub async fn list_connection_attempts(&self, c: &Caller, slug: &Slug, id: ConnectionId, page: Page) -> Result<Vec<Attempt>> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        self.store.get_connection(scope, id).await?;
        self.store.list_attempts(scope, id, page).await
    }

    /// Takes an account's identity at a connection away. `NotFound`.
    pub async fn unlink_connection_identity(
        &self,
        c: &Caller,
        slug: &Slug,
        (connection, user): (ConnectionId, UserId),
    ) -> Result<()> {
        self.in_org::<Connections, _>(c, slug, async |tx, scope| {
            tx.lock_connection(scope, connection).await?;
            if !tx.unlink_identity(scope, connection, user).await? {
                return Err(Error::not_found("identity"));
            }
            let event = Event::IdentityUnlinked { user_id: user, provider_id: connection };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }

    /// Whom a connection's provider knows, the newest first.
    pub async fn list_connection_identities(
        &self,
        c: &Caller,
        slug: &Slug,
        id: ConnectionId,
        page: Page,
    ) -> Result<Vec<Identity>> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        self.store.get_connection(scope, id).await?;
        self.list(scope.org(), page.is_deep(), self.store.list_identities(scope, id, page)).await
    }
}
