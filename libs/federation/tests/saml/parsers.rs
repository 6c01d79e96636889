//! T02: documents that two parsers could read differently, and algorithms that prove too little. Refused, also where a genuine signature covers
//! what is odd about them.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::identity::saml::Check;

use crate::provider::{EVIL, Parts, Signs, USER, expected, failed};

#[test]
fn t02_odd_documents_are_refused() {
    let genuine = Parts::default().genuine(Signs::Assertion);
    let table: &[(&str, &str, &str)] = &[
        ("a comment in the name", USER, "user@tenant<!-- x -->.example"),
        ("a comment in DigestValue", "<ds:DigestValue>", "<ds:DigestValue><!--AAAA-->"),
        ("a processing instruction", USER, "user@tenant<?x y?>.example"),
        ("CDATA", USER, "user@tenant<![CDATA[.example]]>"),
        ("two DigestValues", "<ds:DigestValue>", "<ds:DigestValue>AAAA</ds:DigestValue><ds:DigestValue>"),
        ("two SignedInfos", "<ds:SignatureValue>", "<ds:SignedInfo></ds:SignedInfo><ds:SignatureValue>"),
        ("two SignatureValues", "<ds:SignatureValue>", "<ds:SignatureValue>AAAA</ds:SignatureValue><ds:SignatureValue>"),
        ("an element in SignatureValue", "<ds:SignatureValue>", "<ds:SignatureValue><ds:X509Data></ds:X509Data>"),
        ("two References", "</ds:Reference>", "</ds:Reference><ds:Reference URI=\"#_assertion\"></ds:Reference>"),
        ("NUL", "u1", "u\u{0}1"),
        ("a prefix bound anew", "<saml:NameID ", "<saml:NameID xmlns:saml=\"urn:evil\" "),
        ("a name of SAML elsewhere", "<saml:Subject>", "<saml:Subject><NameID xmlns=\"urn:evil\">admin@tenant.example</NameID>"),
        ("a relative namespace", "<saml:Subject>", "<saml:Subject xmlns:r=\"rel/ative\">"),
        ("a namespace that is no URI", "<saml:Subject>", "<saml:Subject xmlns:r=\"urn:a b\">"),
        ("an ID that is no name", "ID=\"_response\"", "ID=\"1 2\""),
        ("the same ID twice", "ID=\"_response\"", "ID=\"_assertion\""),
        ("two subjects", "<saml:Conditions", "<saml:Subject></saml:Subject><saml:Conditions"),
        ("no end", "</samlp:Response>", ""),
        ("text behind the root", "</samlp:Response>", "</samlp:Response>junk"),
        ("an element behind the root", "</samlp:Response>", "</samlp:Response><x/>"),
        ("an undefined entity", USER, "&user;"),
    ];
    for (name, from, to) in table {
        let odd = genuine.replacen(from, to, 1);
        assert_ne!(odd, genuine, "{name}");
        assert_eq!(failed(&odd, &expected()), Some(Check::Document), "{name}");
    }
    for (name, before) in [
        ("a byte order mark", "\u{feff}"),
        ("a document type", "<!DOCTYPE x>"),
        ("an entity", "<!DOCTYPE x [<!ENTITY e \"admin@tenant.example\">]>"),
        ("an external entity", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/hostname\">]>"),
        ("Latin 1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"),
        ("UTF-7", "<?xml version=\"1.0\" encoding=\"UTF-7\"?>"),
        ("XML 1.1", "<?xml version=\"1.1\"?>"),
        ("a style sheet", "<?xml-stylesheet href=\"http://127.0.0.1:1/\"?>"),
        ("a comment", "<!-- -->"),
    ] {
        assert_eq!(failed(&[before, &genuine].concat(), &expected()), Some(Check::Document), "{name}");
    }
    let declared = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", &genuine, "\n"].concat();
    assert_eq!(failed(&declared, &expected()), None);
}

/// The name that was signed is longer than what comes before the comment: no parser may cut it.
#[test]
fn t02_signed_oddities_are_refused_as_well() {
    let signed_name = format!("{EVIL}<!-- -->.evil.test");
    for name in [signed_name.as_str(), "x<![CDATA[y]]>"] {
        // Comments are not part of what is signed.
        let clean = Parts::default().with(USER, &name.replace("<!-- -->", "")).genuine(Signs::Assertion);
        let odd = clean.replace(&name.replace("<!-- -->", ""), name);
        assert_eq!(failed(&odd, &expected()), Some(Check::Document), "{name}");
    }
    let two = Parts::default().with("<saml:SubjectConfirmation ", "<saml:NameID>x</saml:NameID><saml:SubjectConfirmation ");
    assert_eq!(failed(&two.genuine(Signs::Both), &expected()), Some(Check::Document));
}

#[test]
fn weak_or_unknown_algorithms_are_refused() {
    let genuine = Parts::default().genuine(Signs::Both);
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#\"";
    for (name, from, to) in [
        ("SHA-1 digest", "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"),
        ("RSA-SHA1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        ("HMAC with the public key", "xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256"),
        ("with comments", exclusive, "http://www.w3.org/2001/10/xml-exc-c14n#WithComments\""),
        ("Canonical XML 1.1", exclusive, "http://www.w3.org/2006/12/xml-c14n11\""),
        ("XSLT", "http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        ("XPath", "http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/TR/1999/REC-xpath-19991116"),
    ] {
        let weak = genuine.replace(from, to);
        assert_ne!(weak, genuine, "{name}");
        assert_eq!(failed(&weak, &expected()), Some(Check::Algorithm), "{name}");
    }
    // Another one that is allowed does not verify what was signed by this one: nothing is taken from what is not verified.
    let other = genuine.replace("rsa-sha256", "rsa-sha512");
    assert_eq!(failed(&other, &expected()), Some(Check::Signature));
    // A canonicalization that fails must not be signed nothing ("void canonicalization").
    let void = genuine.replacen("<saml:Subject>", "<saml:Subject xmlns:r=\"1\" r:x=\"y\">", 1);
    assert_eq!(failed(&void, &expected()), Some(Check::Document));
}

#[test]
fn t02_every_changed_byte_of_what_was_signed_is_noticed() {
    let genuine = Parts::default().genuine(Signs::Response);
    let mut refused = 0;
    for at in (0..genuine.len()).step_by(7) {
        let mut bytes = genuine.clone().into_bytes();
        bytes[at] ^= 1;
        let outcome = tenantry_federation::saml::judge(&STANDARD.encode(&bytes), &expected());
        assert!(outcome.verdict.is_err(), "byte {at}");
        refused += 1;
    }
    assert!(refused > 100);
}

#[test]
fn what_is_no_base64_of_utf8_is_refused() {
    for field in ["", "=", "%%%", "AAAA", "/////w==", "\u{e4}"] {
        assert_eq!(tenantry_federation::saml::judge(field, &expected()).verdict.unwrap_err(), Check::Document, "{field:?}");
    }
    let mut folded = STANDARD.encode(Parts::default().genuine(Signs::Both));
    for at in (76..folded.len()).step_by(78) {
        folded.insert_str(at, "\r\n");
    }
    assert!(tenantry_federation::saml::judge(&folded, &expected()).verdict.is_ok(), "line ends are usual");
}
