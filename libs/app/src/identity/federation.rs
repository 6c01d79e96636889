//! Signing in through an organization's identity provider: a browser is sent there ([`leaving`]), comes back ([`returning`]), and whoever it is goes on
//! with the flow ([`arriving`]).

mod arriving;
mod attempts;
mod leaving;
mod returning;

use crypto::opaque;
use domain::{
    ConnectionId, Result, Time,
    core::value::Name,
    identity::{
        authentications::{Authentication, Method, Through},
        federation::asserted::Asserted,
    },
};
use store::identity::federation::{Upstream, identities::IdentityKey, logins::UpstreamLogin};

pub use self::returning::ProviderAnswer;
use crate::App;

/// What a provider said of somebody who has to prove that an account is theirs.
pub(crate) struct Proof {
    pub(crate) login: UpstreamLogin,
    pub(crate) asserted: Asserted,
    /// The connection's name for people.
    pub(crate) name: Name,
    /// What it adds to the session.
    pub(crate) done: Authentication,
}

/// What it adds to a session that somebody came through a connection.
fn done(login: &UpstreamLogin, asserted: &Asserted, now: Time) -> Authentication {
    let until = asserted.until.map(|until| until.timestamp());
    let through = Through {
        org: login.org,
        id: login.connection,
        generation: login.generation,
        until,
        multi_factor: asserted.multi_factor,
    };
    Authentication { method: Method::Connection, at: now.timestamp(), through: Some(through) }
}

/// Names an identity: byte by byte, and nothing that can be put together in two ways.
fn identity_key(login: &UpstreamLogin, asserted: &Asserted) -> IdentityKey {
    let digest = opaque::hash(&format!("{}\0{}", asserted.issuer, asserted.subject));
    IdentityKey { org: login.org, connection: login.connection, digest }
}

impl App {
    /// Where a provider sends people back to.
    pub fn callback_url(&self, connection: ConnectionId) -> String {
        format!("{}/auth/c/{connection}/callback", self.settings.public_url)
    }

    /// What somebody has to prove in a flow; `None`: nothing, or it took too long, or the connection was changed meanwhile.
    pub(crate) async fn proof_of(&self, login: UpstreamLogin, now: Time) -> Result<Option<Proof>> {
        let Some(Upstream { connection, .. }) = self.store.public_upstream(login.org, login.connection).await? else {
            return Ok(None);
        };
        if connection.generation != login.generation || login.user.is_none() {
            return Ok(None);
        }
        let asserted = self.store.upstream_asserted(&login).await?;
        let done = done(&login, &asserted, now);
        Ok(Some(Proof { name: connection.name, done, login, asserted }))
    }
}
