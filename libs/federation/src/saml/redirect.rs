//! The redirect binding (saml-bindings-2.0-os, 3.4): a message in a query, whose signature covers the query's bytes as they travel.

use std::io::{Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto::xml::{Layout, SignatureMethod, SigningKey};
use domain::{
    Error, Result,
    identity::{
        connections::ProviderUrl,
        saml::{Check, SpKey},
    },
};
use flate2::{Compression, bufread::DeflateDecoder, write::DeflateEncoder};

use super::{
    certificates::Certificate,
    names::{Judged, ensure, refuse},
    write,
};

const LONGEST_QUERY: usize = 48 * 1024;
/// What a message may be once it is inflated (T11).
const LARGEST_MESSAGE: usize = 64 * 1024;
/// The standard allows 80 bytes, some providers send URLs.
const LONGEST_RELAY_STATE: usize = 2048;
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";
const NAMES: [&str; 5] = ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature"];

/// A message that came in a query and is genuine, as far as a signature was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) xml: String,
    pub(super) is_response: bool,
    pub(super) relay_state: Option<String>,
}

/// The URL to which a browser is sent. `name` is `SAMLRequest` or `SAMLResponse`.
pub(super) fn url(to: &ProviderUrl, name: &str, xml: &str, relay_state: Option<&str>, key: &SpKey) -> Result<String> {
    let mut query = format!("{name}={}", encoded(&deflated(xml)?));
    if let Some(relay_state) = relay_state {
        query.push_str(&format!("&RelayState={}", encoded(relay_state)));
    }
    query.push_str(&format!("&SigAlg={}", encoded(SigningKey::METHOD)));
    let signature = write::signing_key(key)?.sign(query.as_bytes()).map_err(|_| Error::internal("signing a query failed"))?;
    let signature = encoded(&STANDARD.encode(signature));
    let joint = if to.url().query().is_some() { '&' } else { '?' };
    Ok(format!("{}{joint}{query}&Signature={signature}", to.as_str()))
}

/// Everything but unreserved characters as an escape: what travels is what was signed.
fn encoded(text: &str) -> String {
    let byte = |b: u8| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }
    };
    text.bytes().map(byte).collect()
}

fn deflated(xml: &str) -> Result<String> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes()).map_err(Error::internal)?;
    Ok(STANDARD.encode(encoder.finish().map_err(Error::internal)?))
}

/// A parameter as it stands in a query, if it does: whole, and its value.
type Parameter<'a> = Option<(&'a str, &'a str)>;
/// Those of the binding.
type Parameters<'a> = [Parameter<'a>; 5];

/// Reads a query. The bytes that were signed are cut out of it as they came, since providers escape differently, and put in the order that the
/// binding gives them. Without certificates nobody asks for a signature, and one that is there says nothing.
pub(super) fn read(query: &str, certificates: Option<&[Certificate]>) -> Judged<Message> {
    ensure(query.len() <= LONGEST_QUERY, "too large")?;
    let parameters = parameters(query)?;
    let [request, response, relay_state, algorithm, signature] = parameters;
    let ((whole, value), is_response) = match (request, response) {
        (Some(request), None) => (request, false),
        (None, Some(response)) => (response, true),
        _ => return refuse(Check::Document, "not exactly one of SAMLRequest and SAMLResponse"),
    };
    if let Some(certificates) = certificates {
        verify([Some(whole), relay_state.map(|(whole, _)| whole)], (algorithm, signature), certificates)?;
    }
    let relay_state = relay_state.map(|(_, value)| decoded(value)).transpose()?;
    ensure(relay_state.as_ref().is_none_or(|text| text.len() <= LONGEST_RELAY_STATE), "RelayState is too long")?;
    Ok(Message { xml: inflated(&base64(value)?)?, is_response, relay_state })
}

fn verify(parts: [Option<&str>; 2], (algorithm, signature): (Parameter<'_>, Parameter<'_>), by: &[Certificate]) -> Judged<()> {
    let (Some(algorithm), Some((_, signature))) = (algorithm, signature) else { return refuse(Check::Signed, "no signature") };
    let Some(method) = SignatureMethod::from_uri(&decoded(algorithm.1)?) else { return refuse(Check::Algorithm, "SigAlg") };
    let signature = base64(signature)?;
    let signed = parts.into_iter().flatten().chain([algorithm.0]).collect::<Vec<_>>().join("&");
    // Some providers write ECDSA as r and s, others as DER.
    let verifies =
        |certificate: &Certificate| method.verify(&certificate.spki, signed.as_bytes(), &signature, Layout::FixedOrDer).is_ok();
    if by.iter().any(verifies) { Ok(()) } else { refuse(Check::Signature, "no certificate verifies it") }
}

/// Each at most once, by its name as it is understood, and that written plainly: no two readers may find two values.
fn parameters(query: &str) -> Judged<Parameters<'_>> {
    let mut found = [None; 5];
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let understood = decoded(name)?;
        if understood == "SAMLEncoding" {
            ensure(decoded(value)? == DEFLATE, "SAMLEncoding")?;
        }
        let Some(index) = NAMES.iter().position(|known| *known == understood) else { continue };
        ensure(name == understood && found[index].is_none(), "a parameter twice or disguised")?;
        found[index] = Some((part, value));
    }
    Ok(found)
}

/// The text of an escaped one; `+` is a blank.
fn decoded(text: &str) -> Judged<String> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let (Some(high), Some(low)) = (behind.first().and_then(digit), behind.get(1).and_then(digit)) else {
                    return refuse(Check::Document, "an escape that is none");
                };
                out.push(high << 4 | low);
                rest = &behind[2..];
            }
            plain => out.push(*plain),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => Ok(text),
        Err(_) => refuse(Check::Document, "not UTF-8"),
    }
}

fn digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn base64(escaped: &str) -> Judged<Vec<u8>> {
    let text: String = decoded(escaped)?.chars().filter(|c| !matches!(c, ' ' | '\r' | '\n')).collect();
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes),
        Err(_) => refuse(Check::Document, "not base64"),
    }
}

/// Bounded while it inflates; nothing may come after.
fn inflated(deflated: &[u8]) -> Judged<String> {
    let mut decoder = DeflateDecoder::new(deflated);
    let mut out = Vec::new();
    let most = u64::try_from(LARGEST_MESSAGE).unwrap_or(u64::MAX);
    if decoder.by_ref().take(most + 1).read_to_end(&mut out).is_err() {
        return refuse(Check::Document, "not deflated");
    }
    ensure(out.len() <= LARGEST_MESSAGE, "too large")?;
    ensure(usize::try_from(decoder.total_in()) == Ok(deflated.len()), "bytes after the message")?;
    match String::from_utf8(out) {
        Ok(xml) => Ok(xml),
        Err(_) => refuse(Check::Document, "not UTF-8"),
    }
}

#[cfg(test)]
mod tests;
