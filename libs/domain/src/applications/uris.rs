//! URIs that applications register, compared as exact texts. One function decides what may be registered and one what matches, because
//! the field's takeovers come from matchers that are cleverer than that (T32).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::core::value::{BadValue, bad};

/// Longest registered URI, in bytes.
const LONGEST: usize = 2000;

/// Where a sign-in may come back to: an exact text that has one reading only. `https`; `http` on this machine; or, for what is installed
/// ([`RedirectUri::is_native_only`]), a scheme of its own with a dot in it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

/// Answers of ours are added to the query: one that is there already would be read instead.
const OURS: [&str; 8] = ["code", "state", "iss", "error", "response", "id_token", "access_token", "error_description"];

impl RedirectUri {
    /// The text, as it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A text the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
    /// Whether only an installed application can receive it: its scheme belongs to no host.
    pub fn is_native_only(&self) -> bool {
        !["https://", "http://"].iter().any(|start| self.0.starts_with(start))
    }
    /// Whether a request may come back to `asked`: the same bytes. An installed application gets its port from the system when it starts,
    /// so for those (`native`) the port may differ where both name the same loopback host over `http` (RFC 8252, 7.3).
    pub fn matches(&self, asked: &str, native: bool) -> bool {
        if self.0 == asked {
            return true;
        }
        let parts = native.then(|| Some((loopback(&self.0)?, loopback(asked)?)));
        // What was asked for must be a text that could be registered as well.
        parts.flatten().is_some_and(|(mine, theirs)| mine == theirs) && asked.parse::<Self>().is_ok()
    }
}

/// Host and everything behind the port, of `http` on a loopback host.
fn loopback(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| authority.starts_with(host))?;
    let port = &authority[host.len()..];
    let numbered = |port: &str| port.parse::<u16>().is_ok_and(|n| n > 0) && port.bytes().all(|b| b.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(numbered)).then_some((&authority[..host.len()], path))
}

/// Parses a text that already is what a URL parser would make of it: so that nobody reads another host, path or scheme out of it. A missing
/// path may stay missing.
fn unambiguous(s: &str) -> Result<Url, BadValue> {
    if s.len() > LONGEST {
        return bad("too_long", format!("A URI has at most {LONGEST} characters."));
    }
    let allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}');
    if !s.bytes().all(allowed) {
        return bad("bad_characters", "Use ASCII characters that a URI may hold; encode all others.");
    }
    if s.contains('*') {
        return bad("wildcard", "Wildcards are not allowed: register each URI.");
    }
    if s.contains('#') {
        return bad("fragment", "Leave the fragment (#…) out.");
    }
    let Ok(url) = Url::parse(s) else { return bad("bad_uri", "Give an absolute URI such as https://app.example.com/callback.") };
    if !url.username().is_empty() || url.password().is_some() || authority(s).contains('@') {
        return bad("credentials_in_uri", "Leave user name and password out of the URI.");
    }
    if ["/./", "/../"].iter().any(|dots| format!("{}/", url.path()).contains(dots)) {
        return bad("dot_segments", "Leave `.` and `..` out of the path.");
    }
    let same = url.as_str() == s || url.path() == "/" && url.query().is_none() && url.as_str().strip_suffix('/') == Some(s);
    if same { Ok(url) } else { bad("not_normal", format!("Write it as {url}, which is what this would be read as.")) }
}

fn authority(s: &str) -> &str {
    let rest = s.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

fn redirect(s: &str) -> Result<Url, BadValue> {
    let url = unambiguous(s)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return bad("not_https", "Use https; http is for localhost, 127.0.0.1 and [::1] only."),
        own if own.contains('.') => {}
        _ => return bad("bad_scheme", "Use https, or a scheme of your own with a dot, such as com.example.app."),
    }
    match url.query_pairs().find(|(name, _)| OURS.contains(&name.to_ascii_lowercase().as_str())) {
        Some((name, _)) => bad("reserved_parameter", format!("The query parameter `{name}` is added to answers; leave it out.")),
        None => Ok(url),
    }
}

impl FromStr for RedirectUri {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        redirect(s).map(|_| Self(s.to_owned()))
    }
}

/// A page that a browser is shown, such as where a device's user types the code; or where a client is told something.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageUri(String);

impl PageUri {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A text the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for PageUri {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let url = redirect(s)?;
        let page = matches!(url.scheme(), "https" | "http");
        if page {
            Ok(Self(s.to_owned()))
        } else {
            bad("not_https", "Use https; http is for localhost, 127.0.0.1 and [::1] only.")
        }
    }
}

/// What access tokens can be for: the `https` URI of an API, as an exact text (RFC 8707).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceUri(String);

impl ResourceUri {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A text the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
    /// The host that answers there.
    pub fn host(&self) -> &str {
        let authority = authority(&self.0);
        authority.rsplit_once(':').map_or(authority, |(host, _)| host)
    }
}

impl FromStr for ResourceUri {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let url = unambiguous(s)?;
        match (url.scheme(), url.host()) {
            ("https", Some(Host::Domain(_))) => Ok(Self(s.to_owned())),
            _ => bad("not_https", "Give the https URI of an API, with a host's name, such as https://api.example.com/."),
        }
    }
}

macro_rules! texts {
    ($($ty:ident),*) => { $(
        impl TryFrom<String> for $ty {
            type Error = BadValue;
            fn try_from(s: String) -> Result<Self, BadValue> { s.parse() }
        }
        impl From<$ty> for String {
            fn from(uri: $ty) -> String { uri.0 }
        }
        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Debug::fmt(&self.0, f) }
        }
    )* };
}
texts!(RedirectUri, PageUri, ResourceUri);

#[cfg(test)]
mod tests;
