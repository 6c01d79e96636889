//! What a SignedInfo says. It is read twice, by the guard from the document and by the verification from the bytes that were verified.

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto::xml::{Digest, SignatureMethod};
use domain::identity::saml::Check;
use roxmltree::Node;

use super::{
    canonical::Canonicalization,
    names::{DS, ENVELOPED, EXCLUSIVE, Judged, elements, ensure, is, refuse},
};

/// A SignedInfo with one Reference to one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedInfo {
    /// How SignedInfo itself becomes bytes.
    pub(super) canonicalization: Canonicalization,
    pub(super) method: SignatureMethod,
    /// The ID of the element that is signed.
    pub(super) id: String,
    /// How that element becomes bytes.
    pub(super) target: Canonicalization,
    pub(super) digest: Digest,
    /// Their hash.
    pub(super) value: Vec<u8>,
}

impl SignedInfo {
    pub(super) fn read(node: Node<'_, '_>) -> Judged<Self> {
        ensure(is(node, DS, "SignedInfo"), "SignedInfo")?;
        let [canonicalization, method, reference] =
            children(node, ["CanonicalizationMethod", "SignatureMethod", "Reference"], "parts of SignedInfo")?;
        let canonicalization = canonicalization_of(canonicalization)?;
        let Some(method) = SignatureMethod::from_uri(bare_algorithm(method)?) else {
            return refuse(Check::Algorithm, "SignatureMethod");
        };
        let is_usual = |name: &str| matches!(name, "URI" | "Id");
        let is_bare = reference.attributes().all(|attribute| attribute.namespace().is_none() && is_usual(attribute.name()));
        ensure(is_bare, "attributes of Reference")?;
        let id = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')).filter(|id| is_ncname(id));
        let Some(id) = id else { return refuse(Check::Document, "Reference names no ID") };
        let [transforms, digest, value] =
            children(reference, ["Transforms", "DigestMethod", "DigestValue"], "parts of Reference")?;
        let target = target(transforms)?;
        let Some(digest) = Digest::from_uri(bare_algorithm(digest)?) else { return refuse(Check::Algorithm, "DigestMethod") };
        let value = base64(value, 128)?;
        ensure(value.len() == digest.length(), "length of DigestValue")?;
        Ok(Self { canonicalization, method, id: id.to_owned(), target, digest, value })
    }
}

/// The transforms: the signature itself is left out, then the element is canonicalized; inclusively if nothing is said (XML Signature, 4.4.3.2).
fn target(transforms: Node<'_, '_>) -> Judged<Canonicalization> {
    let all: Vec<_> = elements(transforms).collect();
    ensure(all.iter().all(|node| is(*node, DS, "Transform")) && is_spaced(transforms), "parts of Transforms")?;
    let (first, second) = match all[..] {
        [first] => (first, None),
        [first, second] => (first, Some(second)),
        _ => return refuse(Check::Document, "number of transforms"),
    };
    if bare_algorithm(first)? != ENVELOPED {
        return refuse(Check::Algorithm, "the first transform is not enveloped-signature");
    }
    second.map_or(Ok(Canonicalization::Inclusive), canonicalization_of)
}

fn canonicalization_of(node: Node<'_, '_>) -> Judged<Canonicalization> {
    let prefixes = prefixes(node)?;
    match Canonicalization::from_uri(algorithm(node)?, prefixes) {
        Some(canonicalization) => Ok(canonicalization),
        None => refuse(Check::Algorithm, "canonicalization"),
    }
}

/// The list of at most one InclusiveNamespaces.
fn prefixes(node: Node<'_, '_>) -> Judged<Vec<String>> {
    let all: Vec<_> = elements(node).collect();
    ensure(is_spaced(node), "text in an algorithm")?;
    let list = match all[..] {
        [] => return Ok(Vec::new()),
        [one] if is(one, EXCLUSIVE, "InclusiveNamespaces") && !one.has_children() && one.attributes().len() == 1 => {
            one.attribute("PrefixList")
        }
        _ => return refuse(Check::Document, "parts of a canonicalization"),
    };
    let Some(list) = list else { return refuse(Check::Document, "InclusiveNamespaces without PrefixList") };
    let prefixes: Vec<_> = list.split_ascii_whitespace().map(str::to_owned).collect();
    ensure(prefixes.len() <= 32 && prefixes.iter().all(|prefix| prefix == "#default" || is_ncname(prefix)), "PrefixList")?;
    Ok(prefixes)
}

/// Exactly these elements of XML Signature, in this order, with nothing but blanks between them.
fn children<'a, 'i, const N: usize>(of: Node<'a, 'i>, names: [&str; N], rule: &'static str) -> Judged<[Node<'a, 'i>; N]> {
    ensure(is_spaced(of), "text between parts of a signature")?;
    let all: Vec<_> = elements(of).collect();
    match <[Node<'a, 'i>; N]>::try_from(all) {
        Ok(all) if all.iter().zip(names).all(|(node, name)| is(*node, DS, name)) => Ok(all),
        _ => refuse(Check::Document, rule),
    }
}

pub(super) fn is_spaced(node: Node<'_, '_>) -> bool {
    let is_blank = |text: &str| text.chars().all(|c| c.is_ascii_whitespace());
    node.children().all(|child| child.is_element() || is_blank(child.text().unwrap_or_default()))
}

pub(super) fn algorithm<'a>(node: Node<'a, '_>) -> Judged<&'a str> {
    ensure(node.attributes().len() == 1, "attributes of an algorithm")?;
    match node.attribute("Algorithm") {
        Some(algorithm) => Ok(algorithm),
        None => refuse(Check::Document, "an algorithm without Algorithm"),
    }
}

fn bare_algorithm<'a>(node: Node<'a, '_>) -> Judged<&'a str> {
    ensure(elements(node).next().is_none(), "parameters of an algorithm")?;
    algorithm(node)
}

/// The bytes of an element that holds base64 and nothing else; `longest` counts characters.
pub(super) fn base64(node: Node<'_, '_>, longest: usize) -> Judged<Vec<u8>> {
    let is_bare = node.attributes().len() == 0 && node.children().count() == 1 && node.children().all(|child| child.is_text());
    ensure(is_bare, "base64 is not plain text")?;
    let text: String = node.text().unwrap_or_default().chars().filter(|c| !c.is_ascii_whitespace()).collect();
    ensure(text.len() <= longest, "base64 is too long")?;
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes),
        Err(_) => refuse(Check::Document, "not base64"),
    }
}

/// An XML name without a colon, of ASCII: what IDs are made of. Parsers agree about these.
pub(super) fn is_ncname(s: &str) -> bool {
    let mut characters = s.chars();
    let begins = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    begins && s.len() <= 256 && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
