//! Encryption: a content key for whoever holds the key of a certificate, and the content. Only AES-256-GCM and RSA-OAEP: what every service opens that
//! opens anything sound.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey},
};

use super::Rejected;

/// A public RSA key for which content keys are encrypted: by RSA-OAEP with SHA-1, which is as sound there as any other hash, and all that some open.
pub struct EncryptionKey(OaepPublicEncryptingKey);

impl EncryptionKey {
    /// How content keys are encrypted, as `EncryptionMethod`.
    pub const METHOD: &'static str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    /// The hash of that, as `DigestMethod`.
    pub const DIGEST: &'static str = "http://www.w3.org/2000/09/xmldsig#sha1";

    /// Of a key in SubjectPublicKeyInfo (DER): RSA of 2048 bits or more.
    pub fn from_spki(der: &[u8]) -> Result<Self, Rejected> {
        let key = PublicEncryptingKey::from_der(der).map_err(|_| Rejected)?;
        if key.key_size_bits() < 2048 {
            return Err(Rejected);
        }
        OaepPublicEncryptingKey::new(key).map(Self).map_err(|_| Rejected)
    }
    /// Encrypts a content key.
    pub fn wrap(&self, content_key: &[u8]) -> Result<Vec<u8>, Rejected> {
        let mut wrapped = vec![0; self.0.ciphertext_size()];
        let length = self.0.encrypt(&OAEP_SHA1_MGF1SHA1, content_key, &mut wrapped, None).map_err(|_| Rejected)?.len();
        wrapped.truncate(length);
        Ok(wrapped)
    }
}

/// How content is encrypted by [`seal`], as `EncryptionMethod`.
pub const SEALED_BY: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";

/// Encrypts content: nonce, ciphertext, tag. A nonce is used once with a key.
pub fn seal(key: &[u8; 32], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>, Rejected> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| Rejected)?);
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).map_err(|_| Rejected)?;
    Ok([nonce.as_slice(), &sealed].concat())
}
