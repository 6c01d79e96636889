use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;

const ALL: [Alg; 3] = [Alg::Es256, Alg::Rs256, Alg::EdDsa];

#[test]
fn a_stored_key_is_the_same_key() {
    for alg in ALL {
        let (key, der) = SigningKey::generate(alg).unwrap();
        let read = SigningKey::from_pkcs8(key.kid(), alg, &der).unwrap();
        assert_eq!((read.jwk(), read.alg()), (key.jwk(), alg));
        assert_eq!(key.kid().len(), 43);
    }
}

#[test]
fn the_jwk_has_the_public_members_and_nothing_else() {
    for (alg, kty, public) in
        [(Alg::Es256, "EC", ["crv", "x", "y"].as_slice()), (Alg::Rs256, "RSA", &["n", "e"]), (Alg::EdDsa, "OKP", &["crv", "x"])]
    {
        let (key, _) = SigningKey::generate(alg).unwrap();
        let jwk = key.jwk();
        assert_eq!(jwk["kty"], kty);
        assert_eq!((&jwk["alg"], &jwk["use"], &jwk["kid"]), (&json!(alg), &json!("sig"), &json!(key.kid())));
        let mut names: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [&["kty", "alg", "use", "kid"], public].concat();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}

#[test]
fn the_thumbprint_is_that_of_rfc_7638() {
    let (key, _) = SigningKey::generate(Alg::Rs256).unwrap();
    let jwk = key.jwk();
    let text = format!(r#"{{"e":"AQAB","kty":"RSA","n":{}}}"#, jwk["n"]);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text);
    assert_eq!(key.kid(), URL_SAFE_NO_PAD.encode(digest));
}

#[test]
fn a_key_of_another_kind_or_garbage_is_refused() {
    for made in ALL {
        let (_, der) = SigningKey::generate(made).unwrap();
        for alg in ALL.into_iter().filter(|alg| *alg != made) {
            assert!(SigningKey::from_pkcs8("k", alg, &der).is_err(), "{made} as {alg}");
        }
        assert!(SigningKey::from_pkcs8("k", made, &der[..der.len() - 1]).is_err(), "{made}");
        assert!(SigningKey::from_pkcs8("k", made, b"").is_err(), "{made}");
    }
}

#[test]
fn algorithms_have_one_name() {
    for alg in ALL {
        assert_eq!(alg.to_string().parse(), Ok(alg));
        assert_eq!(json!(alg), alg.to_string());
    }
    for text in ["", "none", "None", "HS256", "es256", "PS256", "ES256 "] {
        assert_eq!(text.parse::<Alg>(), Err(NotAnAlg), "{text}");
    }
}
