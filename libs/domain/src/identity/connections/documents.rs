//! What providers publish about themselves: a discovery document and keys, or SAML metadata. Kept as what we read of it, not as it came.
//!
//! A document is fetched again by the clock. Nothing that fails takes away what is there; who the provider says that it is stays; and
//! another address for what people or secrets are sent to waits until somebody has looked at it.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Issuer, ProviderUrl, certificates::Certificate};
use crate::Time;

/// Between two looks at a document.
pub const REFRESH: TimeDelta = TimeDelta::hours(6);
/// The same while it fails.
pub const RETRY: TimeDelta = TimeDelta::hours(1);
/// How long a document fails before anybody is told.
pub const TOLD_AFTER: TimeDelta = TimeDelta::days(1);

/// What an OpenID provider says (OpenID Connect Discovery 1.0, section 3), as far as we use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// Byte by byte.
    pub issuer: Issuer,
    /// Where people sign in.
    pub authorization_endpoint: ProviderUrl,
    /// Where codes are exchanged.
    pub token_endpoint: ProviderUrl,
    /// Where it tells who somebody is.
    pub userinfo_endpoint: Option<ProviderUrl>,
    /// Its keys.
    pub jwks_uri: ProviderUrl,
    /// Where people sign out.
    pub end_session_endpoint: Option<ProviderUrl>,
    /// What it signs ID tokens with, of what we take.
    pub id_token_algorithms: Vec<String>,
    /// How a client may say who it is.
    pub token_auth_methods: Vec<String>,
    /// Whether its answers name it (RFC 9207).
    pub names_itself: bool,
}

/// What a SAML identity provider says (saml-metadata-2.0-os), as far as we use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Byte by byte.
    pub entity_id: Issuer,
    /// Where people sign in, by the redirect binding.
    pub sign_in_redirect: Option<ProviderUrl>,
    /// The same by the POST binding.
    pub sign_in_post: Option<ProviderUrl>,
    /// Where people sign out, by the redirect binding.
    pub sign_out_redirect: Option<ProviderUrl>,
    /// Whether it wants our requests signed.
    pub wants_signed_requests: bool,
    /// Until when this counts.
    pub valid_until: Option<Time>,
}

/// How a provider is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Configuration {
    /// Of OpenID Connect.
    Discovery(Box<Discovery>),
    /// Of SAML.
    Metadata(Box<Metadata>),
}

impl Configuration {
    /// Who it is.
    pub fn issuer(&self) -> &Issuer {
        match self {
            Self::Discovery(discovery) => &discovery.issuer,
            Self::Metadata(metadata) => &metadata.entity_id,
        }
    }
    /// Where people sign in.
    pub fn authorization(&self) -> Option<&ProviderUrl> {
        match self {
            Self::Discovery(discovery) => Some(&discovery.authorization_endpoint),
            Self::Metadata(metadata) => metadata.sign_in_redirect.as_ref().or(metadata.sign_in_post.as_ref()),
        }
    }
    /// Where its keys are.
    pub fn keys(&self) -> Option<&ProviderUrl> {
        match self {
            Self::Discovery(discovery) => Some(&discovery.jwks_uri),
            Self::Metadata(_) => None,
        }
    }
    /// Every address to which people or secrets are sent, or from which trust is taken.
    fn addresses(&self) -> Vec<Option<&ProviderUrl>> {
        match self {
            Self::Discovery(d) => vec![
                Some(&d.authorization_endpoint),
                Some(&d.token_endpoint),
                d.userinfo_endpoint.as_ref(),
                Some(&d.jwks_uri),
                d.end_session_endpoint.as_ref(),
            ],
            Self::Metadata(m) => vec![m.sign_in_redirect.as_ref(), m.sign_in_post.as_ref(), m.sign_out_redirect.as_ref()],
        }
    }
}

/// A provider's keys, as a JWK set with only those that can verify its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keys(pub serde_json::Value);

impl Keys {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0["keys"].as_array().map_or(0, Vec::len)
    }
}

/// A document that was read, with the certificates in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What it says.
    pub configuration: Configuration,
    /// What verifies the provider's signatures (SAML).
    pub certificates: Vec<Certificate>,
}

impl Published {
    /// Itself, while it counts.
    pub fn living(self, now: Time) -> Result<Self, Miss> {
        match &self.configuration {
            Configuration::Metadata(metadata) if metadata.valid_until.is_some_and(|until| until <= now) => Err(Miss::Expired),
            _ => Ok(self),
        }
    }
}

macro_rules! misses {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $hint:literal;)*) => {
        /// Why a document, or what stands in it, is no use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Miss { $($(#[$doc])* $variant),* }
        impl Miss {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable, for programs.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $code),* } }
            /// For people: what is wrong, and what to do.
            pub const fn hint(self) -> &'static str { match self { $(Self::$variant => $hint),* } }
            /// One that the database gave back; `None`: a newer version wrote it.
            pub fn stored(code: &str) -> Option<Self> { match code { $($code => Some(Self::$variant),)* _ => None } }
        }
    };
}
misses! {
    /// No answer.
    Unreachable = "unreachable", "The provider does not answer. Check the address, and whether it is reachable from the internet.";
    /// An address that we do not call.
    AddressNotAllowed = "address_not_allowed", "The address does not lead to a public host, or is not https.";
    /// Not 200.
    BadStatus = "bad_status", "The address answers, but not with 200. Redirects are not followed: give the final address.";
    /// Too large, or cut off.
    TooLarge = "too_large", "The document is larger than 512 KB, or did not arrive whole.";
    /// Something else than it should be.
    Unreadable = "unreadable", "This is not the document that was expected. Check whether the address shows a page instead.";
    /// Something that must be there is not.
    Incomplete = "incomplete", "The document lacks something that is needed: who the provider is, or where people sign in.";
    /// An address in it is none.
    BadEndpoint = "bad_endpoint", "An address in the document is not an https URL.";
    /// A provider for everybody.
    IssuerTemplate = "issuer_template", "The issuer is a template for many customers. Use the address of your own tenant.";
    /// Another issuer than was written down.
    IssuerMismatch = "issuer_mismatch", "The document names another issuer or entity ID than the connection. Correct whichever is wrong.";
    /// No key that we can use.
    NoKeys = "no_keys", "The provider publishes no key that can verify its signatures (RSA of 2048 bits, or an elliptic curve).";
    /// No certificate that we can use.
    NoCertificate = "no_certificate", "The metadata holds no signing certificate that is valid (RSA of 2048 bits, or an elliptic curve).";
    /// It does not count any more.
    Expired = "expired", "The metadata says that it is no longer valid.";
    /// It refuses us.
    ClientRefused = "client_refused", "The provider refuses the client id or the client secret.";
}

/// Since when a document fails, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Time,
    /// Why, the last time.
    pub reason: Miss,
    /// Whether anybody was told.
    pub told: bool,
}

/// A document, and how fetching it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<T> {
    /// What it says; `None`: it never came.
    pub content: Option<T>,
    /// When it came.
    pub fetched_at: Option<Time>,
    /// What it says now, and nobody has confirmed.
    pub waiting: Option<T>,
    /// `None`: it does not fail.
    pub failing: Option<Failing>,
}

impl<T> Default for Document<T> {
    fn default() -> Self {
        Self { content: None, fetched_at: None, waiting: None, failing: None }
    }
}

/// What a provider published, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// How it is configured.
    pub configuration: Document<Configuration>,
    /// Its keys (OpenID Connect).
    pub keys: Document<Keys>,
}

/// What came of fetching a document again, as far as anybody is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    None,
    /// It has failed for a day.
    Failing(Miss),
    /// It names other addresses, which wait.
    Waits,
}

impl<T: PartialEq> Document<T> {
    /// Takes what was found because somebody asked for it: whatever it says counts. What fails leaves nothing behind.
    pub fn adopt(&mut self, found: Result<T, Miss>, now: Time) {
        *self = Self::default();
        match found {
            Ok(content) => (self.content, self.fetched_at) = (Some(content), Some(now)),
            Err(reason) => self.failing = Some(Failing { since: now, reason, told: false }),
        }
    }

    fn refreshed(&mut self, content: T, now: Time) {
        (self.content, self.fetched_at, self.waiting, self.failing) = (Some(content), Some(now), None, None);
    }

    fn missed(&mut self, reason: Miss, now: Time) -> News {
        let failing = self.failing.get_or_insert(Failing { since: now, reason, told: false });
        failing.reason = reason;
        if failing.told || now - failing.since < TOLD_AFTER {
            return News::None;
        }
        failing.told = true;
        News::Failing(reason)
    }
}

impl Document<Keys> {
    /// Takes what the clock found. Keys change by themselves.
    pub fn refresh(&mut self, found: Result<Keys, Miss>, now: Time) -> News {
        match found {
            Ok(keys) => {
                self.refreshed(keys, now);
                News::None
            }
            Err(reason) => self.missed(reason, now),
        }
    }
}

impl Document<Configuration> {
    /// Takes what the clock found.
    pub fn refresh(&mut self, found: Result<Configuration, Miss>, now: Time) -> News {
        let found = match found {
            Ok(found) => found,
            Err(reason) => return self.missed(reason, now),
        };
        match &self.content {
            // Who it is never changes by itself: that would be another provider.
            Some(known) if known.issuer() != found.issuer() => self.missed(Miss::IssuerMismatch, now),
            Some(known) if known.addresses() != found.addresses() => {
                self.failing = None;
                let news = if self.waiting.as_ref() == Some(&found) { News::None } else { News::Waits };
                self.waiting = Some(found);
                news
            }
            _ => {
                self.refreshed(found, now);
                News::None
            }
        }
    }
}

#[cfg(test)]
mod tests;
