//! An authenticator app's key, as its camera and as people read it.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};
use serde::Serialize;

/// A QR code as the path of a picture, and how wide that is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Picture {
    /// In squares, with the quiet ones around.
    size: usize,
    /// The dark squares, row by row, as lines that are one square thick.
    path: String,
}

/// The quiet squares around a code.
const QUIET: usize = 4;

/// The picture of a text; `None`: it is too long for one.
pub(crate) fn picture(text: &str) -> Option<Picture> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (width, squares) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (y, row) in squares.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, next| one == next) {
            if run.first() == Some(&Color::Dark) {
                let _ = write!(path, "M{} {}.5h{}", x + QUIET, y + QUIET, run.len());
            }
            x += run.len();
        }
    }
    Some(Picture { size: width + 2 * QUIET, path })
}

/// A key in groups of four, as people type it.
pub(crate) fn spaced(key: &str) -> String {
    let signs: Vec<char> = key.chars().collect();
    signs.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_picture_and_a_text() {
        let url = "otpauth://totp/Tenantry:a-rather-long-address.of-somebody@engineering.example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Tenantry";
        let picture = picture(url).expect("it fits");
        assert!(picture.path.starts_with("M4 4.5h7") && picture.path.len() < 8_000, "{}: {}", picture.path.len(), picture.path);
        assert_eq!(spaced("JBSWY3DPEH"), "JBSW Y3DP EH");
        assert!(super::picture(&"x".repeat(4000)).is_none());
    }
}
