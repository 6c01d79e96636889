//! What the clock does: documents and keys are fetched again, certificates end.

use chrono::TimeDelta;
use tenantry_tests::both;

use super::*;

async fn looked(app: &TestApp, after: TimeDelta) -> u64 {
    app.advance(after);
    let looked = app.run_jobs().await["connections"];
    app.worker().await;
    looked
}

fn mails(app: &TestApp, about: &str) -> usize {
    app.mails_to("ann@example.com").iter().filter(|mail| mail.subject.contains(about)).count()
}

both!(keys_are_fetched_every_six_hours, async |app| {
    let (ann, org) = founded(app).await;
    let idp = IdentityProvider::start().await;
    let path = make(app, &ann, &org, oidc(&idp)).await;
    let key = |kid: &str| json!({"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": "eA"});
    idp.says("/keys", 200, &json!({"keys": [key("2"), key("3")]}).to_string());
    assert_eq!(looked(app, TimeDelta::minutes(359)).await, 0);
    app.by(&app.again(&ann).await).patch(&path, json!({"name": "Changed meanwhile"})).await.ok();
    assert_eq!(looked(app, TimeDelta::minutes(1)).await, 1);
    assert_eq!(shown(app, &ann, &path).await["document"]["keys"], 2);
    assert_eq!(looked(app, TimeDelta::hours(1)).await, 0);
    app.by(&app.again(&ann).await).delete(&path).await.ok();
    assert_eq!(looked(app, TimeDelta::days(1)).await, 0);
});

both!(other_addresses_wait_until_somebody_accepts_them, async |app| {
    let (ann, org) = founded(app).await;
    let idp = IdentityProvider::start().await;
    let path = make(app, &ann, &org, oidc(&idp)).await;
    let mut document = idp.document();
    document["authorization_endpoint"] = json!(format!("{}/elsewhere", idp.url));
    idp.publishes(&document);
    for _ in 0..2 {
        assert_eq!(looked(app, TimeDelta::hours(6)).await, 1);
    }
    let waits = shown(app, &ann, &path).await;
    assert_eq!(waits["document"]["authorization_url"], format!("{}/authorize", idp.url));
    assert_eq!((codes(&waits), &waits["ready"]), (vec!["endpoints_changed".to_owned()], &json!(true)));
    assert_eq!(recorded(app, &ann, &org, "connection.endpoints_changed").await.len(), 1, "told once");
    assert_eq!(mails(app, "wants to be looked at"), 1);
    let by = app.again(&ann).await;
    let accepted = app.by(&by).patch(&path, json!({"discovery_url": idp.discovery_url()})).await.ok();
    assert_eq!(accepted["document"]["authorization_url"], format!("{}/elsewhere", idp.url));
    assert_eq!((codes(&accepted).len(), &accepted["generation"]), (0, &json!(2)));
});

both!(another_issuer_and_a_failure_change_nothing_and_are_told_after_a_day, async |app| {
    let (ann, org) = founded(app).await;
    let idp = IdentityProvider::start().await;
    let path = make(app, &ann, &org, oidc(&idp)).await;
    let mut document = idp.document();
    document["issuer"] = json!("https://other.example");
    idp.publishes(&document);
    assert_eq!(looked(app, TimeDelta::hours(6)).await, 1);
    let failing = shown(app, &ann, &path).await;
    assert_eq!((&failing["document"]["issuer"], codes(&failing)), (&json!(idp.url), vec!["issuer_mismatch".to_owned()]));
    assert_eq!(failing["ready"], true);
    assert_eq!(recorded(app, &ann, &org, "connection.document_failing").await.len(), 0);
    for _ in 0..25 {
        assert_eq!(looked(app, TimeDelta::hours(1)).await, 1, "it is tried every hour");
    }
    let told = recorded(app, &ann, &org, "connection.document_failing").await;
    assert_eq!((told.len(), &told[0]["reason"]), (1, &json!("issuer_mismatch")));
    assert_eq!(mails(app, "wants to be looked at"), 1);
    idp.publishes(&idp.document());
    looked(app, TimeDelta::hours(1)).await;
    assert_eq!(codes(&shown(app, &ann, &path).await).len(), 0);
});

both!(certificates_join_and_retire_with_the_metadata, async |app| {
    let (ann, org) = founded(app).await;
    let idp = IdentityProvider::start().await;
    let url = idp.publishes_metadata("urn:acme:idp", &[RSA]);
    let body =
        json!({"connection_id": "adfs", "name": "ADFS", "provider_type": "saml", "client_id": "urn:us", "discovery_url": url});
    let path = make(app, &ann, &org, body).await;
    idp.publishes_metadata("urn:acme:idp", &[EC]);
    looked(app, TimeDelta::hours(6)).await;
    let states = async || {
        let certificates = shown(app, &ann, &path).await["certificates"].clone();
        certificates.as_array().expect("a list").iter().map(|one| text(&one["state"])).collect::<Vec<_>>()
    };
    assert_eq!(states().await, ["current", "current"], "the old one is used for a week");
    looked(app, TimeDelta::days(7)).await;
    looked(app, TimeDelta::hours(6)).await;
    assert_eq!(states().await, ["current"]);
});

both!(owners_are_told_before_the_last_certificate_ends, async |app| {
    let (ann, org) = founded(app).await;
    let path = make(app, &ann, &org, saml()).await;
    let ends = text(&shown(app, &ann, &path).await["certificates"][0]["not_after"]);
    let ends: domain::Time = ends.parse().expect("a time");
    let mut told = Vec::new();
    for days in [61, 59, 58, 29, 6, 1] {
        looked(app, ends - TimeDelta::days(days) - app.now()).await;
        told.push(mails(app, "certificate"));
    }
    assert_eq!(told, [0, 1, 1, 2, 3, 3]);
    assert_eq!(app.count("select count(*) from events where name = 'connection.certificate_ending'").await, 3);
    looked(app, TimeDelta::days(2)).await;
    assert_eq!(codes(&shown(app, &ann, &path).await), ["no_certificate"]);
});
