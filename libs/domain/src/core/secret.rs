//! What somebody else's service gave an organization to be known by there.

use std::{fmt, str::FromStr};

use crate::core::value::{BadValue, bad};

/// A secret at a provider: a key, a client secret, what its calls are signed with. Visible ASCII without blanks, at most 1,024 characters;
/// never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderSecret(String);

impl ProviderSecret {
    /// The text, to be sent or sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// One that the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for ProviderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderSecret(…)")
    }
}

/// What may travel in a header and in a form, and is not empty.
pub(crate) fn visible(s: &str, max: usize) -> Result<String, BadValue> {
    match s {
        "" => bad("empty", "This cannot be empty."),
        long if long.len() > max => bad("too_long", format!("Use at most {max} characters.")),
        odd if !odd.bytes().all(|b| b.is_ascii_graphic()) => {
            bad("bad_characters", "Use visible ASCII characters without blanks.")
        }
        fits => Ok(fits.to_owned()),
    }
}

impl FromStr for ProviderSecret {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        visible(s, 1024).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_visible_ascii_and_not_shown() {
        let code = |s: &str| s.parse::<ProviderSecret>().unwrap_err().code;
        assert_eq!(
            (code(""), code(" x"), code("ä"), code("a\nb")),
            ("empty", "bad_characters", "bad_characters", "bad_characters")
        );
        assert_eq!(code(&"x".repeat(1025)), "too_long");
        let secret: ProviderSecret = "sk_test_~.-1".parse().unwrap();
        assert!(!format!("{secret:?}").contains("sk_test"));
    }
}
