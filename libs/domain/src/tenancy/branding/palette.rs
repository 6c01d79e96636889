//! Colours that can be read: the organization's colour, its hue kept, moved in lightness until it stands out (WCAG 2: texts 4.5:1, controls
//! 3:1) in a light and in a dark scheme. The lightness is OKLCH's, so that it looks moved and not replaced.

use super::Color;

/// What pages are drawn on.
const LIGHT_GROUND: [u8; 3] = [0xff; 3];
const DARK_GROUND: [u8; 3] = [0x16, 0x19, 0x1d];
const TEXT: f64 = 4.5;
const CONTROL: f64 = 3.0;

/// The colours of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// Buttons and other controls.
    pub accent: [u8; 3],
    /// Text on them.
    pub on_accent: [u8; 3],
    /// Text that is a link.
    pub link: [u8; 3],
}

/// The colours of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// On white.
    pub light: Scheme,
    /// On nearly black.
    pub dark: Scheme,
}

impl Palette {
    /// The palette of a colour.
    pub fn of(color: &Color) -> Self {
        let scheme = |ground: [u8; 3]| {
            let accent = moved(color.rgb(), ground, CONTROL);
            let on_accent = if contrast([0xff; 3], accent) >= contrast([0; 3], accent) { [0xff; 3] } else { [0; 3] };
            Scheme { accent, on_accent, link: moved(color.rgb(), ground, TEXT) }
        };
        Self { light: scheme(LIGHT_GROUND), dark: scheme(DARK_GROUND) }
    }
}

/// How a colour is written in CSS.
pub fn css([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The contrast of two colours, 1 to 21.
pub(super) fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |rgb: [u8; 3]| {
        let [r, g, b] = rgb.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The colour nearest in lightness that reaches a contrast.
fn moved(rgb: [u8; 3], ground: [u8; 3], wanted: f64) -> [u8; 3] {
    let [lightness, a, b] = oklab(rgb);
    let darker = contrast(ground, [0; 3]) > contrast(ground, [0xff; 3]);
    let mut candidate = rgb;
    let mut at = lightness;
    // White and black reach any contrast that is asked for.
    while contrast(candidate, ground) < wanted && (0.0..=1.0).contains(&at) {
        at += if darker { -0.005 } else { 0.005 };
        candidate = within(at.clamp(0.0, 1.0), a, b);
    }
    candidate
}

/// The colour of this lightness and hue that a screen can show, as strong as it can.
fn within(lightness: f64, a: f64, b: f64) -> [u8; 3] {
    let mut strength = 1.0;
    loop {
        let channels = from_oklab([lightness, a * strength, b * strength]);
        if strength < 0.01 || channels.iter().all(|channel| (-0.001..=1.001).contains(channel)) {
            return channels.map(encoded);
        }
        strength -= 0.02;
    }
}

fn linear(channel: u8) -> f64 {
    let c = f64::from(channel) / 255.0;
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn encoded(channel: f64) -> u8 {
    let c = channel.clamp(0.0, 1.0);
    let c = if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
    (c * 255.0).round().clamp(0.0, 255.0) as u8
}

/// The matrices are those of OKLab's definition.
pub(super) fn oklab(rgb: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = rgb.map(linear);
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

pub(super) fn from_oklab([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}
