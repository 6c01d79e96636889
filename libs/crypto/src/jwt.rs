//! JSON Web Tokens: what we sign, and the strict reading of what comes back.
//!
//! A [`KeySet`] is an immutable picture of all our signing keys; the caller builds a new one when keys change. The newest active
//! key signs. The algorithm is never the token's choice: the key that `kid` names has exactly one, and the header must say the same.
//! Signatures and key handling are jsonwebtoken's and AWS-LC's; everything that lenient JWT libraries were attacked through (key
//! hints in the header, mistyped times, types of token mixed up) is refused here first.

mod check;

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Error, Result, Time};
use jsonwebtoken::{DecodingKey, Validation, errors::ErrorKind};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::jwk::{Alg, SigningKey};
pub(crate) use check::UniqueObject;
pub use check::{AudienceRule, Expected};

/// Longer tokens are neither made nor read: they do not fit into the headers that carry them.
const MAX_TOKEN: usize = 8 * 1024;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not a token as we write them.
    #[error("malformed token")]
    Malformed,
    /// No live key has the header's `kid`. Load the keys again once, another process may have rotated them; then refuse.
    #[error("token signed with an unknown key")]
    UnknownKey,
    /// Ours, and its time is over.
    #[error("expired token")]
    Expired,
    /// Well-formed, but forged, of another type, for somebody else, or not valid yet.
    #[error("token not valid here")]
    Wrong,
}

impl From<JwtError> for Error {
    fn from(error: JwtError) -> Self {
        let refusal = match error {
            JwtError::Expired => Self::unauthenticated("token_expired", "The token has expired. Refresh it or sign in again."),
            _ => Self::unauthenticated(
                "invalid_token",
                "The token is not valid here. Sign in again and send the new token unchanged.",
            ),
        };
        refusal.because(error)
    }
}

/// What a token says that it is, before anybody has checked that: to know with which expectation to [`KeySet::verify`] it.
pub fn claimed_type(token: &str) -> Option<String> {
    if token.len() > MAX_TOKEN { None } else { check::header(token).ok().map(|header| header.typ) }
}

/// All signing keys at one moment. Cloning is cheap.
#[derive(Clone)]
pub struct KeySet(Arc<[Entry]>);

struct Entry {
    key: SigningKey,
    active_from: Time,
    retired_at: Option<Time>,
    rules: Validation,
}

impl Entry {
    fn live(&self, now: Time) -> bool {
        self.retired_at.is_none_or(|at| now < at)
    }
}

impl KeySet {
    /// A set of keys, each with the moment from which it signs and the moment from which it is dead. Publish a key (put it into
    /// the set) some time before it signs, because relying parties cache our JWKS; retire it once the last token it signed is over.
    pub fn new(keys: Vec<(SigningKey, Time, Option<Time>)>) -> Self {
        let mut entries: Vec<Entry> = keys.into_iter().map(|(key, from, retired)| entry(key, from, retired)).collect();
        // Newest first; the id decides between two of the same moment, so that all processes agree.
        entries.sort_by(|a, b| (b.active_from, b.key.kid()).cmp(&(a.active_from, a.key.kid())));
        Self(entries.into())
    }

    /// Signs `claims` with the newest active key of any algorithm. `typ` says what sort of token it is (`at+jwt`, `JWT`, ...).
    ///
    /// # Errors
    ///
    /// `Internal` when there is no key, or the token would be longer than we read.
    pub fn sign<C: Serialize>(&self, typ: &str, claims: &C, now: Time) -> Result<String> {
        self.sign_by(self.signer(now, |_| true), typ, claims)
    }

    /// Whether there is a key for `alg`.
    pub fn has(&self, alg: Alg, now: Time) -> bool {
        self.signer(now, |entry| entry.key.alg() == alg).is_some()
    }

    /// Signs with the newest active key for `alg`.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn sign_with<C: Serialize>(&self, alg: Alg, typ: &str, claims: &C, now: Time) -> Result<String> {
        self.sign_by(self.signer(now, |entry| entry.key.alg() == alg), typ, claims)
    }

    /// The claims of `token`, when it is ours, untouched, of the `expected` type, issuer and audience, and valid `now`.
    ///
    /// # Errors
    ///
    /// See [`JwtError`].
    pub fn verify<C: DeserializeOwned>(&self, token: &str, expected: &Expected, now: Time) -> Result<C, JwtError> {
        if token.len() > MAX_TOKEN {
            return Err(JwtError::Malformed);
        }
        let header = check::header(token)?;
        let known = self.0.iter().find(|entry| entry.key.kid() == header.kid && entry.live(now));
        let entry = known.ok_or(JwtError::UnknownKey)?;
        if header.alg != entry.key.alg() || header.typ != expected.typ {
            return Err(JwtError::Wrong);
        }
        let claims =
            jsonwebtoken::decode::<UniqueObject>(token, &entry.key.public, &entry.rules).map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => JwtError::Wrong,
                _ => JwtError::Malformed,
            })?;
        let claims = claims.claims.0;
        expected.check(&claims, now)?;
        serde_json::from_value(claims.into()).map_err(|_| JwtError::Malformed)
    }

    /// The JWKS document: the active key of each algorithm first, then those not yet active and those that no longer sign but
    /// whose tokens still live. Retired keys are not in it.
    pub fn jwks(&self, now: Time) -> serde_json::Value {
        let mut active: Vec<&Entry> = Vec::new();
        for entry in self.active(now) {
            if active.iter().all(|newer| newer.key.alg() != entry.key.alg()) {
                active.push(entry);
            }
        }
        let is_active = |entry: &Entry| active.iter().any(|other| std::ptr::eq(*other, entry));
        let others = self.0.iter().filter(|entry| entry.live(now) && !is_active(entry));
        let keys: Vec<_> = active.iter().copied().chain(others).map(|entry| entry.key.jwk()).collect();
        json!({ "keys": keys })
    }

    /// Keys that may sign, newest first.
    fn active(&self, now: Time) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.active_from <= now && entry.live(now))
    }

    /// The newest active key that fits. While none is active (the clock was set back behind all of them), the oldest: whoever verifies
    /// knows it already, and nobody could sign in otherwise.
    fn signer(&self, now: Time, fits: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        let active = self.active(now).find(|entry| fits(entry));
        active.or_else(|| self.0.iter().rfind(|entry| entry.live(now) && fits(entry)))
    }

    fn sign_by<C: Serialize>(&self, entry: Option<&Entry>, typ: &str, claims: &C) -> Result<String> {
        let key = &entry.ok_or_else(|| Error::internal("there is no signing key"))?.key;
        sign_jws(key, typ, claims)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| &entry.key)).finish()
    }
}

/// Signs anything as a compact JWS.
pub(crate) fn sign_jws<C: Serialize>(key: &SigningKey, typ: &str, claims: &C) -> Result<String> {
    let header = check::Header { alg: key.alg(), typ: typ.to_owned(), kid: key.kid().to_owned() };
    let mut token = format!("{}.{}", base64_json(&header)?, base64_json(claims)?);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    if token.len() > MAX_TOKEN {
        return Err(Error::internal("a token is longer than we read ourselves"));
    }
    Ok(token)
}

/// The header of a compact JWS, nothing of which is checked yet.
pub(crate) fn jws_header(token: &str) -> Result<check::Header, JwtError> {
    if token.len() > MAX_TOKEN { Err(JwtError::Malformed) } else { check::header(token) }
}

/// The payload of a compact JWS that `key` signed with `alg`, which the caller has compared with the header's.
pub(crate) fn open_jws<C: DeserializeOwned>(token: &str, key: &DecodingKey, alg: Alg) -> Result<C, JwtError> {
    let payload = jsonwebtoken::decode::<UniqueObject>(token, key, &signature_only(alg)).map_err(|_| JwtError::Wrong)?;
    serde_json::from_value(payload.claims.0.into()).map_err(|_| JwtError::Malformed)
}

fn base64_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_vec(value).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(Error::internal)
}

/// jsonwebtoken checks the signature only: times, issuer and audience are checked by us, against the caller's clock.
fn signature_only(alg: Alg) -> Validation {
    let mut rules = Validation::new(alg.algorithm());
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules
}

fn entry(key: SigningKey, active_from: Time, retired_at: Option<Time>) -> Entry {
    let rules = signature_only(key.alg());
    Entry { key, active_from, retired_at, rules }
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod tests;
