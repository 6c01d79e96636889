//! APIs that tokens are for. The platform registers those of the SaaS company; an organization's are the `resource_uris` of its services, under
//! hosts that it has proven. An API is named by its audience, and nobody mints another's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::core::id::id;
use crate::{
    Time,
    core::value::{BadValue, Description, Name, bad},
};

id! {
    /// An API that tokens are for.
    ResourceServerKind ResourceServerId = "api"
}

/// How many the platform may have.
pub const MAX_RESOURCE_SERVERS: i64 = 1000;

/// An API's name in tokens, compared byte by byte: 1 to 500 visible ASCII characters. It stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Audience(String);

impl Audience {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A text the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
    /// Whether it is one of ours: `public_url` is where we are.
    pub fn is_ours(&self, public_url: &str) -> bool {
        let own = public_url.trim_end_matches('/');
        self.0.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '?', '#']))
    }
}

impl FromStr for Audience {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        if s.is_empty() || s.len() > 500 || !s.bytes().all(|b| b.is_ascii_graphic()) {
            return bad("bad_audience", "Use 1 to 500 visible ASCII characters, such as https://api.example.com/.");
        }
        if s == "platform" || s.starts_with("org:") || s.starts_with("service:") {
            return bad("reserved", "This audience is one of our own; choose another.");
        }
        Ok(Self(s.to_owned()))
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of something that may be done at an API, as RFC 6749 spells scopes: at most 100 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let spelled = s.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
        if s.is_empty() || s.len() > 100 || !spelled {
            return bad(
                "bad_scope",
                "Use 1 to 100 visible ASCII characters without quotes and backslashes, such as read:orders.",
            );
        }
        Ok(Self(s.to_owned()))
    }
}

/// Scopes, each once, in their order. Written and stored with blanks between.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// How many there may be.
    pub const MAX: usize = 100;

    /// Those of a list.
    pub fn of(all: impl IntoIterator<Item = Scope>) -> Self {
        let mut scopes = Vec::new();
        for scope in all {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Self(scopes)
    }
    /// Those of a text with blanks between.
    pub fn parse(text: &str) -> Result<Self, BadValue> {
        let all: Vec<Scope> = text.split(' ').filter(|part| !part.is_empty()).map(str::parse).collect::<Result<_, _>>()?;
        if all.len() > Self::MAX { bad("too_many", format!("Name at most {} scopes.", Self::MAX)) } else { Ok(Self::of(all)) }
    }
    /// A text the database gave back.
    pub fn stored(text: &str) -> Self {
        Self(text.split(' ').filter(|part| !part.is_empty()).map(|part| Scope(part.to_owned())).collect())
    }
    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Those that the others hold as well.
    #[must_use]
    pub fn within(&self, others: &Self) -> Self {
        Self(self.0.iter().filter(|scope| others.0.contains(scope)).cloned().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.0.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { "" } else { " " }, scope.as_str())?;
        }
        Ok(())
    }
}

/// What tokens for an API are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenAlg {
    /// RSA: every API knows it.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256: shorter, and made twenty times as fast.
    #[serde(rename = "ES256")]
    Es256,
}

impl TokenAlg {
    /// Its name (RFC 7518).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

impl FromStr for TokenAlg {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            _ => bad("unknown_alg", "Use RS256 or ES256."),
        }
    }
}

/// How long a token lives, in seconds: one minute to one day. It cannot be revoked before: an API verifies it without asking us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLife(i64);

impl Default for TokenLife {
    fn default() -> Self {
        Self(600)
    }
}

impl TryFrom<i64> for TokenLife {
    type Error = BadValue;
    fn try_from(seconds: i64) -> Result<Self, BadValue> {
        match seconds {
            60..=86_400 => Ok(Self(seconds)),
            _ => bad("out_of_range", "Use a whole number of seconds from 60 to 86400."),
        }
    }
}

impl From<TokenLife> for i64 {
    fn from(life: TokenLife) -> Self {
        life.0
    }
}

/// An API of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceServer {
    /// Identifier.
    pub id: ResourceServerId,
    /// Its name in tokens.
    pub audience: Audience,
    /// For people.
    pub name: Name,
    /// For people.
    pub description: Option<Description>,
    /// What may be done there.
    pub scopes: Scopes,
    /// What its tokens are signed with.
    pub alg: TokenAlg,
    /// How long they live.
    pub life: TokenLife,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audiences_are_texts_of_others() {
        for (text, code) in [
            ("https://api.example.com/", None),
            ("orders", None),
            ("", Some("bad_audience")),
            ("two words", Some("bad_audience")),
            ("ünicode", Some("bad_audience")),
            ("platform", Some("reserved")),
            ("org:acme", Some("reserved")),
            ("service:acme/crm", Some("reserved")),
        ] {
            assert_eq!(text.parse::<Audience>().err().map(|e| e.code), code, "{text}");
        }
        let ours = |text: &str| text.parse::<Audience>().unwrap().is_ours("https://sso.example.com");
        assert!(
            ours("https://sso.example.com") && ours("https://sso.example.com/my-org/") && ours("https://sso.example.com:443/")
        );
        assert!(!ours("https://sso.example.com.evil.example/") && !ours("https://api.example.com/"));
    }

    #[test]
    fn scopes_are_each_once_and_in_their_order() {
        let scopes = Scopes::parse("write:orders read:orders  write:orders").unwrap();
        assert_eq!(scopes.to_string(), "write:orders read:orders");
        assert_eq!(Scopes::stored(&scopes.to_string()), scopes);
        assert_eq!(scopes.within(&Scopes::parse("read:orders more").unwrap()).to_string(), "read:orders");
        assert_eq!(Scopes::parse("a\"b").unwrap_err().code, "bad_scope");
        let many: Vec<_> = (0..=Scopes::MAX).map(|n| n.to_string()).collect();
        assert_eq!(Scopes::parse(&many.join(" ")).unwrap_err().code, "too_many");
    }
}
