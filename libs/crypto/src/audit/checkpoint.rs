//! A checkpoint: the signed statement that exactly these records, in this order, were the log at that moment.
//!
//! It is a JWS in compact form (RFC 7515): everybody's library checks it. The header names algorithm, type and key; the payload is
//! [`Claims`]. Each checkpoint names the one before it, so that dropping one shows. Keys are published as a JWK set, the retired ones
//! as well, for as long as there is a log.

use domain::{Error, OrgId, Result};
use jsonwebtoken::{DecodingKey, jwk::Jwk};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::statement::{self, Rotation, Statement};
use crate::{Alg, SigningKey, jwt};

/// The header's `typ`, so that a checkpoint is never taken for a token, nor a token for a checkpoint.
pub const TYP: &str = "tenantry-checkpoint";

/// What a checkpoint says. The organization's records from `first_seq` to `last_seq` have these hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Whose log.
    pub organization_id: OrgId,
    /// The first record.
    pub first_seq: i64,
    /// The last record.
    pub last_seq: i64,
    /// The Merkle root over their leaves.
    pub root: String,
    /// The hash chain at the last record: it covers all records before as well.
    pub hash: String,
    /// The [`fingerprint`] of the checkpoint before; null for the first.
    pub previous: Option<String>,
    /// When, RFC 3339.
    pub created_at: String,
}

impl Statement for Claims {
    const TYP: &'static str = TYP;
}

/// Signs.
pub fn sign(key: &SigningKey, claims: &Claims) -> Result<String> {
    statement::sign(key, claims)
}

/// What the next checkpoint calls this one: `hex(SHA-256(JWS))`.
pub fn fingerprint(jws: &str) -> String {
    hex::encode(Sha256::digest(jws))
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// Not a checkpoint at all.
    #[error("it cannot be read")]
    Malformed,
    /// Signed by somebody else.
    #[error("its key `{0}` is not among the known ones")]
    UnknownKey(String),
    /// The signature does not fit.
    #[error("its signature is not valid")]
    Forged,
}

/// More than anybody makes; each costs a signature for each of the others.
const MAX_ROTATIONS: usize = 100;

/// Public keys that checkpoints may be signed with.
pub struct PublicKeys(Vec<(String, Alg, DecodingKey)>);

impl PublicKeys {
    /// Reads a JWK set: an object with `keys`.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is none, or holds no key for signatures.
    pub fn from_jwks(set: &Value) -> Result<Self> {
        let bad = || Error::field("keys", "malformed", "This is not a JWK set with keys for signatures.");
        let keys: Vec<_> =
            set["keys"].as_array().ok_or_else(bad)?.iter().map(public_key).collect::<Option<_>>().ok_or_else(bad)?;
        if keys.is_empty() { Err(bad()) } else { Ok(Self(keys)) }
    }

    /// Learns the keys that these ones vouch for: each [`Rotation`] is believed if a known key signed it, in whatever order they come.
    pub fn follow(&mut self, rotations: &[String]) {
        let mut waiting: Vec<&String> = rotations.iter().take(MAX_ROTATIONS).collect();
        loop {
            let before = waiting.len();
            waiting.retain(|jws| !self.learn(jws));
            if waiting.len() == before {
                return;
            }
        }
    }

    fn learn(&mut self, jws: &str) -> bool {
        let Ok(Rotation { kid, jwk, .. }) = self.open_statement(jws) else { return false };
        let Some(key) = public_key(&jwk).filter(|key| key.0 == kid) else { return false };
        // A key that is known is not replaced by another of its name.
        if self.0.iter().all(|known| known.0 != kid) {
            self.0.push(key);
        }
        true
    }

    /// What a checkpoint says, if one of these keys signed it.
    pub fn open(&self, jws: &str) -> Result<Claims, Unsigned> {
        self.open_statement(jws)
    }

    /// What a statement of this sort says, if one of these keys signed it.
    pub fn open_statement<S: Statement>(&self, jws: &str) -> Result<S, Unsigned> {
        let header = jwt::jws_header(jws).map_err(|_| Unsigned::Malformed)?;
        if header.typ != S::TYP {
            return Err(Unsigned::Malformed);
        }
        let known = self.0.iter().find(|(kid, ..)| *kid == header.kid);
        let (_, alg, key) = known.ok_or(Unsigned::UnknownKey(header.kid))?;
        if header.alg != *alg {
            return Err(Unsigned::Forged);
        }
        jwt::open_jws(jws, key, *alg).map_err(|_| Unsigned::Forged)
    }
}

fn public_key(key: &Value) -> Option<(String, Alg, DecodingKey)> {
    let alg: Alg = key["alg"].as_str()?.parse().ok()?;
    let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
    Some((jwk.common.key_id.clone()?, alg, DecodingKey::from_jwk(&jwk).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims() -> Claims {
        Claims {
            organization_id: OrgId::new(uuid::Uuid::from_u128(1)),
            first_seq: 1,
            last_seq: 9,
            root: "aa".to_owned(),
            hash: "bb".to_owned(),
            previous: None,
            created_at: "2026-11-23T09:00:00.000000Z".to_owned(),
        }
    }

    #[test]
    fn a_checkpoint_is_believed_with_its_key_and_no_other() {
        for alg in [Alg::EdDsa, Alg::Es256] {
            let (key, _) = SigningKey::generate(alg).unwrap();
            let (other, _) = SigningKey::generate(alg).unwrap();
            let jws = sign(&key, &claims()).unwrap();
            let keys = PublicKeys::from_jwks(&json!({"keys": [other.jwk(), key.jwk()]})).unwrap();
            assert_eq!(keys.open(&jws), Ok(claims()));
            let foreign = PublicKeys::from_jwks(&json!({"keys": [other.jwk()]})).unwrap();
            assert_eq!(foreign.open(&jws), Err(Unsigned::UnknownKey(key.kid().to_owned())));
            let mut disguised = other.jwk();
            disguised["kid"] = key.kid().into();
            assert_eq!(PublicKeys::from_jwks(&json!({"keys": [disguised]})).unwrap().open(&jws), Err(Unsigned::Forged));
            let (head, rest) = jws.split_once('.').unwrap();
            let (_, signature) = rest.split_once('.').unwrap();
            let (_, other_payload) =
                (0, sign(&other, &Claims { last_seq: 8, ..claims() }).unwrap().split('.').nth(1).unwrap().to_owned());
            assert_eq!(keys.open(&format!("{head}.{other_payload}.{signature}")), Err(Unsigned::Forged));
            assert_eq!(keys.open("nonsense"), Err(Unsigned::Malformed));
        }
    }

    #[test]
    fn a_new_key_is_believed_if_the_one_before_vouches_for_it() {
        let [first, second, third, foreign] = [0; 4].map(|_| SigningKey::generate(Alg::EdDsa).unwrap().0);
        let vouch = |by: &SigningKey, new: &SigningKey| {
            let rotation = Rotation { kid: new.kid().to_owned(), jwk: new.jwk(), created_at: String::new() };
            statement::sign(by, &rotation).unwrap()
        };
        let known = |rotations: &[String]| {
            let mut keys = PublicKeys::from_jwks(&json!({"keys": [first.jwk()]})).unwrap();
            keys.follow(rotations);
            [&second, &third, &foreign].map(|key| keys.open(&sign(key, &claims()).unwrap()).is_ok())
        };
        assert_eq!(known(&[vouch(&second, &third), vouch(&first, &second)]), [true, true, false], "in any order");
        assert_eq!(known(&[vouch(&second, &third), vouch(&foreign, &foreign)]), [false; 3], "nobody known vouches for them");
        let mut disguised = foreign.jwk();
        disguised["kid"] = first.kid().into();
        let renamed = Rotation { kid: first.kid().to_owned(), jwk: disguised, created_at: String::new() };
        assert_eq!(known(&[statement::sign(&first, &renamed).unwrap()]), [false; 3], "no known key is replaced");
        assert_eq!(known(&[sign(&first, &claims()).unwrap()]), [false; 3], "a checkpoint vouches for nothing");
    }

    #[test]
    fn a_token_is_no_checkpoint() {
        let (key, _) = SigningKey::generate(Alg::EdDsa).unwrap();
        let keys = PublicKeys::from_jwks(&json!({"keys": [key.jwk()]})).unwrap();
        let token = jwt::sign_jws(&key, "at+jwt", &claims()).unwrap();
        assert_eq!(keys.open(&token), Err(Unsigned::Malformed));
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for set in [json!({}), json!({"keys": []}), json!({"keys": [{"kty": "oct", "k": "AA", "alg": "HS256"}]}), json!([])] {
            assert!(PublicKeys::from_jwks(&set).is_err(), "{set}");
        }
    }
}
