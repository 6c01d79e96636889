//! How a stream's records are written.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::value::{BadValue, bad};

/// What may be chosen. Kept as JSON: what an older version wrote lacks what came later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamOptions {
    /// The shape of a record.
    pub mapping: Mapping,
    /// How the records of a body are put together (`Custom`).
    pub framing: Framing,
    /// Splunk's index, or Elasticsearch's data stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<Index>,
    /// Whether bodies are compressed; `None`: where the receiver is known to take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gzip: Option<bool>,
}

/// A choice by name.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $code:literal, $rule:literal { $($(#[$of:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$of])* $variant),* }

        impl $name {
            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl FromStr for $name {
            type Err = BadValue;
            fn from_str(s: &str) -> Result<Self, BadValue> {
                match s {
                    $($text => Ok(Self::$variant),)*
                    _ => bad($code, $rule),
                }
            }
        }
    };
}

choice! {
    /// The shape of a record.
    Mapping, "unknown_mapping", "Use one of: plain, ecs, ocsf." {
        /// Our own.
        #[default]
        Plain = "plain",
        /// The Elastic Common Schema.
        Ecs = "ecs",
        /// The Open Cybersecurity Schema Framework.
        Ocsf = "ocsf",
    }
}

choice! {
    /// How the records of a body are put together.
    Framing, "unknown_framing", "Use one of: ndjson, array." {
        /// One in each line.
        #[default]
        Ndjson = "ndjson",
        /// A JSON array.
        Array = "array",
    }
}

/// The name of an index or a data stream: what Splunk and Elasticsearch both take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Index(String);

impl Index {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Index {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b);
        if s.len() > 200 || !s.bytes().all(fine) || !s.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return bad(
                "bad_index",
                "Use lower-case letters, digits, `_`, `-` and `.`, at most 200, beginning with a letter or digit.",
            );
        }
        Ok(Self(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_wrote_is_read() {
        assert_eq!(serde_json::from_str::<StreamOptions>("{}").unwrap(), StreamOptions::default());
        let all = StreamOptions {
            mapping: Mapping::Ocsf,
            framing: Framing::Array,
            index: Some("logs-tenantry.audit-default".parse().unwrap()),
            gzip: Some(true),
        };
        assert_eq!(serde_json::from_str::<StreamOptions>(&serde_json::to_string(&all).unwrap()).unwrap(), all);
    }

    #[test]
    fn an_index_cannot_lead_elsewhere() {
        for bad in ["", "../x", "a/b", "A", "_all", "-x", "a b", "a?b", ".x"] {
            assert_eq!(bad.parse::<Index>().unwrap_err().code, "bad_index", "{bad}");
        }
    }
}
