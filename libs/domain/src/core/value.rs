//! Parsed values: text that has been checked once, at the edge, and needs no check afterwards.
//!
//! Each type parses from `&str` with a [`BadValue`] that carries a stable code and says what a valid value looks like.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

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
    /// An e-mail address, ASCII, in lower case, at most 254 characters: two spellings of one mailbox are one value.
    Email = email;
    /// A name for people to read: 2 to 100 characters, trimmed, without control characters.
    Name = name;
    /// Free text for people, at most 500 characters, without control characters.
    Description = description;
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
    slug_shape(s)
}

fn role_slug(s: &str) -> Result<String, BadValue> {
    if ["owner", "admin", "member"].contains(&s.to_ascii_lowercase().as_str()) {
        return bad("reserved", "`owner`, `admin` and `member` are built in; choose another slug.");
    }
    slug_shape(s)
}

fn email(s: &str) -> Result<String, BadValue> {
    let s = s.trim();
    if s.len() > 254 {
        return bad("too_long", "An e-mail address has at most 254 characters.");
    }
    let options = email_address::Options::default().without_display_text().without_domain_literal().with_required_tld();
    let valid = s.is_ascii() && !s.contains('"') && email_address::EmailAddress::parse_with_options(s, options).is_ok();
    if valid { Ok(s.to_ascii_lowercase()) } else { bad("bad_format", "Give an e-mail address such as ann@example.com.") }
}

/// Characters that change how the text around them is shown: direction overrides, zero-width joiners, controls.
fn deceptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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
    if s.chars().any(deceptive) { bad("bad_characters", "Control characters are not allowed.") } else { Ok(s.to_owned()) }
}

fn name(s: &str) -> Result<String, BadValue> {
    readable(s, 2, 100)
}

fn description(s: &str) -> Result<String, BadValue> {
    readable(s, 0, 500)
}

/// A password as its owner typed it. 8 to 1,024 bytes; never shown.
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
        match s.len() {
            0..8 => bad("too_short", "Use at least 8 characters."),
            1025.. => bad("too_long", "Use at most 1024 bytes."),
            _ if s.contains('\0') => bad("bad_characters", "NUL is not allowed."),
            _ => Ok(Self(s.to_owned())),
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
    /// The highest row an `OFFSET` may skip to. Beyond it a page is empty; use a filter or an export.
    pub const MAX_OFFSET: u64 = 100_000;

    /// Clamps `page` to at least 1 and `limit` to 1..=100.
    pub fn clamped(page: Option<i64>, limit: Option<i64>, default_limit: u32) -> Self {
        let limit = limit.unwrap_or(i64::from(default_limit)).clamp(1, 100);
        let page = page.unwrap_or(1).clamp(1, i64::from(u32::MAX));
        Self { page: u32::try_from(page).unwrap_or(u32::MAX), limit: u32::try_from(limit).unwrap_or(100) }
    }
    /// Rows to skip.
    pub fn offset(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.limit)
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
mod tests {
    use super::*;

    fn code<T: FromStr<Err = BadValue>>(s: &str) -> &'static str {
        s.parse::<T>().err().map_or("ok", |e| e.code)
    }

    #[test]
    fn slugs() {
        for (text, expected) in [
            ("acme", "ok"),
            ("a-1_b", "ok"),
            ("ab", "too_short"),
            ("Acme", "bad_format"),
            ("-acme", "bad_format"),
            ("acme_", "bad_format"),
            ("api", "reserved"),
            ("platform", "reserved"),
            ("a/b", "bad_format"),
            ("a..b", "bad_format"),
            ("acmé", "bad_format"),
            ("a b c", "bad_format"),
        ] {
            assert_eq!(code::<Slug>(text), expected, "{text}");
        }
        assert_eq!(code::<Slug>(&"a".repeat(50)), "ok");
        assert_eq!(code::<Slug>(&"a".repeat(51)), "too_long");
        assert_eq!(code::<RoleSlug>("Owner"), "reserved");
    }

    #[test]
    fn one_mailbox_is_one_value() {
        assert_eq!(" Ann@Example.COM ".parse::<Email>(), "ann@example.com".parse());
        for text in [
            "",
            "ann",
            "@x.test",
            "ann@",
            "ann@x",
            "a b@x.test",
            "ann@x.test\r\nBcc: e@x.test",
            "Ann <ann@x.test>",
            "ann@[127.0.0.1]",
            "аnn@x.test",
            "\"a\"@x.test",
        ] {
            assert_eq!(code::<Email>(text), "bad_format", "{text}");
        }
        assert_eq!(code::<Email>(&format!("{}@x.test", "a".repeat(250))), "too_long");
    }

    #[test]
    fn names_cannot_deceive() {
        assert_eq!(code::<Name>("Ärzte & Söhne GmbH"), "ok");
        assert_eq!(code::<Name>(" x "), "too_short");
        assert_eq!(code::<Name>("acme\u{202e}moc"), "bad_characters");
        assert_eq!(code::<Name>("a\nb"), "bad_characters");
    }

    #[test]
    fn pages_are_clamped() {
        assert_eq!(Page::clamped(Some(0), Some(-3), 50), Page { page: 1, limit: 1 });
        assert_eq!(Page::clamped(None, Some(1000), 50), Page { page: 1, limit: 100 });
        assert_eq!(Page::clamped(Some(i64::MAX), None, 20).limit, 20);
    }
}
