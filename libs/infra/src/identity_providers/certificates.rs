//! Certificates (RFC 5280): of each only the key and the dates.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::DateTime;
use domain::{BadValue, Time, identity::connections::certificates::Certificate};
use x509_parser::{parse_x509_certificate, public_key::PublicKey, time::ASN1Time};

/// A certificate is a few kilobytes.
const LARGEST: usize = 16 * 1024;
const RSA_BITS: usize = 2048;

/// Why a certificate is no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Not a certificate.
    Unreadable,
    /// A key that is too weak, or of a kind that is not taken.
    WeakKey,
}

/// One that somebody wrote down: PEM, or base64 as metadata has it.
pub(super) fn written(text: &str) -> Result<Certificate, BadValue> {
    let bad = |code, message: &'static str| BadValue { code, message: message.into() };
    let inner = text.trim();
    let inner = inner.strip_prefix("-----BEGIN CERTIFICATE-----").unwrap_or(inner);
    let inner = inner.strip_suffix("-----END CERTIFICATE-----").unwrap_or(inner);
    match read(inner) {
        Ok(certificate) => Ok(Certificate { by_hand: true, ..certificate }),
        Err(Flaw::Unreadable) => Err(bad("bad_certificate", "Send one certificate, in PEM or as base64 of its DER.")),
        Err(Flaw::WeakKey) => {
            Err(bad("weak_key", "Use a certificate of an RSA key of at least 2048 bits, or of a P-256, P-384 or P-521 key."))
        }
    }
}

/// Reads base64 of a DER, with blanks anywhere.
pub(super) fn read(base64: &str) -> Result<Certificate, Flaw> {
    if base64.len() > 2 * LARGEST {
        return Err(Flaw::Unreadable);
    }
    let text: String = base64.split_ascii_whitespace().collect();
    let der = STANDARD.decode(&text).map_err(|_| Flaw::Unreadable)?;
    let (rest, certificate) = parse_x509_certificate(&der).map_err(|_| Flaw::Unreadable)?;
    if !rest.is_empty() || der.len() > LARGEST {
        return Err(Flaw::Unreadable);
    }
    let is_strong = match certificate.public_key().parsed().map_err(|_| Flaw::Unreadable)? {
        PublicKey::RSA(key) => key.key_size() >= RSA_BITS,
        PublicKey::EC(point) => matches!(point.key_size(), 256 | 384 | 521 | 528),
        _ => false,
    };
    if !is_strong {
        return Err(Flaw::WeakKey);
    }
    let validity = certificate.validity();
    Ok(Certificate {
        sha256: crypto::fingerprint(&der),
        der: text,
        subject: shown(&certificate.subject().to_string()),
        not_before: time(validity.not_before).ok_or(Flaw::Unreadable)?,
        not_after: time(validity.not_after).ok_or(Flaw::Unreadable)?,
        by_hand: false,
        gone_at: None,
        warned: None,
    })
}

/// For people: without what is not seen, at most 200 characters.
fn shown(subject: &str) -> String {
    subject.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn time(at: ASN1Time) -> Option<Time> {
    DateTime::from_timestamp(at.timestamp(), 0)
}
