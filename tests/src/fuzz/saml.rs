//! SAML: whatever arrives, nobody is let in by it, unless it says exactly what the provider signed.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::DateTime;
use domain::{
    Time,
    identity::saml::{Assertion, Expectation, LogoutExpectation, MessageId, SKEW, SpKey},
};
use federation::saml;

use super::text;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../libs/federation/tests/fixtures/", $name))
    };
}

/// Responses that count, each with a signature on something else, and one encrypted.
const GENUINE: [&str; 4] = [
    fixture!("xmlsec1/plain-assertion-exclusive.xml"),
    fixture!("xmlsec1/attributes-response-bare.xml"),
    fixture!("pysaml2/both.xml"),
    fixture!("encrypted/aes256-gcm-assertion.xml"),
];

fn now() -> Time {
    DateTime::from_timestamp(1_768_478_400, 0).expect("a moment")
}

/// The bytes in a file in PEM.
fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    STANDARD.decode(lines).expect("base64")
}

static EXPECTED: LazyLock<Expectation> = LazyLock::new(|| Expectation {
    issuer: "https://idp.test/metadata".parse().expect("an issuer"),
    certificates: vec![der(fixture!("idp.crt"))],
    entity_id: "https://sp.test/saml/metadata".to_owned(),
    acs: "https://sp.test/saml/acs".to_owned(),
    request_id: MessageId::stored("_request".to_owned()),
    authenticated_since: None,
    keys: vec![SpKey::new(der(fixture!("sp.key")), der(fixture!("sp.crt")))],
    unauthenticated_cbc: true,
    subject: None,
    skew: SKEW,
    now: now(),
});

fn judge(xml: &[u8]) -> Option<Assertion> {
    let outcome = saml::judge(&STANDARD.encode(xml), &EXPECTED);
    assert_eq!(outcome.findings.len(), domain::identity::saml::Check::ALL.len());
    outcome.verdict.ok().map(|said| *said)
}

static SAID: LazyLock<Vec<Assertion>> =
    LazyLock::new(|| GENUINE.iter().map(|xml| judge(xml.as_bytes()).expect("it counts")).collect());

/// The bytes as the form's field, and as a response.
pub(super) fn response(data: &[u8]) {
    assert!(saml::judge(text(data), &EXPECTED).verdict.is_err());
    assert!(judge(data).is_none(), "{:?} is taken", text(data));
}

/// A genuine response (a byte says which) in which a piece is replaced: where it begins (two bytes), how long it is (two), and what comes there
/// instead.
pub(super) fn splice(data: &[u8]) {
    let [which, a, b, c, d, instead @ ..] = data else { return };
    let which = usize::from(*which) % GENUINE.len();
    let (xml, said) = (GENUINE[which], &SAID[which]);
    let begin = usize::from(u16::from_be_bytes([*a, *b])) % xml.len();
    let length = usize::from(u16::from_be_bytes([*c, *d])) % (xml.len() - begin);
    let changed = [&xml.as_bytes()[..begin], instead, &xml.as_bytes()[begin + length..]].concat();
    if let Some(taken) = judge(&changed) {
        assert_eq!(taken, *said, "{:?}", String::from_utf8_lossy(&changed));
    }
}

const QUERIES: &str = fixture!("logout.txt");

/// The bytes as the query of a logout, and genuine queries in which a piece is replaced, as above.
pub(super) fn query(data: &[u8]) {
    let expected = LogoutExpectation {
        issuer: EXPECTED.issuer.clone(),
        certificates: EXPECTED.certificates.clone(),
        slo: "https://sp.test/saml/slo".to_owned(),
        skew: SKEW,
        now: now(),
    };
    assert!(saml::logout(text(data), &expected).is_err());
    let [a, b, c, instead @ ..] = data else { return };
    let Ok(instead) = std::str::from_utf8(instead) else { return };
    for query in QUERIES.lines().skip(2).step_by(2) {
        let begin = usize::from(u16::from_be_bytes([*a, *b])) % query.len();
        let length = usize::from(*c) % (query.len() - begin);
        let changed = [&query[..begin], instead, &query[begin + length..]].concat();
        if let Ok(taken) = saml::logout(&changed, &expected) {
            assert_eq!(taken, saml::logout(query, &expected).expect("it counts"), "{changed}");
        }
    }
}
