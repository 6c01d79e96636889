//! SAML 2.0 in the role of an identity provider: what services ask, what they are answered, and as how sure a sign-in may be called.

use std::fmt;

use super::{MULTIPLE_AUTHN, MessageId, NameId, REFEDS_MFA, SpKey};
use crate::{
    Time,
    identity::{
        authentications::{Authentications, Method},
        connections::Issuer,
    },
};

/// A password, typed over TLS (saml-authn-context-2.0-os, 3.4).
pub const PASSWORD_TRANSPORT: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
/// Classes that ask for no more than any sign-in here is.
const PLAIN: [&str; 3] = [PASSWORD_TRANSPORT, PASSWORD, UNSPECIFIED];
const TWO_FACTORS: [&str; 2] = [REFEDS_MFA, MULTIPLE_AUTHN];

/// A request as a browser brought it.
#[derive(Clone, Debug)]
pub enum Carried {
    /// In a query, raw.
    Query(String),
    /// In a form.
    Form {
        /// The field `SAMLRequest`.
        request: String,
        /// The field `RelayState`.
        relay_state: Option<String>,
    },
}

/// What a request has to fit.
#[derive(Clone, Debug)]
pub struct RequestExpectation {
    /// The service's entity ID.
    pub issuer: Issuer,
    /// What verifies its signatures, in DER; `None`: none is asked for.
    pub certificate: Option<Vec<u8>>,
    /// Where it arrived.
    pub destination: String,
    /// Now.
    pub now: Time,
}

/// What a service asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requested {
    /// Its id, which the answer names.
    pub id: String,
    /// Whether the person is to be asked again.
    pub force_authn: bool,
    /// Whether nobody may be asked anything.
    pub is_passive: bool,
    /// Where the answer is to go.
    pub acs: Option<String>,
    /// Whether it says that by an index of metadata of its own.
    pub names_index: bool,
    /// The format of the name identifier that it wants.
    pub name_id_format: Option<String>,
    /// How the person is to authenticate: any of these classes.
    pub contexts: Vec<String>,
    /// What comes back with the answer.
    pub relay_state: Option<String>,
}

/// Why nobody was signed in (saml-core-2.0-os, 3.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Somebody would have to be asked.
    NoPassive,
    /// They have no access, or do not want to.
    RequestDenied,
    /// They are not known by the name that was asked for.
    InvalidNameIdPolicy,
    /// Nobody authenticates as it was asked for.
    NoAuthnContext,
}

impl Status {
    /// The codes, the outer one first.
    pub const fn codes(self) -> [&'static str; 2] {
        const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
        const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
        match self {
            Self::NoPassive => [RESPONDER, "urn:oasis:names:tc:SAML:2.0:status:NoPassive"],
            Self::RequestDenied => [RESPONDER, "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"],
            Self::InvalidNameIdPolicy => [REQUESTER, "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"],
            Self::NoAuthnContext => [REQUESTER, "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"],
        }
    }
    /// What an OAuth client would be told instead.
    pub fn of_oauth(code: &str) -> Self {
        match code {
            "login_required" | "interaction_required" | "consent_required" => Self::NoPassive,
            _ => Self::RequestDenied,
        }
    }
}

/// For whom an assertion is encrypted.
#[derive(Clone)]
pub struct Encryption {
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
    /// The key of the content, which that certificate's key opens.
    pub content_key: [u8; 32],
    /// Never again with the same key.
    pub nonce: [u8; 12],
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryption(…)")
    }
}

/// What is said of somebody who signed in.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The assertion's id.
    pub id: MessageId,
    /// The service's entity ID.
    pub audience: String,
    /// By what the service knows them.
    pub name_id: NameId,
    /// Names the session, if the service signs out of it.
    pub session_index: String,
    /// Until when the service may take it.
    pub valid_until: Time,
    /// When they authenticated.
    pub authenticated_at: Time,
    /// Until when their session lasts.
    pub session_until: Time,
    /// How they authenticated.
    pub context: &'static str,
    /// What else is said, by the names that the service gave it.
    pub attributes: Vec<(String, String)>,
    /// For whom it is encrypted; `None`: it is not.
    pub encryption: Option<Encryption>,
}

/// An answer to a service. What is said in it is signed; a refusal is signed as a whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its id.
    pub id: MessageId,
    /// When it is made.
    pub issued_at: Time,
    /// Our entity ID.
    pub entity_id: String,
    /// Where it goes.
    pub acs: String,
    /// What it answers; `None`: nobody asked.
    pub in_response_to: Option<String>,
    /// What is said, or why nothing is.
    pub said: Result<Box<Statement>, Status>,
    /// Whether the response is signed beside the assertion.
    pub sign_response: bool,
    /// What signs.
    pub key: SpKey,
}

/// What our metadata says to a service.
#[derive(Clone, Debug)]
pub struct IdpMetadata {
    /// Our entity ID.
    pub entity_id: String,
    /// Our single sign-on service.
    pub sso: String,
    /// Our single logout service, if it takes something of this service.
    pub slo: Option<String>,
    /// Certificates in DER: the one that signs, and the one that will, or did.
    pub certificates: Vec<Vec<u8>>,
    /// By what it knows somebody.
    pub name_id_format: &'static str,
    /// Whether its requests have to be signed.
    pub wants_signed_requests: bool,
}

/// Whether a class is one of which it can be said whether a sign-in is of it.
pub fn is_known_context(class: &str) -> bool {
    PLAIN.contains(&class) || TWO_FACTORS.contains(&class)
}

/// The class of a sign-in that did this, for a service that asked for any of `asked`. It is never called more than it was; whoever asked for a password
/// has nothing against a passkey, which is then called what it is. `Err`: it is of none of these.
pub fn context(did: &Authentications, asked: &[String]) -> Result<&'static str, Status> {
    let two = did.iter().any(|one| one.method.is_second() || one.through.is_some_and(|through| through.multi_factor));
    let typed = did.iter().any(|one| one.method == Method::Password);
    let mut true_of_it: Vec<&'static str> = if two { TWO_FACTORS.into() } else { Vec::new() };
    true_of_it.extend(if typed { &PLAIN[..] } else { &PLAIN[2..] });
    if asked.is_empty() {
        return Ok(true_of_it[0]);
    }
    let wanted = asked.iter().find_map(|class| true_of_it.iter().find(|known| *known == class));
    match wanted {
        Some(class) => Ok(class),
        None if asked.iter().any(|class| PLAIN.contains(&class.as_str())) => Ok(UNSPECIFIED),
        None => Err(Status::NoAuthnContext),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone as _, Utc};

    use super::*;
    use crate::identity::authentications::Authentication;

    fn did(methods: &[Method]) -> Authentications {
        let at = Utc.with_ymd_and_hms(2026, 11, 23, 9, 0, 0).unwrap();
        methods.iter().fold(Authentications::default(), |all, method| all.and(Authentication::own(*method, at)))
    }

    #[test]
    fn a_sign_in_is_called_what_was_asked_for_where_it_was_that() {
        use Method::{Passkey, Password as Typed, Totp};
        let no = Err(Status::NoAuthnContext);
        for (methods, asked, expected) in [
            (&[Typed][..], &[][..], Ok(PASSWORD_TRANSPORT)),
            (&[Typed], &[PASSWORD], Ok(PASSWORD)),
            (&[Typed], &[UNSPECIFIED, PASSWORD], Ok(UNSPECIFIED)),
            (&[Typed], &[REFEDS_MFA], no),
            (&[Typed], &[REFEDS_MFA, PASSWORD_TRANSPORT], Ok(PASSWORD_TRANSPORT)),
            (&[Typed], &["urn:other"], no),
            (&[Typed, Totp], &[], Ok(REFEDS_MFA)),
            (&[Typed, Totp], &[MULTIPLE_AUTHN], Ok(MULTIPLE_AUTHN)),
            (&[Typed, Totp], &[PASSWORD_TRANSPORT], Ok(PASSWORD_TRANSPORT)),
            (&[Passkey], &[], Ok(REFEDS_MFA)),
            (&[Passkey], &[PASSWORD_TRANSPORT], Ok(UNSPECIFIED)),
        ] {
            let asked: Vec<String> = asked.iter().map(|&class| class.to_owned()).collect();
            assert_eq!(context(&did(methods), &asked), expected, "{methods:?} {asked:?}");
        }
    }
}
