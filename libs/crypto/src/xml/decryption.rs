//! Decryption: a content key that was encrypted for us, and the content.

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey},
    iv::FixedLength,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
        OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
};
use zeroize::Zeroizing;

use super::Rejected;

const NONCE: usize = 12;
const TAG: usize = 16;
const BLOCK: usize = 16;

/// RSA-OAEP, by its hash, which the mask generation has as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oaep {
    /// SHA-1: as sound as the others here, and what most providers have.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Oaep {
    const fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }
}

/// A private RSA key that opens content keys.
pub struct DecryptionKey(OaepPrivateDecryptingKey);

impl DecryptionKey {
    /// Of a key in PKCS #8 (DER).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Rejected> {
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| Rejected)?;
        OaepPrivateDecryptingKey::new(key).map(Self).map_err(|_| Rejected)
    }
    /// Opens a content key.
    pub fn open(&self, by: Oaep, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        let mut room = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let length = self.0.decrypt(by.algorithm(), wrapped, &mut room, None).map_err(|_| Rejected)?.len();
        room.truncate(length);
        Ok(room)
    }
}

/// How content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentCipher {
    /// AES-128 in Galois/Counter Mode.
    Aes128Gcm,
    /// AES-256 in Galois/Counter Mode.
    Aes256Gcm,
    /// AES-128 in Cipher Block Chaining mode, which nothing authenticates.
    Aes128Cbc,
    /// AES-256 in Cipher Block Chaining mode, which nothing authenticates.
    Aes256Cbc,
}

impl ContentCipher {
    /// Of the `EncryptionMethod` of `EncryptedData`.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Some(match uri {
            "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Self::Aes128Gcm,
            "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Self::Aes256Gcm,
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => Self::Aes128Cbc,
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => Self::Aes256Cbc,
            _ => return None,
        })
    }
    /// Whether what was changed on its way is noticed.
    pub const fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }
    /// How long its key is, in bytes.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
        }
    }

    /// Decrypts `data`: nonce, ciphertext, tag of 16 bytes; or initialization vector, ciphertext with XML Encryption's padding.
    pub fn open(self, key: &[u8], data: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        let data = Zeroizing::new(data);
        if self.is_authenticated() { self.open_gcm(key, data) } else { self.open_cbc(key, data) }
    }

    fn open_gcm(self, key: &[u8], mut data: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        // Shorter data has no whole tag, and a short tag can be forged.
        if data.len() < NONCE + TAG {
            return Err(Rejected);
        }
        let algorithm = if self == Self::Aes128Gcm { &AES_128_GCM } else { &AES_256_GCM };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| Rejected)?);
        let (nonce, sealed) = data.split_at_mut(NONCE);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Rejected)?;
        let plain = key.open_in_place(nonce, Aad::empty(), sealed).map_err(|_| Rejected)?;
        Ok(Zeroizing::new(plain.to_vec()))
    }

    fn open_cbc(self, key: &[u8], mut data: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Rejected> {
        if data.len() < 2 * BLOCK || !data.len().is_multiple_of(BLOCK) {
            return Err(Rejected);
        }
        let algorithm = if self == Self::Aes128Cbc { &AES_128 } else { &AES_256 };
        let key = UnboundCipherKey::new(algorithm, key).map_err(|_| Rejected)?;
        // XML Encryption pads like ISO 10126: only the last byte, the length, is told.
        let key = PaddedBlockDecryptingKey::cbc_iso10126(key).map_err(|_| Rejected)?;
        let (iv, sealed) = data.split_at_mut(BLOCK);
        let iv: [u8; BLOCK] = iv.as_ref().try_into().map_err(|_| Rejected)?;
        let plain = key.decrypt(sealed, DecryptionContext::Iv128(FixedLength::from(iv))).map_err(|_| Rejected)?;
        Ok(Zeroizing::new(plain.to_vec()))
    }
}
