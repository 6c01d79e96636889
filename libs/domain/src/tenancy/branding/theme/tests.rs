use super::*;

fn theme(text: &str) -> Theme {
    Theme::of(&text.parse().unwrap())
}

/// What is the same for all brands: text, muted text, and what is wrong, right or a warning.
const TEXTS: [[Rgb; 5]; 2] = [
    [[0x17, 0x19, 0x1c], [0x56, 0x5c, 0x63], [0xb3, 0x26, 0x1e], [0x17, 0x68, 0x3a], [0x7a, 0x4b, 0x00]],
    [[0xec, 0xee, 0xf0], [0xa6, 0xad, 0xb4], [0xff, 0x9d, 0x92], [0x7d, 0xd7, 0xa0], [0xef, 0xbf, 0x66]],
];

/// Over the whole cube, in steps: every pair that the stylesheet can put together.
#[test]
fn every_theme_can_be_read() {
    const LEVELS: [u8; 16] = [0, 1, 32, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 255];
    let cube = LEVELS.into_iter().flat_map(|r| LEVELS.into_iter().flat_map(move |g| LEVELS.map(|b| [r, g, b])));
    for rgb in cube {
        let colour = css(rgb);
        let Theme { light, dark } = theme(&colour);
        for ((shades, scheme), texts) in [(light, LIGHT), (dark, DARK)].into_iter().zip(TEXTS) {
            for ground in [scheme.surface, shades.canvas, shades.tint] {
                assert!(contrast(shades.edge, ground) >= 3.0, "{colour}: edge of {shades:?}");
                for text in [shades.text].into_iter().chain(texts) {
                    assert!(contrast(text, ground) >= 4.5, "{colour}: {} on {} of {shades:?}", css(text), css(ground));
                }
            }
            for ground in scheme.notices {
                assert!(contrast(shades.text, ground) >= 4.5, "{colour}: links in notices of {shades:?}");
            }
            for fill in [shades.fill, hovered(shades.fill, shades.ink)] {
                assert!(contrast(shades.ink, fill) >= 4.5, "{colour}: ink of {shades:?}");
            }
        }
    }
}

#[test]
fn a_theme_is_six_properties() {
    // Computed by the reference implementation of the design.
    for (colour, pairs) in [
        (
            "#0b57d0",
            [
                "#f1f4f8, #0f1114",
                "#eef4fd, #1b222d",
                "#0b57d0, #145dd7",
                "#ffffff, #ffffff",
                "#0b57d0, #1c65de",
                "#0b57d0, #6da3ff",
            ],
        ),
        (
            "#6d28d9",
            [
                "#f3f3f7, #101013",
                "#f3f2fc, #22202c",
                "#6d28d9, #793ae8",
                "#ffffff, #ffffff",
                "#6d28d9, #7f42f0",
                "#6d28d9, #ab92ff",
            ],
        ),
        (
            "#ffe34d",
            [
                "#f4f3ef, #11110d",
                "#f6f4e9, #252214",
                "#ffe34d, #ffe34d",
                "#111214, #111214",
                "#a68a00, #ffe34d",
                "#886c00, #ffe34d",
            ],
        ),
        (
            "#ffffff",
            [
                "#fafafa, #101010",
                "#f3f3f3, #222222",
                "#000000, #ffffff",
                "#ffffff, #111214",
                "#000000, #ffffff",
                "#000000, #ffffff",
            ],
        ),
    ] {
        let names = ["canvas", "tint", "fill", "ink", "edge", "text"];
        let line = |(name, pair)| format!("  --brand-{name}: light-dark({pair});\n");
        let expected: String = names.into_iter().zip(pairs).map(line).collect();
        assert_eq!(theme(colour).stylesheet(), format!(":root {{\n{expected}}}\n"), "{colour}");
    }
}

#[test]
fn a_colour_that_can_be_read_stays_itself() {
    assert_eq!(css(theme("#1f4fd8").light.fill), "#1f4fd8");
    // A light one keeps its fill by day; its edge is dark.
    let yellow = theme("#ffe34d").light;
    assert_eq!((css(yellow.fill), yellow.ink), ("#ffe34d".to_owned(), BLACK));
    // A grey is mirrored where it would vanish.
    assert!(theme("#fff").light.fill[0] < 0x60 && theme("#000").dark.fill[0] > 0xd0);
}
