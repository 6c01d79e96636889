//! A provider that writes its responses in canonical form already, so that signing is hashing the text: it shares nothing with what it tests.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta};
use crypto::xml::{Digest, SigningKey};
use domain::{
    Time,
    identity::saml::{Check, Expectation, MessageId, Outcome, SKEW, SpKey},
};

pub(crate) const IDP: &str = "https://idp.test/metadata";
pub(crate) const SP: &str = "https://sp.test/saml/metadata";
pub(crate) const ACS: &str = "https://sp.test/saml/acs";
pub(crate) const USER: &str = "user@tenant.example";
pub(crate) const EVIL: &str = "admin@tenant.example";

pub(crate) static KEY: LazyLock<SpKey> = LazyLock::new(|| new_key("idp"));
pub(crate) static OTHER: LazyLock<SpKey> = LazyLock::new(|| new_key("other"));
pub(crate) static OURS: LazyLock<SpKey> = LazyLock::new(|| new_key("sp"));

fn new_key(name: &str) -> SpKey {
    crypto::xml::new_key(name, now()).expect("a key")
}

pub(crate) fn now() -> Time {
    at("2026-01-15T12:00:00Z")
}
pub(crate) fn at(text: &str) -> Time {
    DateTime::parse_from_rfc3339(text).expect("a moment").to_utc()
}
pub(crate) fn request_id() -> MessageId {
    MessageId::stored("_request".to_owned())
}
pub(crate) fn moment(offset: i64) -> String {
    (now() + TimeDelta::seconds(offset)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What this provider's responses have to fit.
pub(crate) fn expected() -> Expectation {
    Expectation {
        issuer: IDP.parse().expect("an issuer"),
        certificates: vec![KEY.certificate.clone()],
        entity_id: SP.to_owned(),
        acs: ACS.to_owned(),
        request_id: request_id(),
        authenticated_since: None,
        keys: vec![OURS.clone()],
        unauthenticated_cbc: false,
        subject: None,
        skew: SKEW,
        now: now(),
    }
}

/// Who signs.
pub(crate) enum Signer<'a> {
    Rsa(&'a SpKey),
    Ec(&'a EcdsaKeyPair),
}

impl Signer<'_> {
    fn method(&self) -> &'static str {
        match self {
            Self::Rsa(_) => SigningKey::METHOD,
            Self::Ec(_) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        }
    }
    fn sign(&self, text: &str) -> String {
        STANDARD.encode(match self {
            Self::Rsa(key) => SigningKey::from_pkcs8(key.expose()).expect("a key").sign(text.as_bytes()).expect("a signature"),
            Self::Ec(pair) => pair.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature").as_ref().to_vec(),
        })
    }
}

/// An ECDSA key with a certificate.
pub(crate) fn ec_key() -> (EcdsaKeyPair, Vec<u8>) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let certificate =
        rcgen::CertificateParams::new(Vec::new()).and_then(|params| params.self_signed(&key)).expect("a certificate");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.serialized_der()).expect("a key");
    (pair, certificate.der().to_vec())
}

/// The enveloped signature of a canonical text with this ID.
pub(crate) fn signature(text: &str, id: &str, by: &Signer<'_>) -> String {
    let digest = STANDARD.encode(Digest::Sha256.of(text.as_bytes()));
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        by.method()
    );
    let value = by.sign(&info);
    // Within its Signature it declares nothing that is declared already.
    let info = info.replacen(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "", 1);
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
    )
}

/// Which elements are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signs {
    Assertion,
    Response,
    Both,
}

pub(crate) const EVERY_WAY: [Signs; 3] = [Signs::Assertion, Signs::Response, Signs::Both];

/// A response's parts, each to be changed by a test before it is signed.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) response: String,
    pub(crate) response_issuer: String,
    pub(crate) status: String,
    pub(crate) assertion: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) conditions: String,
    pub(crate) authn: String,
    pub(crate) attributes: String,
}

impl Default for Parts {
    fn default() -> Self {
        let (begin, issued, end) = (moment(-60), moment(0), moment(300));
        Self {
            response: format!("Destination=\"{ACS}\" ID=\"_response\" InResponseTo=\"_request\" IssueInstant=\"{issued}\" Version=\"2.0\""),
            response_issuer: format!("<saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{IDP}</saml:Issuer>"),
            status: "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>"
                .to_owned(),
            assertion: format!("ID=\"_assertion\" IssueInstant=\"{issued}\" Version=\"2.0\""),
            issuer: format!("<saml:Issuer>{IDP}</saml:Issuer>"),
            subject: format!("<saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">{USER}</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData InResponseTo=\"_request\" NotOnOrAfter=\"{end}\" Recipient=\"{ACS}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>"),
            conditions: format!("<saml:Conditions NotBefore=\"{begin}\" NotOnOrAfter=\"{end}\"><saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"),
            authn: format!("<saml:AuthnStatement AuthnInstant=\"{issued}\" SessionIndex=\"s1\" SessionNotOnOrAfter=\"{}\"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>", moment(3600)),
            attributes: "<saml:AttributeStatement><saml:Attribute Name=\"uid\"><saml:AttributeValue>u1</saml:AttributeValue></saml:Attribute><saml:Attribute Name=\"groups\"><saml:AttributeValue>a</saml:AttributeValue><saml:AttributeValue>b</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>".to_owned(),
        }
    }
}

impl Parts {
    /// With `from` replaced by `to` wherever it is. It has to be somewhere.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        let mut hits = 0;
        for part in [
            &mut self.response,
            &mut self.response_issuer,
            &mut self.status,
            &mut self.assertion,
            &mut self.issuer,
            &mut self.subject,
            &mut self.conditions,
            &mut self.authn,
            &mut self.attributes,
        ] {
            hits += part.matches(from).count();
            *part = part.replace(from, to);
        }
        assert!(hits > 0, "nothing of {from:?} to replace");
        self
    }

    /// The assertion, signed if wanted.
    pub(crate) fn assertion(&self, by: Option<&Signer<'_>>) -> String {
        let Self { assertion, issuer, subject, conditions, authn, attributes, .. } = self;
        let whole = |signature: &str| {
            format!(
                "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" {assertion}>{issuer}{signature}{subject}{conditions}{authn}{attributes}</saml:Assertion>"
            )
        };
        whole(&by.map(|by| signature(&whole(""), "_assertion", by)).unwrap_or_default())
    }

    /// The response around something, signed if wanted.
    pub(crate) fn response(&self, inner: &str, by: Option<&Signer<'_>>) -> String {
        let Self { response, response_issuer, status, .. } = self;
        let whole = |signature: &str| {
            format!(
                "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" {response}>{response_issuer}{signature}{status}{inner}</samlp:Response>"
            )
        };
        whole(&by.map(|by| signature(&whole(""), "_response", by)).unwrap_or_default())
    }

    pub(crate) fn signed(&self, signs: Signs, by: &Signer<'_>) -> String {
        let assertion = self.assertion(Some(by).filter(|_| signs != Signs::Response));
        self.response(&assertion, Some(by).filter(|_| signs != Signs::Assertion))
    }

    /// Signed by the provider's key.
    pub(crate) fn genuine(&self, signs: Signs) -> String {
        self.signed(signs, &Signer::Rsa(&KEY))
    }
}

pub(crate) fn judged(xml: &str, expected: &Expectation) -> Outcome {
    tenantry_federation::saml::judge(&STANDARD.encode(xml), expected)
}

/// The check that a document fails; `None`: it is taken.
pub(crate) fn failed(xml: &str, expected: &Expectation) -> Option<Check> {
    let outcome = judged(xml, expected);
    if let Ok(assertion) = &outcome.verdict {
        assert!(!assertion.subject.contains(EVIL), "somebody else was let in by {xml}");
    }
    outcome.verdict.err()
}
