//! Writing XML of ours, and signing it.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::SecondsFormat;
use crypto::xml::{Digest, SigningKey};
use domain::{
    Error, Result, Time,
    identity::saml::{NameId, SpKey},
};
use roxmltree::Document;

use super::{
    canonical::{Canonicalization, canonical},
    names::{DS, ENVELOPED, EXCLUSIVE},
};

/// A text as it may stand in an element or in a value between quotes. What XML cannot hold is replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// ` name="value"`, or nothing.
pub(super) fn attribute(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(" {name}=\"{}\"", escaped(value)))
}

pub(super) fn moment(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn signing_key(key: &SpKey) -> Result<SigningKey> {
    SigningKey::from_pkcs8(key.expose()).map_err(|_| Error::internal("a SAML key of ours cannot be read"))
}

/// A name identifier as an element of the prefix `saml`.
pub(super) fn name_id_element(name: &NameId) -> String {
    let parts = [("Format", &name.format), ("NameQualifier", &name.name_qualifier), ("SPNameQualifier", &name.sp_name_qualifier)];
    let attributes: String = parts.into_iter().map(|(name, value)| attribute(name, value.as_deref())).collect();
    format!("<saml:NameID{attributes}>{}</saml:NameID>", escaped(&name.value))
}

/// A certificate in a KeyInfo.
pub(super) fn key_info(certificate: &[u8]) -> String {
    let certificate = STANDARD.encode(certificate);
    format!(
        "<ds:KeyInfo xmlns:ds=\"{DS}\"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    )
}

/// A message of ours in two parts, between which its signature belongs.
pub(super) struct Unsigned {
    pub(super) id: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl Unsigned {
    pub(super) fn whole(&self) -> String {
        [self.before.as_str(), &self.after].concat()
    }

    /// With an enveloped signature by RSA-SHA256 over the exclusive form.
    pub(super) fn signed(&self, key: &SpKey) -> Result<String> {
        let how = Canonicalization::Exclusive(Vec::new());
        let defect = |_| Error::internal("a SAML message of ours is not well-formed");
        let whole = self.whole();
        let target = canonical(Document::parse(&whole).map_err(defect)?.root_element(), None, &how);
        let digest = STANDARD.encode(Digest::Sha256.of(target.as_bytes()));
        let info = signed_info(&self.id, &digest);
        let bytes = canonical(Document::parse(&info).map_err(defect)?.root_element(), None, &how);
        let signature = signing_key(key)?.sign(bytes.as_bytes()).map_err(|_| Error::internal("signing a SAML message failed"))?;
        let (value, key) = (STANDARD.encode(signature), key_info(&key.certificate));
        let signature =
            format!("<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>{key}</ds:Signature>");
        Ok([self.before.as_str(), &signature, &self.after].concat())
    }
}

fn signed_info(id: &str, digest: &str) -> String {
    let method = SigningKey::METHOD;
    format!(
        "<ds:SignedInfo xmlns:ds=\"{DS}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/><ds:SignatureMethod Algorithm=\"{method}\"/>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{ENVELOPED}\"/><ds:Transform Algorithm=\"{EXCLUSIVE}\"/>\
         </ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>{digest}</ds:DigestValue>\
         </ds:Reference></ds:SignedInfo>"
    )
}
