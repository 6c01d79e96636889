//! EncryptedData and EncryptedKey (XML Encryption 1.1): which algorithms, and what they give.

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto::xml::{ContentCipher, DecryptionKey, Oaep};
use domain::identity::saml::Check;
use roxmltree::Node;
use zeroize::Zeroizing;

use super::super::names::{DS, Judged, XENC, XENC11, named, only, plain, refuse};

/// Content may be encrypted for so many recipients.
const MOST_KEYS: usize = 4;

/// An encrypted assertion whose algorithms are ours.
pub(super) struct Sealed {
    pub(super) cipher: ContentCipher,
    content: Vec<u8>,
    /// The content's key, for each recipient.
    keys: Vec<(Oaep, Vec<u8>)>,
}

pub(super) fn read(assertion: Node<'_, '_>) -> Judged<Sealed> {
    let Some(data) = only(assertion, XENC, "EncryptedData") else { return shapeless() };
    if data.attribute("Type").is_some_and(|kind| kind != "http://www.w3.org/2001/04/xmlenc#Element") {
        return refuse(Check::Encryption, "Type of EncryptedData");
    }
    let method = only(data, XENC, "EncryptionMethod").and_then(|method| method.attribute("Algorithm"));
    let Some(cipher) = method.and_then(ContentCipher::from_uri) else { return refuse(Check::Encryption, "content cipher") };
    // Inside the data's KeyInfo, or beside the data.
    let inside = named(data, DS, "KeyInfo").flat_map(|info| named(info, XENC, "EncryptedKey"));
    let all: Vec<_> = inside.chain(named(assertion, XENC, "EncryptedKey")).collect();
    if all.is_empty() || all.len() > MOST_KEYS {
        return refuse(Check::Encryption, "number of encrypted keys");
    }
    // Of several recipients another one's algorithm does not matter.
    let keys: Vec<_> = all.into_iter().map(key).collect();
    if let Some(Err(refusal)) = keys.iter().all(Result::is_err).then(|| keys[0].clone()) {
        return Err(refusal);
    }
    Ok(Sealed { cipher, content: value(data)?, keys: keys.into_iter().flatten().collect() })
}

fn key(node: Node<'_, '_>) -> Judged<(Oaep, Vec<u8>)> {
    let Some(method) = only(node, XENC, "EncryptionMethod") else { return shapeless() };
    match oaep(method) {
        Some(oaep) => Ok((oaep, value(node)?)),
        None => refuse(Check::Encryption, "key transport"),
    }
}

/// RSA-OAEP with one hash for both of its uses. What is not said is SHA-1 (XML Encryption 1.1, 5.5.2).
fn oaep(method: Node<'_, '_>) -> Option<Oaep> {
    if named(method, XENC, "OAEPparams").next().is_some() {
        return None;
    }
    let named = |namespace, name| only(method, namespace, name).map(|node| node.attribute("Algorithm").unwrap_or_default());
    let hash = named(DS, "DigestMethod").unwrap_or("http://www.w3.org/2000/09/xmldsig#sha1");
    let mask = named(XENC11, "MGF").unwrap_or("http://www.w3.org/2009/xmlenc11#mgf1sha1");
    let is_old = match method.attribute("Algorithm")? {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" => true,
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" => false,
        _ => return None,
    };
    // The older algorithm's mask is of SHA-1, whatever its hash is.
    let mask = if is_old { "http://www.w3.org/2009/xmlenc11#mgf1sha1" } else { mask };
    match (hash, mask.strip_prefix("http://www.w3.org/2009/xmlenc11#mgf1")?) {
        ("http://www.w3.org/2000/09/xmldsig#sha1", "sha1") => Some(Oaep::Sha1),
        ("http://www.w3.org/2001/04/xmlenc#sha256", "sha256") => Some(Oaep::Sha256),
        ("http://www.w3.org/2001/04/xmldsig-more#sha384", "sha384") => Some(Oaep::Sha384),
        ("http://www.w3.org/2001/04/xmlenc#sha512", "sha512") => Some(Oaep::Sha512),
        _ => None,
    }
}

/// The bytes of a CipherValue. A CipherReference, which is a URL, did not pass the guard.
fn value(of: Node<'_, '_>) -> Judged<Vec<u8>> {
    let text = only(of, XENC, "CipherData").and_then(|data| only(data, XENC, "CipherValue")).and_then(plain);
    let bare = text.map(|text| text.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>());
    match bare.and_then(|text| STANDARD.decode(text).ok()) {
        Some(bytes) => Ok(bytes),
        None => shapeless(),
    }
}

fn shapeless<T>() -> Judged<T> {
    refuse(Check::Encryption, "parts of EncryptedData")
}

impl Sealed {
    /// The assertion's text. `None`: none of our keys opens it, or what it opens to is no element.
    pub(super) fn open(self, ours: &[DecryptionKey]) -> Option<Zeroizing<String>> {
        let fits = |key: &Zeroizing<Vec<u8>>| key.len() == self.cipher.key_length();
        let pairs = self.keys.iter().flat_map(|(oaep, wrapped)| ours.iter().map(move |key| (key, *oaep, wrapped)));
        let key = pairs.filter_map(|(key, oaep, wrapped)| key.open(oaep, wrapped).ok()).find(fits)?;
        let plain = self.cipher.open(&key, self.content).ok()?;
        let text = std::str::from_utf8(&plain).ok()?.trim();
        // Some encrypt a document with its declaration.
        let element = if text.starts_with("<?xml") { text.split_once("?>")?.1.trim_start() } else { text };
        (element.starts_with('<') && element.ends_with('>')).then(|| Zeroizing::new(element.to_owned()))
    }
}
