//! Signing in by what is mailed: a code to type where one asked for it, and a link that leads back there. Either shows that whoever asks reads the
//! account's mail, once; so a mail is the first factor of such a sign-in and never the second.
//!
//! The code is made of the link's token, so that the page behind the link can show it in another browser, and nothing that is kept tells either.

use chrono::TimeDelta;

/// How long a code, and the link in the same mail, work.
pub const LASTS: TimeDelta = TimeDelta::minutes(10);
/// How many codes may be tried before a new mail is asked for.
pub const TRIES: i32 = 5;
/// How many digits it has.
const DIGITS: usize = 8;

/// The code of a random number.
pub fn code(random: u64) -> String {
    let codes = 10_u128.pow(8);
    format!("{:0DIGITS$}", (u128::from(random) * codes) >> 64)
}

/// A code as people type and copy it; `None`: it is none.
pub fn typed(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (plain.len() == DIGITS && plain.bytes().all(|b| b.is_ascii_digit())).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_code_of_eight_digits() {
        for (random, expected) in [(0, "00000000"), (u64::MAX, "99999999"), (1 << 63, "50000000"), (184_467_440_738, "00000001")]
        {
            assert_eq!(code(random), expected, "{random}");
        }
    }

    #[test]
    fn what_is_typed_is_read_as_people_write_it() {
        for (text, expected) in [
            (" 1234 5678 ", Some("12345678")),
            ("1234-5678", Some("12345678")),
            ("1234567", None),
            ("123456789", None),
            ("1234567a", None),
            ("\u{661}\u{662}\u{663}\u{664}", None),
            ("", None),
        ] {
            assert_eq!(typed(text).as_deref(), expected, "{text}");
        }
    }
}
