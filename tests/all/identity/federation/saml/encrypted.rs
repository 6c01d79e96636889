//! T04: anybody can encrypt for us, so what is encrypted says nothing by that; and what is taken nevertheless.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_256, PaddedBlockEncryptingKey, UnboundCipherKey},
    rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PrivateDecryptingKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::identity::saml::SpKey;
use serde_json::json;
use tenantry_tests::{Browser, SamlSaid, both};

use super::{
    super::Scene,
    BEA,
    hostile::{answer, refused},
};

/// An encrypted assertion for a key of ours: by AES-256 in GCM or CBC, the key by RSA-OAEP.
fn encrypted(plain: &str, to: &SpKey, gcm: bool) -> String {
    const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    let (key, mut sealed) = ([5_u8; 32], plain.as_bytes().to_vec());
    let data = if gcm {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("a key"));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([9; 12]), Aad::empty(), &mut sealed).expect("a ciphertext");
        [vec![9; 12], sealed].concat()
    } else {
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, &key).expect("a key")).expect("a key");
        let context = key.encrypt(&mut sealed).expect("a ciphertext");
        let iv: &[u8] = (&context).try_into().expect("an IV");
        [iv, &sealed].concat()
    };
    let public = PrivateDecryptingKey::from_pkcs8(to.expose()).expect("a key").public_key();
    let public = OaepPublicEncryptingKey::new(public).expect("a key");
    let mut wrapped = vec![0; public.ciphertext_size()];
    public.encrypt(&OAEP_SHA1_MGF1SHA1, &key, &mut wrapped, None).expect("a ciphertext");
    let method = if gcm { "http://www.w3.org/2009/xmlenc11#aes256-gcm".to_owned() } else { format!("{XENC}aes256-cbc") };
    format!(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\"><xenc:EncryptionMethod Algorithm=\"{method}\"></xenc:EncryptionMethod><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{XENC}rsa-oaep-mgf1p\"></xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>",
        STANDARD.encode(wrapped),
        STANDARD.encode(data)
    )
}

both!(t04_an_encrypted_assertion_needs_a_signature, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    // Its keys are made when somebody needs them.
    Browser::new(app).open(&format!("/auth/c/{}/saml/metadata", scene.connection)).await.page().1.expect(200);
    let (org, connection) = (scene.org.id.parse().expect("an id"), scene.connection.parse().expect("an id"));
    let ours = app.use_cases.store.public_saml_keys(org, connection).await.expect("an answer").expect("keys").remove(0);
    let inner = |said: &SamlSaid, signs: bool, gcm: bool| encrypted(&said.assertion(signs.then_some(provider.key())), &ours, gcm);
    let unsigned = refused(app, &scene, "unsigned", |said| said.response(&inner(&said, false, true), None)).await;
    assert_eq!(unsigned.0, "answer");
    let unprotected = refused(app, &scene, "CBC", |said| said.response(&inner(&said, true, false), None)).await;
    assert_eq!(unprotected.0, "answer");
    let for_another = refused(app, &scene, "another's key", |said| {
        said.response(&encrypted(&said.assertion(Some(provider.key())), provider.key(), true), None)
    });
    assert_eq!(for_another.await, answer(&["decryption"]));
    // Signed inside or around it, it is taken; CBC by a switch.
    let taken = async |make: &dyn Fn(SamlSaid) -> String| {
        let browser = Browser::new(app);
        let (asked, sent) = scene.ask(&browser).await;
        let xml = make(provider.says(&sent, app.now(), BEA));
        scene.read(app, (asked, provider.posts(&browser, &sent, &xml).await)).await;
    };
    taken(&|said| said.response(&inner(&said, true, true), None)).await;
    taken(&|said| said.response(&inner(&said, false, true), Some(provider.key()))).await;
    taken(&|said| said.response(&inner(&said, false, false), Some(provider.key()))).await;
    let owner = app.again(&scene.owner).await;
    let changed = app.by(&owner).patch(&scene.settings(), json!({"saml_unauthenticated_cbc": true})).await.ok();
    assert_eq!((&changed["saml_unauthenticated_cbc"], &changed["generation"]), (&json!(true), &json!(1)), "{changed}");
    taken(&|said| said.response(&inner(&said, true, false), None)).await;
});
