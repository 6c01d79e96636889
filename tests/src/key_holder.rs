//! Somebody who holds a key, and shows it (RFC 9449).

use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::TestApp;

/// Each proof has a name of its own.
static PROOFS: AtomicU32 = AtomicU32::new(0);

/// A key of P-256.
pub struct KeyHolder(EcdsaKeyPair);

impl Default for KeyHolder {
    fn default() -> Self {
        let made = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self(made.expect("a key"))
    }
}

impl KeyHolder {
    fn coordinates(&self) -> (String, String) {
        let point = &self.0.public_key().as_ref()[1..];
        (URL_SAFE_NO_PAD.encode(&point[..32]), URL_SAFE_NO_PAD.encode(&point[32..]))
    }

    /// The key's thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> String {
        let (x, y) = self.coordinates();
        crypto::hashes::s256(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }

    /// What a proof claims for a request to us, perhaps with an access token.
    pub fn claims(&self, app: &TestApp, (method, path): (&str, &str), token: Option<&str>) -> Value {
        let mut claims = json!({
            "jti": PROOFS.fetch_add(1, Ordering::Relaxed).to_string(), "htm": method,
            "htu": format!("{}{path}", app.client().base()), "iat": app.now().timestamp(),
        });
        if let Some(token) = token {
            claims["ath"] = json!(crypto::hashes::s256(token));
        }
        claims
    }

    /// A proof that claims this.
    pub fn sign(&self, claims: &Value) -> String {
        let (x, y) = self.coordinates();
        let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// A proof for a request to the token endpoint.
    pub fn at_token(&self, app: &TestApp) -> String {
        self.sign(&self.claims(app, ("POST", "/oauth/token"), None))
    }

    /// A proof for a request to userinfo with this token.
    pub fn at_userinfo(&self, app: &TestApp, token: &str) -> String {
        self.sign(&self.claims(app, ("GET", "/userinfo"), Some(token)))
    }
}
