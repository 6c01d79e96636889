//! What a provider said waits, while somebody proves by something of their own that the account is theirs which it would be linked to.

use domain::{
    Error, Event, OrgId, Result, Time,
    core::value::Name,
    identity::{accounts::User, authentications::Authentication, federation::asserted::Asserted},
};
use store::{
    WriteTx,
    identity::federation::{logins::UpstreamLogin, saml_sessions::SamlSessionHashes},
};

use super::{done, joining::link, mapping::map_groups, saml_logout::remember};
use crate::App;

/// What a provider said of somebody who has to prove that an account is theirs.
pub(crate) struct Proof {
    pub(crate) login: UpstreamLogin,
    pub(crate) asserted: Asserted,
    /// The connection's name for people.
    pub(crate) name: Name,
    /// What it adds to the session.
    pub(crate) done: Authentication,
    /// By what a SAML provider finds its session.
    session: Option<(SamlSessionHashes, Time)>,
}

impl Proof {
    /// Whoever is in proved that the account is theirs: the identity is too, and the session did that as well. `Unauthenticated` for another
    /// account than the one that was asked for.
    pub(crate) async fn given(
        &self,
        tx: &WriteTx,
        user: &User,
        wrong: fn() -> Error,
    ) -> Result<(Authentication, Vec<(OrgId, Event)>)> {
        if self.login.user != Some(user.id) {
            return Err(wrong());
        }
        let mut told = self.take(tx, user).await?;
        remember(tx, (&self.login, &self.asserted), self.session.as_ref(), user.id).await?;
        let (mapped, _) = map_groups(tx, &self.login, &self.asserted, user).await?;
        told.extend(mapped);
        Ok((self.done, told))
    }

    /// The identity becomes a member's, if the provider's word still counts, once. `Conflict` (`flow_over`, `identity_taken`).
    pub(crate) async fn take(&self, tx: &WriteTx, user: &User) -> Result<Vec<(OrgId, Event)>> {
        tx.hold_person(user.id).await?;
        // Removed meanwhile: the word was about a member.
        let is_member = tx.entrance(self.login.org, user.id).await?.is_some_and(|entrance| entrance.role.is_some());
        let counts = tx.connection_counts(self.login.org, self.login.connection, self.login.generation).await?;
        if !is_member || !counts || !tx.end_upstream_login(self.login.id).await? {
            return Err(Error::conflict("flow_over", "This sign-in is over. Begin again at the application."));
        }
        link(tx, &self.login, &self.asserted, user).await
    }
}

impl App {
    /// What somebody has to prove in a flow; `None`: nothing, or it took too long, or the connection was changed meanwhile.
    pub(crate) async fn proof_of(&self, login: UpstreamLogin, now: Time) -> Result<Option<Proof>> {
        if login.user.is_none() {
            return Ok(None);
        }
        let name = self.store.public_connection_name(login.org, login.connection, login.generation).await?;
        let Some(name) = name else { return Ok(None) };
        let asserted = self.store.upstream_asserted(&login).await?;
        let done = done(&login, &asserted, now);
        let session = self.provider_session(&login, &asserted, now);
        Ok(Some(Proof { name, done, session, login, asserted }))
    }
}
