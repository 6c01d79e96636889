//! What is set, shown, refused.

use tenantry_tests::both;

use super::*;
use crate::core::shapes::has;

/// As the contract has it, …
const CONTRACT: &[&str] =
    &["id", "org_id", "connection_id", "name", "provider_type", "enabled", "client_id", "has_secret", "created_at", "updated_at"];
/// … and ours beside it.
const OURS: &[&str] = &["callback_url", "ready", "findings", "jit", "attribute_mapping", "role_mapping", "generation"];
const SOMETIMES: &[&str] = &[
    "issuer",
    "authorization_url",
    "token_url",
    "userinfo_url",
    "discovery_url",
    "scopes",
    "metadata",
    "document",
    "certificates",
];

both!(a_connection_is_made_shown_changed_and_deleted, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path, idp) = (app.by(&ann), org.at("upstream-providers"), IdentityProvider::start().await);
    assert_eq!(by.get(&path).await.ok(), json!([]));
    let mut body = oidc(&idp);
    body["scopes"] = json!("openid email");
    body["metadata"] = json!({"any": ["JSON", null]});
    let made = by.post(&path, body).await.ok();
    has(&made, &[CONTRACT, OURS].concat(), SOMETIMES);
    for (field, value) in [
        ("org_id", json!(org.id)),
        ("connection_id", json!("okta")),
        ("name", json!("Okta")),
        ("provider_type", json!("oidc")),
        ("enabled", json!(true)),
        ("client_id", json!(IDP_CLIENT.0)),
        ("has_secret", json!(true)),
        ("discovery_url", json!(idp.discovery_url())),
        ("scopes", json!("openid email")),
        ("metadata", json!({"any": ["JSON", null]})),
        ("ready", json!(true)),
        ("findings", json!([])),
        ("jit", json!(false)),
        ("generation", json!(1)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let document = &made["document"];
    assert_eq!((&document["issuer"], &document["keys"]), (&json!(idp.url), &json!(1)));
    let one = format!("{path}/{}", text(&made["id"]));
    assert_eq!(by.get(&one).await.ok(), made);
    assert_eq!(by.get(&path).await.ok(), json!([made]));
    // Partial: what is left out stays, null clears.
    let changed = by.patch(&one, json!({"name": "Okta 2", "scopes": null, "enabled": false, "jit": true})).await.ok();
    for (field, value) in [("name", json!("Okta 2")), ("enabled", json!(false)), ("jit", json!(true)), ("generation", json!(1))] {
        assert_eq!(changed[field], value, "{field}");
    }
    assert!(changed.get("scopes").is_none() && changed["document"] == made["document"], "{changed}");
    assert_eq!(by.patch(&one, json!({})).await.ok()["updated_at"], changed["updated_at"], "nothing is no change");
    assert_eq!(by.delete(&one).await.ok(), json!({"success": true}));
    for answer in [by.get(&one).await, by.delete(&one).await, by.patch(&one, json!({"jit": true})).await] {
        answer.refused(404, "NOT_FOUND");
    }
    let updated = recorded(app, &ann, &org, "connection.updated").await;
    assert_eq!((updated.len(), &updated[0]["changed"]), (1, &json!(["name", "enabled", "jit", "scopes"])));
    for action in ["connection.created", "connection.deleted"] {
        assert_eq!(recorded(app, &ann, &org, action).await.len(), 1, "{action}");
    }
});

both!(three_urls_by_hand_will_do, async |app| {
    let (ann, org) = founded(app).await;
    for (slug, protocol) in [("a", "oauth2"), ("b", "oidc")] {
        let body = json!({
            "connection_id": slug, "name": "By hand", "provider_type": protocol, "client_id": "x", "client_secret": "y",
            "issuer": "https://idp.example", "authorization_url": "http://127.0.0.1:9/a", "token_url": "http://127.0.0.1:9/t",
            "userinfo_url": "http://127.0.0.1:9/u", "enabled": false,
        });
        let made = app.by(&ann).post(&org.at("upstream-providers"), body).await.ok();
        assert_eq!((&made["ready"], &made["enabled"]), (&json!(true), &json!(false)), "{made}");
        assert_eq!(made["userinfo_url"], "http://127.0.0.1:9/u");
    }
});

both!(each_field_that_is_wrong_is_named, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("upstream-providers"));
    by.post(&path, json!({})).await.invalid(&["connection_id", "name", "provider_type", "client_id"]);
    let bare = |protocol: &str| json!({"connection_id": "x", "name": "Some", "provider_type": protocol, "client_id": "x"});
    let needed = ["authorization_url", "token_url", "userinfo_url", "client_secret"];
    by.post(&path, bare("oidc")).await.invalid(&needed);
    by.post(&path, bare("oauth2")).await.invalid(&needed);
    by.post(&path, bare("saml")).await.invalid(&["authorization_url"]);
    let one = make(app, &ann, &org, saml()).await;
    for (field, values) in [
        ("name", vec![json!(" "), json!(7), json!("x".repeat(101))]),
        ("client_id", vec![json!(""), json!(" x"), json!("a\nb"), json!("x".repeat(513)), json!({})]),
        ("client_secret", vec![json!(""), json!("a\0b"), json!(7)]),
        ("issuer", vec![json!(""), json!("a b"), json!("x".repeat(1025)), json!([])]),
        (
            "authorization_url",
            vec![json!("idp"), json!("ftp://x.example"), json!("https://u:p@x.example"), json!("https://x/#y")],
        ),
        ("token_url", vec![json!("javascript:alert(1)"), json!(1)]),
        ("userinfo_url", vec![json!("https://x\\y")]),
        ("discovery_url", vec![json!("file:///etc/passwd")]),
        ("scopes", vec![json!(""), json!("a  b"), json!("\"")]),
        ("metadata", vec![json!("x".repeat(17_000))]),
        ("enabled", vec![json!("yes")]),
        ("jit", vec![json!(1)]),
        ("document", vec![json!(""), json!("<x/>"), json!("{}"), json!(7)]),
        ("certificates", vec![json!("x"), json!(["x"]), json!([WEAK]), json!([7]), json!(vec![RSA; 11])]),
        ("attribute_mapping", vec![json!("x"), json!({"other": "x"}), json!({"email": ""}), json!({"email": "x".repeat(201)})]),
        (
            "role_mapping",
            vec![
                json!({}),
                json!([{"group": "g"}]),
                json!([{"group": "", "role": "some"}]),
                json!([{"group": "g", "role": "owner"}]),
                json!([{"group": "g", "role": "admin"}]),
                json!([{"group": "g", "role": "nobody-made-it"}]),
                json!(vec![json!({"group": "g", "role": "some"}); 101]),
            ],
        ),
    ] {
        for value in values {
            let mut body = saml();
            body["connection_id"] = json!("other");
            body[field] = value.clone();
            by.post(&path, body).await.invalid(&[field]);
            by.patch(&one, json!({field: value})).await.invalid(&[field]);
        }
    }
    for slug in [json!(""), json!("a b"), json!("google"), json!("x".repeat(65)), json!(1)] {
        let mut body = saml();
        body["connection_id"] = slug;
        by.post(&path, body).await.invalid(&["connection_id"]);
    }
    by.post(&path, saml()).await.refused_as(400, "DUPLICATE_CONSTRAINT", "connection_id_taken");
    by.patch(&one, json!({"authorization_url": null})).await.invalid(&["authorization_url"]);
    assert_eq!(by.get(&path).await.ok().as_array().map(Vec::len), Some(1), "nothing half made is left");
});

both!(t35_addresses_that_are_not_public_are_refused, async |app| {
    let (ann, org) = founded(app).await;
    let one = make(app, &ann, &org, saml()).await;
    for url in [
        "http://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/",
        "https://167772161/",
        "http://8.8.8.8/",
    ] {
        for field in ["authorization_url", "discovery_url", "token_url", "userinfo_url"] {
            app.by(&ann).patch(&one, json!({field: url})).await.invalid(&[field]);
        }
    }
    // Nor through a document.
    let idp = IdentityProvider::start().await;
    let mut document = idp.document();
    document["jwks_uri"] = json!("http://10.0.0.1/keys");
    idp.publishes(&document);
    let made = app.by(&ann).post(&org.at("upstream-providers"), oidc(&idp)).await.ok();
    assert_eq!((&made["ready"], made.get("document")), (&json!(false), None), "{made}");
    assert!(codes(&made).contains(&"bad_endpoint".to_owned()), "{made}");
});

both!(who_integrates_may_and_nobody_else, async |app| {
    let (ann, org) = founded(app).await;
    let one = make(app, &ann, &org, saml()).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "integrator", &["integrations.manage"]).await;
    let pat = app.member(&ann, "acme", "pat@example.com", "integrator").await;
    app.by(&pat).get(&one).await.ok();
    app.by(&pat).patch(&one, json!({"jit": true})).await.ok();
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let olga = app.sign_up("olga@example.com").await;
    for may_not in [&bob, &olga, &root] {
        let (by, path) = (app.by(may_not), org.at("upstream-providers"));
        by.get(&path).await.refused(403, "FORBIDDEN");
        by.get(&one).await.refused(403, "FORBIDDEN");
        by.post(&path, saml()).await.refused(403, "FORBIDDEN");
        by.patch(&one, json!({"jit": true})).await.refused(403, "FORBIDDEN");
        by.delete(&one).await.refused(403, "FORBIDDEN");
        by.post_empty(&format!("{one}/test")).await.refused(403, "FORBIDDEN");
    }
});

both!(no_more_connections_than_there_may_be_however_many_come_at_once, async |app| {
    let (ann, org) = founded(app).await;
    let named = |n: usize| {
        let mut body = saml();
        (body["connection_id"], body["certificates"]) = (json!(format!("c{n}")), json!([]));
        body
    };
    for n in 0..48 {
        make(app, &ann, &org, named(n)).await;
    }
    let by = app.by(&ann);
    let racers = (48..54).map(|n| {
        let (by, path, body) = (by.clone(), org.at("upstream-providers"), named(n));
        async move { by.post(&path, body).await.status }
    });
    let statuses = futures::future::join_all(racers).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 2, "{statuses:?}");
    by.post(&org.at("upstream-providers"), named(60)).await.refused_as(400, "BAD_REQUEST", "connection_limit");
    let all = by.get(&org.at("upstream-providers")).await.ok();
    assert_eq!(all.as_array().map(Vec::len), Some(50));
    by.delete(&org.at(&format!("upstream-providers/{}", text(&all[0]["id"])))).await.ok();
    make(app, &ann, &org, named(60)).await;
});

both!(no_signing_certificate_no_start, async |app| {
    let (ann, org) = founded(app).await;
    let idp = IdentityProvider::start().await;
    let mut body = saml();
    body["certificates"] = json!([]);
    let made = app.by(&ann).post(&org.at("upstream-providers"), body).await.ok();
    assert_eq!(
        (&made["enabled"], &made["ready"], codes(&made)),
        (&json!(true), &json!(false), vec!["no_certificate".to_owned()])
    );
    let one = org.at(&format!("upstream-providers/{}", text(&made["id"])));
    let by_hand = app.by(&ann).patch(&one, json!({"certificates": [RSA]})).await.ok();
    assert_eq!((&by_hand["ready"], &by_hand["certificates"][0]["state"]), (&json!(true), &json!("current")));
    assert!(text(&by_hand["certificates"][0]["subject"]).contains("idp.acme.example"));
    // Metadata brings its own, beside what was written down.
    let url = idp.publishes_metadata("urn:acme:idp", &[EC]);
    let both = app.by(&ann).patch(&one, json!({"discovery_url": url})).await.ok();
    assert_eq!(both["certificates"].as_array().map(Vec::len), Some(2), "{both}");
    let published = app.by(&ann).patch(&one, json!({"certificates": []})).await.ok();
    assert_eq!((&published["ready"], published["certificates"].as_array().map(Vec::len)), (&json!(true), Some(1)));
    // Metadata of somebody else is not taken: the issuer was written down.
    let url = idp.publishes_metadata("urn:other:idp", &[RSA]);
    let other = app.by(&ann).patch(&one, json!({"discovery_url": url})).await.ok();
    assert!(codes(&other).contains(&"issuer_mismatch".to_owned()) && other["ready"] == false, "{other}");
    // The same, uploaded; and one without certificates is refused with its field.
    let metadata = tenantry_tests::metadata(&idp.url, "urn:acme:idp", &[RSA]);
    let uploaded = app.by(&ann).patch(&one, json!({"document": metadata})).await.ok();
    assert_eq!((&uploaded["ready"], &uploaded["document"]["issuer"]), (&json!(true), &json!("urn:acme:idp")), "{uploaded}");
    let bare = tenantry_tests::metadata(&idp.url, "urn:acme:idp", &[]);
    app.by(&ann).patch(&one, json!({"document": bare})).await.invalid(&["document"]);
});

both!(what_cannot_be_fetched_refuses_nothing_and_says_why, async |app| {
    let (ann, org) = founded(app).await;
    for (n, (status, body, code)) in [
        (404, String::new(), "bad_status"),
        (302, String::new(), "bad_status"),
        (200, "<html>".to_owned(), "unreadable"),
        (200, "{}".to_owned(), "incomplete"),
        (200, " ".repeat(600_000), "too_large"),
        (200, json!({"issuer": "https://login.example/{tenant}"}).to_string(), "issuer_template"),
    ]
    .into_iter()
    .enumerate()
    {
        let idp = IdentityProvider::start().await;
        idp.says("/.well-known/openid-configuration", status, &body);
        let mut body = oidc(&idp);
        body["connection_id"] = json!(format!("c{n}"));
        let made = app.by(&ann).post(&org.at("upstream-providers"), body).await.ok();
        assert!(made["ready"] == false && codes(&made).contains(&code.to_owned()), "{code}: {made}");
        assert_eq!(idp.asked(), ["/.well-known/openid-configuration"], "a redirect is not followed");
        // Once it is there, setting the address again is all.
        idp.publishes(&idp.document());
        let one = org.at(&format!("upstream-providers/{}", text(&made["id"])));
        let again = app.by(&ann).patch(&one, json!({"discovery_url": idp.discovery_url()})).await.ok();
        assert_eq!(again["ready"], true, "{again}");
    }
});

both!(a_test_tells_each_thing_by_itself, async |app| {
    let (ann, org) = founded(app).await;
    let idp = IdentityProvider::start().await;
    let path = make(app, &ann, &org, oidc(&idp)).await;
    let statuses = async || {
        let tested = app.by(&ann).post_empty(&format!("{path}/test")).await.ok();
        let checks = tested["checks"].as_array().expect("a list").clone();
        (
            tested["success"] == true,
            checks.iter().map(|c| format!("{} {}", text(&c["check"]), text(&c["status"]))).collect::<Vec<_>>(),
        )
    };
    let all = ["document passed", "keys passed", "certificate skipped", "endpoints passed", "client passed"];
    assert_eq!(statuses().await, (true, all.map(str::to_owned).to_vec()));
    app.by(&ann).patch(&path, json!({"client_secret": "a-wrong-one"})).await.ok();
    idp.says("/keys", 200, r#"{"keys": []}"#);
    let found = statuses().await;
    assert!(!found.0 && found.1[1] == "keys failed" && found.1[4] == "client failed", "{found:?}");
    let tests = recorded(app, &ann, &org, "connection.tested").await;
    assert_eq!(tests[0]["failed_checks"], json!(["keys", "client"]));
    let by_hand = make(app, &ann, &org, saml()).await;
    let tested = app.by(&ann).post_empty(&format!("{by_hand}/test")).await.ok();
    assert_eq!((&tested["success"], &tested["checks"][2]["status"]), (&json!(true), &json!("passed")), "{tested}");
});
