//! A person's device that keeps passkeys, as far as the server sees one (WebAuthn): it makes keys, and signs what it is asked.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Client, TestApp, text};

/// Each key has a name of its own.
static KEYS: AtomicU32 = AtomicU32::new(0);

/// A device with one passkey.
pub struct PasskeyDevice {
    key: EcdsaKeyPair,
    id: String,
    handle: String,
    /// How often it signed, as it says; always 0 on a device that does not count.
    pub counter: u32,
    /// Where it thinks to be.
    pub origin: String,
    /// Whether it says that it made sure of the person.
    pub verifies: bool,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl PasskeyDevice {
    /// One that is at this server.
    pub fn at(app: &TestApp) -> Self {
        Self::of(&app.client())
    }

    /// The same, of the server that somebody calls.
    pub(crate) fn of(client: &Client) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let id = encoded(format!("passkey {}", KEYS.fetch_add(1, Ordering::Relaxed)));
        let origin = client.base().to_owned();
        Self { key, id, handle: String::new(), counter: 1, origin, verifies: true }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false});
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, host: &Value, more: u8) -> Vec<u8> {
        let flags = 0x01 | if self.verifies { 0x04 } else { 0 } | more;
        let host = Sha256::digest(host.as_str().unwrap_or_default());
        [host.as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// Makes its passkey, as `navigator.credentials.create` does.
    pub fn make(&mut self, challenge: &Value) -> Value {
        let options = &challenge["options"]["publicKey"];
        self.handle = text(&options["user"]["id"]);
        let id = URL_SAFE_NO_PAD.decode(&self.id).expect("a name");
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        // COSE: EC2, ES256, P-256.
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y].concat();
        let length = u16::try_from(id.len()).expect("a short name").to_be_bytes();
        let data = [self.authenticator_data(&options["rp"]["id"], 0x40), vec![0; 16], length.to_vec(), id, key].concat();
        let attestation = [
            &[0xa3, 0x63][..],
            b"fmt",
            &[0x64],
            b"none",
            &[0x67],
            b"attStmt",
            &[0xa0, 0x68],
            b"authData",
            &[0x58, u8::try_from(data.len()).expect("a short name")],
            &data,
        ]
        .concat();
        let client = self.client_data("webauthn.create", options);
        json!({
            "id": self.id, "rawId": self.id, "type": "public-key", "clientExtensionResults": {},
            "response": {"attestationObject": encoded(attestation), "clientDataJSON": encoded(client), "transports": ["internal"]},
        })
    }

    /// Signs, as `navigator.credentials.get` does.
    pub fn sign(&self, challenge: &Value) -> Value {
        let options = &challenge["options"]["publicKey"];
        let (data, client) = (self.authenticator_data(&options["rpId"], 0), self.client_data("webauthn.get", options));
        let signed = [data.as_slice(), Sha256::digest(&client).as_slice()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        json!({
            "id": self.id, "rawId": self.id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "authenticatorData": encoded(data), "clientDataJSON": encoded(client), "signature": encoded(signature.as_ref()),
                "userHandle": self.handle,
            },
        })
    }

    /// Makes its passkey for whoever is signed in there; answers what names it.
    pub async fn register(&mut self, by: &Client, name: &str) -> String {
        let challenge = by.post_empty("/api/auth/passkeys/register/start").await.ok();
        let body = json!({"challenge_id": challenge["challenge_id"], "credential": self.make(&challenge), "name": name});
        text(&by.post("/api/auth/passkeys/register/finish", body).await.ok()["id"])
    }
}
