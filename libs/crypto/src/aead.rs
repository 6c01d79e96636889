//! The one cipher of this crate: AES-256-GCM under a random 96-bit nonce that travels in front of the ciphertext.
//!
//! Random nonces are safe for about four thousand million messages per key (2^32, NIST SP 800-38D); data keys are rotated long
//! before a customer database holds that many secrets.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Nonce, Payload},
};
use zeroize::Zeroizing;

use crate::random;

/// Length of the nonce in bytes.
const NONCE: usize = 12;

/// A cipher for `key`. It wipes its key schedule when dropped.
pub(crate) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new_from_slice(key).expect("the key has 32 bytes")
}

/// `nonce ‖ ciphertext ‖ tag`, bound to `bound`: it opens with the very same `bound` only.
pub(crate) fn seal(cipher: &Aes256Gcm, bound: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random::bytes();
    let payload = Payload { msg: plain, aad: bound };
    let secret = cipher.encrypt(&Nonce::<Aes256Gcm>::from(nonce), payload).expect("a secret is shorter than 64 GiB");
    [nonce.as_slice(), &secret].concat()
}

/// Undoes [`seal`]. `None` when anything was altered or is bound to something else; there is nothing more to tell.
pub(crate) fn open(cipher: &Aes256Gcm, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, secret) = sealed.split_first_chunk::<NONCE>()?;
    let payload = Payload { msg: secret, aad: bound };
    cipher.decrypt(&Nonce::<Aes256Gcm>::from(*nonce), payload).ok().map(Zeroizing::new)
}
