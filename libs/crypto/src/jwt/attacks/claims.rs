//! Attacks by the claims of a token whose header and signature are good.

use super::*;

#[test]
fn times_are_integers() {
    let server = server();
    for name in ["exp", "nbf", "iat"] {
        let hostile = [
            r#""1800000600""#,
            "1800000600.0",
            "1800000600.5",
            "[1800000600]",
            "{}",
            "null",
            "true",
            "1e30",
            "1e9",
            "1.8e9",
            "-1",
            "18446744073709551615",
            "9223372036854775807",
            "99999999999999999999999",
            "253402300800",
        ];
        for value in hostile {
            let mut rest = good_claims();
            rest.as_object_mut().unwrap().remove(name);
            let text = format!(r#"{{"{name}":{value},{}"#, rest.to_string().strip_prefix('{').unwrap());
            assert_eq!(server.with_claims(&text), Err(JwtError::Malformed), "{name}: {value}");
        }
    }
    let mut endless = good_claims();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(server.with_claims(&endless.to_string()), Err(JwtError::Malformed), "exp is required");
}

#[test]
fn claims_are_one_object_without_repeated_names() {
    let server = server();
    let twice = good_claims().to_string().replacen('{', r#"{"sub":"usr_2","#, 1);
    for text in ["[]", "null", "1", "\"x\"", "", "{", "{}{}", &twice] {
        assert_eq!(server.with_claims(text), Err(JwtError::Malformed), "{text}");
    }
}

#[test]
fn another_issuer_is_refused_whatever_its_shape() {
    let server = server();
    for issuer in [json!("https://sso.test/"), json!("https://SSO.test"), json!(["https://sso.test"]), json!(null), json!(1)] {
        let mut claims = good_claims();
        claims["iss"] = issuer.clone();
        assert_eq!(server.with_claims(&claims.to_string()), Err(JwtError::Wrong), "{issuer}");
    }
}
