//! Identifiers: a UUIDv7 with a type prefix on the wire (`org_0198…`), 36 or 37 characters, opaque to every client.
//! An id of one kind does not parse as another, so a wrong id in a path is "not found" before any query.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::OrgId;

/// Marks what an [`Id`] identifies.
pub trait IdKind {
    /// The wire prefix without the underscore.
    const PREFIX: &'static str;
}

/// An identifier of a `K`.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// Wraps a UUID that is known to identify a `K`.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
    /// What the database stores.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.0.simple())
    }
}
impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an identifier of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this kind")]
pub struct NotAnId;

impl<K: IdKind> FromStr for Id<K> {
    type Err = NotAnId;
    /// Accepts exactly what `Display` prints.
    fn from_str(s: &str) -> Result<Self, NotAnId> {
        let hex = s.strip_prefix(K::PREFIX).and_then(|s| s.strip_prefix('_')).ok_or(NotAnId)?;
        let canonical = hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(NotAnId);
        }
        Uuid::try_parse(hex).map(Self::new).map_err(|_| NotAnId)
    }
}
impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Declares a kind of identifier, beside its noun: `id! { /// An organization. OrgKind OrgId = "org" }`.
macro_rules! id {
    ($(#[$doc:meta])* $kind:ident $alias:ident = $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $kind {}
        impl $crate::core::id::IdKind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = $crate::core::id::Id<$kind>;
    };
}
pub(crate) use id;

/// The realm and the "organization" of everything that belongs to the platform itself. Never null in the database, because a
/// unique index lets NULLs repeat.
pub const PLATFORM: OrgId = OrgId::new(Uuid::nil());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserId;

    #[test]
    fn an_id_reads_back_and_no_other_kind_reads_it() {
        let id = OrgId::new(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().len() <= 50);
        assert_eq!(id.to_string().parse::<UserId>(), Err(NotAnId));
        for hostile in
            ["", "org_", "org_1", "ORG_01980000000070008000000000000001", "org_0198000000007000800000000000000G", "org_%00"]
        {
            assert_eq!(hostile.parse::<OrgId>(), Err(NotAnId), "{hostile}");
        }
    }
}
