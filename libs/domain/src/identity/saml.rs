//! SAML 2.0: what is sent, what is expected, and what an answer turned out to say; [`idp`] has what concerns the role of an identity provider.
//!
//! Plain data. What is done with XML is behind [`crate::core::ports::SamlServiceProvider`], so that nothing but the crate behind that port
//! needs a parser, and only who serves people's sign-ins needs that crate.

pub mod checks;
pub mod idp;
pub mod logout;
pub mod messages;

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use self::{
    checks::{Check, Finding, Outcome, Verdict},
    logout::{Logout, LogoutExpectation, LogoutRequest, LogoutResponse},
    messages::{AuthnRequest, Binding, Dispatch, MessageId, RelayState, SpMetadata},
};
use super::connections::{Issuer, mapping::ClaimName};
use crate::Time;

/// What clocks may differ by, unless a connection says otherwise.
pub const SKEW: TimeDelta = TimeDelta::seconds(60);
/// The most that a connection may say.
pub const MAX_SKEW: TimeDelta = TimeDelta::seconds(180);
/// How old a message may be when it arrives.
pub const FRESH: TimeDelta = TimeDelta::minutes(5);
/// The longest time for which an assertion may be said to count.
pub const LONGEST_VALIDITY: TimeDelta = TimeDelta::hours(24);

/// A format of name identifiers that are made up anew for each sign-in (saml-core-2.0-os, 8.3.8): they name nobody.
pub const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// A format of name identifiers that are made for one service, for good (8.3.7).
pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
/// A format of name identifiers that are addresses (8.3.2).
pub const EMAIL_ADDRESS: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// What a name identifier without a format has (8.3.1).
pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// Two factors, as REFEDS calls them.
pub const REFEDS_MFA: &str = "https://refeds.org/profile/mfa";
/// Two factors, as Microsoft's providers call them.
pub const MULTIPLE_AUTHN: &str = "http://schemas.microsoft.com/claims/multipleauthn";

/// A private key of ours and its certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct SpKey {
    pkcs8: Vec<u8>,
    /// DER, self-signed.
    pub certificate: Vec<u8>,
}

impl SpKey {
    /// Of a private key in PKCS #8 (DER) and its certificate (DER).
    pub const fn new(pkcs8: Vec<u8>, certificate: Vec<u8>) -> Self {
        Self { pkcs8, certificate }
    }
    /// The private key as PKCS #8 in DER, to be used or sealed.
    pub fn expose(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for SpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpKey(…)")
    }
}

/// What an answer to one request of ours has to fit. All of it comes from the rows of the connection and of the sign-in that the RelayState
/// names, nothing from the answer itself (T08).
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The provider's entity ID.
    pub issuer: Issuer,
    /// What verifies its signatures now, in DER. Without any nothing is accepted (T05).
    pub certificates: Vec<Vec<u8>>,
    /// Our entity ID at this connection.
    pub entity_id: String,
    /// Our assertion consumer service at this connection, where the answer arrived.
    pub acs: String,
    /// The request that it must answer.
    pub request_id: MessageId,
    /// Since when the person must have authenticated, of a request with ForceAuthn: when the flow began.
    pub authenticated_since: Option<Time>,
    /// What opens encrypted assertions: every key of ours that was published.
    pub keys: Vec<SpKey>,
    /// Whether AES-CBC is decrypted although no signature covers the ciphertext. Off, unless the provider cannot do better.
    pub unauthenticated_cbc: bool,
    /// The attribute that names the person, instead of the NameID.
    pub subject: Option<ClaimName>,
    /// What clocks may differ by; more than [`MAX_SKEW`] counts as that.
    pub skew: TimeDelta,
    /// Now.
    pub now: Time,
}

impl Expectation {
    /// The skew, within its bounds.
    pub fn bounded_skew(&self) -> TimeDelta {
        bounded(self.skew)
    }
}

pub(crate) fn bounded(skew: TimeDelta) -> TimeDelta {
    skew.clamp(TimeDelta::zero(), MAX_SKEW)
}

/// A name identifier (saml-core-2.0-os, 2.2.2), byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameId {
    /// The text.
    pub value: String,
    /// How it is meant.
    pub format: Option<String>,
    /// Within what it is unique: usually the provider.
    pub name_qualifier: Option<String>,
    /// For whom: usually us.
    pub sp_name_qualifier: Option<String>,
}

impl NameId {
    /// Whether it names somebody for this sign-in only.
    pub fn is_transient(&self) -> bool {
        self.format.as_deref() == Some(TRANSIENT)
    }
    /// The one text by which this identifier is known from now on. Format and qualifiers are part of it: whoever writes a request can often
    /// choose the format, and with it under which of several names a provider knows them. Qualifiers that say what is so anyway
    /// (the provider, us) are left out, since providers write them or not.
    pub fn key(&self, issuer: &str, entity_id: &str) -> String {
        let format = self.format.as_deref().unwrap_or(UNSPECIFIED);
        let name_qualifier = self.name_qualifier.as_deref().filter(|qualifier| *qualifier != issuer);
        let sp_name_qualifier = self.sp_name_qualifier.as_deref().filter(|qualifier| *qualifier != entity_id);
        serde_json::json!(["name_id", format, name_qualifier, sp_name_qualifier, self.value]).to_string()
    }
}

/// An attribute of an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub friendly_name: Option<String>,
    /// Its values that are text, in their order.
    pub values: Vec<String>,
}

/// What an answer says that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its id; never again until [`Assertion::seen_until`] (T07).
    pub id: String,
    /// How long the id has to be remembered.
    pub seen_until: Time,
    /// The provider.
    pub issuer: Issuer,
    /// Who it is about, as one text that is the same at every sign-in: [`NameId::key`], or the attribute that was configured.
    pub subject: String,
    /// The name identifier, which a logout repeats.
    pub name_id: Option<NameId>,
    /// The provider's session.
    pub session_index: Option<String>,
    /// When that ends.
    pub session_ends_at: Option<Time>,
    /// When the person authenticated.
    pub authenticated_at: Time,
    /// How (AuthnContextClassRef).
    pub context: Option<String>,
    /// What else is said of them.
    pub attributes: Vec<Attribute>,
    /// SHA-256 of the certificate that verified it, in hex.
    pub certificate: String,
}

impl Assertion {
    /// The values of the attribute of that name, of all its occurrences.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.attributes.iter().filter(move |attribute| attribute.name == name);
        named.flat_map(|attribute| &attribute.values).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
