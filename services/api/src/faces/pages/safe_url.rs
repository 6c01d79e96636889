//! Addresses that may stand in a page's `href`, `action` or `src`. Templates know no contexts: whether an address runs something when it is
//! pressed is decided here, once, and a page takes no other.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};
use url::Url;

/// An address that leads somewhere and runs nothing: a path of ours, `http`, `https`, or the scheme of a native application, which has a
/// dot in it (RFC 8252, 7.1). Never `javascript:`, `data:` or anything else that a browser runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SafeUrl(String);

impl SafeUrl {
    /// The address, if it is one of these.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if is_own(text) {
            return Some(Self(text.to_owned()));
        }
        let url = Url::parse(text).ok()?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        // As the parser wrote it: without the tabs and line ends that browsers overlook.
        (web || url.scheme().contains('.')).then(|| Self(url.into()))
    }

    /// A path of ours; the root in place of what is none.
    pub(crate) fn own(path: impl Into<String>) -> Self {
        let path = path.into();
        Self(if is_own(&path) { path } else { "/".to_owned() })
    }

    /// The text, to be escaped.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it leads, for people: the host, or all of it where there is none.
    pub(crate) fn shown(&self) -> String {
        let host = Url::parse(&self.0).ok().and_then(|url| {
            let host = url.host_str().filter(|host| !host.is_empty())?;
            Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
        });
        host.unwrap_or_else(|| self.0.clone())
    }
}

/// A path on our host. Browsers read `\` as `/` and drop tabs and line ends, and `//` begins a foreign host.
fn is_own(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && !text.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace())
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Templates see `href` and `shown`: a test lets no other value stand where an address does.
impl Serialize for SafeUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut url = serializer.serialize_struct("SafeUrl", 2)?;
        url.serialize_field("href", self.as_str())?;
        url.serialize_field("shown", &self.shown())?;
        url.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_run_is_no_address() {
        for text in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,<script>",
            "vbscript:x",
            "blob:https://a.example/x",
            "file:///etc/passwd",
            "about:blank",
            "mailto:ann@example.com",
            "myapp:/callback",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https://",
            "relative",
            "",
        ] {
            assert_eq!(SafeUrl::parse(text), None, "{text}");
            assert_eq!(SafeUrl::own(text).as_str(), "/", "{text}");
        }
    }

    #[test]
    fn paths_sites_and_native_applications_are() {
        for (text, shown) in [
            ("/signin/7Qm2?x=1", "/signin/7Qm2?x=1"),
            ("https://app.example/cb?a=%22", "app.example"),
            ("http://127.0.0.1:8400/cb", "127.0.0.1:8400"),
            ("com.example.app:/callback", "com.example.app:/callback"),
        ] {
            let url = SafeUrl::parse(text).expect("an address");
            assert_eq!((url.as_str(), url.shown().as_str()), (text, shown));
        }
    }
}
