//! T06: what a genuine assertion has to say, each thing missing or wrong with a code of its own, and the edges to the second.

use chrono::TimeDelta;
use domain::identity::saml::{Check, Expectation, SKEW, TRANSIENT, Verdict};

use crate::provider::{EVERY_WAY, Parts, Signs, USER, at, expected, failed, judged, moment, now};

fn check(parts: Parts, wanted: Check) {
    for signs in EVERY_WAY {
        let outcome = judged(&parts.genuine(signs), &expected());
        assert_eq!(outcome.verdict.clone().err(), Some(wanted), "{signs:?} {:?}", outcome.findings);
        let failed: Vec<_> = outcome.findings.iter().filter(|finding| finding.verdict == Verdict::Failed).collect();
        assert_eq!(failed.len(), 1, "one thing is wrong, and one is told: {failed:?}");
    }
}

#[test]
fn a_genuine_response_is_taken_however_it_is_signed() {
    for signs in EVERY_WAY {
        let outcome = judged(&Parts::default().genuine(signs), &expected());
        let said = outcome.verdict.unwrap_or_else(|check| panic!("{signs:?} {check:?} {:?}", outcome.findings));
        assert_eq!(said.id, "_assertion");
        assert!(said.subject.contains(USER) && said.subject.contains("emailAddress"), "{}", said.subject);
        assert_eq!(said.session_index.as_deref(), Some("s1"));
        assert_eq!(said.session_ends_at, Some(now() + TimeDelta::hours(1)));
        assert_eq!(said.authenticated_at, now());
        assert_eq!(said.context.as_deref(), Some("urn:oasis:names:tc:SAML:2.0:ac:classes:Password"));
        assert_eq!(said.values("groups").collect::<Vec<_>>(), ["a", "b"]);
        assert!(outcome.findings.iter().all(|finding| finding.verdict != Verdict::Failed && finding.found.is_none()));
        let told: Vec<_> = outcome.findings.iter().map(|finding| finding.check).collect();
        assert_eq!(told, Check::ALL, "every check is reported");
    }
}

#[test]
fn t06_what_is_missing_or_wrong_has_its_own_code() {
    let table: &[(Check, &str, &str)] = &[
        (Check::Status, "status:Success", "status:Responder"),
        (Check::ResponseIssuer, "2.0:assertion\">https://idp.test/metadata<", "2.0:assertion\">https://IDP.test/metadata<"),
        (Check::Destination, "Destination=\"https://sp.test/saml/acs\"", "Destination=\"https://sp.test/saml/acs/\""),
        (Check::InResponseTo, "InResponseTo=\"_request\" IssueInstant", "InResponseTo=\"_another\" IssueInstant"),
        (Check::InResponseTo, "InResponseTo=\"_request\" IssueInstant", "IssueInstant"),
        (
            Check::Version,
            "_assertion\" IssueInstant=\"2026-01-15T12:00:00Z\" Version=\"2.0\"",
            "_assertion\" IssueInstant=\"2026-01-15T12:00:00Z\" Version=\"1.1\"",
        ),
        (Check::Issuer, "<saml:Issuer>https://idp.test/metadata<", "<saml:Issuer>https://idp.test/metadata/<"),
        (Check::Issuer, "<saml:Issuer>https://idp.test/metadata</saml:Issuer>", ""),
        (Check::IssueInstant, "_assertion\" IssueInstant=\"2026-01-15T12:00:00Z\"", "_assertion\" IssueInstant=\"yesterday\""),
        (Check::Confirmation, "cm:bearer", "cm:sender-vouches"),
        (Check::Recipient, " Recipient=\"https://sp.test/saml/acs\"", ""),
        (Check::Recipient, " Recipient=\"https://sp.test/saml/acs\"", " Recipient=\"https://other.test/acs\""),
        (Check::ConfirmationInResponseTo, "InResponseTo=\"_request\" NotOnOrAfter", "InResponseTo=\"_another\" NotOnOrAfter"),
        (Check::ConfirmationInResponseTo, "InResponseTo=\"_request\" NotOnOrAfter", "NotOnOrAfter"),
        (Check::ConfirmationNotOnOrAfter, " NotOnOrAfter=\"2026-01-15T12:05:00Z\" Recipient", " Recipient"),
        (
            Check::ConfirmationNotBefore,
            "InResponseTo=\"_request\" NotOnOrAfter",
            "InResponseTo=\"_request\" NotBefore=\"2026-01-15T11:00:00Z\" NotOnOrAfter",
        ),
        (Check::NotBefore, " NotBefore=\"2026-01-15T11:59:00Z\"", ""),
        (Check::NotOnOrAfter, "11:59:00Z\" NotOnOrAfter=\"2026-01-15T12:05:00Z\"", "11:59:00Z\""),
        (
            Check::ValidityPeriod,
            "11:59:00Z\" NotOnOrAfter=\"2026-01-15T12:05:00Z\"",
            "11:59:00Z\" NotOnOrAfter=\"2026-01-16T11:59:01Z\"",
        ),
        (Check::KnownConditions, "</saml:Conditions>", "<saml:Condition></saml:Condition></saml:Conditions>"),
        (Check::Audience, "<saml:Audience>https://sp.test/saml/metadata<", "<saml:Audience>https://sp.test/saml/metadata2<"),
        (
            Check::Audience,
            "<saml:AudienceRestriction><saml:Audience>https://sp.test/saml/metadata</saml:Audience></saml:AudienceRestriction>",
            "",
        ),
        // Several restrictions all have to name us.
        (
            Check::Audience,
            "</saml:Conditions>",
            "<saml:AudienceRestriction><saml:Audience>https://other.test</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
        ),
        (Check::AuthnInstant, " AuthnInstant=\"2026-01-15T12:00:00Z\"", " AuthnInstant=\"2026-01-15T12:01:01Z\""),
        (
            Check::SessionNotOnOrAfter,
            "SessionNotOnOrAfter=\"2026-01-15T13:00:00Z\"",
            "SessionNotOnOrAfter=\"2026-01-15T11:59:00Z\"",
        ),
        (Check::SessionNotOnOrAfter, "SessionNotOnOrAfter=\"2026-01-15T13:00:00Z\"", "SessionNotOnOrAfter=\"\""),
        (Check::Subject, USER, " "),
        (Check::Subject, USER, "<b xmlns=\"urn:x\">x</b>"),
        (Check::Transient, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", TRANSIENT),
    ];
    for (wanted, from, to) in table {
        check(Parts::default().with(from, to), *wanted);
    }
    check(Parts { conditions: String::new(), ..Parts::default() }, Check::Conditions);
    check(Parts { authn: String::new(), ..Parts::default() }, Check::AuthnStatement);
}

#[test]
fn t06_destination_and_issuer_are_demanded_of_a_signed_response_and_may_be_absent_from_another() {
    for (from, wanted) in [("Destination=\"https://sp.test/saml/acs\" ", Check::Destination), ("", Check::ResponseIssuer)] {
        let parts = match from {
            "" => Parts { response_issuer: String::new(), ..Parts::default() },
            from => Parts::default().with(from, ""),
        };
        assert_eq!(failed(&parts.genuine(Signs::Response), &expected()), Some(wanted));
        assert_eq!(failed(&parts.genuine(Signs::Both), &expected()), Some(wanted));
        assert_eq!(failed(&parts.genuine(Signs::Assertion), &expected()), None);
    }
}

/// The moment of judging, in seconds from the usual one, and what fails then with the usual skew of 60.
#[test]
fn t06_edges_to_the_second() {
    let judged_at = |parts: &Parts, offset: i64, skew: i64| {
        let expected = Expectation { now: now() + TimeDelta::seconds(offset), skew: TimeDelta::seconds(skew), ..expected() };
        let found: Vec<_> = EVERY_WAY.iter().map(|signs| failed(&parts.genuine(*signs), &expected)).collect();
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        found[0]
    };
    let usual = Parts::default().with(&moment(300), &moment(200));
    // Issued and authenticated at 0, counts from -60 to 200.
    assert_eq!(judged_at(&usual, -60, 60), None);
    assert_eq!(judged_at(&usual, -61, 60), Some(Check::ResponseIssueInstant));
    assert_eq!(judged_at(&usual, 259, 60), None);
    assert_eq!(judged_at(&usual, 260, 60), Some(Check::ConfirmationNotOnOrAfter));
    assert_eq!(judged_at(&usual, 0, 0), None);
    assert_eq!(judged_at(&usual, -1, 0), Some(Check::ResponseIssueInstant));
    assert_eq!(judged_at(&usual, 200, 0), Some(Check::ConfirmationNotOnOrAfter));
    // No connection makes clocks differ by more than 180 s, nor by less than none.
    assert_eq!(judged_at(&usual, 379, 100_000), None);
    assert_eq!(judged_at(&usual, 380, 100_000), Some(Check::ConfirmationNotOnOrAfter));
    assert_eq!(judged_at(&usual, 0, -100_000), None);

    let long = Parts::default().with(&moment(300), &moment(7200));
    assert_eq!(judged_at(&long, 359, 60), None);
    assert_eq!(judged_at(&long, 360, 60), Some(Check::ResponseIssueInstant));

    let late = Parts::default().with(&format!("NotBefore=\"{}\"", moment(-60)), &format!("NotBefore=\"{}\"", moment(60)));
    assert_eq!(judged_at(&late, 0, 60), None);
    assert_eq!(judged_at(&late, 0, 59), Some(Check::NotBefore));
}

#[test]
fn names_have_a_length() {
    let long = "x".repeat(1025);
    let table: &[(Check, &str, &str)] = &[
        (Check::Subject, USER, &long),
        (
            Check::Subject,
            "1.1:nameid-format:emailAddress\"",
            &format!("1.1:nameid-format:emailAddress\" NameQualifier=\"{long}\""),
        ),
        (Check::AuthnStatement, "SessionIndex=\"s1\"", &format!("SessionIndex=\"{long}\"")),
        (Check::AuthnStatement, "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", &long),
    ];
    for (wanted, from, to) in table {
        let parts = Parts::default().with(from, to);
        assert_eq!(failed(&parts.genuine(Signs::Response), &expected()), Some(*wanted), "{from}");
    }
}

#[test]
fn who_has_to_authenticate_again_has_to_have_done_so_since() {
    let since = |offset: i64| Some(now() + TimeDelta::seconds(offset));
    for (offset, wanted) in [(0, None), (60, None), (61, Some(Check::ForcedAuthn))] {
        let expected = Expectation { authenticated_since: since(offset), ..expected() };
        assert_eq!(failed(&Parts::default().genuine(Signs::Both), &expected), wanted, "{offset}");
    }
}

#[test]
fn moments_may_have_fractions_and_offsets_but_need_a_zone() {
    for (text, wanted) in [
        ("2026-01-15T12:00:00.123Z", None),
        ("2026-01-15T13:00:00+01:00", None),
        ("2026-01-15T12:00:00", Some(Check::IssueInstant)),
        ("2026-01-15", Some(Check::IssueInstant)),
        ("262142-12-31T23:59:59Z", Some(Check::IssueInstant)),
        ("-2026-01-15T12:00:00Z", Some(Check::IssueInstant)),
    ] {
        let parts = Parts::default().with(
            "ID=\"_assertion\" IssueInstant=\"2026-01-15T12:00:00Z\"",
            &format!("ID=\"_assertion\" IssueInstant=\"{text}\""),
        );
        assert_eq!(failed(&parts.genuine(Signs::Both), &expected()), wanted, "{text}");
    }
}

#[test]
fn a_configured_attribute_names_the_person_by_exactly_one_value() {
    let by = |name: &str| Expectation { subject: Some(name.parse().unwrap()), ..expected() };
    let transient = Parts::default().with("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", TRANSIENT);
    let said = judged(&transient.genuine(Signs::Assertion), &by("uid")).verdict.unwrap();
    assert_eq!(said.subject, r#"["attribute","uid","u1"]"#);
    for missing in ["groups", "UID", "mail"] {
        assert_eq!(failed(&transient.genuine(Signs::Assertion), &by(missing)), Some(Check::Subject), "{missing}");
    }
}

/// T07: the library says how long an id is to be remembered, which is as long as it could be taken at all.
#[test]
fn t07_an_assertion_is_remembered_for_as_long_as_it_could_be_taken() {
    for ends in [60, 300, 7200] {
        let parts = Parts::default().with(&moment(300), &moment(ends));
        let seen_until = judged(&parts.genuine(Signs::Assertion), &expected()).verdict.unwrap().seen_until;
        assert!(seen_until <= now() + TimeDelta::minutes(8), "it does not pile up");
        let latest = Expectation { now: seen_until, skew: TimeDelta::days(1), ..expected() };
        assert!(failed(&parts.genuine(Signs::Assertion), &latest).is_some());
    }
    assert_eq!(expected().skew, SKEW);
    assert_eq!(now(), at("2026-01-15T12:00:00Z"));
}

#[test]
fn a_provider_that_refuses_is_told_apart_from_nonsense() {
    let parts = Parts::default().with(
        "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode>",
        "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"></samlp:StatusCode></samlp:StatusCode>",
    );
    let outcome = judged(&parts.response("", None), &expected());
    assert_eq!(outcome.verdict.unwrap_err(), Check::Status);
    let told = outcome.findings.iter().find(|finding| finding.check == Check::Status).and_then(|finding| finding.found.clone());
    assert!(told.unwrap().ends_with("status:AuthnFailed"));
    // Success without an assertion is nothing.
    assert!(judged(&Parts::default().response("", None), &expected()).verdict.is_err());
}
