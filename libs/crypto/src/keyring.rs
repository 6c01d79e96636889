//! Envelope encryption. Secrets are sealed with data keys; data keys are stored in the database, wrapped by a master key that is
//! not in the database. A stolen database is useless without the configuration, and the master key can be rotated by rewrapping a
//! few rows instead of every secret.
//!
//! Rotating the data key: mint one with the next higher id, store it, load the ring. New secrets use it at once; old ones still
//! open, and are sealed again whenever they are next written (or by a job that looks at [`Sealed::key_id`]). Another process that
//! meets a key it has not loaded gets [`SealError::UnknownKey`], loads the ring again and retries.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use aes_gcm::Aes256Gcm;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::IdGen;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    aead,
    masters::MasterKeys,
    sealed::{Place, Sealed},
};

/// A data key as the database stores it. Safe to show: without the master key it is noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Grows with every new key; the highest one seals.
    pub id: i64,
    /// Id of the master key that wrapped it.
    pub master: String,
    /// Nonce, ciphertext and tag.
    pub wrapped: Vec<u8>,
}

/// Why a secret could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The ring is empty: mint, store and load a data key first.
    #[error("no data key is loaded")]
    NoKey,
    /// Sealed with a data key that is not loaded, perhaps because another process has just made it. Load the ring and try again.
    #[error("data key {0} is not loaded")]
    UnknownKey(i64),
    /// A data key is wrapped by a master key that the configuration does not name.
    #[error("data key {id} is wrapped by master key {master:?}, which is not configured")]
    UnknownMaster {
        /// The data key.
        id: i64,
        /// The missing master key.
        master: String,
    },
    /// Altered, cut, moved from another place, or not a sealed secret at all.
    #[error("the sealed secret or data key is damaged or belongs elsewhere")]
    Broken,
    /// The value cannot be written as JSON, or the opened JSON has another shape. The text stays out of the error: it is secret.
    #[error("the secret does not have the expected JSON shape")]
    Shape,
}

impl From<SealError> for domain::Error {
    fn from(error: SealError) -> Self {
        Self::internal(error)
    }
}

/// The data keys of this process. Clones share them, so loading through one serves all.
#[derive(Clone)]
pub struct Keyring(Arc<Shared>);

struct Shared {
    masters: MasterKeys,
    keys: RwLock<BTreeMap<i64, DataKey>>,
}

/// A data key at work.
struct DataKey {
    cipher: Aes256Gcm,
    /// Signs what we hand out and want to recognise: a key of its own, made from the data key, so that neither use weakens the other.
    mac: Zeroizing<[u8; 32]>,
}

impl DataKey {
    fn of(key: &[u8; 32]) -> Self {
        Self { cipher: aead::cipher(key), mac: Zeroizing::new(hmac(key, b"tenantry mac v1").finalize().into_bytes().into()) }
    }
}

fn hmac(key: &[u8; 32], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac
}

impl Keyring {
    /// An empty ring; [`load`](Self::load) fills it.
    pub fn new(masters: MasterKeys) -> Self {
        Self(Arc::new(Shared { masters, keys: RwLock::default() }))
    }

    /// Replaces the ring's keys by `keys`: all of the database's. The highest id becomes the active one.
    ///
    /// # Errors
    ///
    /// When one of them cannot be unwrapped; the ring then stays as it was.
    pub fn load(&self, keys: Vec<WrappedKey>) -> Result<(), SealError> {
        let unwrapped =
            keys.into_iter().map(|key| Ok((key.id, DataKey::of(&*self.unwrap(&key)?)))).collect::<Result<_, SealError>>()?;
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = unwrapped;
        Ok(())
    }

    /// A new data key under the active master key. The ring does not use it yet: store it first, then [`load`](Self::load), so
    /// that nothing is ever sealed with a key that was not saved. `id` must be higher than every stored one.
    pub fn mint_data_key(&self, id: i64, random: &dyn IdGen) -> WrappedKey {
        self.wrap(id, &Zeroizing::new(random.secret()))
    }

    /// The same data key under the active master key, to be stored in place of the old row.
    ///
    /// # Errors
    ///
    /// When the old master key is not configured any more, or the row is damaged.
    pub fn rewrap(&self, key: &WrappedKey) -> Result<WrappedKey, SealError> {
        Ok(self.wrap(key.id, &*self.unwrap(key)?))
    }

    /// The data key that seals new secrets; `None` while the ring is empty.
    pub fn active_id(&self) -> Option<i64> {
        self.keys().last_key_value().map(|(id, _)| *id)
    }

    /// Seals `plain` for `place` with the active data key.
    ///
    /// # Errors
    ///
    /// [`SealError::NoKey`] while the ring is empty.
    pub fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Sealed, SealError> {
        let keys = self.keys();
        let (id, key) = keys.last_key_value().ok_or(SealError::NoKey)?;
        Ok(Sealed::new(*id, &aead::seal(&key.cipher, &place.bound(*id), plain)))
    }

    /// Opens what was sealed for the same `place`. The result is wiped from memory when dropped.
    ///
    /// # Errors
    ///
    /// [`SealError::UnknownKey`] when the ring must be loaded again, [`SealError::Broken`] when nothing will help.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, bytes) = sealed.parts().ok_or(SealError::Broken)?;
        let keys = self.keys();
        let key = keys.get(&id).ok_or(SealError::UnknownKey(id))?;
        aead::open(&key.cipher, &place.bound(id), &bytes).ok_or(SealError::Broken)
    }

    /// Seals a value as JSON.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal), and [`SealError::Shape`] for a value JSON cannot express.
    pub fn seal_json<T: Serialize>(&self, place: &Place<'_>, value: &T) -> Result<Sealed, SealError> {
        let json = Zeroizing::new(serde_json::to_vec(value).map_err(|_| SealError::Shape)?);
        self.seal(place, &json)
    }

    /// Opens a value that [`seal_json`](Self::seal_json) sealed.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`SealError::Shape`] when it is not a `T`.
    pub fn open_json<T: DeserializeOwned>(&self, place: &Place<'_>, sealed: &Sealed) -> Result<T, SealError> {
        serde_json::from_slice(&self.open(place, sealed)?).map_err(|_| SealError::Shape)
    }

    /// A tag that only we can make: HMAC-SHA-256 of `text` for `purpose`, with the number of the data key that its key comes from. What
    /// it was made of cannot be guessed from it without that key, however few possibilities there are.
    ///
    /// # Errors
    ///
    /// [`SealError::NoKey`] while the ring is empty.
    pub fn tag(&self, purpose: &str, text: &[u8]) -> Result<String, SealError> {
        let keys = self.keys();
        let (id, key) = keys.last_key_value().ok_or(SealError::NoKey)?;
        let tag = hmac(&key.mac, &tagged(*id, purpose, text)).finalize().into_bytes();
        Ok(format!("{id}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// Whether [`tag`](Self::tag) made `tag` of this, in constant time.
    ///
    /// # Errors
    ///
    /// [`SealError::UnknownKey`] when the ring must be loaded again: also for a tag that names a key that never was.
    pub fn is_tag(&self, purpose: &str, text: &[u8], tag: &str) -> Result<bool, SealError> {
        let Some((id, given)) = tag.split_once('.') else { return Ok(false) };
        let (Ok(id), Ok(given)) = (id.parse::<i64>(), URL_SAFE_NO_PAD.decode(given)) else { return Ok(false) };
        let keys = self.keys();
        let key = keys.get(&id).ok_or(SealError::UnknownKey(id))?;
        Ok(hmac(&key.mac, &tagged(id, purpose, text)).verify_slice(&given).is_ok())
    }

    fn keys(&self) -> RwLockReadGuard<'_, BTreeMap<i64, DataKey>> {
        // A panic elsewhere cannot leave the map half changed: it is replaced as a whole.
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrap(&self, id: i64, key: &[u8; 32]) -> WrappedKey {
        let (master, cipher) = self.0.masters.active();
        WrappedKey { id, master: master.clone(), wrapped: aead::seal(cipher, &wrapping(id), key) }
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let missing = || SealError::UnknownMaster { id: key.id, master: key.master.clone() };
        let cipher = self.0.masters.get(&key.master).ok_or_else(missing)?;
        let bytes = aead::open(cipher, &wrapping(key.id), &key.wrapped).ok_or(SealError::Broken)?;
        bytes.as_slice().try_into().map(Zeroizing::new).map_err(|_| SealError::Broken)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<i64> = self.keys().keys().copied().collect();
        f.debug_struct("Keyring").field("masters", &self.0.masters).field("data_keys", &ids).finish()
    }
}

/// What is signed: the purpose ends where its length says, so no two purposes can sign the same bytes.
fn tagged(id: i64, purpose: &str, text: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes()[..], &purpose.len().to_be_bytes(), purpose.as_bytes(), text].concat()
}

/// Binds a wrapped key to its id, so that the rows of two keys cannot be swapped.
fn wrapping(id: i64) -> Vec<u8> {
    [b"tenantry data key v1:".as_slice(), &id.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
