//! The sealed audit log: what makes it impossible to change, drop, add or reorder a record without being found out.
//!
//! - [`leaf`] turns one record into one hash. A random salt goes into it, so that the leaf of an erased record gives nothing away.
//! - [`chain`] links each leaf to the one before: whoever keeps one hash can check everything up to it.
//! - [`merkle`] puts the leaves of a segment under one root, so that one record can be proven without showing the others.
//! - [`checkpoint`] signs root and chain with a key that lives long and is published.
//! - [`statement`] signs what else must not be forged: a file's end, what retention removed, what was erased, the next key.
//! - [`export`] is the file in which a customer takes all of it away, and [`verify`] reads that file without asking anybody.
//!
//! All of it is published: a customer can write these few functions again in any language. So no format may ever change for what is
//! stored; a new one gets a new name. Hashes are SHA-256, always written as lower-case hexadecimal text, and hashed as that text.

pub mod chain;
pub mod checkpoint;
pub mod export;
pub mod leaf;
pub mod merkle;
pub mod statement;
pub mod verify;

use sha2::{Digest, Sha256};

/// A hash over parts of any length. Each part is announced by its length, so that two different lists of parts never read alike.
struct Parts(Sha256);

impl Parts {
    /// `tag` says what is hashed, so that the hash of one kind of thing never stands for another.
    fn of(tag: &str) -> Self {
        Self(Sha256::new()).with(tag)
    }
    /// The length as 8 bytes, big-endian, and the text.
    fn with(self, part: &str) -> Self {
        Self(self.0.chain_update((part.len() as u64).to_be_bytes()).chain_update(part))
    }
    /// One byte that says whether there is one, and then the part.
    fn maybe(self, part: Option<&str>) -> Self {
        let some = Self(self.0.chain_update([u8::from(part.is_some())]));
        match part {
            Some(part) => some.with(part),
            None => some,
        }
    }
    fn hex(self) -> String {
        hex::encode(self.0.finalize())
    }
}
