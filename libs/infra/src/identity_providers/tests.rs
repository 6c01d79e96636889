//! Documents as providers publish them, and as an attacker would.
//!
//! `rsa.pem`, `ec.pem` and `weak.pem` (1,024 bits) are self-signed, from 2020 to 2120: `openssl req -new -newkey …` and `openssl ca -selfsign -startdate …`.

use serde_json::{Value, json};

use super::*;
use domain::identity::connections::documents::Configuration;

const RSA: &str = include_str!("tests/rsa.pem");
const EC: &str = include_str!("tests/ec.pem");
const WEAK: &str = include_str!("tests/weak.pem");

fn base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

fn any(_: &ProviderUrl) -> bool {
    true
}

fn https(url: &ProviderUrl) -> bool {
    url.url().scheme() == "https"
}

fn discovery() -> Value {
    json!({
        "issuer": "https://idp.example", "authorization_endpoint": "https://idp.example/authorize",
        "token_endpoint": "https://idp.example/token", "jwks_uri": "https://idp.example/keys",
        "id_token_signing_alg_values_supported": ["HS256", "none", "RS256"], "claims_supported": "not a list",
        "authorization_response_iss_parameter_supported": true, "userinfo_endpoint": "",
    })
}

#[test]
fn a_discovery_document_is_read_for_what_we_use() {
    let read = discovery::read(&discovery().to_string(), &https).expect("a document");
    let Configuration::Discovery(read) = read.configuration else { panic!("{read:?}") };
    assert_eq!(read.issuer.as_str(), "https://idp.example");
    assert_eq!(read.token_endpoint.as_str(), "https://idp.example/token");
    assert_eq!((read.userinfo_endpoint, read.names_itself), (None, true));
    // Neither a shared secret nor nothing signs an ID token.
    assert_eq!(read.id_token_algorithms, ["RS256"]);
}

#[test]
fn a_discovery_document_that_is_no_use_is_refused() {
    let with = |name: &str, value: Value| {
        let mut document = discovery();
        document[name] = value;
        document.to_string()
    };
    for (document, miss) in [
        ("<html>".to_owned(), Miss::Unreadable),
        ("[]".to_owned(), Miss::Unreadable),
        ("{}".to_owned(), Miss::Incomplete),
        (with("issuer", json!(7)), Miss::Incomplete),
        (with("issuer", json!("https://login.example/{tenantid}/v2.0")), Miss::IssuerTemplate),
        (with("jwks_uri", Value::Null), Miss::Incomplete),
        (with("token_endpoint", json!("http://idp.example/token")), Miss::BadEndpoint),
        (with("token_endpoint", json!("/token")), Miss::BadEndpoint),
        (with("token_endpoint", json!("javascript:alert(1)")), Miss::BadEndpoint),
        (with("authorization_endpoint", json!("https://u:p@idp.example/")), Miss::BadEndpoint),
    ] {
        assert_eq!(discovery::read(&document, &https).expect_err("no use"), miss, "{document}");
    }
}

#[test]
fn keys_are_those_that_verify_signatures() {
    let n = |bytes: usize| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
    let strong = json!({"kty": "RSA", "kid": "a", "n": n(256), "e": "AQAB", "d": "private", "x5c": ["x"]});
    let set = json!({"keys": [
        strong, {"kty": "RSA", "n": n(128), "e": "AQAB"}, {"kty": "RSA", "use": "enc", "n": n(256), "e": "AQAB"},
        {"kty": "oct", "k": "secret"}, {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}, {"kty": "EC", "crv": "secp256k1", "x": "x", "y": "y"},
        {"kty": "OKP", "crv": "Ed25519", "x": "x"}, {"kty": "EC", "crv": "P-256", "x": "x"}, 7, null,
    ]});
    let Keys(found) = keys::read(set.to_string().as_bytes()).expect("keys");
    let kinds: Vec<_> = found["keys"].as_array().expect("a list").iter().map(|key| key["kty"].clone()).collect();
    assert_eq!(kinds, ["RSA", "EC", "OKP"]);
    assert_eq!(found["keys"][0], json!({"kty": "RSA", "kid": "a", "n": n(256), "e": "AQAB"}), "nothing private is kept");
    for (set, miss) in [("{}", Miss::Unreadable), ("x", Miss::Unreadable), (r#"{"keys": []}"#, Miss::NoKeys)] {
        assert_eq!(keys::read(set.as_bytes()).expect_err("no keys"), miss, "{set}");
    }
}

#[test]
fn a_certificate_is_read_from_pem_and_base64() {
    let read = certificates::written(RSA).expect("a certificate");
    assert!(read.by_hand && read.subject.contains("idp.acme.example"), "{read:?}");
    assert_eq!(certificates::written(&base64(RSA)).expect("base64").sha256, read.sha256);
    assert!(certificates::written(EC).is_ok());
    let two = format!("{RSA}{EC}");
    for (text, code) in [("", "bad_certificate"), ("x", "bad_certificate"), (&two, "bad_certificate"), (WEAK, "weak_key")] {
        assert_eq!(certificates::written(text).expect_err("no use").code, code, "{text:.40}");
    }
}

fn entity(inner: &str) -> String {
    format!(
        r#"<?xml version="1.0"?>
        <md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:acme:idp" validUntil="2027-01-01T00:00:00Z">
          <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" WantAuthnRequestsSigned="true">
            {inner}
            <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/>
            <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/>
          </md:IDPSSODescriptor>
        </md:EntityDescriptor>"#
    )
}

fn key(of: &str, pem: &str) -> String {
    format!(
        r#"<md:KeyDescriptor{of}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>
        {pem}
        </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"#,
        pem = base64(pem),
    )
}

#[test]
fn metadata_of_one_provider_is_read() {
    let keys = [key(r#" use="signing""#, RSA), key("", EC), key(r#" use="encryption""#, RSA), key("", WEAK)].concat();
    let read = metadata::read(&entity(&keys), &any).expect("metadata");
    let Configuration::Metadata(found) = read.configuration else { panic!("{read:?}") };
    assert_eq!(found.entity_id.as_str(), "urn:acme:idp");
    assert_eq!(found.sign_in_redirect.map(String::from).as_deref(), Some("https://idp.example/sso"));
    assert_eq!(found.sign_in_post.map(String::from).as_deref(), Some("https://idp.example/post"));
    assert!(found.wants_signed_requests && found.valid_until.is_some());
    // Without a purpose it signs; a weak one is passed over.
    let expected = [RSA, EC].map(|pem| certificates::written(pem).expect("a certificate").sha256);
    assert_eq!(read.certificates.iter().map(|one| one.sha256.clone()).collect::<Vec<_>>(), expected);
    assert!(read.certificates.iter().all(|one| !one.by_hand));
}

#[test]
fn metadata_that_is_no_use_is_refused() {
    let fine = entity(&key("", RSA));
    let doctype = fine.replacen("?>", "?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>", 1);
    let many = format!(
        r#"<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">{0}{0}</md:EntitiesDescriptor>"#,
        fine.split_once("?>").expect("a declaration").1
    );
    let deep = "<a>".repeat(100_000);
    for (text, miss) in [
        ("", Miss::Unreadable),
        ("{}", Miss::Unreadable),
        ("<html/>", Miss::Unreadable),
        (&doctype, Miss::Unreadable),
        (&deep, Miss::Unreadable),
        (&many, Miss::Incomplete),
        (&fine.replace("urn:acme:idp", ""), Miss::Incomplete),
        (&fine.replace("SAML:2.0:protocol", "SAML:1.1:protocol"), Miss::Incomplete),
        (&fine.replace("SingleSignOnService", "Other"), Miss::Incomplete),
        (&fine.replace("https://idp.example/sso", "http://idp.example/sso"), Miss::BadEndpoint),
        (&fine.replace("2027-01-01T00:00:00Z", "soon"), Miss::Unreadable),
        (&entity(""), Miss::NoCertificate),
        (&entity(&key("", WEAK)), Miss::NoCertificate),
        (&entity(&key(r#" use="encryption""#, RSA)), Miss::NoCertificate),
        // Another namespace's elements are none.
        (&fine.replace("http://www.w3.org/2000/09/xmldsig#", "urn:other"), Miss::NoCertificate),
    ] {
        assert_eq!(metadata::read(text, &https).expect_err("no use"), miss, "{text:.60}");
    }
}

#[test]
fn a_refused_code_tells_that_the_client_is_known() {
    let answer = |status: u16, body: &str| Incoming {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        truncated: false,
        elapsed: Duration::ZERO,
    };
    for (status, body, expected) in [
        (400, r#"{"error": "invalid_grant"}"#, Ok(())),
        (400, r#"{"error": "invalid_request"}"#, Ok(())),
        (401, r#"{"error": "invalid_client"}"#, Err(Miss::ClientRefused)),
        (400, r#"{"error": "invalid_client"}"#, Err(Miss::ClientRefused)),
        (400, r#"{"error": "unauthorized_client"}"#, Err(Miss::ClientRefused)),
        (401, "", Err(Miss::ClientRefused)),
        (404, "<html>", Err(Miss::Unreadable)),
        (200, "{}", Err(Miss::Unreadable)),
        (500, r#"{"error": "server_error"}"#, Err(Miss::Unreadable)),
    ] {
        assert_eq!(verdict(&answer(status, body)), expected, "{status} {body}");
    }
}
