//! Single logout: what a provider may say, and that its signature covers the query as it came.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use crypto::xml::SigningKey;
use domain::{
    core::ports::SamlServiceProvider,
    identity::saml::{Check, Dispatch, Logout, LogoutExpectation, LogoutRequest, LogoutResponse, MessageId, NameId, SKEW},
};
use flate2::{Compression, write::DeflateEncoder};
use std::io::Write;
use tenantry_federation::saml::{ServiceProvider, logout};

use crate::provider::{IDP, KEY, OTHER, OURS, SP, USER, moment, now};

pub(crate) const SLO: &str = "https://sp.test/saml/slo";
const RSA: &str = SigningKey::METHOD;

pub(crate) fn expected() -> LogoutExpectation {
    LogoutExpectation {
        issuer: IDP.parse().unwrap(),
        certificates: vec![KEY.certificate.clone()],
        slo: SLO.to_owned(),
        skew: SKEW,
        now: now(),
    }
}

fn request_xml() -> String {
    format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_logout\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{SLO}\" NotOnOrAfter=\"{}\"><saml:Issuer>{IDP}</saml:Issuer><saml:NameID>{USER}</saml:NameID><samlp:SessionIndex>s1</samlp:SessionIndex></samlp:LogoutRequest>",
        moment(0),
        moment(300)
    )
}

fn upper(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
/// As .NET escapes.
fn lower(text: &str) -> String {
    let bytes = text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02x}") });
    bytes.collect()
}

fn deflated(xml: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(xml.as_bytes()).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

fn signed(signed: &str, escape: &dyn Fn(&str) -> String) -> String {
    let signature = SigningKey::from_pkcs8(KEY.expose()).unwrap().sign(signed.as_bytes()).unwrap();
    format!("{signed}&Signature={}", escape(&STANDARD.encode(signature)))
}

fn query_of(xml: &str, relay_state: &str, escape: &dyn Fn(&str) -> String) -> String {
    let parts = format!("SAMLRequest={}&RelayState={}&SigAlg={}", escape(&deflated(xml)), escape(relay_state), escape(RSA));
    signed(&parts, escape)
}

#[test]
fn a_genuine_request_is_read_however_it_is_escaped() {
    let upper_query = query_of(&request_xml(), "a b+c/ü&x=y", &upper);
    let reversed = upper_query.split('&').rev().collect::<Vec<_>>().join("&");
    for query in [&upper_query, &query_of(&request_xml(), "a b+c/ü&x=y", &lower), &reversed, &format!("{upper_query}&utm=1")] {
        let Ok(Logout::Requested { id, name_id, session_indexes, relay_state, seen_until }) = logout(query, &expected()) else {
            panic!("{:?}", logout(query, &expected()))
        };
        assert_eq!((id.as_str(), name_id.value.as_str(), session_indexes), ("_logout", USER, vec!["s1".to_owned()]));
        assert_eq!(relay_state.as_deref(), Some("a b+c/ü&x=y"));
        assert!(seen_until > now() + TimeDelta::minutes(5));
    }
    let without = signed(&format!("SAMLRequest={}&SigAlg={}", upper(&deflated(&request_xml())), upper(RSA)), &upper);
    assert!(matches!(logout(&without, &expected()), Ok(Logout::Requested { relay_state: None, .. })));
}

#[test]
fn queries_that_two_readers_would_read_differently_are_refused() {
    let query = query_of(&request_xml(), "abc", &upper);
    let parts: Vec<_> = query.split('&').collect();
    let without = |name: &str| parts.iter().filter(|part| !part.starts_with(name)).copied().collect::<Vec<_>>().join("&");
    for (name, odd, wanted) in [
        ("another relay state", query.replace("RelayState=abc", "RelayState=abd"), Check::Signature),
        ("no relay state", without("RelayState"), Check::Signature),
        ("relay state twice", format!("{query}&RelayState=evil"), Check::Document),
        ("relay state in disguise", format!("{query}&Relay%53tate=evil"), Check::Document),
        ("request twice", format!("{}&{query}", parts[0]), Check::Document),
        ("request and response", format!("{query}&SAMLResponse=AAAA"), Check::Document),
        ("no SigAlg", without("SigAlg"), Check::Signed),
        ("no signature", without("Signature"), Check::Signed),
        ("an empty signature", format!("{}&Signature=", without("Signature")), Check::Signature),
        ("RSA-SHA1", query.replace("2001%2F04%2Fxmldsig-more%23rsa-sha256", "2000%2F09%2Fxmldsig%23rsa-sha1"), Check::Algorithm),
        ("another algorithm", query.replace("rsa-sha256", "rsa-sha512"), Check::Signature),
        ("an escape that is none", query.replacen("%3A", "%3", 1), Check::Document),
        ("another encoding", format!("{query}&SAMLEncoding=urn%3Ax"), Check::Document),
        ("nothing", String::new(), Check::Document),
        ("only joints", "&&&&".to_owned(), Check::Document),
    ] {
        assert_eq!(logout(&odd, &expected()).unwrap_err().check, wanted, "{name}");
    }
    let theirs = LogoutExpectation { certificates: vec![OTHER.certificate.clone()], ..expected() };
    assert_eq!(logout(&query, &theirs).unwrap_err().check, Check::Signature);
    let nobody = LogoutExpectation { certificates: vec![], ..expected() };
    assert_eq!(logout(&query, &nobody).unwrap_err().check, Check::Certificate);
}

/// T11: inflated within a bound, and nothing behind the stream.
#[test]
fn t11_a_small_query_does_not_become_a_large_message() {
    let bomb = format!("<a>{}</a>", " ".repeat(5_000_000));
    assert_eq!(logout(&query_of(&bomb, "x", &upper), &expected()).unwrap_err().check, Check::Document);
    let mut tail = STANDARD.decode(deflated(&request_xml())).unwrap();
    tail.extend_from_slice(b"junk");
    let query = signed(&format!("SAMLRequest={}&SigAlg={}", upper(&STANDARD.encode(tail)), upper(RSA)), &upper);
    assert_eq!(logout(&query, &expected()).unwrap_err().check, Check::Document);
}

#[test]
fn what_a_request_has_to_say() {
    for (from, to, wanted) in [
        (IDP, "https://other.test", Check::Issuer),
        (SLO, "https://sp.test/other", Check::Destination),
        (&format!(" Destination=\"{SLO}\""), "", Check::Destination),
        (&format!("IssueInstant=\"{}\"", moment(0)), "IssueInstant=\"2026-01-15T11:54:00Z\"", Check::IssueInstant),
        (&format!("IssueInstant=\"{}\"", moment(0)), "IssueInstant=\"2026-01-15T12:01:01Z\"", Check::IssueInstant),
        (&format!("NotOnOrAfter=\"{}\"", moment(300)), "NotOnOrAfter=\"2026-01-15T11:59:00Z\"", Check::NotOnOrAfter),
        (&format!("<saml:NameID>{USER}</saml:NameID>"), "", Check::Subject),
        (
            &format!("<saml:NameID>{USER}</saml:NameID>"),
            "<saml:NameID>a</saml:NameID><saml:NameID>b</saml:NameID>",
            Check::Subject,
        ),
        (USER, "a<!-- x -->b", Check::Document),
        ("ID=\"_logout\"", "ID=\"1\"", Check::Document),
        ("Version=\"2.0\"", "Version=\"1.1\"", Check::Document),
        ("samlp:LogoutRequest", "samlp:LogoutResponse", Check::Document),
    ] {
        let xml = request_xml().replace(from, to);
        assert_ne!(xml, request_xml());
        assert_eq!(logout(&query_of(&xml, "x", &upper), &expected()).unwrap_err().check, wanted, "{to}");
    }
    let many = request_xml()
        .replace("<samlp:SessionIndex>s1</samlp:SessionIndex>", &"<samlp:SessionIndex>s</samlp:SessionIndex>".repeat(101));
    assert_eq!(logout(&query_of(&many, "x", &upper), &expected()).unwrap_err().check, Check::Document);
}

/// Ours, read as if a provider had sent it: signature, deflation and shape are those that we accept.
#[test]
fn our_own_messages_would_be_taken() {
    let provider = ServiceProvider::start().unwrap();
    let name_id =
        NameId { value: "a<b>&\"".to_owned(), format: Some("urn:f".to_owned()), name_qualifier: None, sp_name_qualifier: None };
    let request = LogoutRequest {
        id: MessageId::new([1; 32]),
        issued_at: now(),
        destination: SLO.parse().unwrap(),
        entity_id: SP.to_owned(),
        name_id: name_id.clone(),
        session_index: Some("s&1".to_owned()),
        relay_state: Some("state".parse().unwrap()),
        key: OURS.clone(),
    };
    let ours = LogoutExpectation { issuer: SP.parse().unwrap(), certificates: vec![OURS.certificate.clone()], ..expected() };
    let query = |dispatch: Dispatch| {
        let Dispatch::Redirect(url) = dispatch else { panic!("a URL") };
        url.split_once('?').unwrap().1.to_owned()
    };
    let read = logout(&query(provider.ask_logout(&request).unwrap()), &ours).unwrap();
    let Logout::Requested { name_id: read, session_indexes, relay_state, .. } = read else { panic!("a request") };
    assert_eq!((read, session_indexes, relay_state.as_deref()), (name_id, vec!["s&1".to_owned()], Some("state")));
    for is_success in [true, false] {
        let response = LogoutResponse {
            id: MessageId::new([2; 32]),
            issued_at: now(),
            destination: SLO.parse().unwrap(),
            entity_id: SP.to_owned(),
            in_response_to: "_x\"<".to_owned(),
            is_success,
            relay_state: Some("as it came &".to_owned()),
            key: OURS.clone(),
        };
        let read = logout(&query(provider.answer_logout(&response).unwrap()), &ours).unwrap();
        let wanted =
            Logout::Answered { in_response_to: "_x\"<".to_owned(), is_success, relay_state: Some("as it came &".to_owned()) };
        assert_eq!(read, wanted);
    }
}
