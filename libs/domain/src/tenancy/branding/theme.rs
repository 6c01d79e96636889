//! The colours of an organization's pages, derived from the one that it chose, so that every pair which the stylesheet may put together can
//! be read in the light and in the dark scheme (WCAG 2: text 4.5:1, controls 3:1).
//!
//! A colour is moved in OKLCH: its hue is kept, its lightness searched towards the far end of the scheme, and its chroma cut only as far
//! as a screen cannot show it. A light colour stays itself by day, and its edge carries the contrast; a dark one is lifted by night, where
//! a dark button would look switched off. A grey has no hue to keep: where it would vanish it is mirrored, black by day and white by night.

mod lch;

use self::lch::{Lch, Rgb, shown};
use super::{
    Color, css,
    palette::{contrast, oklab},
};

/// The six colours of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shades {
    /// The page behind the card.
    pub canvas: Rgb,
    /// Name plate and quiet areas.
    pub tint: Rgb,
    /// The primary button.
    pub fill: Rgb,
    /// Text on it.
    pub ink: Rgb,
    /// Its border, and ticks.
    pub edge: Rgb,
    /// Links and focus rings.
    pub text: Rgb,
}

/// The colours of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// By day.
    pub light: Shades,
    /// By night.
    pub dark: Shades,
}

const WHITE: Rgb = [0xff; 3];
const BLACK: Rgb = [0x11, 0x12, 0x14];

/// What is the same for all brands. The pages' stylesheet holds the same values.
struct Scheme {
    surface: Rgb,
    /// Of notices, which links also stand in.
    notices: [Rgb; 3],
    /// The end of lightness that is far from the ground.
    far: f64,
    /// Least and largest lightness, and largest chroma, of the canvas.
    canvas: (f64, f64, f64),
    /// Lightness and largest chroma of the tint.
    tint: (f64, f64),
    /// The contrast of links.
    read: f64,
}

const LIGHT: Scheme = Scheme {
    surface: WHITE,
    notices: [[0xfd, 0xf1, 0xef], [0xed, 0xf7, 0xf0], [0xfc, 0xf4, 0xe4]],
    far: 0.0,
    canvas: (0.965, 0.985, 0.006),
    tint: (0.965, 0.014),
    read: 4.5,
};
const DARK: Scheme = Scheme {
    surface: [0x17, 0x19, 0x1b],
    notices: [[0x33, 0x1a, 0x18], [0x14, 0x28, 0x1c], [0x2f, 0x24, 0x10]],
    far: 1.0,
    canvas: (0.15, 0.175, 0.007),
    tint: (0.25, 0.024),
    read: 6.0,
};

impl Theme {
    /// The colours of a brand.
    pub fn of(color: &Color) -> Self {
        let brand = Lch::of(color.rgb());
        Self { light: shades(brand, &LIGHT), dark: shades(brand, &DARK) }
    }

    /// As a stylesheet: six custom properties, nothing else.
    pub fn stylesheet(&self) -> String {
        let Self { light, dark } = self;
        let line = |name: &str, of: fn(&Shades) -> Rgb| {
            format!("  --brand-{name}: light-dark({}, {});\n", css(of(light)), css(of(dark)))
        };
        let lines = [
            line("canvas", |shades| shades.canvas),
            line("tint", |shades| shades.tint),
            line("fill", |shades| shades.fill),
            line("ink", |shades| shades.ink),
            line("edge", |shades| shades.edge),
            line("text", |shades| shades.text),
        ];
        format!(":root {{\n{}}}\n", lines.concat())
    }
}

fn shades(brand: Lch, scheme: &Scheme) -> Shades {
    let (low, high, most) = scheme.canvas;
    let canvas = Lch { l: brand.l.clamp(low, high), c: brand.c.min(most), ..brand }.shown();
    let tint = Lch { l: scheme.tint.0, c: brand.c.min(scheme.tint.1), ..brand }.shown();
    let grounds = [scheme.surface, canvas, tint];
    let least =
        |colour: Rgb, grounds: &[Rgb]| grounds.iter().map(|ground| contrast(colour, *ground)).fold(f64::INFINITY, f64::min);
    let mut start = brand;
    if brand.c < 0.03 && least(brand.shown(), &grounds) < 3.0 {
        start.l = if scheme.far < 0.5 { (1.0 - brand.l).min(0.25) } else { (1.0 - brand.l).max(0.93) };
    }
    let (fill, ink) = button(start, scheme);
    let edge = fill.moved(scheme.far, |edge| least(edge, &grounds) >= 3.0);
    let all = [&grounds[..], &scheme.notices].concat();
    let text = start.moved(scheme.far, |text| least(text, &all) >= scheme.read);
    Shades { canvas, tint, fill: fill.shown(), ink, edge: edge.shown(), text: text.shown() }
}

/// The button and the text on it: white wherever white reads, at rest and under the pointer.
fn button(start: Lch, scheme: &Scheme) -> (Lch, Rgb) {
    let dark = scheme.far > 0.5;
    let fill = if dark { start.moved(1.0, |fill| contrast(fill, scheme.surface) >= 3.0) } else { start };
    if reads(WHITE, fill.shown()) {
        (fill, WHITE)
    } else if reads(BLACK, fill.shown()) {
        (fill, BLACK)
    } else if !dark && fill.l < 0.68 {
        (fill.moved(0.0, |fill| reads(WHITE, fill)), WHITE)
    } else {
        (fill.moved(1.0, |fill| reads(BLACK, fill)), BLACK)
    }
}

fn reads(ink: Rgb, fill: Rgb) -> bool {
    contrast(ink, fill).min(contrast(ink, hovered(fill, ink))) >= 4.5
}

/// The fill under the pointer: `color-mix(in oklab, fill 92%, ink)` of the stylesheet.
fn hovered(fill: Rgb, ink: Rgb) -> Rgb {
    let (fill, ink) = (oklab(fill), oklab(ink));
    shown([0, 1, 2].map(|i| 0.92 * fill[i] + 0.08 * ink[i]))
}

#[cfg(test)]
mod tests;
