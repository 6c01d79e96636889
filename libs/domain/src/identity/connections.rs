//! Connections: the identity providers through which an organization's people sign in, by OpenID Connect, OAuth 2 or SAML.
//!
//! A connection is as powerful as the people it signs in. So whoever changes whom it speaks for ([`Trust`]) begins a new generation of it,
//! and bounds what it may give to what they hold themselves: its [`Ceiling`].

pub mod certificates;
pub mod documents;
pub mod mapping;
pub mod readiness;
mod values;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use self::values::{ClientIdentifier, ClientPassword, ConnectionSlug, Issuer, Notes, ProviderUrl, Scopes};
use self::{certificates::Certificate, documents::Documents, mapping::Mapping};
use crate::core::id::id;
use crate::{
    OrgId, Time,
    core::value::{BadValue, Name, bad},
    tenancy::smtp::Ceiling,
};

id! {
    /// A connection to an identity provider.
    ConnectionKind ConnectionId = "con"
}

/// Connections that an organization may have.
pub const MAX_CONNECTIONS: i64 = 50;

/// What is spoken with the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// OpenID Connect.
    Oidc,
    /// OAuth 2 with an address that tells who somebody is.
    Oauth2,
    /// SAML 2.0.
    Saml,
}

impl Protocol {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Oidc, Self::Oauth2, Self::Saml];

    /// As stored, sent and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Oauth2 => "oauth2",
            Self::Saml => "saml",
        }
    }
    /// Whether codes are exchanged with a client secret.
    pub const fn has_client_secret(self) -> bool {
        !matches!(self, Self::Saml)
    }
}

impl FromStr for Protocol {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match Self::ALL.into_iter().find(|protocol| protocol.as_str() == s) {
            Some(protocol) => Ok(protocol),
            None => bad("unknown_provider_type", "Use one of: oidc, oauth2, saml."),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the provider is, as far as somebody wrote it down; the rest is in its documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Its issuer; of SAML its entity ID. Compared byte by byte.
    pub issuer: Option<Issuer>,
    /// Where people sign in; of SAML its single sign-on service (redirect binding).
    pub authorization: Option<ProviderUrl>,
    /// Where codes are exchanged.
    pub token: Option<ProviderUrl>,
    /// Where it tells who somebody is.
    pub userinfo: Option<ProviderUrl>,
    /// Its discovery document; of SAML its metadata.
    pub discovery: Option<ProviderUrl>,
}

impl Endpoints {
    /// With the contract's name of each.
    pub fn urls(&self) -> impl Iterator<Item = (&'static str, &ProviderUrl)> {
        let all = [
            ("authorization_url", &self.authorization),
            ("token_url", &self.token),
            ("userinfo_url", &self.userinfo),
            ("discovery_url", &self.discovery),
        ];
        all.into_iter().filter_map(|(name, url)| url.as_ref().map(|url| (name, url)))
    }

    /// The fields without which the provider cannot be found: a document that tells them, or each of them by hand.
    pub fn missing(&self, protocol: Protocol, has_document: bool) -> Vec<&'static str> {
        if has_document || self.discovery.is_some() {
            return Vec::new();
        }
        let by_hand = [("authorization_url", &self.authorization), ("token_url", &self.token), ("userinfo_url", &self.userinfo)];
        let needed = if protocol == Protocol::Saml { 1 } else { 3 };
        by_hand.into_iter().take(needed).filter(|(_, url)| url.is_none()).map(|(name, _)| name).collect()
    }
}

/// A connection, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Identifier.
    pub id: ConnectionId,
    /// Whose.
    pub org_id: OrgId,
    /// Its name in URLs and in sign-in requests, unique per organization (the contract's `connection_id`). It stays.
    pub slug: ConnectionSlug,
    /// Its name for people.
    pub name: Name,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether people may sign in through it.
    pub enabled: bool,
    /// Whether whoever signs in through it, without being a member, becomes one.
    pub jit: bool,
    /// Who we are there.
    pub client_id: ClientIdentifier,
    /// Whether it has a client secret.
    pub has_secret: bool,
    /// Where it is.
    pub endpoints: Endpoints,
    /// What is asked for; `None`: the usual.
    pub scopes: Option<Scopes>,
    /// What clients keep with it. We do not read it.
    pub notes: Option<Notes>,
    /// What its claims and groups mean here.
    pub mapping: Mapping,
    /// How a SAML provider is spoken with.
    pub saml: SamlSettings,
    /// What it may give.
    pub ceiling: Ceiling,
    /// Counts changes of whom it speaks for: what was authenticated in an earlier generation has to be again.
    pub generation: i64,
    /// What the provider published.
    pub documents: Documents,
    /// What verifies its signatures (SAML).
    pub certificates: Vec<Certificate>,
    /// When its documents and certificates are looked at again.
    pub next_check_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl Connection {
    /// What decides whom it speaks for, to be compared before and after a change.
    pub fn trust(&self) -> Trust<'_> {
        Trust {
            endpoints: &self.endpoints,
            client_id: &self.client_id,
            subject: self.mapping.attributes.subject.as_ref().map(AsRef::as_ref),
            published: self.documents.configuration.content.as_ref(),
            certificates: self.certificates.iter().map(|certificate| certificate.sha256.as_str()).collect(),
        }
    }
}

/// How a SAML provider is spoken with, beyond what it publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamlSettings {
    /// Whether assertions are decrypted by AES-CBC although no signature covers the ciphertext: for a provider that cannot do better.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unauthenticated_cbc: bool,
    /// The client, by its name in OAuth, at which a sign-in begins when the provider sends a response that nobody asked for; `None`: such a response leads
    /// nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_client: Option<String>,
}

/// What decides whom a connection speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust<'a> {
    endpoints: &'a Endpoints,
    client_id: &'a ClientIdentifier,
    subject: Option<&'a str>,
    published: Option<&'a documents::Configuration>,
    certificates: std::collections::BTreeSet<&'a str>,
}

#[cfg(test)]
mod tests;
