//! Keys: whose they are, how many, of which kind (T05, T08).

use domain::identity::saml::{Check, Expectation};

use crate::provider::{EVERY_WAY, KEY, OTHER, Parts, Signer, Signs, ec_key, expected, failed, judged};

/// T05: nothing in a connection, and nothing missing from it, switches verification off.
#[test]
fn t05_without_a_certificate_nothing_is_taken() {
    for certificates in [vec![], vec![vec![]], vec![b"garbage".to_vec()], vec![KEY.certificate[..100].to_vec()]] {
        let expected = Expectation { certificates, ..expected() };
        for signs in EVERY_WAY {
            assert_eq!(failed(&Parts::default().genuine(signs), &expected), Some(Check::Certificate), "{signs:?}");
        }
        let unsigned = Parts::default();
        assert!(failed(&unsigned.response(&unsigned.assertion(None), None), &expected).is_some());
    }
    let unsigned = Parts::default();
    assert_eq!(failed(&unsigned.response(&unsigned.assertion(None), None), &expected()), Some(Check::Signed));
}

/// A key that a message brings along decides nothing.
#[test]
fn a_key_in_the_message_is_not_used() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    for signs in EVERY_WAY {
        let theirs = Parts::default().signed(signs, &Signer::Rsa(&OTHER));
        assert_eq!(failed(&theirs, &expected()), Some(Check::Signature), "{signs:?}");
        let brought = format!(
            "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
            STANDARD.encode(&OTHER.certificate)
        );
        assert_eq!(failed(&theirs.replace("</ds:SignatureValue>", &brought), &expected()), Some(Check::Signature), "{signs:?}");
        // The response's signature comes first; in it the assertion's is signed.
        let genuine = Parts::default().genuine(signs).replacen("</ds:SignatureValue>", &brought, 1);
        assert_eq!(failed(&genuine, &expected()), None, "{signs:?}: nor does it disturb");
    }
    let mixed = Parts::default();
    let assertion = mixed.assertion(Some(&Signer::Rsa(&OTHER)));
    let mixed = mixed.response(&assertion, Some(&Signer::Rsa(&KEY)));
    assert_eq!(failed(&mixed, &expected()), Some(Check::Signature), "every signature has to hold");
}

/// A provider that changes its key is trusted by both for a while, also when the new one is of another kind.
#[test]
fn overlapping_certificates_of_both_kinds_verify() {
    let (ec, certificate) = ec_key();
    let all = [KEY.certificate.clone(), certificate, OTHER.certificate.clone(), b"garbage".to_vec()];
    for order in [[0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0], [3, 1, 0, 2]] {
        let expected = Expectation { certificates: order.iter().map(|index| all[*index].clone()).collect(), ..expected() };
        for signs in EVERY_WAY {
            let mut used = Vec::new();
            for signer in [Signer::Rsa(&KEY), Signer::Ec(&ec), Signer::Rsa(&OTHER)] {
                let said = judged(&Parts::default().signed(signs, &signer), &expected).verdict;
                used.push(said.unwrap_or_else(|check| panic!("{order:?} {signs:?} {check:?}")).certificate.clone());
            }
            used.dedup();
            assert_eq!(used.len(), 3, "it is told which verified");
        }
    }
    let before = Expectation { certificates: vec![KEY.certificate.clone()], ..expected() };
    assert_eq!(failed(&Parts::default().signed(Signs::Both, &Signer::Ec(&ec)), &before), Some(Check::Signature));
}

/// T08: two connections with the same entity ID, each with its own key and address: neither's responses count at the other.
#[test]
fn t08_a_response_counts_at_its_own_connection_only() {
    let genuine = Parts::default().genuine(Signs::Both);
    let other = |change: &dyn Fn(&mut Expectation)| {
        let mut expected = expected();
        change(&mut expected);
        failed(&genuine, &expected)
    };
    assert_eq!(other(&|_| {}), None);
    assert_eq!(other(&|at| at.certificates = vec![OTHER.certificate.clone()]), Some(Check::Signature));
    assert_eq!(other(&|at| at.issuer = "https://other.test".parse().unwrap()), Some(Check::ResponseIssuer));
    assert_eq!(other(&|at| at.acs = "https://sp.test/saml/other".to_owned()), Some(Check::Destination));
    assert_eq!(other(&|at| at.entity_id = "https://sp.test/other".to_owned()), Some(Check::Audience));
    assert_eq!(other(&|at| at.request_id = domain::identity::saml::MessageId::new([1; 32])), Some(Check::InResponseTo));
}

/// T09, what of it is the library's: there is no way in without a request of ours.
#[test]
fn t09_an_unasked_response_is_never_taken() {
    let unasked = Parts::default().with("InResponseTo=\"_request\" ", "");
    for signs in EVERY_WAY {
        assert_eq!(failed(&unasked.genuine(signs), &expected()), Some(Check::InResponseTo), "{signs:?}");
    }
}
