//! SAML by real processes: pysaml2 (Debian's), which reads our metadata and our requests, and signs and encrypts what the server then takes; and as a service,
//! which asks, and takes what we sign and encrypt.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use tenantry_tests::block_on;

use super::{
    oauth::said,
    world::{PASSWORD, ROOT, World},
};

/// What pysaml2 says as a provider.
fn pysaml2(arguments: &[&str]) -> String {
    python("saml_provider.py", arguments)
}

fn python(script: &str, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("all/processes").join(script);
    let output = Command::new("/usr/bin/python3").arg(script).args(arguments).output().expect("python3");
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "(packages python3-pysaml2, xmlsec1) {said}{complaint}");
    said.into_owned()
}

#[test]
fn pysaml2_signs_somebody_in() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let redirect_uri = "https://app.example.com/callback";
        let made = world.run(
            &["client", "create", "--name", "Ledgerline", "--redirect-uri", redirect_uri, "--organizations", "require"],
            &[("server.public_url", &server.base)],
        );
        let made = String::from_utf8_lossy(&made.stdout).into_owned();
        let root = server.api().post("/api/auth/login", json!({"email": ROOT, "password": PASSWORD})).await.ok();
        let by = server.api().with(root["access_token"].as_str().expect("a token"));
        by.post("/api/organizations", json!({"slug": "acme", "name": "Acme"})).await.ok();
        let folder = world.folder().display().to_string();
        let connection = json!({
            "connection_id": "py", "name": "Acme pysaml2", "provider_type": "saml", "client_id": "urn:tenantry", "jit": true,
            "document": pysaml2(&["metadata", &folder]),
        });
        let connection = by.post("/api/organizations/acme/upstream-providers", connection).await.ok();
        assert_eq!(connection["ready"], true, "{connection}");
        let metadata = connection["metadata_url"].as_str().expect("a URL");
        let authorize = format!(
            "{}/authorize?response_type=code&client_id={}&redirect_uri={redirect_uri}&scope=openid&state=s&nonce=n&organization=acme\
             &connection=py&code_challenge={}&code_challenge_method=S256",
            server.base,
            said(&made, "client_id"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        let arguments = ["sign-in", &folder, &server.base, metadata, "bea@acme.example"];
        let all = pysaml2(&[&arguments[..], &[authorize.as_str(); 4]].concat());
        let all: Vec<Value> = serde_json::from_str(&all).expect("JSON");
        assert_eq!(all.len(), 4);
        for one in &all {
            // Two keys are published, and one of them signed.
            assert_eq!(one["verified"], json!([true, false]), "{one}");
            assert!(one["answer"]["code"].is_string(), "{one}");
        }
        let path = format!("/api/organizations/acme/upstream-providers/{}", connection["id"].as_str().expect("an id"));
        let attempts = by.get(&format!("{path}/attempts")).await.ok();
        let outcomes: Vec<&Value> =
            attempts["attempts"].as_array().expect("attempts").iter().map(|one| &one["outcome"]).collect();
        assert_eq!(outcomes, [&json!("signed_in"); 4], "{attempts}");
        let identities = by.get(&format!("{path}/identities")).await.ok();
        assert_eq!(identities["identities"].as_array().expect("identities").len(), 1, "{identities}");
        server.stop().await;
    });
}

#[test]
fn pysaml2_takes_who_signed_in_here() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let root = server.api().post("/api/auth/login", json!({"email": ROOT, "password": PASSWORD})).await.ok();
        let by = server.api().with(root["access_token"].as_str().expect("a token"));
        by.post("/api/organizations", json!({"slug": "acme", "name": "Acme"})).await.ok();
        by.post("/api/organizations/acme/services", json!({"slug": "portal", "name": "Portal", "service_type": "web"}))
            .await
            .ok();
        let folder = world.folder().display().to_string();
        let certificate = python("saml_service.py", &["keys", &folder]);
        let path = "/api/organizations/acme/services/portal/saml";
        let mut names = Vec::new();
        for (how, signs) in [("redirect", false), ("post", true)] {
            let mut settings = json!({
                "enabled": true, "entity_id": "https://portal.example.com/saml/metadata", "acs_url": "https://portal.example.com/saml/acs",
                "slo_url": "https://portal.example.com/saml/slo", "request_certificate": certificate, "sign_response": signs,
                "attribute_mapping": {"email": "mail"},
            });
            if signs {
                settings["encryption_certificate"] = json!(certificate);
            }
            by.post(path, settings).await.ok();
            let metadata = by.get(path).await.ok();
            let metadata = metadata["metadata_url"].as_str().expect("a URL").to_owned();
            let believed = python("saml_service.py", &["sign-in", &folder, &metadata, ROOT, PASSWORD, how]);
            let believed: Value = serde_json::from_str(&believed).expect("JSON");
            assert_eq!((&believed["attributes"]["mail"][0], &believed["encrypted"]), (&json!(ROOT), &json!(signs)), "{believed}");
            assert_eq!((&believed["gone"], &believed["asked_again"]), (&json!(true), &json!(true)), "{believed}");
            assert_eq!(believed["acs"], "https://portal.example.com/saml/acs");
            names.push(believed["name_id"].clone());
        }
        assert_eq!(names[0], names[1], "the same person");
        server.stop().await;
    });
}
