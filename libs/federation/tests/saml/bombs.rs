//! T11: documents that cost more than they weigh. Refused by what they are, before a parser builds anything.

use domain::identity::saml::Check;

use crate::provider::{Parts, Signs, expected, failed};

#[test]
fn t11_bombs_are_refused_by_their_shape() {
    let genuine = Parts::default().genuine(Signs::Assertion);
    let padded = |inner: &str| genuine.replacen("<saml:AttributeStatement>", &format!("<saml:AttributeStatement>{inner}"), 1);
    let laughs: String = (1..9).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))).collect();
    let attributes: String = (0..65).map(|n| format!(" a{n}=\"\"")).collect();
    let namespaces: String = (0..49).map(|n| format!(" xmlns:n{n}=\"urn:{n}\"")).collect();
    let nested: String = (0..7).map(|n| format!("<x xmlns:a{n}=\"urn:a\" xmlns:b{n}=\"urn:b\" xmlns:c{n}=\"urn:c\" xmlns:d{n}=\"urn:d\" xmlns:e{n}=\"urn:e\" xmlns:f{n}=\"urn:f\" xmlns:g{n}=\"urn:g\">")).collect();
    for (name, bomb) in [
        ("billion laughs", format!("<!DOCTYPE r [<!ENTITY a0 \"lol\">{laughs}]>{genuine}")),
        ("attributes", padded(&format!("<x{attributes}></x>"))),
        ("namespaces on one element", padded(&format!("<x{namespaces}></x>"))),
        ("namespaces in scope", padded(&[nested, "</x>".repeat(7)].concat())),
        ("depth", padded(&["<x>".repeat(33), "</x>".repeat(33)].concat())),
        ("depth without end", ["<x>".repeat(36_000)].concat()),
        ("elements", padded(&"<x/>".repeat(20_001))),
        ("text", padded(&" ".repeat(256 * 1024))),
        ("a tag without end", [&genuine, "<x ", &"a=\"\" ".repeat(20_000)].concat()),
        ("ends without begin", "</x>".repeat(10_000)),
        ("a million attributes", format!("<x{}>", " a=\"\"".repeat(1_000_000))),
    ] {
        assert_eq!(failed(&bomb, &expected()), Some(Check::Document), "{name}");
    }
    let huge = "A".repeat(100_000_000);
    assert_eq!(tenantry_federation::saml::judge(&huge, &expected()).verdict.unwrap_err(), Check::Document);
}

/// What is large and honest is taken: a person in thousands of groups.
#[test]
fn thousands_of_groups_are_no_bomb() {
    let groups: String =
        (0..2_500).map(|n| format!("<saml:AttributeValue>CN=Group {n:04},OU=Groups,DC=tenant</saml:AttributeValue>")).collect();
    let parts = Parts::default().with("<saml:AttributeValue>a</saml:AttributeValue>", &groups);
    for signs in [Signs::Assertion, Signs::Both] {
        let outcome = crate::provider::judged(&parts.genuine(signs), &expected());
        assert_eq!(outcome.verdict.unwrap().values("groups").count(), 2_501);
    }
}
