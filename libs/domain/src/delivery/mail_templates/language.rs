//! Languages that mails can be written in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};

use crate::core::value::{BadValue, bad};

/// The primary subtags that are known. A bound as well: an organization has at most one text for each.
const KNOWN: &[&str] = &[
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "he", "hr", "hu", "it", "ja", "ko", "lt", "lv", "nb", "nl",
    "pl", "pt", "ro", "ru", "sk", "sl", "sv", "tr", "uk", "zh",
];

/// A language, by its subtag: `de`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Language(&'static str);

impl Language {
    /// What our own texts are written in.
    pub const ENGLISH: Self = Self("en");

    /// Its subtag.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The first known one of an `Accept-Language` header, by its weights. `de-AT` asks for `de`.
    pub fn accepted(header: &str) -> Option<Self> {
        let weighed = header.split(',').take(20).enumerate().filter_map(|(at, item)| {
            let (tag, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
            let primary = tag.trim().split('-').next()?.to_ascii_lowercase();
            let language = primary.parse::<Self>().ok().filter(|_| weight > 0.0 && weight <= 1.0)?;
            Some((language, weight, at))
        });
        // Of equal ones the first.
        weighed.max_by(|a, b| a.1.total_cmp(&b.1).then(b.2.cmp(&a.2))).map(|(language, ..)| language)
    }
}

impl FromStr for Language {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match KNOWN.iter().find(|known| **known == s) {
            Some(known) => Ok(Self(known)),
            None => bad("unknown_language", format!("Use one of: {}.", KNOWN.join(", "))),
        }
    }
}
impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
