//! Responses that others made: xmlsec1 over every usual way to write and sign one, and pysaml2, signed, encrypted, and its logout. They were made
//! by fixtures/make.py, at a moment that stands still. The same script judges what `ours_for_others` writes.

use std::{fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    core::ports::SamlServiceProvider,
    identity::saml::{
        Binding, Check, Dispatch, Expectation, Logout, LogoutRequest, LogoutResponse, MessageId, NameId, SpKey, SpMetadata,
    },
};
use tenantry_federation::saml::{ServiceProvider, logout};

use crate::{
    logout::SLO,
    messages,
    provider::{OURS, SP, USER, expected, failed, judged, now},
};

fn fixtures(folder: &str) -> Vec<(String, String)> {
    let mut all: Vec<_> = fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    all.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn der(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(path(name)).unwrap();
    STANDARD.decode(text.lines().filter(|line| !line.starts_with("---")).collect::<String>()).unwrap()
}

fn theirs() -> Expectation {
    let keys = vec![SpKey::new(der("sp.key"), der("sp.crt"))];
    Expectation { certificates: vec![der("ec.crt"), der("idp.crt")], keys, ..expected() }
}

#[test]
fn every_usual_way_to_write_and_sign_is_taken() {
    let all = [fixtures("xmlsec1"), fixtures("pysaml2")].concat();
    assert!(all.len() > 45, "{}", all.len());
    for (name, xml) in all {
        let outcome = judged(&xml, &theirs());
        let said = outcome.verdict.unwrap_or_else(|check| panic!("{name}: {check:?} {:?}", outcome.findings));
        assert!(said.subject.contains(USER), "{name}");
        assert!(said.attributes.iter().any(|attribute| !attribute.values.is_empty()), "{name}");
        // And only with its signatures as they are.
        let changed = xml.replacen(USER, "admin@tenant.example", 1);
        assert_eq!(failed(&changed, &theirs()), Some(Check::Signature), "{name}");
    }
}

#[test]
fn what_others_encrypt_is_taken_where_it_should_be() {
    let all = fixtures("encrypted");
    assert_eq!(all.len(), 9);
    for (name, xml) in all {
        let wanted = match name.as_str() {
            "3des-assertion" | "3des-response" | "3des-both" => Some(Check::Encryption),
            "aes128-cbc-assertion" => Some(Check::Encryption),
            _ => None,
        };
        assert_eq!(failed(&xml, &theirs()), wanted, "{name}");
        let switched = Expectation { unauthenticated_cbc: true, ..theirs() };
        let wanted = wanted.filter(|_| name.starts_with("3des"));
        assert_eq!(failed(&xml, &switched), wanted, "{name}, with CBC");
    }
}

#[test]
fn pysaml2_signs_people_out() {
    let text = fs::read_to_string(path("logout.txt")).unwrap();
    let expected = domain::identity::saml::LogoutExpectation { certificates: vec![der("idp.crt")], ..crate::logout::expected() };
    let states: Vec<_> = text
        .lines()
        .map(|query| match logout(query, &expected) {
            Ok(Logout::Requested { name_id, relay_state, .. }) if name_id.value == USER => relay_state,
            other => panic!("{other:?} of {query}"),
        })
        .collect();
    assert_eq!(states.len(), 6);
    assert!(states.contains(&Some("a b+c/ü&x=y".to_owned())));
}

#[test]
#[ignore = "writes our messages for fixtures/make.py check"]
fn ours_for_others() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("saml");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let provider = ServiceProvider::start().unwrap();
    let url = |dispatch: Dispatch| match dispatch {
        Dispatch::Redirect(url) => url,
        Dispatch::Post { .. } => panic!("a URL"),
    };
    let lines = STANDARD.encode(&OURS.certificate);
    let lines: Vec<_> = lines.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    write("sp.crt", &format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")));
    let destination = "https://idp.test/sso?a=b";
    write("request.url", &url(provider.ask(&messages::request(Binding::Redirect, "https://idp.test/sso")).unwrap()));
    write("request.xml", &messages::posted(&messages::request(Binding::Post, destination)));
    write("metadata.xml", &provider.metadata(&SpMetadata { key: Some(OURS.clone()), ..messages::metadata() }).unwrap());
    let (id, destination, entity_id) = (MessageId::new([1; 32]), SLO.parse().unwrap(), SP.to_owned());
    let name_id = NameId { value: USER.to_owned(), format: None, name_qualifier: None, sp_name_qualifier: None };
    let request = LogoutRequest {
        id: id.clone(),
        issued_at: now(),
        destination,
        entity_id: entity_id.clone(),
        name_id,
        session_index: Some("s1".to_owned()),
        relay_state: Some("state".parse().unwrap()),
        key: OURS.clone(),
    };
    let response = LogoutResponse {
        id,
        issued_at: now(),
        destination: SLO.parse().unwrap(),
        entity_id,
        in_response_to: "_logout".to_owned(),
        is_success: true,
        relay_state: None,
        key: OURS.clone(),
    };
    write("logout-request.url", &url(provider.ask_logout(&request).unwrap()));
    write("logout-response.url", &url(provider.answer_logout(&response).unwrap()));
}
