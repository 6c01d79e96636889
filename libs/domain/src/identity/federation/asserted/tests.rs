use serde_json::json;

use super::*;
fn read(issuer: &str, claims: Value) -> Result<Asserted, Reason> {
    read_as(Attributes::default(), issuer, claims)
}

fn read_as(attributes: Attributes, issuer: &str, claims: Value) -> Result<Asserted, Reason> {
    Asserted::read(&attributes, issuer, claims.as_object().expect("claims"))
}

#[test]
fn who_vouches_for_an_address() {
    const ENTRA: &str = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";
    const GOOGLE: &str = "https://accounts.google.com";
    let cases = [
        ("https://idp.example", json!({"email_verified": true}), true),
        ("https://idp.example", json!({"email_verified": "true"}), true),
        ("https://idp.example", json!({"email_verified": 1}), false),
        ("https://idp.example", json!({"email_verified": false}), false),
        ("https://idp.example", json!({}), false),
        ("https://idp.example", json!({"xms_edov": true}), false),
        (ENTRA, json!({"email_verified": true}), false),
        (ENTRA, json!({"xms_edov": true}), true),
        (ENTRA, json!({"xms_edov": "1"}), true),
        (ENTRA, json!({"xms_edov": 1}), true),
        (ENTRA, json!({"xms_edov": 0}), false),
        (GOOGLE, json!({"email_verified": true, "hd": "acme.example"}), true),
        (GOOGLE, json!({"email_verified": true, "hd": "other.example"}), false),
        (GOOGLE, json!({"email_verified": true}), false),
        (GOOGLE, json!({"email_verified": false, "hd": "acme.example"}), false),
        ("https://accounts.google.com/", json!({"email_verified": false, "hd": "acme.example"}), false),
        // By OAuth 2 the address that people are sent to stands for the issuer.
        ("https://accounts.google.com/o/oauth2/v2/auth", json!({"email_verified": true}), false),
        ("https://accounts.google.com/o/oauth2/v2/auth", json!({"email_verified": true, "hd": "acme.example"}), true),
        ("https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize", json!({"email_verified": true}), false),
        ("https://login.microsoftonline.us/11111111-2222-3333-4444-555555555555/v2.0", json!({"email_verified": true}), false),
        (
            "https://login.partner.microsoftonline.cn/11111111-2222-3333-4444-555555555555/v2.0",
            json!({"email_verified": true}),
            false,
        ),
        ("https://sts.windows.net/11111111-2222-3333-4444-555555555555/", json!({"email_verified": true}), false),
        ("https://accounts.google.com.idp.example", json!({"email_verified": true}), true),
        ("https://idp.example/accounts.google.com", json!({"email_verified": true}), true),
    ];
    for (issuer, mut claims, vouched) in cases {
        claims["sub"] = "1".into();
        claims["email"] = "Ann@acme.example".into();
        let email: Email = "ann@acme.example".parse().expect("an address");
        let address = if vouched { Address::Vouched(email) } else { Address::Claimed(email) };
        assert_eq!(read(issuer, claims.clone()).expect("read").address, address, "{issuer} {claims}");
    }
    let gmail = json!({"sub": "1", "email": "ann@gmail.com", "email_verified": true});
    assert!(matches!(read(GOOGLE, gmail).expect("read").address, Address::Vouched(_)));
}

#[test]
fn an_address_is_one_or_none() {
    let cases = [
        (json!({}), Address::Missing),
        (json!({"email": null}), Address::Missing),
        (json!({"email": ""}), Address::Missing),
        (json!({"email": []}), Address::Missing),
        (json!({"email": ["ann@acme.example"]}), Address::Claimed("ann@acme.example".parse().expect("an address"))),
        (json!({"email": ["ann@acme.example", "bob@acme.example"]}), Address::Ambiguous),
        (json!({"email": "nobody"}), Address::Ambiguous),
        (json!({"email": 7}), Address::Ambiguous),
        (json!({"email": {"value": "ann@acme.example"}}), Address::Ambiguous),
    ];
    for (mut claims, address) in cases {
        claims["sub"] = "1".into();
        assert_eq!(read("https://idp.example", claims.clone()).expect("read").address, address, "{claims}");
    }
}

#[test]
fn a_subject_is_whatever_the_mapping_names() {
    let subject = |claims| read("https://idp.example", claims).map(|one| one.subject);
    assert_eq!(subject(json!({"sub": "A b"})), Ok("A b".to_owned()), "byte by byte");
    assert_eq!(subject(json!({"sub": 4711})), Ok("4711".to_owned()));
    for none in [
        json!({}),
        json!({"sub": ""}),
        json!({"sub": null}),
        json!({"sub": ["a"]}),
        json!({"sub": 1.5}),
        json!({"sub": "x".repeat(256)}),
        json!({"sub": "a\u{0}b"}),
    ] {
        assert_eq!(subject(none.clone()), Err(Reason::SubjectMissing), "{none}");
    }
    let by_oid = Attributes { subject: Some("oid".parse().expect("a claim")), ..Attributes::default() };
    assert_eq!(
        read_as(by_oid.clone(), "https://idp.example", json!({"sub": "s", "oid": "o"})).map(|one| one.subject),
        Ok("o".to_owned())
    );
    assert_eq!(
        read_as(by_oid, "https://idp.example", json!({"sub": "s"})).map(|one| one.subject),
        Err(Reason::SubjectMissing),
        "never another one"
    );
}

#[test]
fn groups_and_factors() {
    let of = |claims: Value| {
        let mut claims = claims;
        claims["sub"] = "1".into();
        read("https://idp.example", claims).expect("read")
    };
    assert_eq!(of(json!({})).groups, Groups::Unsaid);
    assert_eq!(of(json!({"groups": []})).groups, Groups::Of(vec![]), "no groups is something else than nothing about groups");
    assert_eq!(of(json!({"groups": ["a", "b", 5]})).groups, Groups::Of(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(of(json!({"_claim_names": {"groups": "src1"}})).groups, Groups::Unsaid, "an overage");
    assert_eq!(of(json!({"groups": vec!["x"; 1001]})).groups, Groups::Unsaid);
    for (methods, two) in [
        (json!(["pwd"]), false),
        (json!(["mfa"]), true),
        (json!(["pwd", "otp"]), true),
        (json!(["otp"]), false),
        (json!("mfa"), false),
    ] {
        assert_eq!(of(json!({"amr": methods})).multi_factor, two, "{methods}");
    }
}
