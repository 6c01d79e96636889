//! How an organization looks: its logo and its colour, from which the colours of pages are made.

mod palette;
mod theme;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use self::{
    palette::{Palette, Scheme, css},
    theme::{Shades, Theme},
};
use crate::core::value::{BadValue, bad};

/// A colour as its owner wrote it: `#rgb` or `#rrggbb`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Color(String);

impl Color {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A colour the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
    /// Red, green, blue.
    pub fn rgb(&self) -> [u8; 3] {
        let digits: Vec<u8> =
            self.0.chars().filter_map(|c| c.to_digit(16)).filter_map(|digit| u8::try_from(digit).ok()).collect();
        match digits[..] {
            [r, g, b] => [r * 17, g * 17, b * 17],
            [a, b, c, d, e, f] => [a * 16 + b, c * 16 + d, e * 16 + f],
            _ => [0; 3],
        }
    }
}

impl FromStr for Color {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let digits = s.strip_prefix('#').filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.map(str::len) {
            Some(3 | 6) => Ok(Self(s.to_owned())),
            _ => bad("bad_color", "Give a colour as #rgb or #rrggbb."),
        }
    }
}
impl fmt::Debug for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The largest logo, in bytes.
pub const LARGEST_LOGO: usize = 256 * 1024;

/// A picture that was fetched once, and is served by us.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/png`, `image/jpeg` or `image/webp`.
    pub media: &'static str,
    /// The picture.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media, self.bytes.len())
    }
}

impl Logo {
    /// The picture, by what it begins with: whatever its server calls it, nothing else is served. No SVG, which is a program.
    pub fn recognised(bytes: Vec<u8>) -> Result<Self, BadValue> {
        let media = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            _ => return bad("not_an_image", "What is there is no PNG, JPEG or WebP picture."),
        };
        if bytes.len() > LARGEST_LOGO {
            return bad("too_large", "A logo has at most 256 KB.");
        }
        Ok(Self { media, bytes })
    }
    /// The name of a kind that the database gave back.
    pub fn known_media(text: &str) -> Option<&'static str> {
        ["image/png", "image/jpeg", "image/webp"].into_iter().find(|media| *media == text)
    }
}

/// How an organization looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branding {
    /// Where its logo was fetched.
    pub logo_url: Option<String>,
    /// Names the picture that was there: another one has another name.
    pub logo_version: Option<String>,
    /// Its colour.
    pub primary_color: Option<Color>,
}

#[cfg(test)]
mod tests;
