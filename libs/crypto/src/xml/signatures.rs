//! Signatures and digests.

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_ASN1,
        ECDSA_P521_SHA512_FIXED, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
        RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};

/// A hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// Of a `DigestMethod`.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Some(match uri {
            "http://www.w3.org/2001/04/xmlenc#sha256" => Self::Sha256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => Self::Sha384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => Self::Sha512,
            _ => return None,
        })
    }
    /// The hash of `bytes`.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), bytes).as_ref().to_vec()
    }
    /// How long a hash is, in bytes.
    pub fn length(self) -> usize {
        self.algorithm().output_len()
    }
    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureMethod {
    /// RSA with PKCS #1 1.5 padding, by a key of 2048 to 8192 bits.
    Rsa(Digest),
    /// ECDSA on the curve that goes with the hash: P-256, P-384, P-521.
    Ecdsa(Digest),
}

/// How an ECDSA signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// r and s one after the other, as XML Signature has it.
    Fixed,
    /// That, or DER, as some providers write it in queries.
    FixedOrDer,
}

/// It is not a signature of these bytes by this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected;

impl SignatureMethod {
    /// Of a `SignatureMethod`, or the `SigAlg` of a query.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Some(match uri.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#")? {
            "rsa-sha256" => Self::Rsa(Digest::Sha256),
            "rsa-sha384" => Self::Rsa(Digest::Sha384),
            "rsa-sha512" => Self::Rsa(Digest::Sha512),
            "ecdsa-sha256" => Self::Ecdsa(Digest::Sha256),
            "ecdsa-sha384" => Self::Ecdsa(Digest::Sha384),
            "ecdsa-sha512" => Self::Ecdsa(Digest::Sha512),
            _ => return None,
        })
    }

    /// Verifies a signature by the key in `spki` (SubjectPublicKeyInfo, DER). A key of another kind verifies nothing.
    pub fn verify(self, spki: &[u8], message: &[u8], signature: &[u8], layout: Layout) -> Result<(), Rejected> {
        let verifies = |with: &'static dyn VerificationAlgorithm| {
            let key = UnparsedPublicKey::new(with, spki);
            key.verify(message, signature).is_ok()
        };
        let (first, second) = self.algorithms();
        let is_fine = verifies(first) || layout == Layout::FixedOrDer && second.is_some_and(verifies);
        if is_fine { Ok(()) } else { Err(Rejected) }
    }

    /// The algorithm, and of ECDSA the same for the other layout.
    fn algorithms(self) -> (&'static dyn VerificationAlgorithm, Option<&'static dyn VerificationAlgorithm>) {
        match self {
            Self::Rsa(Digest::Sha256) => (&RSA_PKCS1_2048_8192_SHA256, None),
            Self::Rsa(Digest::Sha384) => (&RSA_PKCS1_2048_8192_SHA384, None),
            Self::Rsa(Digest::Sha512) => (&RSA_PKCS1_2048_8192_SHA512, None),
            Self::Ecdsa(Digest::Sha256) => (&ECDSA_P256_SHA256_FIXED, Some(&ECDSA_P256_SHA256_ASN1)),
            Self::Ecdsa(Digest::Sha384) => (&ECDSA_P384_SHA384_FIXED, Some(&ECDSA_P384_SHA384_ASN1)),
            Self::Ecdsa(Digest::Sha512) => (&ECDSA_P521_SHA512_FIXED, Some(&ECDSA_P521_SHA512_ASN1)),
        }
    }
}

/// An RSA key of ours, for RSA-SHA256: what every provider verifies.
pub struct SigningKey(RsaKeyPair);

impl SigningKey {
    /// What it signs with, as `SignatureMethod` and `SigAlg`.
    pub const METHOD: &'static str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

    /// Of a key in PKCS #8 (DER).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Rejected> {
        RsaKeyPair::from_pkcs8(der).map(Self).map_err(|_| Rejected)
    }
    /// A signature of `message`.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Rejected> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| Rejected)?;
        Ok(signature)
    }
    /// The public half, as PKCS #1 has it.
    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }
}
