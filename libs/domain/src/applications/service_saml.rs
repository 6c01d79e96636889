//! Services that take SAML from us: what each of them registered, by which a request is judged before anybody is asked anything. What a request says
//! decides nothing that was registered: where the answer goes is one of the registered addresses, whatever it names.

use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::uris::PageUri;
use crate::{
    Error, OrgId, Result, ServiceId, Time,
    core::{
        id::id,
        value::{BadValue, bad},
    },
    identity::{
        connections::{Issuer, mapping::ClaimName},
        saml::{
            EMAIL_ADDRESS, PERSISTENT, UNSPECIFIED,
            idp::{Requested, Status, is_known_context},
        },
    },
};

id! {
    /// A certificate with which we sign for a service.
    SigningCertificateKind SigningCertificateId = "crt"
}

/// Addresses of a service at which answers arrive.
pub const MAX_ACS_URLS: usize = 10;
/// For how long a new certificate is published before it signs, if nobody says otherwise.
pub const USUAL_NOTICE: TimeDelta = TimeDelta::days(7);
/// For how long it is at most.
pub const MAX_NOTICE: TimeDelta = TimeDelta::days(90);
/// The longest text that a browser may bring to be brought back.
pub const LONGEST_RELAY_STATE: usize = 1024;

/// By what a service knows somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NameIdFormat {
    /// A name that was made for this service, and says nothing to any other.
    #[default]
    Persistent,
    /// The address, where its mailbox was proven.
    EmailAddress,
    /// What applications know them by in OpenID Connect (`sub`).
    Unspecified,
}

impl NameIdFormat {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::EmailAddress => "emailAddress",
            Self::Unspecified => "unspecified",
        }
    }
    /// Its URI (saml-core-2.0-os, 8.3).
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Persistent => PERSISTENT,
            Self::EmailAddress => EMAIL_ADDRESS,
            Self::Unspecified => UNSPECIFIED,
        }
    }
}

impl FromStr for NameIdFormat {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let all = [Self::Persistent, Self::EmailAddress, Self::Unspecified];
        match all.into_iter().find(|format| s == format.as_str() || s == format.uri()) {
            Some(format) => Ok(format),
            None => bad("unknown_name_id_format", "Use persistent, emailAddress or unspecified, or the URI of one of these."),
        }
    }
}

/// Under which names a service is told what is known of somebody; what has none is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlAttributes {
    /// What applications know them by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<ClaimName>,
    /// Their address, where its mailbox was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<ClaimName>,
    /// What they are called; so far their address, where its mailbox was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ClaimName>,
    /// The organization that they signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<ClaimName>,
}

impl Default for SamlAttributes {
    fn default() -> Self {
        let own = |name: &str| Some(ClaimName::stored(name.to_owned()));
        Self { sub: own("sub"), email: own("email"), name: own("name"), org_id: own("org_id") }
    }
}

/// What may be edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlSettings {
    /// Whether anybody is signed in by it.
    pub enabled: bool,
    /// Who the service says that it is.
    pub entity_id: Issuer,
    /// Where answers go, as exact texts: the first unless a request names another of them.
    pub acs_urls: Vec<PageUri>,
    /// Where it takes answers to its logout requests; `None`: it signs nobody out.
    pub slo_url: Option<PageUri>,
    /// By what it knows somebody.
    pub name_id_format: NameIdFormat,
    /// What else it is told.
    pub attributes: SamlAttributes,
    /// Whether the response is signed beside the assertion.
    pub sign_response: bool,
    /// Whether people may come to it from here, without a request of its.
    pub idp_initiated: bool,
    /// For whom assertions are encrypted: the certificate's DER in base64.
    pub encryption_certificate: Option<String>,
    /// What signs its requests, likewise; with one, nothing is taken that is not signed.
    pub request_certificate: Option<String>,
}

impl SamlSettings {
    /// What no field violates by itself. `Invalid`.
    pub fn check(&self) -> Result<()> {
        if self.acs_urls.len() > MAX_ACS_URLS {
            return Err(Error::field("other_acs_urls", "too_many", format!("Name at most {} addresses.", MAX_ACS_URLS - 1)));
        }
        let distinct: std::collections::HashSet<_> = self.acs_urls.iter().collect();
        if distinct.len() < self.acs_urls.len() {
            return Err(Error::field("other_acs_urls", "duplicate", "Name each address once."));
        }
        if self.slo_url.is_some() && self.request_certificate.is_none() {
            let text = "Give the certificate that signs the service's requests: without it anybody could sign people out.";
            return Err(Error::field("request_certificate", "required", text));
        }
        Ok(())
    }
    /// Whether answers may go there.
    pub fn comes_back_to(&self, acs: &str) -> bool {
        self.enabled && self.acs_urls.iter().any(|known| known.as_str() == acs)
    }
    /// The contract's names of what differs.
    pub fn differences(&self, before: &Self) -> Vec<&'static str> {
        let fields = [
            ("saml_enabled", self.enabled != before.enabled),
            ("saml_entity_id", self.entity_id != before.entity_id),
            ("saml_acs_url", self.acs_urls != before.acs_urls),
            ("saml_slo_url", self.slo_url != before.slo_url),
            ("saml_name_id_format", self.name_id_format != before.name_id_format),
            ("saml_attribute_mapping", self.attributes != before.attributes),
            ("saml_sign_response", self.sign_response != before.sign_response),
            ("saml_idp_initiated", self.idp_initiated != before.idp_initiated),
            ("saml_encryption_certificate", self.encryption_certificate != before.encryption_certificate),
            ("saml_request_certificate", self.request_certificate != before.request_certificate),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// A service that takes SAML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSaml {
    /// The organization.
    pub org_id: OrgId,
    /// The service.
    pub service_id: ServiceId,
    /// What may be edited.
    pub settings: SamlSettings,
    /// When it was set up.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A certificate with which we sign for a service, without its key. There are two at most: one that signs, and one that will, or did before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningCertificate {
    /// Identifier.
    pub id: SigningCertificateId,
    /// Its DER, in base64.
    pub der: String,
    /// From when it counts.
    pub valid_from: Time,
    /// Until when.
    pub valid_until: Time,
    /// From when on it signs.
    pub signs_from: Time,
    /// When it was made.
    pub created_at: Time,
}

/// Which of them signs now, by its place: the one that began last; if none did yet, the first that will.
pub fn signing(all: &[SigningCertificate], now: Time) -> Option<usize> {
    let begun = all.iter().enumerate().filter(|(_, one)| one.signs_from <= now);
    let last = begun.max_by_key(|(_, one)| (one.signs_from, one.id));
    last.or_else(|| all.iter().enumerate().min_by_key(|(_, one)| (one.signs_from, one.id))).map(|(at, _)| at)
}

/// What has to be remembered of a request until it is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlAsked {
    /// The request; `None`: nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_response_to: Option<String>,
    /// How the person is to have authenticated: any of these classes; none: as the organization likes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<String>,
}

/// Why a request is not answered by signing somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamlRefused {
    /// It names an address that is not registered: nobody is sent anywhere.
    Here,
    /// The service is told, at that address.
    There(String, Status),
}

/// Judges a request by what the service registered: where the answer goes, or why there is none.
pub fn judge(asked: &Requested, settings: &SamlSettings) -> Result<String, SamlRefused> {
    let acs = match (&asked.acs, settings.acs_urls.as_slice()) {
        (Some(named), _) if settings.comes_back_to(named) => named.clone(),
        // An index is one of the service's own metadata, which we do not have: with one address there is nothing to choose.
        (None, [only]) if settings.enabled => only.as_str().to_owned(),
        (None, [first, ..]) if settings.enabled && !asked.names_index => first.as_str().to_owned(),
        _ => return Err(SamlRefused::Here),
    };
    let format = asked.name_id_format.as_deref();
    if format.is_some_and(|format| format != UNSPECIFIED && format != settings.name_id_format.uri()) {
        return Err(SamlRefused::There(acs, Status::InvalidNameIdPolicy));
    }
    if !asked.contexts.is_empty() && !asked.contexts.iter().any(|class| is_known_context(class)) {
        return Err(SamlRefused::There(acs, Status::NoAuthnContext));
    }
    Ok(acs)
}

#[cfg(test)]
mod tests;
