//! Signing in through an organization's identity provider: what it said of somebody ([`asserted`]), who that is here ([`linking`], [`choosing`]), and what is
//! written down of each attempt ([`attempts`]).

pub mod asserted;
pub mod attempts;
pub mod choosing;
pub mod linking;

use std::fmt;

use crate::{
    Time,
    core::id::id,
    identity::{
        connections::{ClientPassword, Connection},
        saml::MessageId,
    },
};

id! {
    /// Somebody who was sent to a provider.
    UpstreamLoginKind UpstreamLoginId = "upl"
}

/// How long somebody may take at a provider.
pub const LASTS: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// Who we are at a provider of OpenID Connect or OAuth 2.
#[derive(Clone, Copy)]
pub struct RelyingParty<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// What we show to be its client.
    pub secret: Option<&'a ClientPassword>,
    /// Where the provider sends people back to.
    pub redirect_uri: &'a str,
}

/// What binds an answer to the browser that asked for it. All are random, and none is ever shown but where it belongs.
#[derive(Clone, PartialEq, Eq)]
pub struct Bindings {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Is shown when the code is exchanged (RFC 7636).
    pub verifier: String,
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bindings(…)")
    }
}

/// What an answer will be held against, beside what the database has in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binds {
    /// A code and its ID token.
    Code(Bindings),
    /// A SAML response: the request that it must answer.
    Response(MessageId),
}

/// How somebody is sent to a provider.
#[derive(Clone, Debug)]
pub struct Sending<'a> {
    /// What binds the answer.
    pub bindings: &'a Bindings,
    /// Who it probably is.
    pub login_hint: Option<&'a str>,
    /// Whether the provider has to ask them again.
    pub fresh: bool,
}

/// What a code was exchanged for.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderTokens {
    /// Reads who somebody is.
    pub access_token: String,
    /// Says who somebody is, signed.
    pub id_token: Option<String>,
}

impl fmt::Debug for ProviderTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderTokens(…)")
    }
}

/// What an ID token has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The nonce that was sent.
    pub nonce: &'a str,
    /// From when on they have to have authenticated, if they were to be asked again.
    pub authenticated_since: Option<Time>,
    /// Now.
    pub now: Time,
}
