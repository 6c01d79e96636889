//! Messages of ours: requests that a browser carries to a provider, and our metadata.

use std::str::FromStr;

use super::SpKey;
use crate::{
    Time,
    core::value::{BadValue, bad},
    identity::connections::ProviderUrl,
};

/// The id of a message of ours: an NCName that nobody can guess.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Of 32 random bytes; 160 bits of them, as saml-core-2.0-os, 1.3.4 recommends.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random[..20].iter().fold("_".to_owned(), |id, byte| format!("{id}{byte:02x}")))
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// One that the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

/// What a provider gives back with its answer: unreserved characters (RFC 3986), because some providers encode it anew and then judge another
/// text than we signed; at most the 80 bytes of saml-bindings-2.0-os, 3.4.3.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayState(String);

impl RelayState {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RelayState {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if s.is_empty() || s.len() > 80 || !s.bytes().all(unreserved) {
            return bad("bad_relay_state", "Use 1 to 80 letters, digits, `-`, `.`, `_` and `~`.");
        }
        Ok(Self(s.to_owned()))
    }
}

/// How a browser carries a message (saml-bindings-2.0-os, 3.4 and 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// In the query of a redirect.
    Redirect,
    /// In a form.
    Post,
}

/// A request to sign somebody in (saml-core-2.0-os, 3.4.1). It is signed.
#[derive(Clone, Debug)]
pub struct AuthnRequest {
    /// Its id, which the answer must name.
    pub id: MessageId,
    /// When it is made.
    pub issued_at: Time,
    /// The provider's single sign-on service for the binding.
    pub destination: ProviderUrl,
    /// How it is carried.
    pub binding: Binding,
    /// Our entity ID.
    pub entity_id: String,
    /// Where the answer goes.
    pub acs: String,
    /// What comes back with it.
    pub relay_state: RelayState,
    /// Whether the person has to authenticate again.
    pub force_authn: bool,
    /// The format of the name identifier that we want; `None`: whatever the provider has.
    pub name_id_format: Option<String>,
    /// How the person is to authenticate: any of these classes; none: as the provider likes.
    pub contexts: Vec<String>,
    /// What signs it.
    pub key: SpKey,
}

/// What the browser is to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// Go to this URL.
    Redirect(String),
    /// Send a form.
    Post {
        /// Where to: an http or https URL.
        action: String,
        /// Its fields and their values, to be escaped for HTML like any text (T10).
        fields: Vec<(&'static str, String)>,
    },
}

/// What our metadata says of a connection (saml-metadata-2.0-os).
#[derive(Clone, Debug)]
pub struct SpMetadata {
    /// Its id, if it is signed.
    pub id: MessageId,
    /// Our entity ID.
    pub entity_id: String,
    /// Our assertion consumer service.
    pub acs: String,
    /// Our single logout service, if there is one.
    pub slo: Option<String>,
    /// Certificates in DER: the one that signs, and the one that will.
    pub signing: Vec<Vec<u8>>,
    /// Those for which assertions may be encrypted, the preferred one first.
    pub encryption: Vec<Vec<u8>>,
    /// Until when it counts.
    pub valid_until: Option<Time>,
    /// What signs it; `None`: it is not signed.
    pub key: Option<SpKey>,
}
