//! Parsed values: text that has been checked once, at the edge, and needs no check afterwards.
//!
//! Each type parses from `&str` with a [`BadValue`] that carries a stable code and says what a valid value looks like.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::core::text;

/// Why a text is not a valid value; becomes a [`crate::Violation`] of the field it came from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadValue {
    /// Stable reason: `too_long`, `reserved`.
    pub code: &'static str,
    /// What a valid value looks like.
    pub message: Cow<'static, str>,
}

pub(crate) fn bad<T>(code: &'static str, message: impl Into<Cow<'static, str>>) -> Result<T, BadValue> {
    Err(BadValue { code, message: message.into() })
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident = $parse:path;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str { &self.0 }
            /// The text, owned.
            pub fn into_string(self) -> String { self.0 }
            /// A value the database gave back: it was parsed before it was stored.
            pub fn stored(text: String) -> Self { Self(text) }
        }
        impl FromStr for $name {
            type Err = BadValue;
            fn from_str(s: &str) -> Result<Self, BadValue> { $parse(s).map(Self) }
        }
        impl TryFrom<String> for $name {
            type Error = BadValue;
            fn try_from(s: String) -> Result<Self, BadValue> { s.parse() }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Debug::fmt(&self.0, f) }
        }
    )* };
}

text! {
    /// An organization's name in URLs: 3 to 50 of `[a-z0-9_-]`, starting and ending with a letter or digit, not reserved.
    Slug = slug;
    /// A custom role's name: like [`Slug`], and none of the built-in roles.
    RoleSlug = role_slug;
    /// A service's name in URLs: like [`Slug`], without reserved words, since it stands behind its organization's.
    ServiceSlug = slug_shape;
    /// An e-mail address, ASCII, in lower case, at most 254 characters: two spellings of one mailbox are one value. An international
    /// domain is kept in its ASCII form (`xn--…`); [`Email::shown`] is for people.
    Email = email;
    /// A name for people to read: 2 to 100 characters, trimmed, of which something is seen and nothing is hidden.
    Name = name;
    /// Free text for people, at most 500 characters, without hidden ones.
    Description = description;
    /// Who a mail says that it is from: at most 100 characters, or none.
    SenderName = sender_name;
    /// A server's name or address as URLs know it: in lower case, an international name in its ASCII form, an address in its usual notation.
    HostName = host_name;
}

/// Slugs that would be mistaken for something else in a URL, a host name or the device flow.
const RESERVED: &[&str] = &[
    "api", "www", "mail", "ftp", "admin", "root", "support", "help", "docs", "blog", "news", "status", "health", "ping", "cdn",
    "assets", "static", "platform",
];

fn slug_shape(s: &str) -> Result<String, BadValue> {
    const RULE: &str = "Use 3 to 50 characters a-z, 0-9, `-` or `_`, starting and ending with a letter or digit.";
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = s.as_bytes();
    match s.len() {
        0..3 => bad("too_short", RULE),
        51.. => bad("too_long", RULE),
        _ if !bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_')) => {
            bad("bad_format", RULE)
        }
        _ if !edge(bytes.first().copied()) || !edge(bytes.last().copied()) => bad("bad_format", RULE),
        _ => Ok(s.to_owned()),
    }
}

fn slug(s: &str) -> Result<String, BadValue> {
    if RESERVED.contains(&s) {
        return bad("reserved", "This name is reserved; choose another.");
    }
    // Clients name an organization by either.
    if s.parse::<crate::OrgId>().is_ok() {
        return bad("reserved", "This is how organizations' ids look; choose another name.");
    }
    slug_shape(s)
}

fn role_slug(s: &str) -> Result<String, BadValue> {
    if ["owner", "admin", "member"].contains(&s.to_ascii_lowercase().as_str()) {
        return bad("reserved", "`owner`, `admin` and `member` are built in; choose another slug.");
    }
    slug_shape(s)
}

fn email(s: &str) -> Result<String, BadValue> {
    const RULE: &str = "Give an e-mail address such as ann@example.com.";
    let Some((local, domain)) = s.trim().rsplit_once('@') else { return bad("bad_format", RULE) };
    let s = match ascii_domain(domain) {
        Some(domain) => format!("{local}@{domain}"),
        None => return bad("bad_format", RULE),
    };
    if s.len() > 254 {
        return bad("too_long", "An e-mail address has at most 254 characters.");
    }
    let options = email_address::Options::default().without_display_text().without_domain_literal().with_required_tld();
    let valid = s.is_ascii() && !s.contains('"') && email_address::EmailAddress::parse_with_options(&s, options).is_ok();
    if valid { Ok(s.to_ascii_lowercase()) } else { bad("bad_format", RULE) }
}

/// The form that mail servers know a domain by (IDNA, UTS 46).
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    // Longer than any domain: not worth the work.
    match domain.is_ascii() || domain.len() > 1024 {
        true => Some(domain.into()),
        false => idna::domain_to_ascii_strict(domain).ok().map(Cow::Owned),
    }
}

impl Email {
    /// What stands behind the last `@`: the ASCII form of the mailbox's domain, in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// As people write it: with the letters of an international domain.
    pub fn shown(&self) -> String {
        match self.0.rsplit_once('@') {
            Some((local, domain)) if domain.split('.').any(|label| label.starts_with("xn--")) => {
                let (unicode, outcome) = idna::domain_to_unicode(domain);
                // One that is no name at all stays as it is.
                if outcome.is_ok() { format!("{local}@{unicode}") } else { self.0.clone() }
            }
            _ => self.0.clone(),
        }
    }
}

impl Name {
    /// What two spellings of one name have in common, for names that identify.
    pub fn key(&self) -> String {
        text::name_key(&self.0)
    }
}

fn readable(s: &str, min: usize, max: usize) -> Result<String, BadValue> {
    let s = s.trim();
    let length = s.chars().count();
    if length < min {
        return bad("too_short", format!("Use at least {min} characters."));
    }
    if length > max {
        return bad("too_long", format!("Use at most {max} characters."));
    }
    if !text::is_plain(s) {
        return bad("bad_characters", "Control characters and characters that are not seen are not allowed.");
    }
    if length > 0 && !text::shows(s) {
        bad("not_visible", "Use at least one character that can be seen.")
    } else {
        Ok(s.to_owned())
    }
}

fn name(s: &str) -> Result<String, BadValue> {
    readable(s, 2, 100)
}

fn description(s: &str) -> Result<String, BadValue> {
    readable(s, 0, 500)
}

fn sender_name(s: &str) -> Result<String, BadValue> {
    readable(s, 0, 100)
}

fn host_name(s: &str) -> Result<String, BadValue> {
    const RULE: &str = "Give the name or address of a server, such as smtp.example.com, without scheme, port or path.";
    let s = s.trim();
    // All notations of an address become one; what ends like an address and is none is refused.
    let host = match s.parse() {
        Ok(address) => url::Host::Ipv6(address),
        Err(_) if s.len() > 1024 || s.contains('%') => return bad("bad_host", RULE),
        Err(_) => url::Host::parse(s).or_else(|_| bad("bad_host", RULE))?,
    };
    let label = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        letters && (1..=63).contains(&label.len())
    };
    match host {
        url::Host::Ipv4(address) => Ok(address.to_string()),
        url::Host::Ipv6(address) => Ok(address.to_string()),
        url::Host::Domain(name) => match name.strip_suffix('.').unwrap_or(&name) {
            name if name.len() <= 253 && name.split('.').all(label) => Ok(name.to_owned()),
            _ => bad("bad_host", RULE),
        },
    }
}

/// A new password, in the one spelling that is hashed ([`text::opaque`]). 8 to 1,024 bytes; never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

impl Password {
    /// The text, to be hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Password {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let s = text::opaque(s);
        match s.len() {
            0..8 => bad("too_short", "Use at least 8 characters."),
            1025.. => bad("too_long", "Use at most 1024 bytes."),
            _ if !s.chars().all(text::may_be_secret) => {
                bad("bad_characters", "Control characters and unknown characters are not allowed.")
            }
            _ => Ok(Self(s.into_owned())),
        }
    }
}

impl TryFrom<String> for Password {
    type Error = BadValue;
    fn try_from(s: String) -> Result<Self, BadValue> {
        s.parse()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Which page of a list. Pages count from 1; what a caller sends is clamped, never refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// One-based.
    pub page: u32,
    /// Rows per page, 1 to 100.
    pub limit: u32,
}

impl Page {
    /// The highest row an `OFFSET` may skip to. Beyond it a page is empty.
    pub const MAX_OFFSET: u64 = 100_000;
    /// Up to here skipping costs no more than the page does.
    pub const NEAR: u64 = 1000;

    /// Clamps `page` to at least 1 and `limit` to 1..=100.
    pub fn clamped(page: Option<i64>, limit: Option<i64>, default_limit: u32) -> Self {
        let limit = limit.unwrap_or(i64::from(default_limit)).clamp(1, 100);
        let page = page.unwrap_or(1).clamp(1, i64::from(u32::MAX));
        Self { page: u32::try_from(page).unwrap_or(u32::MAX), limit: u32::try_from(limit).unwrap_or(100) }
    }
    /// Whether so many rows are skipped that it costs.
    pub fn is_deep(self) -> bool {
        self.offset() > Self::NEAR
    }
    /// Rows to skip.
    pub fn offset(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.limit)
    }
}

/// How many rows a list has in all: counted, at most up to [`Total::EXACT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// So many.
    pub n: u64,
    /// There are more, and nobody counted them.
    pub is_minimum: bool,
}

impl Total {
    /// Rows are counted up to here: nobody pages that far, and counting a long list would cost every reader.
    pub const EXACT: u64 = 10_000;

    /// All of them.
    pub fn exact(n: u64) -> Self {
        Self { n, is_minimum: false }
    }
    /// Of a count that ends one beyond [`Total::EXACT`].
    pub fn counted(n: u64) -> Self {
        Self { n: n.min(Self::EXACT), is_minimum: n > Self::EXACT }
    }
    /// With `more` rows.
    #[must_use]
    pub fn and(self, more: u64) -> Self {
        if self.is_minimum { self } else { Self::counted(self.n.saturating_add(more)) }
    }
}

/// A field of a partial update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The caller did not send it.
    #[default]
    Keep,
    /// The caller sent `null`.
    Clear,
    /// The caller sent a value.
    Set(T),
}

impl<T> Patch<T> {
    /// The value after the update, for a field that may be empty.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => current,
            Patch::Clear => None,
            Patch::Set(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests;
