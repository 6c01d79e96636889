use super::*;

#[test]
fn an_address_is_kept_as_it_was_written() {
    for fine in ["https://idp.example", "https://idp.example/a/../b?c=d", "http://127.0.0.1:9/x", "https://IDP.example/X"] {
        assert_eq!(fine.parse::<ProviderUrl>().unwrap().as_str(), fine);
    }
    for (url, code) in [
        ("", "bad_url"),
        ("idp.example", "bad_url"),
        ("ftp://idp.example", "bad_url"),
        ("https://", "bad_url"),
        ("https://idp.example/#x", "bad_url"),
        ("https:\\\\idp.example", "bad_url"),
        ("https://idp.example/ x", "bad_url"),
        ("https://idp.example/\u{1}", "bad_url"),
        ("https://u@idp.example", "credentials_in_url"),
        ("https://u:p@idp.example", "credentials_in_url"),
    ] {
        assert_eq!(url.parse::<ProviderUrl>().unwrap_err().code, code, "{url:?}");
    }
    assert_eq!(format!("https://{}", "x".repeat(2000)).parse::<ProviderUrl>().unwrap_err().code, "too_long");
}

#[test]
fn a_connection_is_not_called_like_something_of_ours() {
    for fine in ["okta", "Acme-Entra_1.x", "0", &"a".repeat(64)] {
        assert_eq!(fine.parse::<ConnectionSlug>().unwrap().as_str(), fine);
    }
    for bad in ["", "-a", ".", "a b", "a/b", "ä", "a\0", &"a".repeat(65)] {
        assert_eq!(bad.parse::<ConnectionSlug>().unwrap_err().code, "bad_connection_id", "{bad:?}");
    }
    for reserved in ["google", "GitHub", "password"] {
        assert_eq!(reserved.parse::<ConnectionSlug>().unwrap_err().code, "reserved");
    }
}

#[test]
fn a_provider_has_a_document_or_every_address() {
    let url = || Some("https://idp.example/x".parse().unwrap());
    let none = Endpoints::default();
    let two = Endpoints { authorization: url(), token: url(), ..Endpoints::default() };
    let found = Endpoints { discovery: url(), ..Endpoints::default() };
    for (endpoints, protocol, has_document, missing) in [
        (&none, Protocol::Oidc, false, &["authorization_url", "token_url", "userinfo_url"][..]),
        (&none, Protocol::Oauth2, false, &["authorization_url", "token_url", "userinfo_url"]),
        (&none, Protocol::Saml, false, &["authorization_url"]),
        (&none, Protocol::Oidc, true, &[]),
        (&two, Protocol::Oidc, false, &["userinfo_url"]),
        (&two, Protocol::Saml, false, &[]),
        (&found, Protocol::Oidc, false, &[]),
        (&found, Protocol::Saml, false, &[]),
    ] {
        assert_eq!(endpoints.missing(protocol, has_document), missing, "{endpoints:?} {protocol}");
    }
}

#[test]
fn texts_are_bounded() {
    assert!("openid email profile".parse::<Scopes>().is_ok());
    for bad in ["", " ", "openid  email", "a\"b", "ä", " openid", "a\nb"] {
        assert!(bad.parse::<Scopes>().is_err(), "{bad:?}");
    }
    assert!("urn:acme:idp".parse::<Issuer>().is_ok());
    for bad in ["", "a b", "ä", "a\0"] {
        assert!(bad.parse::<Issuer>().is_err(), "{bad:?}");
    }
    assert!(Notes::of(&serde_json::json!({"a": [1, null]})).is_ok());
    assert_eq!(Notes::of(&serde_json::json!("x".repeat(20_000))).unwrap_err().code, "too_long");
    assert_eq!(format!("{:?}", "secret".parse::<ClientPassword>().unwrap()), "ClientPassword(…)");
}
