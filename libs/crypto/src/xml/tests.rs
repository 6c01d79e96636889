use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, PaddedBlockEncryptingKey, UnboundCipherKey},
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use chrono::TimeZone as _;

use super::*;

const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#";

#[test]
fn weak_algorithms_are_not_known() {
    for weak in ["sha1", "rsa-sha1", "dsa-sha1", "hmac-sha1"] {
        let uri = format!("{SHA1}{weak}");
        assert!(Digest::from_uri(&uri).is_none() && SignatureMethod::from_uri(&uri).is_none(), "{weak}");
    }
    for weak in ["hmac-sha256", "rsa-md5", "rsa-ripemd160", "rsa-sha224", ""] {
        assert!(SignatureMethod::from_uri(&format!("http://www.w3.org/2001/04/xmldsig-more#{weak}")).is_none(), "{weak}");
    }
    for weak in ["tripledes-cbc", "aes192-cbc", "rsa-1_5"] {
        assert!(ContentCipher::from_uri(&format!("http://www.w3.org/2001/04/xmlenc#{weak}")).is_none(), "{weak}");
    }
}

#[test]
fn a_new_key_signs_opens_and_has_a_certificate_for_ten_years() {
    // In ten years the 29th of February is no day.
    let now = chrono::Utc.with_ymd_and_hms(2028, 2, 29, 23, 59, 59).unwrap();
    let key = new_key("Tenantry (acme)", now).unwrap();
    let signing = SigningKey::from_pkcs8(key.expose()).unwrap();
    let signature = signing.sign(b"text").unwrap();
    let method = SignatureMethod::from_uri(SigningKey::METHOD).unwrap();
    assert_eq!(method.verify(signing.public(), b"text", &signature, Layout::Fixed), Ok(()));
    assert_eq!(method.verify(signing.public(), b"Text", &signature, Layout::Fixed), Err(Rejected));

    let public = PrivateDecryptingKey::from_pkcs8(key.expose()).unwrap().public_key();
    let public = OaepPublicEncryptingKey::new(public).unwrap();
    let mut wrapped = vec![0; public.ciphertext_size()];
    public.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut wrapped, None).unwrap();
    let opener = DecryptionKey::from_pkcs8(key.expose()).unwrap();
    assert_eq!(*opener.open(Oaep::Sha256, &wrapped).unwrap(), [7; 32]);
    assert!(opener.open(Oaep::Sha1, &wrapped).is_err());

    let text = |bytes: &[u8]| key.certificate.windows(bytes.len()).any(|window| window == bytes);
    assert!(text(b"Tenantry (acme)") && text(b"280228000000Z") && text(b"380228000000Z"));
}

#[test]
fn ecdsa_in_der_is_taken_only_where_it_is_usual() {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let method = SignatureMethod::Ecdsa(Digest::Sha256);
    for (signing, layout_needed) in
        [(&ECDSA_P256_SHA256_FIXED_SIGNING, Layout::Fixed), (&ECDSA_P256_SHA256_ASN1_SIGNING, Layout::FixedOrDer)]
    {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref()).unwrap();
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        let signature = pair.sign(&random, b"text").unwrap();
        let verify = |layout| method.verify(spki.as_ref(), b"text", signature.as_ref(), layout);
        assert_eq!(verify(Layout::FixedOrDer), Ok(()));
        assert_eq!(verify(Layout::Fixed).is_ok(), layout_needed == Layout::Fixed);
        // A key of another kind verifies nothing, and breaks nothing.
        let other = SignatureMethod::Rsa(Digest::Sha256);
        assert_eq!(other.verify(spki.as_ref(), b"text", signature.as_ref(), Layout::Fixed), Err(Rejected));
    }
}

#[test]
fn gcm_needs_its_whole_tag_and_every_bit() {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).unwrap());
    let mut sealed = b"plain".to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key([2; 12]), Aad::empty(), &mut sealed).unwrap();
    let data = [vec![2; 12], sealed].concat();
    let open = |data: Vec<u8>| ContentCipher::Aes256Gcm.open(&[1; 32], data);
    assert_eq!(**open(data.clone()).unwrap(), *b"plain");
    for cut in 1..data.len() {
        assert!(open(data[..data.len() - cut].to_vec()).is_err(), "{cut}");
    }
    for bit in 0..data.len() * 8 {
        let mut data = data.clone();
        data[bit / 8] ^= 1 << (bit % 8);
        assert!(open(data).is_err(), "{bit}");
    }
    assert!(ContentCipher::Aes256Gcm.open(&[1; 16], data).is_err(), "a key of another length");
}

#[test]
fn cbc_takes_xml_encryption_padding_and_refuses_odd_lengths() {
    let key = || UnboundCipherKey::new(&AES_128, &[1; 16]).unwrap();
    let mut sealed = b"sixteen bytes...and more".to_vec();
    let context = PaddedBlockEncryptingKey::cbc_pkcs7(key()).unwrap().encrypt(&mut sealed).unwrap();
    let iv: &[u8] = (&context).try_into().unwrap();
    let data = [iv, &sealed].concat();
    let open = |data: &[u8]| ContentCipher::Aes128Cbc.open(&[1; 16], data.to_vec());
    assert_eq!(**open(&data).unwrap(), *b"sixteen bytes...and more");
    for length in [0, 1, 15, 16, 17, 31, 33, data.len() - 1] {
        assert!(open(&data[..length.min(data.len())]).is_err(), "{length}");
    }
}

#[test]
fn what_is_sealed_for_a_key_that_key_opens() {
    let now = chrono::Utc.with_ymd_and_hms(2026, 11, 23, 9, 0, 0).unwrap();
    let key = new_key("service", now).unwrap();
    let signing = PrivateDecryptingKey::from_pkcs8(key.expose()).unwrap();
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = signing.public_key().as_der().unwrap();
    let wrapped = EncryptionKey::from_spki(spki.as_ref()).unwrap().wrap(&[7; 32]).unwrap();
    let opened = DecryptionKey::from_pkcs8(key.expose()).unwrap().open(Oaep::Sha1, &wrapped).unwrap();
    let sealed = seal(&[7; 32], [3; 12], b"who it is").unwrap();
    assert_eq!(**ContentCipher::from_uri(SEALED_BY).unwrap().open(&opened, sealed).unwrap(), *b"who it is");
    assert!(EncryptionKey::from_spki(b"no key").is_err());
}
