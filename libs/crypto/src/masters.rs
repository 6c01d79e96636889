//! The master keys: the only keys that live outside the database.
//!
//! They come from configuration (a file or a secret store) and encrypt nothing but data keys. To rotate, put a new key in front
//! and keep the old one behind it, rewrap every data key ([`crate::Keyring::rewrap`]), then drop the old one.

use std::{fmt, sync::Arc};

use aes_gcm::Aes256Gcm;
use domain::IdGen;
use zeroize::Zeroizing;

use crate::aead;

/// The master keys by id; the first one wraps new data keys. Cloning is cheap.
#[derive(Clone)]
pub struct MasterKeys(Arc<[(String, Aes256Gcm)]>);

impl MasterKeys {
    /// Reads `id:hex64` items separated by white space or line ends; the first is the active one. An id is 1 to 16 of `a-z`,
    /// `0-9` and `-`.
    ///
    /// # Errors
    ///
    /// A sentence for the operator that names the item by its position or id, and never shows a key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<(String, Aes256Gcm)> = Vec::new();
        for (position, item) in (1..).zip(text.split_whitespace()) {
            let (id, hex) = item.split_once(':').ok_or_else(|| format!("master key {position} is not of the form id:hex"))?;
            if !is_id(id) {
                return Err(format!("the id of master key {position} is not 1 to 16 characters of a-z, 0-9 and -"));
            }
            if keys.iter().any(|(known, _)| known == id) {
                return Err(format!("the master key id {id} occurs twice"));
            }
            let mut key = Zeroizing::new([0; 32]);
            hex::decode_to_slice(hex, &mut *key).map_err(|_| format!("master key {id} is not 64 hexadecimal digits"))?;
            keys.push((id.to_owned(), aead::cipher(&key)));
        }
        if keys.is_empty() {
            return Err("there is no master key".to_owned());
        }
        Ok(Self(keys.into()))
    }

    /// A fresh key with a fresh id, and the one-line text of it that [`Self::parse`] reads. Whoever loses the text loses every
    /// sealed secret.
    pub fn generate(random: &dyn IdGen) -> (String, Self) {
        let id = format!("k-{}", hex::encode(&random.secret()[..4]));
        let key = Zeroizing::new(random.secret());
        let text = format!("{id}:{}", *Zeroizing::new(hex::encode(*key)));
        (text, Self(Arc::new([(id, aead::cipher(&key))])))
    }

    /// The id of the key that wraps new data keys.
    pub fn active_id(&self) -> &str {
        &self.active().0
    }

    pub(crate) fn active(&self) -> &(String, Aes256Gcm) {
        self.0.first().expect("there is at least one master key, see parse and generate")
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Aes256Gcm> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, cipher)| cipher)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

fn is_id(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsRandom;

    #[test]
    fn what_generate_writes_parse_reads() {
        let (text, made) = MasterKeys::generate(&OsRandom::new());
        let read = MasterKeys::parse(&text).unwrap();
        assert_eq!(made.active_id(), read.active_id());
        assert!(!format!("{read:?}").contains(text.split_once(':').unwrap().1));
    }

    #[test]
    fn the_first_of_several_is_active() {
        let hex = "ab".repeat(32);
        let keys = MasterKeys::parse(&format!("  new:{hex}\n\told-1:{hex}\r\n")).unwrap();
        assert_eq!(keys.active_id(), "new");
        assert!(keys.get("old-1").is_some() && keys.get("none").is_none());
    }

    #[test]
    fn errors_say_where_and_never_show_a_key() {
        let hex = "ab".repeat(32);
        let bad = [
            (String::new(), "no master key"),
            (hex.clone(), "master key 1"),
            (format!("a:{hex} {hex}"), "master key 2"),
            (format!(":{hex}"), "master key 1"),
            (format!("Key:{hex}"), "master key 1"),
            (format!("{}:{hex}", "a".repeat(17)), "master key 1"),
            (format!("a:{hex} a:{hex}"), "twice"),
            (format!("a:{}", &hex[..62]), "64 hex"),
            (format!("a:{hex}ab"), "64 hex"),
            (format!("a:{}zz", &hex[..62]), "64 hex"),
        ];
        for (text, expected) in bad {
            let error = MasterKeys::parse(&text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("abab"), "{error}");
        }
    }
}
