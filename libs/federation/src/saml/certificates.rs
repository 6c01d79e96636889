//! The certificates of a connection, as keys. Nothing else of them is asked here: which count is decided where they are stored.

use crypto::xml::Digest;
use domain::identity::saml::Check;
use samael::crypto::CertificateDer;
use x509_parser::parse_x509_certificate;

use super::names::{Judged, refuse};

pub(super) struct Certificate {
    pub(super) der: CertificateDer,
    /// SubjectPublicKeyInfo, in DER.
    pub(super) spki: Vec<u8>,
    /// SHA-256 of `der`, in hex.
    pub(super) sha256: String,
}

/// Those that can be read. At least one, or nothing is accepted (T05): without certificates samael would verify nothing at all.
pub(super) fn read(all: &[Vec<u8>]) -> Judged<Vec<Certificate>> {
    let certificates: Vec<_> = all.iter().filter_map(|der| certificate(der)).collect();
    if certificates.is_empty() { refuse(Check::Certificate, "no certificate") } else { Ok(certificates) }
}

fn certificate(der: &[u8]) -> Option<Certificate> {
    let (_, parsed) = parse_x509_certificate(der).ok()?;
    let spki = parsed.tbs_certificate.subject_pki.raw.to_vec();
    Some(Certificate { der: der.to_vec().into(), spki, sha256: hex(&Digest::Sha256.of(der)) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
