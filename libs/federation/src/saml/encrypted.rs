//! Encrypted assertions (saml-core-2.0-os, 6).
//!
//! A signature of the response is verified first, and the ciphertext is taken from the verified bytes. The plaintext goes where it stood in the
//! original: it may use namespaces that are declared further out and that the exclusive form leaves out. Then the document is guarded again;
//! unless the response was signed the assertion has to be (T04). Whatever fails once a key was tried is one and the same refusal, so that
//! nobody learns from answers what a ciphertext holds; and nothing is decrypted that does not answer the request of a live sign-in.

use crypto::xml::DecryptionKey;
use domain::identity::saml::{Check, Expectation};
use roxmltree::{Document, Node};

use super::{
    certificates::Certificate,
    guard::{Shape, Signature, guard},
    judge::Evidence,
    names::{ASSERTION, Judged, only, refuse},
    scan,
    verify::{Verified, verify},
};

mod cipher;

pub(super) fn evidence(
    xml: &str,
    document: &Document<'_>,
    certificates: &[Certificate],
    expected: &Expectation,
) -> Judged<Evidence> {
    let signatures = guard(document, Shape::Encrypted)?;
    if document.root_element().attribute("InResponseTo") != Some(expected.request_id.as_str()) {
        return refuse(Check::InResponseTo, "another request, so nothing was decrypted");
    }
    let outer = if signatures.is_empty() { None } else { Some(verify(xml, document, &signatures, certificates)?) };
    let authentic = scan::parse(outer.as_ref().map_or(xml, |verified| &verified.bytes))?;
    let place = encrypted(authentic.root_element())?;
    let sealed = cipher::read(place)?;
    if !sealed.cipher.is_authenticated() && outer.is_none() && !expected.unauthenticated_cbc {
        return refuse(Check::Encryption, "AES-CBC without a signature on the response");
    }
    let is_ambiguous = names_assertions_anew(encrypted(document.root_element())?, place);
    let opened = || -> Option<Evidence> {
        let keys: Vec<_> = expected.keys.iter().filter_map(|key| DecryptionKey::from_pkcs8(key.expose()).ok()).collect();
        let plain = sealed.open(&keys)?;
        let whole = replaced(xml, document, &signatures, &plain)?;
        decrypted(xml, &whole, outer, is_ambiguous, certificates).ok()
    };
    match opened() {
        Some(evidence) => Ok(evidence),
        None => refuse(Check::Decryption, "decryption"),
    }
}

fn encrypted<'a, 'i>(root: Node<'a, 'i>) -> Judged<Node<'a, 'i>> {
    match only(root, ASSERTION, "EncryptedAssertion") {
        Some(node) => Ok(node),
        None => refuse(Check::Document, "not exactly one encrypted assertion"),
    }
}

/// The document with the plaintext in the place of the encrypted assertion, and without the response's signature, which was verified.
fn replaced(xml: &str, document: &Document<'_>, signatures: &[Signature], plain: &str) -> Option<String> {
    let place = only(document.root_element(), ASSERTION, "EncryptedAssertion")?.range();
    let signature = signatures.first().and_then(|signature| document.get_node(signature.node)).map(|node| node.range());
    // The guard has seen that a signature stands before everything but the Issuer.
    let cut = signature.unwrap_or(place.start..place.start);
    Some([xml.get(..cut.start)?, xml.get(cut.end..place.start)?, plain, xml.get(place.end..)?].concat())
}

/// Whether a prefix of assertions holds in the original that the verified bytes do not have: the exclusive form leaves out what it does not
/// need, so anybody could have put it there, to give names in the plaintext another meaning.
fn names_assertions_anew(original: Node<'_, '_>, verified: Node<'_, '_>) -> bool {
    let mut prefixes = original.namespaces().filter(|namespace| namespace.uri() == ASSERTION).map(|namespace| namespace.name());
    prefixes.any(|prefix| verified.lookup_namespace_uri(prefix) != Some(ASSERTION))
}

fn decrypted(
    xml: &str,
    whole: &str,
    outer: Option<Verified>,
    is_ambiguous: bool,
    certificates: &[Certificate],
) -> Judged<Evidence> {
    let document = scan::parse(whole)?;
    let signatures = guard(&document, Shape::Decrypted { is_response_verified: outer.is_some() })?;
    let inner = if signatures.is_empty() { None } else { Some(verify(whole, &document, &signatures, certificates)?) };
    let Some(certificate) = outer.as_ref().or(inner.as_ref()).map(|verified| verified.certificate.clone()) else {
        return refuse(Check::Signed, "neither response nor assertion is signed");
    };
    if inner.is_none() && is_ambiguous {
        return refuse(Check::Document, "a prefix that was not signed");
    }
    Ok(Evidence {
        is_response_signed: outer.is_some(),
        response: outer.map_or_else(|| xml.to_owned(), |verified| verified.bytes),
        // Without a signature of its own it is authentic because its ciphertext is.
        assertion: inner.map_or_else(|| whole.to_owned(), |verified| verified.bytes),
        is_encrypted: true,
        certificate,
    })
}
