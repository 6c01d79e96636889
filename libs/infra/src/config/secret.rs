//! A text that must not appear in a log, a trace or an error message (T42).

use std::fmt;

use serde::Deserialize;

/// A configured secret. `Debug` shows only whether it is set; the value comes out through [`expose`](Secret::expose) alone, so
/// that every use can be found by that name.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
    /// The value itself. Do not log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// Whether nothing is configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(unset)" } else { "Secret(***)" })
    }
}
