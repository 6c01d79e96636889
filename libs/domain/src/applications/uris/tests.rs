use super::*;

fn code<T: FromStr<Err = BadValue>>(s: &str) -> &'static str {
    s.parse::<T>().err().map_or("ok", |e| e.code)
}

/// T32: sixty texts that some matcher somewhere took for another.
#[test]
fn t32_only_texts_with_one_reading_are_registered() {
    for (text, expected) in [
        ("https://app.example.com/callback", "ok"),
        ("https://app.example.com", "ok"),
        ("https://app.example.com/", "ok"),
        ("https://app.example.com?tenant=1", "not_normal"),
        ("https://app.example.com/?tenant=1", "ok"),
        ("https://app.example.com:8443/callback?a=b&c=d", "ok"),
        ("https://app.example.com/a%20b", "ok"),
        ("https://xn--mller-kva.example/cb", "ok"),
        ("https://203.0.113.7/cb", "ok"),
        ("https://[2001:db8::1]/cb", "ok"),
        ("http://localhost/cb", "ok"),
        ("http://localhost:3000/cb", "ok"),
        ("http://127.0.0.1:3000/cb", "ok"),
        ("http://[::1]:3000/cb", "ok"),
        ("com.example.app:/callback", "ok"),
        ("com.example.app://callback", "ok"),
        ("", "bad_uri"),
        ("callback", "bad_uri"),
        ("/callback", "bad_uri"),
        ("//app.example.com/cb", "bad_uri"),
        ("http://app.example.com/cb", "not_https"),
        ("http://localhost.example.com/cb", "not_https"),
        ("http://localhostess/cb", "not_https"),
        ("http://127.0.0.1.example.com/cb", "not_https"),
        ("http://127.0.0.2/cb", "not_https"),
        ("http://0.0.0.0/cb", "not_https"),
        ("http://127.1/cb", "not_normal"),
        ("http://2130706433/cb", "not_normal"),
        ("http://0x7f000001/cb", "not_normal"),
        ("http://[::ffff:127.0.0.1]/cb", "not_normal"),
        ("http://LOCALHOST/cb", "not_normal"),
        ("HTTPS://app.example.com/cb", "not_normal"),
        ("https://APP.example.com/cb", "not_normal"),
        ("https://app.example.com:443/cb", "not_normal"),
        ("https:app.example.com/cb", "not_normal"),
        ("https:/app.example.com/cb", "not_normal"),
        ("https:///app.example.com/cb", "not_normal"),
        ("https:\\\\app.example.com\\cb", "bad_characters"),
        ("https://app.example.com\\@evil.example/cb", "bad_characters"),
        ("https://app.example.com@evil.example/cb", "credentials_in_uri"),
        ("https://user:pw@app.example.com/cb", "credentials_in_uri"),
        ("https://@app.example.com/cb", "credentials_in_uri"),
        ("https://:@app.example.com/cb", "credentials_in_uri"),
        ("https://app.example.com/cb#", "fragment"),
        ("https://app.example.com/cb#frag", "fragment"),
        ("https://*.example.com/cb", "wildcard"),
        ("https://app.example.com/*", "wildcard"),
        ("https://app.example.com/a/../cb", "not_normal"),
        ("https://app.example.com/a/%2e%2e/cb", "not_normal"),
        ("https://app.example.com/./cb", "not_normal"),
        ("https://app.example.com/cb\t", "bad_characters"),
        ("https://app.example.com/c\nb", "bad_characters"),
        (" https://app.example.com/cb", "bad_characters"),
        ("https://app.example.com/cb\0", "bad_characters"),
        ("https://müller.example/cb", "bad_characters"),
        ("https://app%2eexample.com/cb", "not_normal"),
        ("https://app.example.com/cb?code=1", "reserved_parameter"),
        ("https://app.example.com/cb?%63ode=1", "reserved_parameter"),
        ("https://app.example.com/cb?a=1&STATE=2", "reserved_parameter"),
        ("https://app.example.com/cb?iss", "reserved_parameter"),
        ("https://app.example.com/cb?id_token=", "reserved_parameter"),
        ("javascript:alert(1)", "bad_scheme"),
        ("data:text/html,hello", "bad_scheme"),
        ("file:///etc/passwd", "bad_scheme"),
        ("ftp://app.example.com/cb", "bad_scheme"),
        ("myapp://callback", "bad_scheme"),
        ("urn:ietf:wg:oauth:2.0:oob", "bad_scheme"),
        ("com.example.app:/a/../b", "not_normal"),
        ("https://", "bad_uri"),
        ("https://:443/", "bad_uri"),
        ("https://app.example.com:99999/", "bad_uri"),
    ] {
        assert_eq!(code::<RedirectUri>(text), expected, "{text:?}");
    }
    assert_eq!(code::<RedirectUri>(&format!("https://app.example.com/{}", "a".repeat(2000))), "too_long");
}

fn uri(text: &str) -> RedirectUri {
    text.parse().unwrap()
}

#[test]
fn t32_what_matches_is_the_same_text() {
    for (registered, asked, native, matches) in [
        ("https://app.example.com/cb", "https://app.example.com/cb", false, true),
        ("https://app.example.com/cb", "https://app.example.com/cb/", false, false),
        ("https://app.example.com/cb", "https://app.example.com/cb?x=1", true, false),
        ("https://app.example.com/cb", "https://app.example.com/CB", false, false),
        ("https://app.example.com/cb", "https://app.example.com/cb/../cb", false, false),
        ("https://app.example.com", "https://app.example.com/", false, false),
        ("https://app.example.com:8443/cb", "https://app.example.com:8444/cb", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51234/cb", true, true),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:51234/cb", true, true),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1/cb", true, true),
        ("http://[::1]/cb", "http://[::1]:51234/cb", true, true),
        ("http://localhost/cb", "http://localhost:51234/cb", true, true),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51234/cb", false, false),
        ("http://127.0.0.1/cb", "http://localhost:51234/cb", true, false),
        ("http://127.0.0.1/cb", "http://[::1]:51234/cb", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51234/other", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51234@evil.example/cb", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:+80/cb", true, false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:080/cb", true, false),
        ("http://127.0.0.1/cb", "https://127.0.0.1:51234/cb", true, false),
        ("com.example.app:/cb", "com.example.app:/cb", true, true),
        ("com.example.app:/cb", "com.example.app:/cb/", true, false),
    ] {
        assert_eq!(uri(registered).matches(asked, native), matches, "{registered} against {asked}, native: {native}");
    }
}

#[test]
fn an_own_scheme_is_for_what_is_installed() {
    assert!(uri("com.example.app:/cb").is_native_only());
    assert!(!uri("https://app.example.com/cb").is_native_only() && !uri("http://localhost/cb").is_native_only());
    assert_eq!(code::<PageUri>("com.example.app:/activate"), "not_https");
    assert_eq!(code::<PageUri>("https://app.example.com/activate"), "ok");
}

#[test]
fn resources_are_named_by_their_https_uri() {
    for (text, expected) in [
        ("https://api.example.com/", "ok"),
        ("https://api.example.com:8443/v1", "ok"),
        ("http://localhost/", "not_https"),
        ("https://203.0.113.7/", "not_https"),
        ("urn:api", "not_https"),
        ("https://api.example.com/#x", "fragment"),
    ] {
        assert_eq!(code::<ResourceUri>(text), expected, "{text}");
    }
    let host = |text: &str| text.parse::<ResourceUri>().unwrap().host().to_owned();
    assert_eq!(
        (host("https://api.example.com:8443/v1").as_str(), host("https://b.example").as_str()),
        ("api.example.com", "b.example")
    );
}
