//! Encrypted assertions (T04): what is opened, and what is refused without saying why.

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, AES_256, PaddedBlockEncryptingKey, UnboundCipherKey},
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA512_MGF1SHA512, OaepAlgorithm, OaepPublicEncryptingKey,
        PrivateDecryptingKey,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::identity::saml::{Check, Expectation, SpKey};

use crate::provider::{EVIL, KEY, OTHER, OURS, Parts, Signer, Signs, USER, expected, failed, judged};

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";

struct Encryptor {
    cipher: &'static str,
    oaep: &'static OaepAlgorithm,
    method: String,
    beside: bool,
}

impl Encryptor {
    fn with(cipher: &'static str) -> Self {
        Self {
            cipher,
            oaep: &OAEP_SHA1_MGF1SHA1,
            method: format!("<xenc:EncryptionMethod Algorithm=\"{XENC}rsa-oaep-mgf1p\"/>"),
            beside: false,
        }
    }
    fn hash(self, oaep: &'static OaepAlgorithm, digest: &str, mask: &str) -> Self {
        let method = format!(
            "<xenc:EncryptionMethod Algorithm=\"{XENC11}rsa-oaep\"><ds:DigestMethod xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"{digest}\"/><x:MGF xmlns:x=\"{XENC11}\" Algorithm=\"{XENC11}{mask}\"/></xenc:EncryptionMethod>"
        );
        Self { oaep, method, ..self }
    }
    fn data(&self, key: &[u8], plain: &str) -> Vec<u8> {
        let mut sealed = plain.as_bytes().to_vec();
        let is_128 = self.cipher.starts_with("aes128");
        if self.cipher.ends_with("gcm") {
            let key = UnboundKey::new(if is_128 { &AES_128_GCM } else { &AES_256_GCM }, key).unwrap();
            LessSafeKey::new(key)
                .seal_in_place_append_tag(Nonce::assume_unique_for_key([9; 12]), Aad::empty(), &mut sealed)
                .unwrap();
            return [vec![9; 12], sealed].concat();
        }
        let key = UnboundCipherKey::new(if is_128 { &AES_128 } else { &AES_256 }, key).unwrap();
        let context = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap().encrypt(&mut sealed).unwrap();
        let iv: &[u8] = (&context).try_into().unwrap();
        [iv, &sealed].concat()
    }
    fn wrapped(&self, key: &[u8], to: &SpKey) -> String {
        let public = PrivateDecryptingKey::from_pkcs8(to.expose()).unwrap().public_key();
        let public = OaepPublicEncryptingKey::new(public).unwrap();
        let mut wrapped = vec![0; public.ciphertext_size()];
        public.encrypt(self.oaep, key, &mut wrapped, None).unwrap();
        format!(
            "<xenc:EncryptedKey xmlns:xenc=\"{XENC}\">{}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>",
            self.method,
            STANDARD.encode(wrapped)
        )
    }
    /// EncryptedAssertion for these keys.
    fn encrypt(&self, plain: &str, to: &[&SpKey]) -> String {
        let key = vec![5; if self.cipher.starts_with("aes128") { 16 } else { 32 }];
        self.assemble(&self.data(&key, plain), &to.iter().map(|to| self.wrapped(&key, to)).collect::<String>())
    }
    fn assemble(&self, data: &[u8], keys: &str) -> String {
        let namespace = if self.cipher.ends_with("gcm") { XENC11 } else { XENC };
        let info = |inner: &str| format!("<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{inner}</ds:KeyInfo>");
        let (inside, beside) = if self.beside { (info("<ds:RetrievalMethod URI=\"#_key\"/>"), keys) } else { (info(keys), "") };
        format!(
            "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\"><xenc:EncryptionMethod Algorithm=\"{namespace}{}\"/>{inside}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>{beside}</saml:EncryptedAssertion>",
            self.cipher,
            STANDARD.encode(data)
        )
    }
}

/// Canonical, as the provider signs texts.
fn canonical(xml: &str) -> String {
    let mut out = String::new();
    let mut rest = xml;
    while let Some(end) = rest.find("/>") {
        let begin = rest[..end].rfind('<').unwrap();
        let name: String = rest[begin + 1..].chars().take_while(|c| c.is_alphanumeric() || *c == ':').collect();
        out.push_str(&rest[..end]);
        out.push_str(&format!("></{name}>"));
        rest = &rest[end + 2..];
    }
    (out + rest).replace(&format!("<xenc:EncryptedKey xmlns:xenc=\"{XENC}\">"), "<xenc:EncryptedKey>")
}

fn signed_assertion() -> String {
    Parts::default().assertion(Some(&Signer::Rsa(&KEY)))
}
fn unsigned_response(inner: &str) -> String {
    Parts::default().response(inner, None)
}
fn signed_response(inner: &str) -> String {
    Parts::default().response(&canonical(inner), Some(&Signer::Rsa(&KEY)))
}
fn ciphers() -> [&'static str; 4] {
    ["aes128-gcm", "aes256-gcm", "aes128-cbc", "aes256-cbc"]
}

#[test]
fn what_is_encrypted_for_us_is_taken_where_something_is_signed() {
    for cipher in ciphers() {
        let by = Encryptor::with(cipher);
        let inner = by.encrypt(&signed_assertion(), &[&OURS]);
        let switched = Expectation { unauthenticated_cbc: cipher.ends_with("cbc"), ..expected() };
        let said = judged(&unsigned_response(&inner), &switched).verdict.unwrap_or_else(|check| panic!("{cipher} {check:?}"));
        assert!(said.subject.contains(USER));
        // Signed around the ciphertext: the assertion's own signature may be there or not.
        for plain in [signed_assertion(), Parts::default().assertion(None)] {
            let response = signed_response(&by.encrypt(&plain, &[&OURS]));
            assert_eq!(failed(&response, &expected()), None, "{cipher}");
        }
    }
}

#[test]
fn key_transports_places_and_recipients() {
    let gcm = || Encryptor::with("aes256-gcm");
    for by in [
        gcm().hash(&OAEP_SHA1_MGF1SHA1, "http://www.w3.org/2000/09/xmldsig#sha1", "mgf1sha1"),
        gcm().hash(&OAEP_SHA256_MGF1SHA256, "http://www.w3.org/2001/04/xmlenc#sha256", "mgf1sha256"),
        gcm().hash(&OAEP_SHA512_MGF1SHA512, "http://www.w3.org/2001/04/xmlenc#sha512", "mgf1sha512"),
        Encryptor { beside: true, ..gcm() },
    ] {
        assert_eq!(failed(&unsigned_response(&by.encrypt(&signed_assertion(), &[&OURS])), &expected()), None);
    }
    let two = gcm().encrypt(&signed_assertion(), &[&OTHER, &OURS]);
    assert_eq!(failed(&unsigned_response(&two), &expected()), None);
    // While keys change, either opens.
    let both = Expectation { keys: vec![OTHER.clone(), OURS.clone()], ..expected() };
    for to in [&OURS, &OTHER] {
        assert_eq!(failed(&unsigned_response(&gcm().encrypt(&signed_assertion(), &[to])), &both), None);
    }
    let declared = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", &signed_assertion(), "\n"].concat();
    assert_eq!(failed(&unsigned_response(&gcm().encrypt(&declared, &[&OURS])), &expected()), None);
}

/// T04: anybody can encrypt for us. Without a signature inside, or around, it is nobody's word.
#[test]
fn t04_encrypted_and_unsigned_is_refused() {
    let by = Encryptor::with("aes256-gcm");
    let evil = Parts::default().with(USER, EVIL);
    for plain in [
        Parts::default().assertion(None),
        evil.assertion(None),
        evil.assertion(Some(&Signer::Rsa(&OTHER))),
        signed_assertion().replace(USER, EVIL),
    ] {
        let outcome = judged(&unsigned_response(&by.encrypt(&plain, &[&OURS])), &expected());
        assert_eq!(outcome.verdict.unwrap_err(), Check::Decryption);
    }
    // Beside a genuine one, before and behind.
    let injected = by.encrypt(&evil.assertion(None), &[&OURS]);
    for inner in
        [[signed_assertion(), injected.clone()].concat(), [injected.clone(), signed_assertion()].concat(), injected.repeat(2)]
    {
        assert_eq!(failed(&unsigned_response(&inner), &expected()), Some(Check::Document));
    }
    // A signature for another ciphertext.
    let genuine = signed_response(&by.encrypt(&Parts::default().assertion(None), &[&OURS]));
    let begin = genuine.find("<saml:EncryptedAssertion").unwrap();
    let swapped = format!("{}{injected}</samlp:Response>", &genuine[..begin]);
    assert_eq!(failed(&swapped, &expected()), Some(Check::Signature));
}

/// Whatever is wrong behind the decryption, the answer is the same.
#[test]
fn t04_hostile_plaintexts_have_one_answer() {
    let by = Encryptor::with("aes256-gcm");
    let genuine = signed_assertion();
    for plain in [
        "".to_owned(),
        "text".to_owned(),
        "<x/>".to_owned(),
        genuine.repeat(2),
        ["</samlp:Response><x>", &genuine].concat(),
        [&genuine, "</samlp:Response><samlp:Response>"].concat(),
        ["<!-- x -->", &genuine].concat(),
        ["<!DOCTYPE x>", &genuine].concat(),
        ["<samlp:Status></samlp:Status>", &genuine].concat(),
        by.encrypt(&genuine, &[&OURS]),
        genuine.replace("_assertion", "_response"),
        "<x>".repeat(40),
        "\0".to_owned(),
    ] {
        let response = unsigned_response(&by.encrypt(&plain, &[&OURS]));
        let outcome = judged(&response, &expected());
        assert_eq!(outcome.verdict.unwrap_err(), Check::Decryption, "{plain}");
        let told = outcome.findings.into_iter().find(|finding| finding.check == Check::Decryption).unwrap();
        assert_eq!(told.found.as_deref(), Some("decryption"));
    }
}

#[test]
fn changed_or_foreign_ciphertexts_are_refused() {
    for cipher in ciphers() {
        let by = Encryptor::with(cipher);
        let key = vec![5; if cipher.starts_with("aes128") { 16 } else { 32 }];
        let data = by.data(&key, &signed_assertion());
        let switched = Expectation { unauthenticated_cbc: true, ..expected() };
        let refused = |data: &[u8], keys: &str, what: &str| {
            let found = failed(&unsigned_response(&by.assemble(data, keys)), &switched);
            assert_eq!(found, Some(Check::Decryption), "{cipher} {what}");
        };
        let ours = by.wrapped(&key, &OURS);
        for at in [0, 12, 16, 40, data.len() / 2, data.len() - 1] {
            let mut changed = data.clone();
            changed[at] ^= 1;
            refused(&changed, &ours, "a bit");
        }
        for length in [0, 1, 12, 15, 16, 27, 28, 31, data.len() - 12, data.len() - 1] {
            refused(&data[..length], &ours, "cut");
        }
        refused(&data, &by.wrapped(&key, &OTHER), "another's key");
        refused(&data, &by.wrapped(&[5; 24], &OURS), "a key of another length");
    }
}

#[test]
fn what_we_do_not_open_is_named() {
    let gcm = Encryptor::with("aes256-gcm").encrypt(&signed_assertion(), &[&OURS]);
    for (name, from, to) in [
        ("RSA 1.5", "rsa-oaep-mgf1p", "rsa-1_5"),
        ("3DES", "http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        ("AES-192", "http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#aes192-cbc"),
        ("content only", "xmlenc#Element", "xmlenc#Content"),
        ("no key", "<xenc:EncryptedKey", "<xenc:OtherKey"),
    ] {
        let odd = gcm.replace(from, to).replace(if name == "no key" { "</xenc:EncryptedKey>" } else { "\0" }, "</xenc:OtherKey>");
        assert_eq!(failed(&unsigned_response(&odd), &expected()), Some(Check::Encryption), "{name}");
    }
    let mixed =
        Encryptor::with("aes256-gcm").hash(&OAEP_SHA256_MGF1SHA256, "http://www.w3.org/2001/04/xmlenc#sha256", "mgf1sha1");
    let mixed = mixed.encrypt(&signed_assertion(), &[&OURS]);
    assert_eq!(failed(&unsigned_response(&mixed), &expected()), Some(Check::Encryption), "two hashes");
    let many = Encryptor::with("aes256-gcm").encrypt(&signed_assertion(), &[&*OURS; 5]);
    assert_eq!(failed(&unsigned_response(&many), &expected()), Some(Check::Encryption), "too many recipients");
    let referring =
        gcm.replacen("<xenc:CipherValue>", "<xenc:CipherReference URI=\"http://127.0.0.1:1/\"/><xenc:CipherValue>", 1);
    assert_eq!(failed(&unsigned_response(&referring), &expected()), Some(Check::Document), "a URL");
}

/// AES-CBC lets who may ask often enough read it. So it is decrypted only where a signature covers it, or a connection says otherwise; and
/// nothing is decrypted at all for who has no sign-in that waits for it.
#[test]
fn nothing_unauthenticated_is_decrypted_unasked() {
    let cbc = Encryptor::with("aes256-cbc").encrypt(&signed_assertion(), &[&OURS]);
    assert_eq!(failed(&unsigned_response(&cbc), &expected()), Some(Check::Encryption));
    let switched = Expectation { unauthenticated_cbc: true, ..expected() };
    assert_eq!(failed(&unsigned_response(&cbc), &switched), None);
    for cipher in ciphers() {
        // It opens to nonsense, which would be told if it were opened.
        let inner = Encryptor::with(cipher).encrypt("nonsense", &[&OURS]);
        let unasked = Parts::default().with("InResponseTo=\"_request\" IssueInstant", "IssueInstant").response(&inner, None);
        assert_eq!(failed(&unasked, &switched), Some(Check::InResponseTo), "{cipher}");
    }
}

/// The exclusive form leaves out declarations that nothing needs, so they can be added to a signed response. None of them may say
/// what a name in the plaintext means.
#[test]
fn t04_nobody_gives_a_signed_ciphertext_another_meaning() {
    let by = Encryptor::with("aes256-gcm");
    let with = |plain: &str, declared: &str| {
        let response = signed_response(&by.encrypt(plain, &[&OURS]));
        response.replacen("<samlp:Response ", &format!("<samlp:Response {declared} "), 1)
    };
    let assertions = "urn:oasis:names:tc:SAML:2.0:assertion";
    let unsigned = Parts::default().assertion(None);
    assert_eq!(failed(&with(&unsigned, "xmlns:x=\"urn:x\""), &expected()), None);
    for declared in [format!("xmlns:x=\"{assertions}\""), format!("xmlns=\"{assertions}\"")] {
        assert_eq!(failed(&with(&unsigned, &declared), &expected()), Some(Check::Decryption), "{declared}");
        assert_eq!(failed(&with(&signed_assertion(), &declared), &expected()), None, "signed itself, it says what it means");
    }
}

#[test]
fn the_checks_are_those_of_any_assertion() {
    let by = Encryptor::with("aes128-gcm");
    let late = Parts::default().with("https://sp.test/saml/metadata", "https://other.test");
    for signs in [Signs::Assertion, Signs::Response] {
        let plain = late.assertion(Some(&Signer::Rsa(&KEY)).filter(|_| signs == Signs::Assertion));
        let inner = canonical(&by.encrypt(&plain, &[&OURS]));
        let response = late.response(&inner, Some(&Signer::Rsa(&KEY)).filter(|_| signs == Signs::Response));
        assert_eq!(failed(&response, &expected()), Some(Check::Audience), "{signs:?}");
    }
}
