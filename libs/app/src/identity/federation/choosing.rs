//! Somebody comes back from a provider that they link with their account by their own choice: what it said waits, until they have seen whom it named and
//! said yes ([`crate::identity::flows::linking`]).

use domain::{
    Error, Result, UserId,
    identity::{
        accounts::User,
        federation::{
            LASTS,
            asserted::Asserted,
            attempts::{AttemptId, Failure, Outcome, Reason, Stage},
            choosing::{Choice, choose},
        },
    },
};
use store::{Change, NoEvent, WriteTx, identity::federation::logins::UpstreamLogin};

use super::{
    arriving::counts_once,
    attempts::{attempt, in_trouble},
    identity_key,
};
use crate::{
    App, Call,
    identity::flows::{Loaded, Turn},
};

impl App {
    /// Keeps what a provider said for the page that asks about it, or why it is no use.
    pub(super) async fn arrive_to_link(&self, call: &Call, of: (&Loaded, &UpstreamLogin), asserted: &Asserted) -> Result<Turn> {
        let id = AttemptId::new(self.ids.uuid(call.now));
        self.anonymously(call, async |tx: &WriteTx| {
            keep(tx, of, asserted, id).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await?;
        Ok(Turn::Continue(of.0.flow.id))
    }
}

async fn keep(tx: &WriteTx, (loaded, login): (&Loaded, &UpstreamLogin), asserted: &Asserted, id: AttemptId) -> Result<()> {
    let Some(link) = loaded.flow.request.link else { return Err(Error::internal("a link that nobody asked for")) };
    let of = (login.org, login.connection);
    if let Err((stage, reason)) = check(tx, login, asserted, link.user).await? {
        let whose = (Some(asserted), Some(link.user));
        return in_trouble(tx, loaded, of, (id, Failure::at(stage, reason)), whose).await;
    }
    let user: User = tx.lock_account(link.user).await?.user;
    // A flow that is over meanwhile asks nobody.
    tx.wait_for_proof(login, asserted, (user.id, &user.email), (loaded.mine(), tx.now() + LASTS)).await?;
    let record = attempt(id, Outcome::Waits, (Some(asserted), Some(user.id)), tx);
    tx.record_attempt(login.org, login.connection, &record).await
}

/// Whether the provider's word counts, and the identity may become theirs.
async fn check(
    tx: &WriteTx,
    login: &UpstreamLogin,
    asserted: &Asserted,
    user: UserId,
) -> Result<std::result::Result<(), (Stage, Reason)>> {
    if !tx.connection_counts(login.org, login.connection, login.generation).await? {
        return Ok(Err((Stage::Connection, Reason::ConnectionChanged)));
    }
    if !counts_once(tx, login, asserted).await? {
        return Ok(Err((Stage::Assertion, Reason::Replayed)));
    }
    let known = tx.known_identity(&identity_key(login, asserted), None).await?.map(|(_, known)| known);
    let removed = match asserted.address.email() {
        Some(email) => tx.was_removed(login.org, email).await?,
        None => false,
    };
    Ok(choose(&Choice { user, known, removed }).map_err(|reason| (Stage::Account, reason)))
}
