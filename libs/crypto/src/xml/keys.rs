//! Keys of ours, each with the certificate in which providers want to see its public half.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::RsaKeyPair,
};
use chrono::Datelike;
use domain::{Time, identity::saml::SpKey};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use zeroize::Zeroizing;

use super::Rejected;

/// For how long a certificate counts. Providers that look at the dates would lock everybody out at the end, so it is far away; the key is
/// replaced when somebody wants to, not when a date comes.
const YEARS: i32 = 10;

/// A new RSA key of 3072 bits (what NIST SP 800-57 asks of a key for ten years) with a self-signed certificate in which `name` is the
/// subject, from the day of `now` on. It takes up to a second.
pub fn new_key(name: &str, now: Time) -> Result<SpKey, Rejected> {
    let key = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| Rejected)?;
    let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|_| Rejected)?;
    let pkcs8 = Zeroizing::new(pkcs8.as_ref().to_vec());
    let certificate = certificate(name, now, &pkcs8).map_err(|_| Rejected)?;
    Ok(SpKey::new(pkcs8.to_vec(), certificate))
}

fn certificate(name: &str, now: Time, pkcs8: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.into(), &PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let month = u8::try_from(now.month()).unwrap_or(1);
    // The 28th at most, so that the day exists in ten years as well.
    let day = u8::try_from(now.day().min(28)).unwrap_or(1);
    params.not_before = date_time_ymd(now.year(), month, day);
    params.not_after = date_time_ymd(now.year() + YEARS, month, day);
    Ok(params.self_signed(&key)?.der().to_vec())
}
