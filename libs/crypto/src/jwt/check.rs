//! What a token must look like and say, apart from its signature.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Time;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::JwtError;
use crate::jwk::Alg;

/// The longest header we read, as base64url. Ours have about 110 bytes.
const MAX_HEADER: usize = 1024;

/// 31 December 9999: a later time is a mistake or an attempt to overflow something.
const LAST_SECOND: i64 = 253_402_300_799;

/// What a token must say to be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The header's `typ`, exactly. It keeps an ID token from passing as an access token.
    pub typ: &'static str,
    /// The `iss` claim, exactly.
    pub issuer: String,
    /// Who the token must be for. With `None` the caller judges `aud` himself.
    pub audience: Option<AudienceRule>,
}

/// Rule for the `aud` claim, a text or an array of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudienceRule {
    /// This audience and no other.
    Exactly(String),
    /// At least one of these, perhaps among others.
    AnyOf(Vec<String>),
}

impl AudienceRule {
    fn allows(&self, audiences: &[&str]) -> bool {
        match self {
            Self::Exactly(only) => audiences == [only.as_str()],
            Self::AnyOf(ours) => audiences.iter().any(|audience| ours.iter().any(|our| our == audience)),
        }
    }
}

impl Expected {
    /// Checks the claims of a token whose signature is good.
    pub(super) fn check(&self, claims: &Map<String, Value>, now: Time) -> Result<(), JwtError> {
        let expires = time(claims, "exp")?.ok_or(JwtError::Malformed)?;
        let not_before = time(claims, "nbf")?;
        time(claims, "iat")?;
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer.as_str()) {
            return Err(JwtError::Wrong);
        }
        if let Some(rule) = &self.audience
            && !rule.allows(&audiences(claims)?)
        {
            return Err(JwtError::Wrong);
        }
        if not_before.is_some_and(|from| from > now.timestamp()) {
            return Err(JwtError::Wrong);
        }
        // Last, so that "expired, refresh it" is only ever said about a token that was good here.
        if expires <= now.timestamp() { Err(JwtError::Expired) } else { Ok(()) }
    }
}

/// A time claim. Only a JSON integer counts: a library once skipped the check when `exp` was a text (CVE-2026-25537).
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, JwtError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_i64().filter(|seconds| (0..=LAST_SECOND).contains(seconds)).map(Some).ok_or(JwtError::Malformed)
}

fn audiences(claims: &Map<String, Value>) -> Result<Vec<&str>, JwtError> {
    match claims.get("aud") {
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(many)) => many.iter().map(|item| item.as_str().ok_or(JwtError::Malformed)).collect(),
        Some(_) => Err(JwtError::Malformed),
        None => Err(JwtError::Wrong),
    }
}

/// The whole header of our tokens. Anything else in it (`jku`, `x5u`, `jwk`, `x5c`, `crit`, a name given twice) is refused: we
/// never write it, and following such hints means trusting a key that the token itself brought along.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) alg: Alg,
    pub(crate) typ: String,
    pub(crate) kid: String,
}

/// Reads the header of a token that has exactly three parts.
pub(super) fn header(token: &str) -> Result<Header, JwtError> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(JwtError::Malformed);
    };
    if header.len() > MAX_HEADER {
        return Err(JwtError::Malformed);
    }
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)
}

/// A JSON object in which no name occurs twice, so that nobody downstream can read another value than we checked.
pub(crate) struct UniqueObject(pub(crate) Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueNames).map(Self)
    }
}

struct UniqueNames;

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(map)
    }
}
