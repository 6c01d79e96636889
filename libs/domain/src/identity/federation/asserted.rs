//! What a provider says of somebody, taken from its claims as the connection's mapping says. It says nothing of who that is here: that is
//! [`super::linking`]'s.

mod saml;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

pub use self::saml::SamlWord;
use super::attempts::Reason;
use crate::{Time, core::value::Email, identity::connections::mapping::Attributes};

/// A provider's claims, as they were verified or fetched.
pub type Claims = Map<String, Value>;

/// Bytes of a subject at most (OpenID Connect Core 1.0, section 2).
pub const LONGEST_SUBJECT: usize = 255;
/// Groups that are read of somebody at most: who is in more has, as far as we know, an overage.
pub const MOST_GROUPS: usize = 1000;

/// The address that was named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// None.
    Missing,
    /// Several, or something that is none.
    Ambiguous,
    /// This one, and nobody vouches for it.
    Claimed(Email),
    /// This one, and the provider says that it is theirs.
    Vouched(Email),
}

impl Address {
    /// The address, whoever vouches for it.
    pub fn email(&self) -> Option<&Email> {
        match self {
            Self::Claimed(email) | Self::Vouched(email) => Some(email),
            Self::Missing | Self::Ambiguous => None,
        }
    }
}

/// The groups that were named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    /// Nothing was said of groups, or that there are too many to say.
    Unsaid,
    /// These and no others.
    Of(Vec<String>),
}

/// What a provider says of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asserted {
    /// Who says it.
    pub issuer: String,
    /// Who somebody is there, for ever; exact bytes.
    pub subject: String,
    /// Their address.
    pub address: Address,
    /// Their groups.
    pub groups: Groups,
    /// Whether there were two factors.
    pub multi_factor: bool,
    /// Until when it holds; `None`: it does not say.
    pub until: Option<Time>,
    /// What else a SAML provider said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml: Option<SamlWord>,
}

/// Which rules about addresses hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    Entra,
    Google,
    Other,
}

impl Provider {
    /// Whose word it is, by the host of its issuer, or, as OAuth 2 has none, of the address that people are sent to.
    fn of(issuer: &str) -> Self {
        let host = Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        match host.as_deref() {
            Some("accounts.google.com") => Self::Google,
            // Everywhere, and where the law keeps data in the United States or in China.
            Some(
                "login.microsoftonline.com" | "sts.windows.net" | "login.microsoftonline.us" | "login.partner.microsoftonline.cn",
            ) => Self::Entra,
            _ => Self::Other,
        }
    }

    /// Whether the provider vouches for the address.
    fn vouches(self, claims: &Claims, email: &Email) -> bool {
        let verified = is_true(claims.get("email_verified"));
        let domain = email.domain();
        match self {
            // `email` is whatever a tenant's administrator wrote there.
            Self::Entra => is_true(claims.get("xms_edov")) || claims.get("xms_edov").is_some_and(|edov| edov == 1 || edov == "1"),
            Self::Google => {
                verified && (domain == "gmail.com" || claims.get("hd").and_then(Value::as_str).is_some_and(|hd| hd == domain))
            }
            Self::Other => verified,
        }
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(|value| *value == true || value == "true")
}

/// What authentication methods mean that there were two factors (RFC 8176).
const TWO_FACTORS: [&str; 5] = ["mfa", "otp", "hwk", "swk", "fpt"];

impl Asserted {
    /// As the provider names them, for people.
    pub fn shown(&self) -> &str {
        self.saml.as_ref().map_or(&self.subject, |word| &word.shown)
    }
    /// Reads claims by the connection's mapping. `issuer`: who was verified, or configured, to say them.
    pub fn read(names: &Attributes, issuer: &str, claims: &Claims) -> Result<Self, Reason> {
        let subject = text(claims, names.subject.as_ref().map_or("sub", |name| name.as_ref()));
        let fits = |text: &String| !text.is_empty() && text.len() <= LONGEST_SUBJECT && !text.chars().any(char::is_control);
        let subject = subject.filter(fits).ok_or(Reason::SubjectMissing)?;
        let methods: Vec<&str> =
            claims.get("amr").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        Ok(Self {
            issuer: issuer.to_owned(),
            subject,
            address: address(names, Provider::of(issuer), claims),
            groups: groups(claims.get(names.groups.as_ref().map_or("groups", |name| name.as_ref()))),
            multi_factor: methods.contains(&TWO_FACTORS[0])
                || methods.iter().any(|one| TWO_FACTORS.contains(one)) && methods.len() > 1,
            until: None,
            saml: None,
        })
    }
}

/// A claim as text: some providers give numbers as identifiers.
fn text(claims: &Claims, name: &str) -> Option<String> {
    match claims.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn address(names: &Attributes, provider: Provider, claims: &Claims) -> Address {
    let named = match claims.get(names.email.as_ref().map_or("email", |name| name.as_ref())) {
        None | Some(Value::Null) => return Address::Missing,
        Some(Value::String(text)) if text.trim().is_empty() => return Address::Missing,
        Some(Value::Array(all)) => match all.as_slice() {
            [] => return Address::Missing,
            [one] => one.as_str(),
            _ => None,
        },
        Some(one) => one.as_str(),
    };
    match named.and_then(|text| text.parse::<Email>().ok()) {
        None => Address::Ambiguous,
        Some(email) if provider.vouches(claims, &email) => Address::Vouched(email),
        Some(email) => Address::Claimed(email),
    }
}

fn groups(claim: Option<&Value>) -> Groups {
    match claim {
        Some(Value::Array(all)) if all.len() <= MOST_GROUPS => {
            Groups::Of(all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Some(Value::String(one)) if !one.is_empty() => Groups::Of(vec![one.clone()]),
        _ => Groups::Unsaid,
    }
}

#[cfg(test)]
mod tests;
