//! Signing in through an organization's identity provider: a browser is sent there ([`leaving`]), comes back ([`returning`]), and whoever it is goes on
//! with the flow ([`arriving`]), or proves first that an account is theirs ([`proving`]). What their groups give them is in [`mapping`].

mod arriving;
mod attempts;
mod choosing;
mod joining;
mod leaving;
mod mapping;
mod own;
mod proving;
mod returning;
mod saml;
mod saml_logout;
mod trying;
pub mod unasked;

use crypto::opaque;
use domain::{
    ConnectionId, Time,
    identity::{
        authentications::{Authentication, Method, Through},
        federation::asserted::Asserted,
    },
};
use store::identity::federation::{identities::IdentityKey, logins::UpstreamLogin};

pub(crate) use self::proving::Proof;
pub use self::{
    returning::ProviderAnswer,
    saml::ServiceProvider,
    saml_logout::SamlLogout,
    trying::{Trial, TrialResult},
};
use crate::App;

/// What it adds to a session that somebody came through a connection.
fn done(login: &UpstreamLogin, asserted: &Asserted, now: Time) -> Authentication {
    let until = asserted.until.map(|until| until.timestamp());
    let through = Through {
        org: login.org,
        id: login.connection,
        generation: login.generation,
        until,
        multi_factor: asserted.multi_factor,
        login: asserted.saml.is_some().then_some(login.id),
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
}
