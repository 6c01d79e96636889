//! Private keys as AWS-LC holds them: parsed once and kept.
//!
//! jsonwebtoken parses (and for RSA checks) the private key again for every signature. That costs three quarters of an RS256
//! signature, 264 instead of 857 a second, so signing goes to AWS-LC directly; it is the same code that jsonwebtoken would call.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use jsonwebtoken::DecodingKey;
use zeroize::Zeroizing;

use crate::Alg;

/// A private key with its public half, for exactly one algorithm.
pub(crate) enum KeyPair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl KeyPair {
    /// A fresh private key in storage form.
    pub(crate) fn new_pkcs8(alg: Alg) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let random = SystemRandom::new();
        Ok(Zeroizing::new(match alg {
            Alg::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?.as_ref().to_vec(),
            Alg::Rs256 => AsDer::<Pkcs8V1Der<'_>>::as_der(&RsaKeyPair::generate(KeySize::Rsa2048)?)?.as_ref().to_vec(),
            Alg::EdDsa => Ed25519KeyPair::generate_pkcs8(&random)?.as_ref().to_vec(),
        }))
    }

    /// Parses and checks a stored key.
    pub(crate) fn from_pkcs8(alg: Alg, der: &[u8]) -> Result<Self, KeyRejected> {
        Ok(match alg {
            Alg::Es256 => Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)?),
            Alg::Rs256 => Self::Rs256(RsaKeyPair::from_pkcs8(der)?),
            Alg::EdDsa => Self::EdDsa(Ed25519KeyPair::from_pkcs8(der)?),
        })
    }

    /// The public half, in the raw forms that jsonwebtoken verifies with.
    pub(crate) fn public(&self) -> DecodingKey {
        match self {
            Self::Es256(pair) => DecodingKey::from_ec_der(pair.public_key().as_ref()),
            Self::Rs256(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                DecodingKey::from_rsa_raw_components(&public.n, &public.e)
            }
            Self::EdDsa(pair) => DecodingKey::from_ed_der(pair.public_key().as_ref()),
        }
    }

    /// A signature as RFC 7518 and RFC 8037 lay it out.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::EdDsa(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }
}
