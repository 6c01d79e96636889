//! Which elements may be where, by name and namespace.

use roxmltree::Node;

use super::{
    super::names::{ASSERTION, DS, Judged, PROTOCOL, XENC, XENC11, ensure, is},
    Shape,
};

/// Names that are SAML's, wherever they are.
const SAML: &[&str] = &[
    "Response",
    "Assertion",
    "EncryptedAssertion",
    "Subject",
    "NameID",
    "EncryptedID",
    "Conditions",
    "AudienceRestriction",
    "Audience",
    "AuthnStatement",
    "AttributeStatement",
    "Attribute",
    "AttributeValue",
    "EncryptedAttribute",
    "Issuer",
    "SubjectConfirmation",
    "SubjectConfirmationData",
    "Status",
    "StatusCode",
];
/// Names that are XML Signature's, wherever they are.
const SIGNATURE: &[&str] = &[
    "Signature",
    "SignedInfo",
    "Reference",
    "DigestValue",
    "SignatureValue",
    "Transforms",
    "Transform",
    "KeyInfo",
    "DigestMethod",
    "SignatureMethod",
    "CanonicalizationMethod",
];
/// What else of XML Signature may be there: a key in a KeyInfo, which is not read. Keys come from the connection alone.
const KEY: &[&str] = &[
    "X509Data",
    "X509Certificate",
    "X509IssuerSerial",
    "X509IssuerName",
    "X509SerialNumber",
    "X509SubjectName",
    "X509SKI",
    "KeyValue",
    "RSAKeyValue",
    "Modulus",
    "Exponent",
    "KeyName",
];
/// What can hold what nobody reads, or names what is elsewhere.
const NEVER: &[&str] = &["Advice", "Extensions", "Object", "Manifest"];

pub(super) fn allowed(node: Node<'_, '_>, shape: Shape) -> Judged<()> {
    let (namespace, name) = (node.tag_name().namespace().unwrap_or_default(), node.tag_name().name());
    for declared in node.namespaces() {
        let undeclares = declared.uri().is_empty() && declared.name().is_none();
        ensure(undeclares || is_absolute(declared.uri()), "a namespace is no absolute URI")?;
    }
    ensure(!SAML.contains(&name) || matches!(namespace, ASSERTION | PROTOCOL), "a name of SAML in another namespace")?;
    ensure(!SIGNATURE.contains(&name) || namespace == DS, "a name of XML Signature in another namespace")?;
    ensure(!NEVER.contains(&name), "an element that is not allowed")?;
    let is_encrypted = shape == Shape::Encrypted && node.ancestors().any(|outer| is(outer, ASSERTION, "EncryptedAssertion"));
    if namespace == DS {
        // Points at the key beside it; it is not followed.
        let is_pointer = name == "RetrievalMethod" && is_encrypted;
        ensure(SIGNATURE.contains(&name) || KEY.contains(&name) || is_pointer, "a part of XML Signature that is not allowed")?;
    }
    if matches!(namespace, XENC | XENC11) {
        ensure(is_encrypted && name != "CipherReference", "an encrypted part that is not allowed")?;
    }
    Ok(())
}

/// libxml2 fails to canonicalize others, and not every parser notices.
fn is_absolute(uri: &str) -> bool {
    let is_uri = uri.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&b));
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_uri && is_scheme && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !rest.is_empty()
}
