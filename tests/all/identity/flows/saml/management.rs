//! How a service is set up, and how its certificate is replaced while people sign in.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, SamlClient, TestApp, both, text};

use super::{ANN, Scene};
use crate::core::shapes::has_exactly;

const CERTIFICATE: &[&str] = &["public_key", "valid_from", "valid_until", "is_active", "created_at"];

both!(a_service_is_set_up_in_every_field, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let (by, at) = (app.by(&scene.owner), scene.org.at("services/portal/saml"));
    for (field, value, code) in [
        ("entity_id", json!(""), "bad_issuer"),
        ("entity_id", Value::Null, "required"),
        ("acs_url", json!("http://portal.example.com/acs"), "not_https"),
        ("acs_url", json!("com.example.app:/acs"), "not_https"),
        ("acs_url", json!("https://a@portal.example.com/acs"), "credentials_in_uri"),
        ("other_acs_urls", json!([scene.service.acs]), "duplicate"),
        ("other_acs_urls", json!(["https://portal.example.com/*"]), "wildcard"),
        ("name_id_format", json!("transient"), "unknown_name_id_format"),
        ("attribute_mapping", json!({"password": "x"}), "unknown_attribute"),
        ("sign_assertions", json!(false), "must_sign"),
        ("encryption_certificate", json!("nonsense"), "bad_certificate"),
        ("request_certificate", json!("nonsense"), "bad_certificate"),
    ] {
        let refused = by.post(&at, scene.service.settings(json!({field: value}))).await;
        let body = refused.expect(400).json();
        assert!(body["details"].to_string().contains(&format!("\"{code}\"")), "{field} {code}: {body}");
    }
    let lone = by.post(&at, scene.service.settings(json!({"slo_url": scene.service.slo}))).await.expect(400).json();
    assert_eq!(lone["details"][0]["field"], "request_certificate", "{lone}");

    let all = json!({
        "other_acs_urls": ["http://localhost:3000/acs"], "slo_url": scene.service.slo, "name_id_format": "emailAddress",
        "attribute_mapping": {"email": "mail"}, "sign_assertions": true, "sign_response": true, "idp_initiated": true,
        "encryption_certificate": SamlClient::certificate(), "request_certificate": SamlClient::certificate(),
    });
    assert_eq!(by.post(&at, scene.service.settings(all)).await.ok()["success"], true);
    let shown = by.get(&at).await.ok();
    for (name, value) in [
        ("name_id_format", json!("emailAddress")),
        ("attribute_mapping", json!({"email": "mail"})),
        ("sign_assertions", json!(true)),
        ("sign_response", json!(true)),
        ("idp_initiated", json!(true)),
        ("other_acs_urls", json!(["http://localhost:3000/acs"])),
        ("slo_url", json!(scene.service.slo)),
    ] {
        assert_eq!(shown[name], value, "{shown}");
    }
    let log = by.get(&scene.org.at("audit-log?action=service.updated")).await.ok();
    assert!(log["logs"][0]["metadata"]["changed"].to_string().contains("saml_encryption_certificate"), "{log}");
    // The same again is no change.
    let count = log["logs"].as_array().map(Vec::len);
    let same = json!({
        "other_acs_urls": ["http://localhost:3000/acs"], "slo_url": scene.service.slo, "name_id_format": "emailAddress",
        "attribute_mapping": {"email": "mail"}, "sign_response": true, "idp_initiated": true,
        "encryption_certificate": SamlClient::certificate(), "request_certificate": SamlClient::certificate(),
    });
    by.post(&at, scene.service.settings(same)).await.ok();
    assert_eq!(by.get(&scene.org.at("audit-log?action=service.updated")).await.ok()["logs"].as_array().map(Vec::len), count);

    assert_eq!(by.delete(&at).await.ok(), Value::Null);
    by.get(&at).await.expect(404);
    by.delete(&at).await.expect(404);
    by.get(&scene.org.at("services/portal/saml/certificate")).await.expect(404);
});

both!(what_the_tier_does_not_have_is_not_switched_on, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let at = scene.org.at("services/portal/saml");
    app.execute("update tiers set features = '{\"allow_saml_idp\":false}'").await;
    // Tiers are kept in memory for a while.
    app.advance(TimeDelta::hours(1));
    let by = app.by(&app.again(&scene.owner).await);
    let refused = by.post(&at, scene.service.settings(json!({}))).await;
    refused.refused_as(403, "FEATURE_NOT_AVAILABLE_IN_TIER", "feature_not_in_tier");
    by.post(&at, scene.service.settings(json!({"enabled": false}))).await.ok();
});

both!(
    saml_for_services_can_be_switched_off_for_everybody,
    tenantry_tests::Options::default().set("saml.enabled", false),
    async |app| {
        let owner = app.sign_up(ANN).await;
        let org = app.create_org(&owner, "acme").await;
        app.by(&owner).post(&org.at("services"), json!({"slug": "portal", "name": "Portal", "service_type": "web"})).await.ok();
        let settings = SamlClient::default().settings(json!({}));
        app.by(&owner).post(&org.at("services/portal/saml"), settings).await.refused_as(400, "BAD_REQUEST", "saml_disabled");
        Browser::new(app).open("/saml/acme/portal/metadata").await.page().1.expect(404);
        Browser::new(app).open("/saml/acme/portal/sso?SAMLRequest=x").await.page().1.expect(400);
    }
);

async fn published(app: &TestApp, scene: &Scene) -> Vec<String> {
    let (_, page) = Browser::new(app).open(&scene.path(app).replace("/sso", "/metadata")).await.page();
    let xml = page.text();
    xml.split("<ds:X509Certificate>").skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect()
}

fn bare(certificate: &Value) -> String {
    text(&certificate["public_key"]).lines().filter(|line| !line.starts_with('-')).collect()
}

both!(a_certificate_is_published_before_it_signs_and_after, async |app| {
    let mut scene = Scene::new(app, json!({})).await;
    let at = scene.org.at("services/portal/saml/certificate");
    let by = app.by(&scene.owner);
    let first = by.get(&at).await.ok();
    has_exactly(&first, CERTIFICATE);
    assert_eq!((&first["is_active"], published(app, &scene).await), (&json!(true), vec![bare(&first)]));
    by.delete(&format!("{at}/overlap")).await.refused_as(400, "BAD_REQUEST", "no_overlap");
    by.post(&at, json!({"signs_in_seconds": 7_776_001})).await.expect(400);

    let next = by.post(&at, json!({})).await.ok();
    has_exactly(&next, &[CERTIFICATE, &["signs_from", "overlap"]].concat());
    assert_eq!((&next["is_active"], &next["overlap"]["is_active"]), (&json!(false), &json!(true)), "{next}");
    assert_eq!(published(app, &scene).await, [bare(&first), bare(&next)], "the one that signs comes first");
    let signed_by = async |scene: &Scene| {
        let (_, wanted, answer) = scene.signs_in(app, ANN).await;
        scene.believes(app, &wanted, &answer);
        answer.between("<ds:X509Certificate>", "<")
    };
    assert_eq!(signed_by(&scene).await, bare(&first));
    app.advance(TimeDelta::days(7));
    scene.owner = app.again(&scene.owner).await;
    scene.metadata = Browser::new(app).open(&scene.path(app).replace("/sso", "/metadata")).await.page().1.text();
    assert_eq!(signed_by(&scene).await, bare(&next));
    assert_eq!(published(app, &scene).await, [bare(&next), bare(&first)]);
    // Another one replaces what does not sign.
    let by = app.by(&scene.owner);
    let third = by.post(&at, json!({"signs_in_seconds": 3600})).await.ok();
    assert_eq!(published(app, &scene).await, [bare(&next), bare(&third)]);
    assert_eq!(by.delete(&format!("{at}/overlap")).await.ok(), Value::Null);
    assert_eq!(published(app, &scene).await, [bare(&third)]);
    let shown = by.get(&at).await.ok();
    assert_eq!((bare(&shown), &shown["is_active"], &shown["overlap"]), (bare(&third), &json!(true), &Value::Null));
    // At once.
    let fourth = by.post(&at, json!({"signs_in_seconds": 0})).await.ok();
    assert_eq!((&fourth["is_active"], &fourth["overlap"]["is_active"]), (&json!(true), &json!(false)), "{fourth}");
    assert_eq!(app.count("select count(*) from service_saml_keys").await, 2);
    let dump = app.dump().await;
    assert!(!dump.contains("PRIVATE") && !dump.contains("MIIG"), "keys are sealed");
});
