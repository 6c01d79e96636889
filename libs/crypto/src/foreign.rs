//! Signatures by keys that are not ours: what OAuth clients sign to show that it is they (RFC 7523). The header is read as strictly as our own
//! tokens' ([`crate::jwt`]): it says an algorithm and perhaps which key, brings no key along, and no name comes twice. The algorithm must be one that
//! we allow and that the key is made for, so a public key is never taken for a secret. One kind of token does bring its key along, a proof that somebody
//! holds it (RFC 9449): it says nothing but that.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, ThumbprintHash},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::jwt::{JwtError, UniqueObject};

/// Longer tokens are not read.
const MAX_TOKEN: usize = 8 * 1024;
/// Longer headers are not read; with a key in it, an RSA key of 8192 bits fits.
const MAX_HEADER: usize = 1024;
const MAX_HEADER_WITH_KEY: usize = 3072;
/// What a proof of possession is called (RFC 9449, 4.2).
const POSSESSION: &str = "dpop+jwt";
/// What only whoever holds a key knows of it (RFC 7518, 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// What clients may sign with (RFC 7518, RFC 8037); as discovery publishes it.
pub const ALGORITHMS: [&str; 5] = ["RS256", "RS384", "PS256", "ES256", "EdDSA"];

/// A key is none that we verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use RSA keys of 2048 to 8192 bits, P-256 or Ed25519, for signatures")]
pub struct NotAKey;

/// Public keys of somebody.
pub struct ForeignKeys(Vec<ForeignKey>);

struct ForeignKey {
    kid: Option<String>,
    algorithms: &'static [Algorithm],
    /// What the key says that it is for.
    only: Option<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "x5t")]
    _thumbprint: Option<String>,
    #[serde(default, rename = "x5t#S256")]
    _thumbprint_sha256: Option<String>,
}

impl ForeignKeys {
    /// The keys of a JWK Set, each of which must be one that we verify with.
    pub fn parse<'a>(keys: impl IntoIterator<Item = &'a Value>) -> Result<Self, NotAKey> {
        keys.into_iter().map(foreign_key).collect::<Result<_, _>>().map(Self)
    }

    /// The claims of a token that one of the keys signed, of one of these types; `None` among them: without a type. Times, issuer and audience are
    /// not checked here.
    pub fn open<C: DeserializeOwned>(&self, token: &str, types: &[Option<&str>]) -> Result<C, JwtError> {
        let header: Header = header(token, MAX_HEADER)?;
        let typ = header.typ.as_deref();
        if !types.iter().any(|known| known.map(str::to_ascii_lowercase) == typ.map(str::to_ascii_lowercase)) {
            return Err(JwtError::Wrong);
        }
        self.claims(token, &header.alg, header.kid.as_deref())
    }

    fn claims<C: DeserializeOwned>(&self, token: &str, alg: &str, kid: Option<&str>) -> Result<C, JwtError> {
        let Some(alg) = ALGORITHMS.contains(&alg).then(|| alg.parse::<Algorithm>().ok()).flatten() else {
            return Err(JwtError::Wrong);
        };
        let named = |key: &&ForeignKey| kid.is_none() || key.kid.is_none() || key.kid.as_deref() == kid;
        let fits = |key: &&ForeignKey| key.algorithms.contains(&alg) && key.only.is_none_or(|only| only == alg);
        let mut fitting = self.0.iter().filter(named).filter(fits).peekable();
        if fitting.peek().is_none() {
            return Err(JwtError::UnknownKey);
        }
        let opened = fitting.find_map(|key| jsonwebtoken::decode::<UniqueObject>(token, &key.key, &signature_only(alg)).ok());
        let claims = opened.ok_or(JwtError::Wrong)?.claims.0;
        serde_json::from_value(claims.into()).map_err(|_| JwtError::Malformed)
    }
}

/// What a token claims, unverified: to find whose keys to open it with.
pub fn unverified<C: DeserializeOwned>(token: &str) -> Option<C> {
    header::<Header>(token, MAX_HEADER).ok()?;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The header of a proof of possession.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PossessionHeader {
    alg: String,
    typ: String,
    jwk: Value,
    #[serde(default, rename = "kid")]
    _kid: Option<String>,
}

/// What somebody claims who holds a key, and that key's thumbprint (RFC 7638). The key is in the proof itself, so the claims are worth nothing but by the
/// key: whether it is the one that something is bound to, the caller decides, and whether the proof is for this request, now, and for the first time.
pub fn possessed<C: DeserializeOwned>(proof: &str) -> Result<(String, C), JwtError> {
    let header: PossessionHeader = header(proof, MAX_HEADER_WITH_KEY)?;
    if !header.typ.eq_ignore_ascii_case(POSSESSION) || PRIVATE.iter().any(|name| header.jwk.get(name).is_some()) {
        return Err(JwtError::Wrong);
    }
    let key = ForeignKeys::parse([&header.jwk]).map_err(|_| JwtError::UnknownKey)?;
    let claims = key.claims(proof, &header.alg, None)?;
    let jwk: Jwk = serde_json::from_value(header.jwk).map_err(|_| JwtError::Malformed)?;
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| JwtError::UnknownKey)?;
    Ok((thumbprint, claims))
}

fn header<H: DeserializeOwned>(token: &str, longest: usize) -> Result<H, JwtError> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(JwtError::Malformed);
    };
    if token.len() > MAX_TOKEN || header.len() > longest {
        return Err(JwtError::Malformed);
    }
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)
}

fn foreign_key(value: &Value) -> Result<ForeignKey, NotAKey> {
    let jwk: Jwk = serde_json::from_value(value.clone()).map_err(|_| NotAKey)?;
    let other_use = value["use"].as_str().is_some_and(|used| used != "sig");
    let verifies = value["key_ops"].as_array().is_none_or(|all| all.iter().any(|one| one == "verify"));
    if other_use || !verifies {
        return Err(NotAKey);
    }
    let algorithms: &'static [Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let bytes = URL_SAFE_NO_PAD.decode(&rsa.n).map_err(|_| NotAKey)?;
            let bits = bytes
                .iter()
                .position(|byte| *byte != 0)
                .map_or(0, |zeros| (bytes.len() - zeros) * 8 - bytes[zeros].leading_zeros() as usize);
            // What has no inverse, or none but itself, is no key: every text would be its own signature.
            let exponent = URL_SAFE_NO_PAD.decode(&rsa.e).map_err(|_| NotAKey)?;
            let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last % 2 == 1);
            let significant = exponent.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<_>>();
            if !(2048..=8192).contains(&bits) || !is_odd(&bytes) || !is_odd(&significant) || significant == [1] {
                return Err(NotAKey);
            }
            &[Algorithm::RS256, Algorithm::RS384, Algorithm::PS256]
        }
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 && is_field(&ec.x) && is_field(&ec.y) => {
            &[Algorithm::ES256]
        }
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 && is_field(&okp.x) => &[Algorithm::EdDSA],
        _ => return Err(NotAKey),
    };
    let only = match value["alg"].as_str() {
        None => None,
        Some(name) => Some(name.parse::<Algorithm>().ok().filter(|alg| algorithms.contains(alg)).ok_or(NotAKey)?),
    };
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| NotAKey)?;
    Ok(ForeignKey { kid: jwk.common.key_id, algorithms, only, key })
}

/// Whether it is a number of 32 bytes, as both curves have them.
fn is_field(encoded: &str) -> bool {
    URL_SAFE_NO_PAD.decode(encoded).is_ok_and(|bytes| bytes.len() == 32)
}

fn signature_only(alg: Algorithm) -> Validation {
    let mut rules = Validation::new(alg);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules
}

#[cfg(test)]
mod tests;
