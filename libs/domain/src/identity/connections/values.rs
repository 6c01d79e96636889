//! What is written down about a provider.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::core::value::{BadValue, bad};

/// Names of what is no organization's connection: the platform's own methods and social providers.
const RESERVED: [&str; 9] = ["apple", "database", "github", "google", "mail", "microsoft", "passkey", "password", "platform"];

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident = $check:path;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str { &self.0 }
            /// A value the database gave back: it was checked before it was stored.
            pub fn stored(text: String) -> Self { Self(text) }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str { &self.0 }
        }
        impl std::str::FromStr for $name {
            type Err = BadValue;
            fn from_str(s: &str) -> Result<Self, BadValue> { $check(s)?; Ok(Self(s.to_owned())) }
        }
    )* };
}
pub(super) use text;

text! {
    /// A connection's name in URLs: 1 to 64 of `[A-Za-z0-9._-]`, beginning with a letter or digit, none of the platform's own methods.
    ConnectionSlug = slug;
    /// Who we are at a provider: its word for the client, or of SAML ours for the service provider.
    ClientIdentifier = line;
    /// An issuer, or an entity ID: compared byte by byte, so kept as it was written.
    Issuer = issuer;
    /// Scopes, separated by blanks.
    Scopes = scopes;
    /// What a client keeps with a connection: any JSON, of at most 16 KB.
    Notes = notes;
}

fn slug(s: &str) -> Result<(), BadValue> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if s.is_empty() || s.len() > 64 || !s.bytes().all(fine) || !s.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return bad("bad_connection_id", "Use 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit.");
    }
    if RESERVED.contains(&s.to_ascii_lowercase().as_str()) {
        return bad("reserved", "This name belongs to the platform. Use another one.");
    }
    Ok(())
}

/// One line of text of which something is seen.
pub(super) fn line(s: &str) -> Result<(), BadValue> {
    match s {
        blank if blank.trim().is_empty() => bad("empty", "This cannot be empty."),
        long if long.len() > 512 => bad("too_long", "Use at most 512 bytes."),
        odd if odd.chars().any(char::is_control) || odd.trim() != odd => {
            bad("bad_characters", "Use one line without blanks around it.")
        }
        _ => Ok(()),
    }
}

fn issuer(s: &str) -> Result<(), BadValue> {
    // SAML metadata bounds an entity ID likewise (saml-metadata-2.0-os, 2.2.1).
    if s.len() > 1024 {
        return bad("too_long", "Use at most 1024 bytes.");
    }
    if s.is_empty() || !s.bytes().all(|b| b.is_ascii_graphic()) {
        return bad("bad_issuer", "Send the issuer or entity ID exactly as the provider writes it: a URI.");
    }
    Ok(())
}

fn scopes(s: &str) -> Result<(), BadValue> {
    // RFC 6749, 3.3.
    let token = |t: &str| !t.is_empty() && t.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    if s.len() > 1000 || !s.split(' ').all(token) {
        return bad("bad_scopes", "Send scopes separated by single blanks, at most 1000 bytes.");
    }
    Ok(())
}

fn notes(s: &str) -> Result<(), BadValue> {
    if s.len() > 16 * 1024 {
        return bad("too_long", "Use at most 16 KB.");
    }
    match serde_json::from_str::<Value>(s) {
        Ok(_) => Ok(()),
        Err(_) => bad("bad_json", "Send JSON."),
    }
}

impl Notes {
    /// What was sent, as it may be kept. `Err`: more than 16 KB.
    pub fn of(value: &Value) -> Result<Self, BadValue> {
        value.to_string().parse()
    }
    /// The JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// An address of a provider: http or https, with a host, without credentials or fragment, at most 2,000 characters. Whether it may be
/// called is [`crate::core::ports::UrlGuard`]'s question. Kept as it was written: some providers compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderUrl {
    text: String,
    url: Url,
}

impl ProviderUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Parsed.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl FromStr for ProviderUrl {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        const RULE: &str = "Give an https URL such as https://idp.example.com/authorize.";
        if s.len() > 2000 {
            return bad("too_long", "A URL has at most 2000 characters.");
        }
        // What a parser would tidy up is refused: it is kept as it was written.
        if !s.bytes().all(|b| b.is_ascii_graphic()) || s.contains('\\') {
            return bad("bad_url", RULE);
        }
        match Url::parse(s) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) => {
                bad("bad_url", RULE)
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                bad("credentials_in_url", "Leave user name and password out of the URL.")
            }
            Ok(url) if url.fragment().is_some() => bad("bad_url", "Leave the fragment (#…) out of the URL."),
            Ok(url) => Ok(Self { text: s.to_owned(), url }),
            Err(_) => bad("bad_url", RULE),
        }
    }
}

impl TryFrom<String> for ProviderUrl {
    type Error = BadValue;
    fn try_from(s: String) -> Result<Self, BadValue> {
        s.parse()
    }
}

impl From<ProviderUrl> for String {
    fn from(url: ProviderUrl) -> Self {
        url.text
    }
}

/// What we show a provider to be the client. Never shown to anybody else.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientPassword(String);

impl ClientPassword {
    /// The text, to be sent or sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// One that the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for ClientPassword {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        line(s)?;
        Ok(Self(s.to_owned()))
    }
}

impl fmt::Debug for ClientPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientPassword(…)")
    }
}
