//! What a receiver wants to see, as it may travel in a header. Never shown.

use std::{fmt, str::FromStr};

use crate::core::value::{BadValue, bad};

/// Headers that frame the message, steer the connection, say what the body is, or are signed: setting one could smuggle a second request,
/// reach another host, or pass for us.
const OURS: [&str; 23] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "forwarded",
    "via",
    "cookie",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-splunk-request-channel",
    "dd-evp-origin",
    "traceparent",
];

/// What of a header's value may be sent: visible ASCII, and blanks in between.
fn value(s: &str, max: usize) -> Result<String, BadValue> {
    match s {
        "" => bad("empty", "This cannot be empty. Send null to clear it."),
        long if long.len() > max => bad("too_long", format!("Use at most {max} characters.")),
        odd if !odd.bytes().all(|b| (b' '..=b'~').contains(&b)) || odd.trim() != odd => {
            bad("bad_characters", "Use visible ASCII characters, with blanks only in between.")
        }
        fits => Ok(fits.to_owned()),
    }
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text, to be sent or sealed.
            pub fn expose(&self) -> &str {
                &self.0
            }
            /// One that the database gave back.
            pub fn stored(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

secret! {
    /// The key at a receiver.
    ReceiverKey
}
secret! {
    /// A header of the organization's choice: `Name: value`, or a value for `Authorization`.
    AuthHeader
}
secret! {
    /// What signs bodies.
    SigningSecret
}

impl FromStr for ReceiverKey {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        value(s, 1024).map(Self)
    }
}

impl FromStr for SigningSecret {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        if s.len() < 24 {
            return bad("too_short", "Use at least 24 characters that nobody can guess.");
        }
        value(s, 256).map(Self)
    }
}

impl FromStr for AuthHeader {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let header = value(s, 2048).map(Self)?;
        let (name, content) = header.parts();
        if content.is_empty() {
            return bad("empty", "Give the header a value.");
        }
        let lower = name.to_ascii_lowercase();
        if OURS.contains(&lower.as_str()) || lower.starts_with("x-forwarded-") || lower.starts_with("x-webhook-") {
            return bad("header_not_allowed", "This header cannot be set. Use Authorization, or one of your own.");
        }
        Ok(header)
    }
}

impl AuthHeader {
    /// Its name and value.
    pub fn parts(&self) -> (&str, &str) {
        let name_and_value = self.0.split_once(':').filter(|(name, _)| is_name(name));
        name_and_value.map_or(("Authorization", self.0.as_str()), |(name, value)| (name, value.trim()))
    }
}

/// A name of a header, as RFC 9110 has them.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// All credentials of a stream.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The key at the receiver.
    pub api_key: Option<ReceiverKey>,
    /// A header of the organization's choice.
    pub auth_header: Option<AuthHeader>,
    /// What signs bodies.
    pub signing_secret: Option<SigningSecret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value_or_a_value_alone() {
        for (text, name, value) in [
            ("X-Key: abc", "X-Key", "abc"),
            ("X-Key:abc", "X-Key", "abc"),
            ("Bearer abc", "Authorization", "Bearer abc"),
            ("Basic YTpi", "Authorization", "Basic YTpi"),
            ("Bearer a:b", "Authorization", "Bearer a:b"),
            ("Authorization: Bearer a", "Authorization", "Bearer a"),
        ] {
            assert_eq!(text.parse::<AuthHeader>().unwrap().parts(), (name, value), "{text}");
        }
    }

    #[test]
    fn dangerous_headers_are_refused() {
        for text in
            ["Host: x", "host:x", "Content-Length: 0", "TRANSFER-ENCODING: chunked", "X-Forwarded-For: 1.2.3.4", "Cookie: a=b"]
        {
            assert_eq!(text.parse::<AuthHeader>().unwrap_err().code, "header_not_allowed", "{text}");
        }
        for (text, code) in
            [("X: a\r\nHost: b", "bad_characters"), ("", "empty"), ("X-Key: ", "bad_characters"), ("X-Key:", "empty")]
        {
            assert_eq!(text.parse::<AuthHeader>().unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn a_key_can_travel_in_a_header() {
        for (text, code) in [("", "empty"), ("a\nb", "bad_characters"), (" a", "bad_characters"), ("ä", "bad_characters")] {
            assert_eq!(text.parse::<ReceiverKey>().unwrap_err().code, code, "{text}");
        }
        assert_eq!("x".repeat(1025).parse::<ReceiverKey>().unwrap_err().code, "too_long");
        assert_eq!(format!("{:?}", "secret".parse::<ReceiverKey>().unwrap()), "ReceiverKey(…)");
        assert_eq!("short".parse::<SigningSecret>().unwrap_err().code, "too_short");
    }
}
