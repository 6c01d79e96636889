//! Whom a connection speaks for: the client's secret, generations, and what groups may give.

use tenantry_tests::both;

use super::*;

both!(the_secret_is_sealed_and_never_shown, async |app| {
    let (ann, org) = founded(app).await;
    let idp = IdentityProvider::start().await;
    let path = make(app, &ann, &org, oidc(&idp)).await;
    let mut seen = shown(app, &ann, &path).await.to_string();
    seen += &app.by(&ann).get(&org.at("upstream-providers")).await.text();
    seen += &app.by(&ann).post_empty(&format!("{path}/test")).await.text();
    app.worker().await;
    seen += &app.by(&ann).get(&org.at("audit-log")).await.text();
    seen += &app.by(&ann).get(&org.at("events")).await.text();
    seen += &app.dump().await;
    assert!(!seen.contains(IDP_CLIENT.1));
});

both!(the_secret_stays_with_the_server_that_it_is_for, async |app| {
    let (ann, org) = founded(app).await;
    let (idp, thief) = (IdentityProvider::start().await, IdentityProvider::start().await);
    let path = make(app, &ann, &org, oidc(&idp)).await;
    let by = app.by(&ann);
    by.patch(&path, json!({"discovery_url": thief.discovery_url()})).await.invalid(&["client_secret"]);
    by.patch(&path, json!({"token_url": format!("{}/token", thief.url)})).await.invalid(&["client_secret"]);
    by.patch(&path, json!({"document": thief.document().to_string()})).await.invalid(&["client_secret"]);
    by.patch(&path, json!({"client_secret": null})).await.invalid(&["client_secret"]);
    assert_eq!(shown(app, &ann, &path).await["generation"], 1, "nothing was changed");
    // Another path of the same server is the same server.
    by.patch(&path, json!({"token_url": format!("{}/oauth/token", idp.url)})).await.ok();
    by.patch(&path, json!({"discovery_url": thief.discovery_url(), "token_url": null, "client_secret": "the-thiefs"})).await.ok();
    assert!(!thief.asked().contains(&"/token".to_owned()));
});

both!(whoever_changes_whom_it_speaks_for_bounds_what_it_gives, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "integrator", &["integrations.manage"]).await;
    app.role(&ann, "acme", "mapper", &["integrations.manage", "org.roles.manage"]).await;
    app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let pat = app.member(&ann, "acme", "pat@example.com", "integrator").await;
    let max = app.member(&ann, "acme", "max@example.com", "mapper").await;
    let mut body = saml();
    body["role_mapping"] = json!([{"group": "Ops", "role": "hooks"}]);
    let path = make(app, &ann, &org, body.clone()).await;
    let mapped = async |app: &TestApp| {
        let connection = shown(app, &ann, &path).await;
        (connection["generation"].clone(), connection["role_mapping"][0]["awake"] == true)
    };
    assert_eq!(mapped(app).await, (json!(1), true));
    // Nobody maps what they do not hold, nor without the right to hand out roles.
    for by in [&pat, &max] {
        app.by(by).patch(&path, json!({"role_mapping": [{"group": "All", "role": "hooks"}]})).await.refused(403, "FORBIDDEN");
    }
    app.by(&pat).patch(&path, json!({"role_mapping": []})).await.refused(403, "FORBIDDEN");
    body["connection_id"] = json!("other");
    app.by(&pat).post(&org.at("upstream-providers"), body).await.refused(403, "FORBIDDEN");
    // What does not change whom it speaks for changes nothing else.
    app.by(&pat).patch(&path, json!({"name": "Other", "enabled": false})).await.ok();
    assert_eq!(mapped(app).await, (json!(1), true));
    for (n, change) in [
        json!({"issuer": "urn:pats:idp"}),
        json!({"certificates": [EC]}),
        json!({"attribute_mapping": {"subject": "mail"}}),
        json!({"client_id": "urn:other"}),
        json!({"authorization_url": "http://127.0.0.1:9/other"}),
    ]
    .into_iter()
    .enumerate()
    {
        app.by(&pat).patch(&path, change.clone()).await.ok();
        let generation = 2 + i64::try_from(n).expect("few");
        assert_eq!(mapped(app).await, (json!(generation), false), "{change}");
        // Somebody who does not hold it wakes nothing up; somebody who does, by sending the mapping again.
        let same = json!({"role_mapping": [{"group": "Ops", "role": "hooks"}]});
        app.by(&max).patch(&path, same.clone()).await.ok();
        assert!(!mapped(app).await.1);
        app.by(&ann).patch(&path, same).await.ok();
        assert_eq!(mapped(app).await, (json!(generation), true), "{change}");
    }
    let updated = recorded(app, &ann, &org, "connection.updated").await;
    assert_eq!(updated.iter().filter(|change| change["new_generation"] == true).count(), 5);
    // A role that is gone gives nothing.
    let roles = app.by(&ann).get(&org.at("roles")).await.ok();
    let hooks =
        roles["roles"].as_array().or(roles.as_array()).expect("a list").iter().find(|role| role["slug"] == "hooks").cloned();
    app.by(&ann).delete(&org.at(&format!("roles/{}", text(&hooks.expect("the role")["id"])))).await;
    assert!(!mapped(app).await.1);
});
