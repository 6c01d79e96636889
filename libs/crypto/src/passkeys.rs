//! What is spoken with passkeys (WebAuthn), by `webauthn-rs`. What goes out and comes back is JSON as browsers read and write it; what has to be kept in
//! between is a text that is stored sealed.
//!
//! A passkey is always found by itself (discoverable), and always with the device's word that it made sure of the person (user verification).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Error, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
    Webauthn, WebauthnBuilder,
};

/// Who asks for passkeys: the platform's host.
pub struct RelyingParty(Webauthn);

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelyingParty")
    }
}

/// What a browser is asked, and what its answer is checked against.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The options for `navigator.credentials`, as JSON.
    pub options: Value,
    state: Value,
}

impl Asked {
    /// The person's handle, of a registration.
    pub fn handle(&self) -> std::result::Result<Uuid, NoAnswer> {
        let text = self.options["publicKey"]["user"]["id"].as_str().ok_or(NoAnswer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoAnswer)?;
        Uuid::from_slice(&bytes).map_err(|_| NoAnswer)
    }
}

/// A passkey that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Names it.
    pub credential_id: String,
    /// Its public key and the rest that signatures are checked with, to be stored.
    pub credential: String,
}

/// Who says to answer: the passkey, and the handle of the person that it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Names the passkey.
    pub credential_id: String,
    /// The handle.
    pub handle: Uuid,
}

/// The answer was none, or another one than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer of a passkey")]
pub struct NoAnswer;

impl From<webauthn_rs::prelude::WebauthnError> for NoAnswer {
    fn from(e: webauthn_rs::prelude::WebauthnError) -> Self {
        tracing::debug!(error = ?e, "a passkey's answer is refused");
        Self
    }
}

/// Bytes of a credential's name at most (WebAuthn).
const LONGEST_ID: usize = 1023;

impl RelyingParty {
    /// The one whose pages are at this URL. `None` where browsers make no passkeys: at an address without a name, and without https, except at
    /// `localhost`.
    pub fn at(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        let Some(Host::Domain(host)) = url.host() else { return None };
        let local = host == "localhost" || host.ends_with(".localhost");
        let secure = url.scheme() == "https" && host.contains('.') || local && matches!(url.scheme(), "http" | "https");
        if !secure {
            return None;
        }
        WebauthnBuilder::new(host, &url).ok()?.rp_name("Tenantry").build().ok().map(Self)
    }

    /// Asks for a new passkey for the account of this address; its devices know the person by `handle`. Those that have one of `known` make none.
    pub fn begin_registration(&self, handle: Uuid, email: &str, known: &[String]) -> Result<Asked> {
        let known = known.iter().filter_map(|id| URL_SAFE_NO_PAD.decode(id).ok()).collect();
        let (options, state) = self.0.start_passkey_registration(handle, email, email, Some(known)).map_err(Error::internal)?;
        let mut options = json(&options)?;
        // The library would rather have none that is found by itself, with which Chromium makes none.
        let selection = &mut options["publicKey"]["authenticatorSelection"];
        selection["residentKey"] = "required".into();
        selection["requireResidentKey"] = true.into();
        Ok(Asked { options, state: json(&state)? })
    }

    /// The passkey that was made.
    pub fn finish_registration(&self, asked: Asked, answer: &Value) -> std::result::Result<Made, NoAnswer> {
        let answer: RegisterPublicKeyCredential = read(answer)?;
        let passkey = self.0.finish_passkey_registration(&answer, &read::<PasskeyRegistration>(&asked.state)?)?;
        if passkey.cred_id().len() > LONGEST_ID {
            return Err(NoAnswer);
        }
        let credential = serde_json::to_string(&passkey).map_err(|_| NoAnswer)?;
        Ok(Made { credential_id: URL_SAFE_NO_PAD.encode(passkey.cred_id()), credential })
    }

    /// Asks whoever is there for one of their passkeys.
    pub fn begin_sign_in(&self) -> Result<Asked> {
        let (options, state) = self.0.start_discoverable_authentication().map_err(Error::internal)?;
        let mut options = json(&options)?;
        // It is asked for at a button, not in the list of what a field is filled with.
        if let Some(all) = options.as_object_mut() {
            all.remove("mediation");
        }
        Ok(Asked { options, state: json(&state)? })
    }

    /// Who says to answer. Nothing of it is checked yet.
    pub fn claimed(&self, answer: &Value) -> std::result::Result<Claimed, NoAnswer> {
        let answer: PublicKeyCredential = read(answer)?;
        let (handle, id) = self.0.identify_discoverable_authentication(&answer)?;
        Ok(Claimed { credential_id: URL_SAFE_NO_PAD.encode(id), handle })
    }

    /// Checks an answer by the stored passkey that it names: signature, challenge, origin, host, that the device made sure of the person, and that its
    /// counter went on. Answers the passkey as it is to be stored from now on, if that is different.
    pub fn finish_sign_in(
        &self,
        asked: Asked,
        answer: &Value,
        credential: &str,
    ) -> std::result::Result<Option<String>, NoAnswer> {
        let answer: PublicKeyCredential = read(answer)?;
        let mut passkey: Passkey = serde_json::from_str(credential).map_err(|_| NoAnswer)?;
        let state: DiscoverableAuthentication = read(&asked.state)?;
        let result = self.0.finish_discoverable_authentication_v2(&answer, state, DiscoverableKey::from(&passkey))?;
        if !result.user_verified() {
            return Err(NoAnswer);
        }
        let changed = passkey.update_credential(&result).unwrap_or(false);
        Ok(changed.then(|| serde_json::to_string(&passkey).ok()).flatten())
    }
}

fn json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

fn read<T: DeserializeOwned>(value: &Value) -> std::result::Result<T, NoAnswer> {
    T::deserialize(value).map_err(|_| NoAnswer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn browsers_make_passkeys_for_a_name_with_https() {
        for (url, usable) in [
            ("https://sso.example.com", true),
            ("https://sso.example.com:8443", true),
            ("http://localhost:8080", true),
            ("https://localhost", true),
            ("http://sso.example.com", false),
            ("https://intranet", false),
            ("https://com", false),
            ("http://127.0.0.1:8080", false),
            ("https://[2001:db8::1]", false),
            ("ftp://localhost", false),
            ("no url", false),
        ] {
            assert_eq!(RelyingParty::at(url).is_some(), usable, "{url}");
        }
    }

    #[test]
    fn what_is_asked_names_nobody_and_wants_the_person() {
        let party = RelyingParty::at("https://sso.example.com").unwrap();
        let asked = party.begin_sign_in().unwrap();
        let options = &asked.options["publicKey"];
        assert_eq!(options["allowCredentials"], json!([]), "nobody is named before anybody has shown who they are (T40)");
        assert_eq!((&options["userVerification"], &options["rpId"]), (&json!("required"), &json!("sso.example.com")));
        assert!(asked.options.get("mediation").is_none());
        let made = party.begin_registration(Uuid::from_u128(7), "ann@example.com", &["AAEC".to_owned()]).unwrap();
        let options = &made.options["publicKey"];
        assert_eq!(made.handle(), Ok(Uuid::from_u128(7)));
        let selection = &options["authenticatorSelection"];
        assert_eq!((&selection["residentKey"], &selection["requireResidentKey"]), (&json!("required"), &json!(true)));
        assert_eq!((&selection["userVerification"], &options["attestation"]), (&json!("required"), &json!("none")));
        assert_eq!(options["excludeCredentials"][0]["id"], "AAEC");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let party = RelyingParty::at("https://sso.example.com").unwrap();
        for answer in [
            json!(null),
            json!({}),
            json!([]),
            json!("x"),
            json!({"id": "a", "rawId": "AA", "response": {}, "type": "public-key"}),
        ] {
            assert_eq!(party.claimed(&answer).unwrap_err(), NoAnswer);
            let asked = party.begin_registration(Uuid::from_u128(7), "ann@example.com", &[]).unwrap();
            assert_eq!(party.finish_registration(asked, &answer).unwrap_err(), NoAnswer);
            assert_eq!(party.finish_sign_in(party.begin_sign_in().unwrap(), &answer, "{}").unwrap_err(), NoAnswer);
        }
    }
}
