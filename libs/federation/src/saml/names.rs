//! Namespaces and algorithms by their URIs, and what a refusal is made of.

use std::borrow::Cow;

use domain::identity::saml::Check;
use roxmltree::Node;

pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(super) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(super) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub(super) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";

pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(super) const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

pub(super) const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
pub(super) const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
pub(super) const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// Why something is not taken, and which rule says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) check: Check,
    pub(super) rule: Cow<'static, str>,
}

pub(super) type Judged<T> = Result<T, Refusal>;

pub(super) fn refuse<T>(check: Check, rule: impl Into<Cow<'static, str>>) -> Judged<T> {
    Err(Refusal { check, rule: rule.into() })
}

/// A rule about the shape of a document.
pub(super) fn ensure(holds: bool, rule: &'static str) -> Judged<()> {
    if holds { Ok(()) } else { refuse(Check::Document, rule) }
}

pub(super) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

pub(super) fn elements<'a, 'i>(of: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    of.children().filter(Node::is_element)
}

pub(super) fn named<'a, 'i>(of: Node<'a, 'i>, namespace: &'static str, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    of.children().filter(move |node| is(*node, namespace, name))
}

/// The one child of that name; `None` if there is none, or more than one.
pub(super) fn only<'a, 'i>(of: Node<'a, 'i>, namespace: &'static str, name: &'static str) -> Option<Node<'a, 'i>> {
    let mut all = named(of, namespace, name);
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// The text of an element that holds nothing else.
pub(super) fn plain(node: Node<'_, '_>) -> Option<String> {
    let is_plain = node.children().all(|child| child.is_text());
    is_plain.then(|| node.children().filter_map(|child| child.text()).collect())
}
