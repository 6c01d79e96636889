//! Signing keys: made here, stored sealed by the caller, published as JWK (public half only).
//!
//! A key's id is its RFC 7638 thumbprint, so the id follows from the key and two keys never share one.

use std::{fmt, str::FromStr, sync::Arc};

use domain::{Error, Result};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::keypair::KeyPair;

/// The signature algorithms we offer. Nothing else is ever signed or accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    /// ECDSA on P-256: short, quick to sign.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA 2048, PKCS #1: every relying party knows it.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Alg {
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        })
    }
}

/// The text names none of our algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of ES256, RS256 and EdDSA")]
pub struct NotAnAlg;

impl FromStr for Alg {
    type Err = NotAnAlg;
    fn from_str(text: &str) -> Result<Self, NotAnAlg> {
        [Self::Es256, Self::Rs256, Self::EdDsa].into_iter().find(|alg| alg.to_string() == text).ok_or(NotAnAlg)
    }
}

/// A key that signs our tokens, with its public half ready for checking and publishing. Cloning is cheap.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    alg: Alg,
    private: Arc<KeyPair>,
    pub(crate) public: DecodingKey,
    jwk: serde_json::Value,
}

impl SigningKey {
    /// A fresh key from the operating system's randomness, and its private half as PKCS #8 DER: seal and store that together
    /// with [`kid`](Self::kid) and [`alg`](Self::alg). RSA takes some 100 ms; call it off the async threads.
    ///
    /// # Errors
    ///
    /// `Internal` when the crypto library fails.
    pub fn generate(alg: Alg) -> Result<(Self, Zeroizing<Vec<u8>>)> {
        let der = KeyPair::new_pkcs8(alg).map_err(|_| Error::internal("a signing key could not be generated"))?;
        let mut key = Self::from_pkcs8("", alg, &der)?;
        let jwk = Jwk::from_decoding_key(&key.public, None).map_err(Error::internal)?;
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(Error::internal)?;
        key.jwk["kid"] = thumbprint.as_str().into();
        key.kid = thumbprint;
        Ok((key, der))
    }

    /// A key from storage.
    ///
    /// # Errors
    ///
    /// `Internal` when the bytes are not a key for `alg`.
    pub fn from_pkcs8(kid: impl Into<String>, alg: Alg, der: &[u8]) -> Result<Self> {
        let kid = kid.into();
        let private = KeyPair::from_pkcs8(alg, der).map_err(|rejected| Error::internal(rejected.to_string()))?;
        let public = private.public();
        let mut jwk = Jwk::from_decoding_key(&public, Some(alg.algorithm())).map_err(Error::internal)?;
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk.common.key_id = Some(kid.clone());
        let jwk = serde_json::to_value(jwk).map_err(Error::internal)?;
        Ok(Self { kid, alg, private: Arc::new(private), public, jwk })
    }

    /// The key's id: what `kid` in a token's header says.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm this key is used with.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// The public JWK: `kty`, `use`, `alg`, `kid` and the public parameters.
    pub fn jwk(&self) -> serde_json::Value {
        self.jwk.clone()
    }

    /// The signature of `message` in the form that JWS wants.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.private.sign(message).map_err(|_| Error::internal("a token could not be signed"))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).field("alg", &self.alg).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
