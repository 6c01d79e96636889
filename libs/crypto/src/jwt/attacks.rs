//! The attack table T31: what must never verify. Tokens are assembled by hand, most of them with the server's own private key, so
//! that only the check under test can refuse them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::*;

mod claims;

fn now() -> Time {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn expected() -> Expected {
    Expected { typ: "at+jwt", issuer: "https://sso.test".into(), audience: Some(AudienceRule::Exactly("api".into())) }
}

struct Server {
    set: KeySet,
    es: SigningKey,
    rs: SigningKey,
}

fn server() -> Server {
    let (es, rs) = (SigningKey::generate(Alg::Es256).unwrap().0, SigningKey::generate(Alg::Rs256).unwrap().0);
    Server { set: KeySet::new(vec![(es.clone(), now(), None), (rs.clone(), now(), None)]), es, rs }
}

impl Server {
    fn verify(&self, token: &str) -> Result<Value, JwtError> {
        self.set.verify(token, &expected(), now())
    }

    /// Signs exactly these texts with the server's ES256 key.
    fn signed(&self, header: &str, claims: &str) -> String {
        let message = message(header, claims);
        let signature = URL_SAFE_NO_PAD.encode(self.es.sign(message.as_bytes()).unwrap());
        format!("{message}.{signature}")
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "at+jwt", "kid": self.es.kid()})
    }

    fn with_header(&self, name: &str, value: Value) -> Result<Value, JwtError> {
        let mut header = self.header();
        header[name] = value;
        self.verify(&self.signed(&header.to_string(), &good_claims().to_string()))
    }

    fn with_claims(&self, claims: &str) -> Result<Value, JwtError> {
        self.verify(&self.signed(&self.header().to_string(), claims))
    }
}

fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn good_claims() -> Value {
    json!({"iss": "https://sso.test", "aud": "api", "sub": "usr_1", "iat": 1_800_000_000, "exp": 1_800_000_600})
}

#[test]
fn the_table_starts_from_a_token_that_is_good() {
    let server = server();
    assert_eq!(server.verify(&server.signed(&server.header().to_string(), &good_claims().to_string())), Ok(good_claims()));
}

#[test]
fn no_algorithm_but_the_keys_own() {
    let server = server();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": none, "typ": "at+jwt", "kid": server.es.kid()}).to_string();
        let message = message(&header, &good_claims().to_string());
        assert_eq!(server.verify(&format!("{message}.")), Err(JwtError::Malformed), "{none}");
    }
    for alg in ["HS256", "HS512", "ES384", "PS256", "RS512", "RSA1_5", "dir"] {
        assert_eq!(server.with_header("alg", json!(alg)), Err(JwtError::Malformed), "{alg}");
    }
    for alg in [json!("RS256"), json!("EdDSA")] {
        assert_eq!(server.with_header("alg", alg.clone()), Err(JwtError::Wrong), "{alg}");
    }
    assert_eq!(server.with_header("alg", json!(["ES256"])), Err(JwtError::Malformed));
}

#[test]
fn the_public_key_is_not_an_hmac_secret() {
    let server = server();
    let jwk = server.rs.jwk();
    for secret in [jwk.to_string(), jwk["n"].as_str().unwrap().to_owned()] {
        for alg in ["HS256", "RS256"] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": server.rs.kid()}).to_string();
            let message = message(&header, &good_claims().to_string());
            let signature =
                crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret.as_bytes()), Algorithm::HS256).unwrap();
            assert!(server.verify(&format!("{message}.{signature}")).is_err(), "{alg}");
        }
    }
}

#[test]
fn a_token_of_another_type_is_not_an_access_token() {
    let server = server();
    for typ in ["JWT", "logout+jwt", "secevent+jwt", "AT+JWT", "application/at+jwt", "at+jwt ", ""] {
        assert_eq!(server.with_header("typ", json!(typ)), Err(JwtError::Wrong), "{typ}");
    }
    for typ in [json!(null), json!(["at+jwt"])] {
        assert_eq!(server.with_header("typ", typ.clone()), Err(JwtError::Malformed), "{typ}");
    }
    let untyped = json!({"alg": "ES256", "kid": server.es.kid()}).to_string();
    assert_eq!(server.verify(&server.signed(&untyped, &good_claims().to_string())), Err(JwtError::Malformed));
}

#[test]
fn keys_and_conditions_that_a_token_brings_along_are_refused() {
    let server = server();
    let jwk = server.es.jwk();
    for (name, value) in [
        ("jku", json!("https://evil.test/jwks")),
        ("x5u", json!("https://evil.test/cert")),
        ("jwk", jwk),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("enc", json!("A256GCM")),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ] {
        assert_eq!(server.with_header(name, value), Err(JwtError::Malformed), "{name}");
    }
    let twice = format!(r#"{{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, server.es.kid());
    assert_eq!(server.verify(&server.signed(&twice, &good_claims().to_string())), Err(JwtError::Malformed));
}

#[test]
fn unknown_keys_are_told_apart_and_other_keys_do_not_fit() {
    let server = server();
    for kid in ["", "other", "../../dev/null", "' or 1=1 --", "k\u{0}", &"k".repeat(500)] {
        assert_eq!(server.with_header("kid", json!(kid)), Err(JwtError::UnknownKey), "{kid}");
    }
    assert_eq!(server.with_header("kid", json!(server.rs.kid())), Err(JwtError::Wrong), "the RSA key with an ES256 header");
    assert_eq!(server.with_header("kid", json!(null)), Err(JwtError::Malformed));
    let stranger = Server { es: SigningKey::generate(Alg::Es256).unwrap().0, ..self::server() };
    let forged = stranger.signed(&server.header().to_string(), &good_claims().to_string());
    assert_eq!(server.verify(&forged), Err(JwtError::Wrong), "our kid, somebody else's signature");
}

#[test]
fn nothing_can_be_cut_added_or_altered() {
    let server = server();
    let good = server.signed(&server.header().to_string(), &good_claims().to_string());
    for length in 0..good.len() {
        assert!(server.verify(&good[..length]).is_err(), "first {length}");
    }
    for at in 0..good.len() {
        let other = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        assert!(server.verify(&format!("{}{other}{}", &good[..at], &good[at + 1..])).is_err(), "byte {at}");
    }
    let (message, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(server.verify(&format!("{message}.")), Err(JwtError::Wrong), "without a signature");
    let added = [
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.x"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
    ];
    for token in added.into_iter().chain([format!("{message}..{signature}"), "a.b.c.d.e".into(), "..".into()]) {
        assert_eq!(server.verify(&token).unwrap_err(), JwtError::Malformed, "{token}");
    }
}

#[test]
fn oversized_headers_and_tokens_are_not_parsed() {
    let server = server();
    let long = server.signed(&server.header().to_string(), &json!({"x": "y".repeat(9_000)}).to_string());
    assert_eq!(server.verify(&long), Err(JwtError::Malformed));
    assert_eq!(server.with_header("kid", json!("k".repeat(1_000))), Err(JwtError::Malformed));
}
