//! OKLCH: a colour by what people see of it.

use crate::tenancy::branding::palette::{from_oklab, oklab};

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

const WHITE: Rgb = [0xff; 3];

/// A colour by lightness, chroma and hue.
#[derive(Clone, Copy)]
pub(super) struct Lch {
    pub(super) l: f64,
    pub(super) c: f64,
    pub(super) h: f64,
}

impl Lch {
    pub(super) fn of(rgb: Rgb) -> Self {
        let [l, a, b] = oklab(rgb);
        Self { l, c: a.hypot(b), h: b.atan2(a) }
    }

    fn gamma(self) -> [f64; 3] {
        gamma([self.l, self.c * self.h.cos(), self.c * self.h.sin()])
    }

    /// As a screen shows it: lightness and hue kept, chroma cut until it can.
    pub(super) fn shown(self) -> Rgb {
        let fits = |colour: Self| colour.gamma().iter().all(|channel| *channel <= 1.0005);
        let whole = Self { l: self.l.clamp(0.0, 1.0), ..self };
        if whole.l <= 0.0 || whole.l >= 1.0 {
            return if whole.l <= 0.0 { [0; 3] } else { WHITE };
        }
        if fits(whole) {
            return encoded(whole.gamma());
        }
        let (mut low, mut high) = (0.0, self.c);
        for _ in 0..12 {
            let c = f64::midpoint(low, high);
            if fits(Self { c, ..whole }) {
                low = c;
            } else {
                high = c;
            }
        }
        encoded(Self { c: low, ..whole }.gamma())
    }

    /// The smallest move of lightness towards `end` after which it is good.
    pub(super) fn moved(self, end: f64, good: impl Fn(Rgb) -> bool) -> Self {
        if good(self.shown()) {
            return self;
        }
        let (mut from, mut to) = (self.l, end);
        for _ in 0..12 {
            let l = f64::midpoint(from, to);
            if good(Self { l, ..self }.shown()) {
                to = l;
            } else {
                from = l;
            }
        }
        Self { l: to, ..self }
    }
}

/// From OKLab to what a screen is sent; below black is black.
fn gamma(lab: [f64; 3]) -> [f64; 3] {
    from_oklab(lab).map(|linear| {
        let c = linear.max(0.0);
        if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }
    })
}

/// A colour of OKLab as a screen shows it.
pub(super) fn shown(lab: [f64; 3]) -> Rgb {
    encoded(gamma(lab))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn encoded(gamma: [f64; 3]) -> Rgb {
    gamma.map(|channel| (channel.clamp(0.0, 1.0) * 255.0).round() as u8)
}
