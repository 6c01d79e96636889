use super::{palette::contrast, *};

#[test]
fn a_colour_is_three_or_six_digits() {
    for (text, rgb) in [
        ("#fff", Some([255, 255, 255])),
        ("#1a2B3c", Some([0x1a, 0x2b, 0x3c])),
        ("#f50", Some([255, 85, 0])),
        ("fff", None),
        ("#ffff", None),
        ("#gggggg", None),
        ("#ff5500;background:url(x)", None),
        ("red", None),
        ("", None),
        ("#ёж", None),
    ] {
        assert_eq!(text.parse::<Color>().ok().map(|color| color.rgb()), rgb, "{text}");
    }
}

/// Over the whole cube, in steps.
#[test]
fn every_palette_can_be_read() {
    let levels = [0_u8, 17, 51, 85, 119, 128, 153, 187, 221, 238, 255];
    for r in levels {
        for g in levels {
            for b in levels {
                let color: Color = format!("#{r:02x}{g:02x}{b:02x}").parse().unwrap();
                let Palette { light, dark } = Palette::of(&color);
                for (scheme, ground) in [(light, [0xff; 3]), (dark, [0x16, 0x19, 0x1d])] {
                    assert!(contrast(scheme.accent, ground) >= 3.0, "{color:?}: {scheme:?}");
                    assert!(contrast(scheme.link, ground) >= 4.5, "{color:?}: {scheme:?}");
                    assert!(contrast(scheme.on_accent, scheme.accent) >= 4.5, "{color:?}: {scheme:?}");
                }
            }
        }
    }
}

#[test]
fn a_colour_that_stands_out_stays_what_it_is() {
    let color: Color = "#1f4fd8".parse().unwrap();
    assert_eq!(Palette::of(&color).light.accent, color.rgb());
    // Another one keeps its hue: yellow becomes a dark yellow, not grey.
    let [r, g, b] = Palette::of(&"#ffee00".parse().unwrap()).light.link;
    assert!(r > b && g > b && r.abs_diff(g) < 60, "{r} {g} {b}");
}

#[test]
fn a_logo_is_what_it_begins_with() {
    let png = b"\x89PNG\r\n\x1a\n....".to_vec();
    assert_eq!(Logo::recognised(png.clone()).unwrap().media, "image/png");
    assert_eq!(Logo::recognised(b"\xff\xd8\xff\xe0".to_vec()).unwrap().media, "image/jpeg");
    assert_eq!(Logo::recognised(b"RIFF\x04\0\0\0WEBP".to_vec()).unwrap().media, "image/webp");
    for other in [&b"<svg onload=alert(1)>"[..], b"<html>", b"GIF89a", b"", b"\x89PNG"] {
        assert_eq!(Logo::recognised(other.to_vec()).unwrap_err().code, "not_an_image");
    }
    let large = [png, vec![0; LARGEST_LOGO]].concat();
    assert_eq!(Logo::recognised(large).unwrap_err().code, "too_large");
}
