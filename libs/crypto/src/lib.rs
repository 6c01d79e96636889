//! All cryptography of Tenantry in one place: randomness, passwords, opaque tokens, JWTs, stored secrets, webhook
//! signatures and the sealed audit log.
//!
//! Nothing here does IO or reads a clock: time, keys and stored texts come from the caller, which makes every rule testable. The
//! algorithms are those of well-known libraries (RustCrypto, AWS-LC); what this crate adds is which of them are used for what, in
//! which formats, and what is refused.

mod aead;
pub mod audit;
mod fingerprint;
pub mod foreign;
pub mod hashes;
pub mod jwk;
pub mod jwt;
mod keypair;
pub mod keyring;
pub mod masters;
pub mod opaque;
pub mod passkeys;
pub mod password;
pub mod random;
pub mod sealed;
pub mod totp;
pub mod webhook;
pub mod xml;

pub use fingerprint::fingerprint;
pub use jwk::{Alg, SigningKey};
pub use jwt::{AudienceRule, Expected, JwtError, KeySet};
pub use keyring::{Keyring, SealError, WrappedKey};
pub use masters::MasterKeys;
pub use opaque::{Opaque, Purpose};
pub use password::{Asker, HashCost, Hasher, HasherConfig, Verdict};
pub use random::OsRandom;
pub use sealed::{Place, Sealed};
