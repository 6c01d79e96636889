//! The role of an identity provider: what services ask, and that what they are answered counts where it is meant to, and nowhere else.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use domain::identity::saml::{
    Check, MessageId, NameId, PERSISTENT, SpKey,
    idp::{Carried, Encryption, Reply, RequestExpectation, Requested, Statement, Status},
};
use tenantry_federation::saml::{read_request, reply};

use crate::provider::{ACS, IDP, KEY, OTHER, OURS, SP, Signer, expected, judged, moment, now, signature};

const SSO: &str = "https://idp.test/sso";

fn answer(change: impl FnOnce(&mut Reply)) -> String {
    let said = Statement {
        id: MessageId::new([1; 32]),
        audience: SP.to_owned(),
        name_id: NameId {
            value: "_bea & co".to_owned(),
            format: Some(PERSISTENT.to_owned()),
            name_qualifier: None,
            sp_name_qualifier: Some(SP.to_owned()),
        },
        session_index: "_session".to_owned(),
        valid_until: now() + TimeDelta::minutes(5),
        authenticated_at: now() - TimeDelta::minutes(1),
        session_until: now() + TimeDelta::hours(8),
        context: "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
        attributes: vec![("mail <1>".to_owned(), "bea\"&<>\r\n\t@tenant.example".to_owned())],
        encryption: None,
    };
    let mut made = Reply {
        id: MessageId::new([2; 32]),
        issued_at: now(),
        entity_id: IDP.to_owned(),
        acs: ACS.to_owned(),
        in_response_to: Some("_request".to_owned()),
        said: Ok(Box::new(said)),
        sign_response: false,
        key: KEY.clone(),
    };
    change(&mut made);
    String::from_utf8(STANDARD.decode(reply(&made).unwrap()).unwrap()).unwrap()
}

fn encrypted(reply: &mut Reply) {
    let certificate = OURS.certificate.clone();
    let said = reply.said.as_mut().unwrap();
    said.encryption = Some(Encryption { certificate, content_key: [7; 32], nonce: [3; 12] });
}

#[test]
fn an_answer_counts_in_every_way_that_it_is_signed_and_encrypted() {
    for (signs, encrypts) in [(false, false), (true, false), (false, true), (true, true)] {
        let xml = answer(|reply| {
            reply.sign_response = signs;
            if encrypts {
                encrypted(reply);
            }
        });
        assert_eq!(xml.contains("<saml:Assertion"), !encrypts, "{xml}");
        let said = judged(&xml, &expected()).verdict.unwrap_or_else(|check| panic!("{check:?}: {xml}"));
        let name = said.name_id.as_ref().map(|name| name.value.as_str());
        assert_eq!((name, said.session_index.as_deref()), (Some("_bea & co"), Some("_session")));
        assert_eq!(said.values("mail <1>").collect::<Vec<_>>(), ["bea\"&<>\r\n\t@tenant.example"]);
        assert_eq!(
            (said.authenticated_at, said.session_ends_at),
            (now() - TimeDelta::minutes(1), Some(now() + TimeDelta::hours(8)))
        );
    }
}

#[test]
fn an_answer_counts_for_one_service_and_address_and_some_minutes() {
    let of = |change: &dyn Fn(&mut Reply)| judged(&answer(|reply| change(reply)), &expected()).verdict.err();
    assert_eq!(of(&|_| {}), None);
    assert_eq!(of(&|reply| reply.acs = "https://other.test/acs".to_owned()), Some(Check::Destination));
    assert_eq!(of(&|reply| reply.entity_id = "https://other.test".to_owned()), Some(Check::ResponseIssuer));
    assert_eq!(of(&|reply| reply.in_response_to = Some("_other".to_owned())), Some(Check::InResponseTo));
    assert_eq!(of(&|reply| reply.in_response_to = None), Some(Check::InResponseTo));
    assert_eq!(of(&|reply| reply.key = OTHER.clone()), Some(Check::Signature));
    assert_eq!(of(&|reply| reply.said.as_mut().unwrap().audience = "https://other.test".to_owned()), Some(Check::Audience));
    let later = domain::identity::saml::Expectation { now: now() + TimeDelta::minutes(7), ..expected() };
    assert!(judged(&answer(|_| {}), &later).verdict.is_err());
    assert_eq!(of(&|reply| reply.said = Err(Status::NoPassive)), Some(Check::Status));
    let refusal = answer(|reply| reply.said = Err(Status::NoPassive));
    assert!(refusal.contains("status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:NoPassive\""));
    assert!(refusal.contains("<ds:SignatureValue>") && !refusal.contains("Assertion "), "{refusal}");
}

fn asked(certificate: Option<&SpKey>) -> RequestExpectation {
    RequestExpectation {
        issuer: SP.parse().unwrap(),
        certificate: certificate.map(|key| key.certificate.clone()),
        destination: SSO.to_owned(),
        now: now(),
    }
}

/// In canonical form.
fn request(attributes: &str, inner: &str) -> String {
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" {attributes}Destination=\"{SSO}\" ID=\"_1\" IssueInstant=\"{}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{SP}</saml:Issuer>{inner}</samlp:AuthnRequest>",
        moment(0)
    )
}

fn form(xml: &str) -> Carried {
    Carried::Form { request: STANDARD.encode(xml), relay_state: Some("back".to_owned()) }
}

fn signed(xml: &str, by: &SpKey) -> String {
    xml.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", signature(xml, "_1", &Signer::Rsa(by))), 1)
}

#[test]
fn a_request_says_what_is_asked_for() {
    let class =
        "<saml:AuthnContextClassRef xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">urn:x</saml:AuthnContextClassRef>";
    let inner = format!(
        "<samlp:NameIDPolicy AllowCreate=\"true\" Format=\"{PERSISTENT}\"></samlp:NameIDPolicy><samlp:RequestedAuthnContext>{class}</samlp:RequestedAuthnContext>"
    );
    let xml = request("AssertionConsumerServiceURL=\"https://sp.test/saml/acs\" ", &inner)
        .replace(" ID=\"_1\"", " ForceAuthn=\"1\" ID=\"_1\" IsPassive=\"true\"");
    let wanted = Requested {
        id: "_1".to_owned(),
        force_authn: true,
        is_passive: true,
        acs: Some(ACS.to_owned()),
        names_index: false,
        name_id_format: Some(PERSISTENT.to_owned()),
        contexts: vec!["urn:x".to_owned()],
        relay_state: Some("back".to_owned()),
    };
    assert_eq!(read_request(&form(&xml), &asked(None)), Ok(wanted));
    let better =
        request("", &inner.replace("<samlp:RequestedAuthnContext", "<samlp:RequestedAuthnContext Comparison=\"better\""));
    assert_eq!(read_request(&form(&better), &asked(None)).unwrap().contexts, ["better"]);
}

/// T01, T02, T03: of a request that has to be signed nothing else is read.
#[test]
fn t01_of_a_request_that_has_to_be_signed_only_what_was_signed_is_read() {
    let refused = |xml: &str| read_request(&form(xml), &asked(Some(&OURS))).unwrap_err().check;
    let plain = request("", "");
    let good = signed(&plain, &OURS);
    assert_eq!(read_request(&form(&good), &asked(Some(&OURS))).unwrap().id, "_1");
    assert_eq!(refused(&plain), Check::Signed);
    assert_eq!(refused(&signed(&plain, &OTHER)), Check::Signature);
    assert_eq!(refused(&good.replace("Version=\"2.0\"", "IsPassive=\"true\" Version=\"2.0\"")), Check::Signature);
    let (before, rest) = good.split_once("<ds:Signature ").unwrap();
    let (inside, after) = rest.split_once("</ds:Signature>").unwrap();
    let whole = format!("<ds:Signature {inside}</ds:Signature>");
    for (name, odd) in [
        ("twice", format!("{before}{whole}{whole}{after}")),
        (
            "behind",
            format!(
                "{before}{}",
                after.replace("</samlp:AuthnRequest>", &format!("<samlp:Scoping></samlp:Scoping>{whole}</samlp:AuthnRequest>"))
            ),
        ),
        ("inside", format!("{before}<samlp:Scoping>{whole}</samlp:Scoping>{after}")),
        ("wrapped", plain.replace("_1", "_2").replace("</samlp:AuthnRequest>", &format!("{good}</samlp:AuthnRequest>"))),
        ("of another", good.replace("URI=\"#_1\"", "URI=\"\"")),
        ("by URL", good.replace("URI=\"#_1\"", "URI=\"http://127.0.0.1:9/\"")),
        ("commented", good.replace("</saml:Issuer>", "<!-- --></saml:Issuer>")),
        ("with a type", format!("<!DOCTYPE x []>{good}")),
    ] {
        assert!(matches!(refused(&odd), Check::Document | Check::Signature), "{name}");
    }
    assert_eq!(refused(&good.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1")), Check::Algorithm);
    // What is signed says where it was sent.
    let nowhere = request("", "").replace(&format!("Destination=\"{SSO}\" "), "");
    assert_eq!(refused(&signed(&nowhere, &OURS)), Check::Destination);
    assert!(read_request(&form(&nowhere), &asked(None)).is_ok());
}

#[test]
fn what_is_no_request_of_this_service_and_moment_is_refused() {
    let check = |xml: &str| read_request(&form(xml), &asked(None)).unwrap_err().check;
    let good = request("", "");
    for (odd, wanted) in [
        (good.replace(SP, "https://other.test"), Check::Issuer),
        (good.replace(SSO, "https://idp.test/other"), Check::Destination),
        (good.replace(&moment(0), &moment(-361)), Check::IssueInstant),
        (good.replace(&moment(0), &moment(61)), Check::IssueInstant),
        (good.replace(&moment(0), "today"), Check::IssueInstant),
        (good.replace("\"2.0\"", "\"1.1\""), Check::Document),
        (good.replace("\"_1\"", "\"1\""), Check::Document),
        (good.replace("samlp:AuthnRequest", "samlp:Response"), Check::Document),
        (good.replace("</samlp:AuthnRequest>", "<samlp:Extensions></samlp:Extensions></samlp:AuthnRequest>"), Check::Document),
        ("<x/>".to_owned(), Check::Document),
        (String::new(), Check::Document),
    ] {
        assert_eq!(check(&odd), wanted, "{odd}");
    }
    for (edge, holds) in [(-360, false), (-359, true), (60, true), (61, false)] {
        let xml = good.replace(&moment(0), &moment(edge));
        assert_eq!(read_request(&form(&xml), &asked(None)).is_ok(), holds, "{edge}");
    }
    let Err(finding) = read_request(&Carried::Query("SAMLResponse=eJw%3D".to_owned()), &asked(None)) else { panic!("taken") };
    assert_eq!(finding.check, Check::Document);
}
