//! A secret as the database stores it: readable only with our keys, and only in the place it was made for.
//!
//! Somebody who can write to the database must not be able to move a secret (say another organization's client secret) to where
//! he may use it. So each ciphertext is bound to its [`Place`]: organization, table, column and row.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// First part of every sealed text, and first byte of what is authenticated: a later format gets another.
const VERSION: (&str, u8) = ("v1", 1);

/// Where a secret lives. Opening needs the same place that sealing named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The organization it belongs to; `domain::PLATFORM`'s nil UUID for the platform's own.
    pub org: Uuid,
    /// Table name.
    pub table: &'static str,
    /// Column name.
    pub column: &'static str,
    /// What identifies the row: its primary key as text. It must never change while the secret lives.
    pub row: &'a str,
}

impl Place<'_> {
    /// What the ciphertext is bound to. Every text carries its length in front, so that no two places encode alike.
    pub(crate) fn bound(&self, key_id: i64) -> Vec<u8> {
        let mut bytes = vec![VERSION.1];
        bytes.extend(key_id.to_be_bytes());
        bytes.extend(self.org.as_bytes());
        for text in [self.table, self.column, self.row] {
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }
}

/// The stored text of a secret: `v1.<data key id>.<base64url of nonce, ciphertext and tag>`.
///
/// Any text can be wrapped, since it comes from the database; whether it is sound shows when a keyring opens it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(String);

impl Sealed {
    pub(crate) fn new(key_id: i64, bytes: &[u8]) -> Self {
        Self(format!("{}.{key_id}.{}", VERSION.0, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The data key it was sealed with; `None` when the text is not a sealed secret. For finding what to seal again.
    pub fn key_id(&self) -> Option<i64> {
        self.split().map(|(id, _)| id)
    }

    /// The bytes that [`Self::new`] took, with the key's id.
    pub(crate) fn parts(&self) -> Option<(i64, Vec<u8>)> {
        let (id, body) = self.split()?;
        Some((id, URL_SAFE_NO_PAD.decode(body).ok()?))
    }

    fn split(&self) -> Option<(i64, &str)> {
        let (id, body) = self.0.strip_prefix(VERSION.0)?.strip_prefix('.')?.split_once('.')?;
        // Exactly one spelling per number: "+7" and "07" are not what we wrote.
        let number = id.parse::<i64>().ok().filter(|number| number.to_string() == id)?;
        Some((number, body))
    }
}

impl From<String> for Sealed {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("key_id", &self.key_id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(table: &'static str, column: &'static str, row: &'a str) -> Place<'a> {
        Place { org: Uuid::nil(), table, column, row }
    }

    #[test]
    fn no_two_places_encode_alike() {
        let shifted =
            [place("ab", "c", "d"), place("a", "bc", "d"), place("a", "b", "cd"), place("abc", "", "d"), place("", "", "abcd")];
        for (i, one) in shifted.iter().enumerate() {
            for other in &shifted[i + 1..] {
                assert_ne!(one.bound(1), other.bound(1), "{one:?} {other:?}");
            }
        }
        assert_ne!(shifted[0].bound(1), shifted[0].bound(2));
    }

    #[test]
    fn the_key_id_is_read_in_one_spelling_only() {
        assert_eq!(Sealed::new(7, b"x").key_id(), Some(7));
        for text in ["", "v1", "v1.7", "v1.+7.eA", "v1.07.eA", "v1. 7.eA", "v2.7.eA", "v1.x.eA", "7.eA"] {
            assert_eq!(Sealed::from(text.to_owned()).key_id(), None, "{text}");
        }
    }

    #[test]
    fn debug_does_not_print_the_ciphertext() {
        assert_eq!(format!("{:?}", Sealed::new(7, b"secret")), "Sealed { key_id: Some(7), .. }");
    }
}
