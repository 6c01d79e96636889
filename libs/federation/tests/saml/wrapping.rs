//! T01 and T03: a genuine signature, and beside it, around it or within it what somebody else wrote.

use domain::identity::saml::Check;

use crate::provider::{EVIL, Parts, Signs, USER, expected, failed};

/// A signed element, taken apart.
struct Signed {
    whole: String,
    signature: String,
    /// As it was signed.
    bare: String,
    /// With another person and another ID.
    evil: String,
}

fn take_apart(whole: &str, id: &str) -> Signed {
    let begin = whole.rfind("<ds:Signature ").or(whole.find("<ds:Signature ")).unwrap();
    let end = whole[begin..].find("</ds:Signature>").unwrap() + begin + "</ds:Signature>".len();
    let bare = [&whole[..begin], &whole[end..]].concat();
    let evil = bare.replace(USER, EVIL).replace(&format!(" ID=\"{id}\""), " ID=\"_evil\"");
    Signed { whole: whole.to_owned(), signature: whole[begin..end].to_owned(), bare, evil }
}

/// `text` behind the first element's Issuer.
fn behind_issuer(element: &str, text: &str) -> String {
    let at = element.find("</saml:Issuer>").unwrap() + "</saml:Issuer>".len();
    [&element[..at], text, &element[at..]].concat()
}

/// `text` as the last child.
fn at_the_end(element: &str, text: &str) -> String {
    let at = element.rfind("</").unwrap();
    [&element[..at], text, &element[at..]].concat()
}

fn within_signature(signature: &str, text: &str) -> String {
    signature.replace("</ds:Signature>", &format!("{text}</ds:Signature>"))
}

/// The shapes 1 to 8 of an element, each as what stands in the element's place, and then some.
fn shapes(of: &Signed) -> Vec<(&'static str, String)> {
    let Signed { whole, signature, bare, evil } = of;
    let object = format!("<ds:Object>{bare}</ds:Object>");
    let extensions = |inner: &str| {
        format!("<samlp:Extensions xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">{inner}</samlp:Extensions>")
    };
    vec![
        ("1: the original in the signature of the evil one", behind_issuer(evil, &within_signature(signature, bare))),
        ("2: the original beside the signature in the evil one", behind_issuer(evil, &[bare.as_str(), signature].concat())),
        ("3: the evil one before", [evil.as_str(), whole].concat()),
        ("4: the evil one around", at_the_end(evil, whole)),
        ("5: the evil one signed, the original behind it", [&behind_issuer(evil, signature), bare.as_str()].concat()),
        (
            "6: the original first in the signature",
            behind_issuer(evil, &signature.replacen("<ds:SignedInfo", &format!("{bare}<ds:SignedInfo"), 1)),
        ),
        ("7: in Extensions", [&extensions(evil), whole.as_str()].concat()),
        ("7: the original in Extensions", at_the_end(evil, &extensions(whole))),
        ("8: the original in an Object", behind_issuer(evil, &within_signature(signature, &object))),
        ("the evil one behind", [whole.as_str(), evil].concat()),
        ("the evil one with the same ID", [&evil.replace("_evil", "_assertion"), whole.as_str()].concat()),
        ("the evil one without ID", [&evil.replace(" ID=\"_evil\"", ""), whole.as_str()].concat()),
        ("changed in place", whole.replace(USER, EVIL)),
        ("the signature on an evil one", behind_issuer(evil, signature)),
        (
            "Advice",
            whole.replace("</saml:AttributeStatement>", &format!("</saml:AttributeStatement><saml:Advice>{evil}</saml:Advice>")),
        ),
    ]
}

#[test]
fn t01_wrapped_assertions() {
    for signs in [Signs::Assertion, Signs::Both] {
        let genuine = Parts::default().genuine(signs);
        assert_eq!(failed(&genuine, &expected()), None);
        let begin = genuine.find("<saml:Assertion ").unwrap();
        let end = genuine.find("</samlp:Response>").unwrap();
        let signed = take_apart(&genuine[begin..end], "_assertion");
        for (name, shape) in shapes(&signed) {
            let wrapped = [&genuine[..begin], &shape, &genuine[end..]].concat();
            assert!(failed(&wrapped, &expected()).is_some(), "{signs:?} {name}");
        }
        for spelling in ["Id", "id", "iD", "AssertionID", "x:ID", "xml:id"] {
            let evil = signed.evil.replace(" ID=\"_evil\"", &format!(" xmlns:x=\"urn:x\" {spelling}=\"_assertion\""));
            let wrapped = [&genuine[..begin], &evil, &signed.whole, &genuine[end..]].concat();
            assert!(failed(&wrapped, &expected()).is_some(), "{signs:?} {spelling}");
        }
    }
}

#[test]
fn t01_wrapped_responses() {
    for signs in [Signs::Response, Signs::Both] {
        let parts = Parts::default();
        let genuine = parts.genuine(signs);
        // The response's own signature comes first.
        let begin = genuine.find("<ds:Signature ").unwrap();
        let end = genuine.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
        let bare = [&genuine[..begin], &genuine[end..]].concat();
        let evil = bare.replace(USER, EVIL).replace(" ID=\"_response\"", " ID=\"_evil\"");
        let signed = Signed { signature: genuine[begin..end].to_owned(), whole: genuine.clone(), bare, evil };
        for (name, shape) in shapes(&signed) {
            assert!(failed(&shape, &expected()).is_some(), "{signs:?} {name}");
        }
    }
}

/// T03: where a signature stands says nothing; what it names has to be the element around it, by an ID that is there once.
#[test]
fn t03_position_and_reference() {
    let genuine = Parts::default().genuine(Signs::Assertion);
    let begin = genuine.find("<ds:Signature ").unwrap();
    let end = genuine.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let (signature, bare) = (&genuine[begin..end], [&genuine[..begin], &genuine[end..]].concat());
    let moved = |before: &str| bare.replacen(before, &format!("{signature}{before}"), 1);
    for (name, wrong) in [
        ("on the response", moved("<samlp:Status>")),
        ("behind the subject", moved("<saml:Conditions")),
        ("last in the assertion", moved("</saml:Assertion>")),
        ("in the subject", moved("</saml:Subject>")),
        ("twice", genuine.replacen(signature, &[signature, signature].concat(), 1)),
        ("on the response as well", genuine.replacen("<samlp:Status>", &format!("{signature}<samlp:Status>"), 1)),
        ("empty URI", genuine.replace("URI=\"#_assertion\"", "URI=\"\"")),
        ("no URI", genuine.replace(" URI=\"#_assertion\"", "")),
        ("the response's ID", genuine.replace("URI=\"#_assertion\"", "URI=\"#_response\"")),
        ("an xpointer", genuine.replace("URI=\"#_assertion\"", "URI=\"#xpointer(id('_assertion'))\"")),
        ("a URL", genuine.replace("URI=\"#_assertion\"", "URI=\"http://127.0.0.1:1/x\"")),
        ("a file", genuine.replace("URI=\"#_assertion\"", "URI=\"file:///etc/hostname\"")),
    ] {
        assert_ne!(wrong, genuine, "{name}");
        assert!(failed(&wrong, &expected()).is_some(), "{name}");
    }
    assert_eq!(failed(&bare, &expected()), Some(Check::Signed));
}
