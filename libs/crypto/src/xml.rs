//! The algorithms of XML Signature and XML Encryption that we take, by the URIs of RFC 9231 and XML Encryption 1.1. What is not here is not
//! taken: no SHA-1 in a signature, no HMAC, no RSA 1.5 encryption, no 3DES, no tag shorter than 16 bytes.
//!
//! Which bytes are signed is not known here: that is a question of XML, and of the crate that reads it.

mod decryption;
mod encryption;
mod keys;
mod signatures;

pub use decryption::{ContentCipher, DecryptionKey, Oaep};
pub use encryption::{EncryptionKey, SEALED_BY, seal};
pub use keys::new_key;
pub use signatures::{Digest, Layout, Rejected, SignatureMethod, SigningKey};

#[cfg(test)]
mod tests;
