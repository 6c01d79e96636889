use super::*;

#[test]
fn escapes_are_read_strictly() {
    for (text, wanted) in [("a+b", "a b"), ("a%20b", "a b"), ("%c3%A4", "ä"), ("", ""), ("%2B", "+"), ("ä", "ä")] {
        assert_eq!(decoded(text).unwrap(), wanted, "{text}");
    }
    for text in ["%", "%a", "%g0", "%0", "%%41", "%+1", "%ff", "a%c3", "%ä"] {
        assert!(decoded(text).is_err(), "{text}");
    }
    for text in ["", "a b+c/ü&x=y", "-._~", "\u{0}\u{7f}"] {
        assert_eq!(decoded(&encoded(text)).unwrap(), text, "{text}");
    }
}

#[test]
fn what_was_deflated_inflates_and_nothing_more() {
    for xml in ["", "<a/>", &"ä".repeat(LARGEST_MESSAGE / 2)] {
        assert_eq!(inflated(&STANDARD.decode(deflated(xml).unwrap()).unwrap()).unwrap(), xml);
    }
    let large = STANDARD.decode(deflated(&" ".repeat(LARGEST_MESSAGE + 1)).unwrap()).unwrap();
    assert!(inflated(&large).is_err());
    for garbage in [&[][..], &[0xff; 40], b"<a/>"] {
        assert!(inflated(garbage).is_err(), "{garbage:?}");
    }
}
