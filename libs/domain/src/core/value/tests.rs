use super::*;

fn code<T: FromStr<Err = BadValue>>(s: &str) -> &'static str {
    s.parse::<T>().err().map_or("ok", |e| e.code)
}

#[test]
fn slugs() {
    for (text, expected) in [
        ("acme", "ok"),
        ("a-1_b", "ok"),
        ("ab", "too_short"),
        ("Acme", "bad_format"),
        ("-acme", "bad_format"),
        ("acme_", "bad_format"),
        ("api", "reserved"),
        ("platform", "reserved"),
        ("a/b", "bad_format"),
        ("a..b", "bad_format"),
        ("acmé", "bad_format"),
        ("a b c", "bad_format"),
    ] {
        assert_eq!(code::<Slug>(text), expected, "{text}");
    }
    assert_eq!(code::<Slug>(&"a".repeat(50)), "ok");
    assert_eq!(code::<Slug>(&"a".repeat(51)), "too_long");
    assert_eq!(code::<RoleSlug>("Owner"), "reserved");
}

#[test]
fn one_mailbox_is_one_value() {
    assert_eq!(" Ann@Example.COM ".parse::<Email>(), "ann@example.com".parse());
    for text in [
        "",
        "ann",
        "@x.test",
        "ann@",
        "ann@x",
        "a b@x.test",
        "ann@x.test\r\nBcc: e@x.test",
        "Ann <ann@x.test>",
        "ann@[127.0.0.1]",
        "аnn@x.test",
        "\"a\"@x.test",
    ] {
        assert_eq!(code::<Email>(text), "bad_format", "{text}");
    }
    assert_eq!(code::<Email>(&format!("{}@x.test", "a".repeat(250))), "too_long");
}

#[test]
fn an_international_domain_is_kept_in_its_ascii_form() {
    for (typed, kept, shown) in [
        ("Ann@Müller.example", "ann@xn--mller-kva.example", "ann@müller.example"),
        ("ann@mu\u{308}ller.example", "ann@xn--mller-kva.example", "ann@müller.example"),
        ("ann@XN--MLLER-KVA.example", "ann@xn--mller-kva.example", "ann@müller.example"),
        ("ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah", "ann@例え.テスト"),
        ("ann@ｅxample.com", "ann@example.com", "ann@example.com"),
        ("ann@straße.example", "ann@xn--strae-oqa.example", "ann@straße.example"),
        ("ann@xn--a.example", "ann@xn--a.example", "ann@xn--a.example"),
    ] {
        let email: Email = typed.parse().unwrap();
        assert_eq!((email.as_str(), email.shown().as_str()), (kept, shown), "{typed}");
        assert_eq!(email.shown().parse::<Email>(), Ok(email.clone()), "{typed}: what is shown can be typed");
    }
    for text in [
        "müller@example.com",
        "ann@mü ller.example",
        "ann@mül_ler.example",
        "ann@-ü.example",
        "ann@ü",
        "ann@ü..example",
        "ann@\u{200b}ü\u{202e}.example",
    ] {
        assert_eq!(code::<Email>(text), "bad_format", "{text}");
    }
    assert_ne!(code::<Email>(&format!("ann@{}.example", "ü".repeat(300_000))), "ok");
}

#[test]
fn passwords_are_one_text_however_they_were_typed() {
    let typed = |text: &str| text.parse::<Password>().unwrap().expose().to_owned();
    assert_eq!(typed("pa\u{308}sswo\u{308}rter"), typed("pässwörter"));
    assert_eq!(typed("long\u{a0}enough"), typed("long enough"));
    assert_ne!(typed("ＷＩＤＥＷＩＤＥ"), typed("WIDEWIDE"));
    assert_eq!(typed("  kept as it is "), "  kept as it is ");
    for (text, expected) in [("short", "too_short"), ("long\0enough", "bad_characters"), ("long\tenough", "bad_characters")] {
        assert_eq!(code::<Password>(text), expected, "{text:?}");
    }
    assert_eq!(code::<Password>(&"a\u{308}".repeat(400)), "ok", "what counts is the hashed spelling");
    assert_eq!(code::<Password>("👩\u{200d}💻👩\u{200d}💻❤\u{fe0f}"), "ok");
}

#[test]
fn names_cannot_deceive() {
    assert_eq!(code::<Name>("Ärzte & Söhne GmbH"), "ok");
    assert_eq!(code::<Name>(" x "), "too_short");
    assert_eq!(code::<Name>("acme\u{202e}moc"), "bad_characters");
    assert_eq!(code::<Name>("a\nb"), "bad_characters");
    assert_eq!(code::<Name>("\u{3164}\u{3164}"), "bad_characters");
    assert_eq!(code::<Name>("\u{fe0f}\u{fe0f}"), "bad_characters");
    assert_eq!(code::<Name>("\u{2800}\u{2800}"), "not_visible");
    assert_eq!(code::<Name>("❤\u{fe0f}"), "ok");
    assert_eq!(code::<Description>(""), "ok");
}

#[test]
fn pages_are_clamped() {
    assert_eq!(Page::clamped(Some(0), Some(-3), 50), Page { page: 1, limit: 1 });
    assert_eq!(Page::clamped(None, Some(1000), 50), Page { page: 1, limit: 100 });
    assert_eq!(Page::clamped(Some(i64::MAX), None, 20).limit, 20);
}
