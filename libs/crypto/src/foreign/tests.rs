use serde_json::json;

use super::*;
use crate::{Alg, SigningKey, jwt::sign_jws};

const TYPES: [Option<&str>; 3] = [None, Some("JWT"), Some("client-authentication+jwt")];

fn key(alg: Alg) -> SigningKey {
    SigningKey::generate(alg).unwrap().0
}

fn keys(all: &[Value]) -> ForeignKeys {
    ForeignKeys::parse(all).unwrap()
}

/// A token with this header and any payload, signed by nobody.
fn forged(header: &Value, payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(payload), URL_SAFE_NO_PAD.encode([1; 64]))
}

#[test]
fn what_one_of_the_keys_signed_is_opened() {
    for alg in [Alg::Es256, Alg::Rs256, Alg::EdDsa] {
        let (ours, other) = (key(alg), key(Alg::Es256));
        let token = sign_jws(&ours, "JWT", &json!({"sub": "me"})).unwrap();
        let opened: Value = keys(&[other.jwk(), ours.jwk()]).open(&token, &TYPES).unwrap();
        assert_eq!(opened["sub"], "me");
        // Also when the set does not name its keys.
        let mut nameless = ours.jwk();
        nameless.as_object_mut().unwrap().remove("kid");
        assert!(keys(&[nameless]).open::<Value>(&token, &TYPES).is_ok());
        assert_eq!(keys(&[other.jwk()]).open::<Value>(&token, &TYPES).unwrap_err(), JwtError::UnknownKey, "{alg}");
        assert_eq!(keys(&[ours.jwk()]).open::<Value>(&token, &[Some("at+jwt")]).unwrap_err(), JwtError::Wrong, "of another type");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let tampered = format!("{signed}A.{signature}");
        assert!(keys(&[ours.jwk()]).open::<Value>(&tampered, &TYPES).is_err());
        assert_eq!(unverified::<Value>(&token).unwrap()["sub"], "me");
    }
}

#[test]
fn nobody_chooses_the_algorithm_or_brings_a_key_along() {
    let rsa = key(Alg::Rs256);
    let known = keys(&[rsa.jwk()]);
    let payload = json!({"sub": "me"});
    let brought = rsa.jwk();
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256", "kid": rsa.kid()}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS512"}),
        json!({"alg": "ES256"}),
        json!({"alg": "RS256", "jwk": brought}),
        json!({"alg": "RS256", "jku": "https://evil.example/keys"}),
        json!({"alg": "RS256", "x5u": "https://evil.example/cert"}),
        json!({"alg": "RS256", "crit": ["exp"]}),
        json!({"alg": 7}),
        json!([]),
    ] {
        assert!(known.open::<Value>(&forged(&header, &payload), &TYPES).is_err(), "{header}");
    }
    for token in ["", "a.b", "a.b.c.d", "....", &"x".repeat(9000)] {
        assert_eq!(known.open::<Value>(token, &TYPES).unwrap_err(), JwtError::Malformed);
    }
}

#[test]
fn only_keys_that_we_verify_with_are_kept() {
    let (es, rsa) = (key(Alg::Es256).jwk(), key(Alg::Rs256).jwk());
    let with = |key: &Value, name: &str, value: Value| {
        let mut changed = key.clone();
        changed[name] = value;
        changed
    };
    let short = URL_SAFE_NO_PAD.encode([0x81; 128]);
    for bad in [
        with(&rsa, "n", json!(short)),
        with(&rsa, "alg", json!("ES256")),
        with(&rsa, "alg", json!("RS512")),
        with(&rsa, "use", json!("enc")),
        with(&rsa, "key_ops", json!(["encrypt"])),
        with(&rsa, "e", json!("AQ")),
        with(&rsa, "e", json!("Ag")),
        with(&rsa, "e", json!("")),
        with(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([0x82; 256]))),
        with(&es, "crv", json!("P-384")),
        with(&es, "x", json!("AA")),
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "RSA"}),
        json!("key"),
        json!(null),
    ] {
        assert!(ForeignKeys::parse([&bad]).is_err(), "{bad}");
    }
    assert!(ForeignKeys::parse([&es, &rsa]).is_ok());
    // A key that is for one algorithm is for that one only.
    let token = forged(&json!({"alg": "PS256"}), &json!({}));
    assert_eq!(keys(&[rsa]).open::<Value>(&token, &TYPES).unwrap_err(), JwtError::UnknownKey);
}

/// A proof of possession with this header, signed by the key.
fn proof(signer: &SigningKey, header: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(&json!({"jti": "one"})));
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[test]
fn a_proof_of_possession_brings_its_key_along_and_says_which() {
    for alg in [Alg::Es256, Alg::Rs256, Alg::EdDsa] {
        let ours = key(alg);
        for typ in ["dpop+jwt", "DPoP+JWT"] {
            let made = proof(&ours, &json!({"alg": alg, "typ": typ, "jwk": ours.jwk(), "kid": "any"}));
            let (thumbprint, claims) = possessed::<Value>(&made).unwrap();
            // A key's id is its thumbprint here.
            assert_eq!((thumbprint.as_str(), &claims["jti"]), (ours.kid(), &json!("one")));
        }
    }
    // RFC 7638, 3.1: the thumbprint of the key there.
    let known = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
    let jwk: Jwk = serde_json::from_value(known).unwrap();
    assert_eq!(jwk.thumbprint(ThumbprintHash::SHA256).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_proof_of_possession_is_by_the_key_that_it_brings() {
    let (ours, other) = (key(Alg::Es256), key(Alg::Es256));
    let good = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": ours.jwk()});
    let with = |name: &str, value: Value| {
        let mut header = good.clone();
        header[name] = value;
        header
    };
    let with_private = |name: &str| {
        let mut jwk = ours.jwk();
        jwk[name] = json!("AAAA");
        with("jwk", jwk)
    };
    assert!(possessed::<Value>(&proof(&ours, &good)).is_ok());
    assert!(possessed::<Value>(&proof(&other, &good)).is_err(), "by another key");
    assert!(possessed::<Value>(&forged(&good, &json!({"jti": "one"}))).is_err());
    assert!(possessed::<Value>(&sign_jws(&ours, "dpop+jwt", &json!({"jti": "one"})).unwrap()).is_err(), "it brings none");
    for header in [
        with("typ", json!("JWT")),
        with("typ", json!(null)),
        with("alg", json!("none")),
        with("alg", json!("HS256")),
        with("alg", json!("RS256")),
        with("jwk", json!(null)),
        with("jwk", json!({"kty": "oct", "k": "AAAA"})),
        with("jwk", json!([ours.jwk()])),
        with("crit", json!(["exp"])),
        with("x5c", json!([])),
        with_private("d"),
        with_private("k"),
    ] {
        assert!(possessed::<Value>(&proof(&ours, &header)).is_err(), "{header}");
    }
}
