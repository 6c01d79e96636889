//! What a response, or a request, may look like: a list of what is allowed, so that what is left has one meaning for every parser (T01, T02, T03).
//!
//! It says which signatures there are, on what, and nothing about whether they hold. samael must see nothing that did not pass: it parses in
//! libxml2's recovering mode, and xmlsec follows references to URLs and runs stylesheets before it looks at a signature.

use std::collections::HashSet;

use domain::identity::saml::Check;
use roxmltree::{Document, Node, NodeId};

use super::{
    names::{ASSERTION, DS, Judged, PROTOCOL, XENC, XENC11, elements, ensure, is, named, only, refuse},
    signed_info::{SignedInfo, base64, is_ncname, is_spaced},
};

mod words;

/// What a response consists of at this point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One Assertion; it, the response, or both are signed.
    Plain,
    /// One EncryptedAssertion, in a response that is signed or not.
    Encrypted,
    /// One Assertion that was encrypted, in its place; the response's own signature was verified and is gone.
    Decrypted {
        /// Whether there was one. If not, the assertion has to be signed itself (T04).
        is_response_verified: bool,
    },
    /// A request to sign somebody in, signed or not.
    Request,
}

/// A signature and what it stands on.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) node: NodeId,
    pub(super) info: NodeId,
    /// The element that it signs: its parent.
    pub(super) target: NodeId,
    pub(super) is_on_response: bool,
    pub(super) value: Vec<u8>,
    /// As the document has it, unverified.
    pub(super) says: SignedInfo,
}

/// The signatures of a response that is shaped like this.
pub(super) fn guard(document: &Document<'_>, shape: Shape) -> Judged<Vec<Signature>> {
    let root = document.root_element();
    let signatures = walk(document, shape)?;
    match shape {
        Shape::Request => request(root)?,
        _ => response(root, shape)?,
    }
    number(signatures.len(), shape)?;
    let mut all: Vec<Signature> = Vec::new();
    for node in signatures {
        let found = signature(node, root, shape)?;
        ensure(all.iter().all(|other| other.target != found.target), "two signatures on one element")?;
        all.push(found);
    }
    Ok(all)
}

/// Looks at every element; answers the signatures.
fn walk<'a, 'i>(document: &'a Document<'i>, shape: Shape) -> Judged<Vec<Node<'a, 'i>>> {
    let (mut ids, mut signatures) = (HashSet::new(), Vec::new());
    for node in document.descendants().skip(1) {
        ensure(node.is_element() || node.is_text(), "comment or processing instruction")?;
        if node.is_element() {
            words::allowed(node, shape)?;
            identifiers(node, &mut ids)?;
            if is(node, DS, "Signature") {
                signatures.push(node);
            }
        }
    }
    Ok(signatures)
}

/// The root of a request, with nothing twice that is read.
fn request(root: Node<'_, '_>) -> Judged<()> {
    ensure(is(root, PROTOCOL, "AuthnRequest"), "the root is not an AuthnRequest")?;
    ensure(root.attribute("Version") == Some("2.0"), "not of SAML 2.0")?;
    at_most_one(root, &["Issuer"])?;
    let is_single = |name: &&'static str| named(root, PROTOCOL, name).count() <= 1;
    ensure(["NameIDPolicy", "RequestedAuthnContext"].iter().all(is_single), "an element twice that may be there once")
}

/// Whether a document is a response without any assertion: what a provider sends that refuses.
pub(super) fn refuses(document: &Document<'_>) -> bool {
    let root = document.root_element();
    let has_assertion = elements(root).any(|node| matches!(node.tag_name().name(), "Assertion" | "EncryptedAssertion"));
    is(root, PROTOCOL, "Response") && !has_assertion && only(root, PROTOCOL, "Status").is_some()
}

/// ID, in whatever spelling and wherever: an NCName, without a prefix, unique in the document.
fn identifiers<'a>(node: Node<'a, '_>, known: &mut HashSet<&'a str>) -> Judged<()> {
    let namespace = node.tag_name().namespace().unwrap_or_default();
    for attribute in node.attributes().filter(|attribute| attribute.name().eq_ignore_ascii_case("id")) {
        let spelling = match namespace {
            ASSERTION | PROTOCOL => "ID",
            DS | XENC | XENC11 => "Id",
            _ => return refuse(Check::Document, "ID on an element of another namespace"),
        };
        ensure(attribute.namespace().is_none() && attribute.name() == spelling, "another spelling of ID")?;
        ensure(is_ncname(attribute.value()), "ID is not a name")?;
        ensure(known.insert(attribute.value()), "ID twice")?;
    }
    Ok(())
}

/// The root, with one assertion as its child and nothing twice that is read.
fn response(root: Node<'_, '_>, shape: Shape) -> Judged<()> {
    ensure(is(root, PROTOCOL, "Response"), "the root is not a Response")?;
    ensure(root.attribute("Version") == Some("2.0"), "not of SAML 2.0")?;
    let responses = root.descendants().filter(|node| node.tag_name().name() == "Response");
    ensure(responses.count() == 1, "a response in the response")?;
    let kind = if shape == Shape::Encrypted { "EncryptedAssertion" } else { "Assertion" };
    let assertions = root.descendants().filter(|node| matches!(node.tag_name().name(), "Assertion" | "EncryptedAssertion"));
    ensure(assertions.count() == 1 && only(root, ASSERTION, kind).is_some(), "not exactly one assertion")?;
    ensure(only(root, PROTOCOL, "Status").is_some(), "not exactly one Status")?;
    at_most_one(root, &["Issuer"])?;
    let Some(assertion) = only(root, ASSERTION, "Assertion") else { return Ok(()) };
    at_most_one(assertion, &["Issuer", "Subject", "Conditions", "AuthnStatement"])?;
    named(assertion, ASSERTION, "Subject").try_for_each(|subject| at_most_one(subject, &["NameID"]))
}

fn at_most_one(of: Node<'_, '_>, names: &[&'static str]) -> Judged<()> {
    let is_single = |name: &&'static str| named(of, ASSERTION, name).count() <= 1;
    ensure(names.iter().all(is_single), "an element twice that may be there once")
}

fn number(of_signatures: usize, shape: Shape) -> Judged<()> {
    let (least, most) = match shape {
        Shape::Plain => (1, 2),
        Shape::Encrypted | Shape::Request => (0, 1),
        Shape::Decrypted { is_response_verified: true } => (0, 1),
        Shape::Decrypted { is_response_verified: false } => (1, 1),
    };
    if of_signatures < least {
        return refuse(Check::Signed, "no signature");
    }
    ensure(of_signatures <= most, "too many signatures")
}

/// A signature in the place that the schema gives it, that names the element around it (T03).
fn signature(node: Node<'_, '_>, root: Node<'_, '_>, shape: Shape) -> Judged<Signature> {
    let Some(target) = node.parent() else { return refuse(Check::Document, "signature on nothing") };
    let (is_on_response, is_on_assertion) = (target == root, is(target, ASSERTION, "Assertion"));
    let is_in_place = match shape {
        Shape::Plain => is_on_response || is_on_assertion,
        Shape::Encrypted | Shape::Request => is_on_response,
        Shape::Decrypted { .. } => is_on_assertion,
    };
    ensure(is_in_place, "signature out of place")?;
    // Behind the Issuer, if there is one (saml-core-2.0-os, 2.3.3 and 3.2.2).
    let before: Vec<_> = elements(target).take_while(|sibling| *sibling != node).collect();
    ensure(before.is_empty() || before.len() == 1 && is(before[0], ASSERTION, "Issuer"), "signature out of order")?;
    ensure(is_spaced(node) && node.attributes().all(|attribute| attribute.name() == "Id"), "parts of Signature")?;
    let parts: Vec<_> = elements(node).collect();
    let (info, value, rest) = match parts[..] {
        [info, value, ref rest @ ..] if is(info, DS, "SignedInfo") && is(value, DS, "SignatureValue") => (info, value, rest),
        _ => return refuse(Check::Document, "parts of Signature"),
    };
    ensure(rest.len() <= 1 && rest.iter().all(|node| is(*node, DS, "KeyInfo")), "parts of Signature")?;
    let says = SignedInfo::read(info)?;
    ensure(target.attribute("ID") == Some(says.id.as_str()), "Reference does not name the signature's own element")?;
    let value = base64(value, 2048)?;
    Ok(Signature { node: node.id(), info: info.id(), target: target.id(), is_on_response, value, says })
}
