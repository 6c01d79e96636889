//! Domains that lead to a connection.

use tenantry_tests::both;

use super::*;

async fn domain(app: &TestApp, by: &User, org: &Org, name: &str) -> String {
    let made = app.by(by).post(&org.at("domain-routes"), json!({"domain": name})).await.ok();
    org.at(&format!("domain-routes/{}", text(&made["id"])))
}

both!(a_domain_leads_to_a_connection, async |app| {
    let (ann, org) = founded(app).await;
    let by = app.by(&ann);
    let connection = make(app, &ann, &org, saml()).await;
    let id = connection.rsplit('/').next().expect("an id").to_owned();
    let path = domain(app, &ann, &org, "acme.example").await;
    let route = by.get(&path).await.ok();
    assert_eq!(
        (&route["upstream_provider_id"], &route["login_policy"], &route["announce"]),
        (&Value::Null, &json!("any"), &json!(true))
    );
    by.patch(&path, json!({"login_policy": "upstream_only"})).await.invalid(&["login_policy"]);
    for (field, value) in [
        ("upstream_provider_id", json!("con_00000000000000000000000000000000")),
        ("upstream_provider_id", json!("okta")),
        ("login_policy", json!("some")),
        ("announce", json!("no")),
        ("login_policy", Value::Null),
    ] {
        by.patch(&path, json!({field: value})).await.invalid(&[field]);
    }
    let routed = json!({"upstream_provider_id": id, "login_policy": "upstream_only", "announce": false});
    let changed = by.patch(&path, routed).await.ok();
    assert_eq!((&changed["upstream_provider_id"], &changed["login_policy"]), (&json!(id), &json!("upstream_only")));
    assert_eq!(by.get(&org.at("domain-routes")).await.ok(), json!([changed]));
    assert_eq!(by.patch(&path, json!({})).await.ok(), changed);
    // A route is an edit of whom the connection speaks for.
    assert_eq!(by.get(&connection).await.ok()["generation"], 2);
    by.delete(&connection).await.refused_as(400, "BAD_REQUEST", "connection_in_use");
    by.patch(&path, json!({"upstream_provider_id": null})).await.invalid(&["login_policy"]);
    by.patch(&path, json!({"login_policy": "any"})).await.ok();
    by.patch(&path, json!({"upstream_provider_id": null})).await.ok();
    assert_eq!(by.get(&path).await.ok()["upstream_provider_id"], Value::Null);
    by.patch(&path, json!({"upstream_provider_id": id})).await.ok();
    by.delete(&connection).await.ok();
    assert_eq!(by.get(&path).await.ok()["upstream_provider_id"], Value::Null);
    assert_eq!(recorded(app, &ann, &org, "domain.updated").await.len(), 4);
});

both!(a_domain_is_made_with_its_route, async |app| {
    let (ann, org) = founded(app).await;
    let connection = make(app, &ann, &org, saml()).await;
    let id = connection.rsplit('/').next().expect("an id");
    let body = json!({"domain": "acme.example", "upstream_provider_id": id, "login_policy": "upstream_only"});
    let made = app.by(&ann).post(&org.at("domain-routes"), body).await.ok();
    assert_eq!((&made["upstream_provider_id"], &made["verified"]), (&json!(id), &json!(false)));
});

both!(t12_a_connection_of_another_organization_is_none, async |app| {
    let (ann, org) = founded(app).await;
    let eve = app.sign_up("eve@example.com").await;
    let evil = app.create_org(&eve, "evil").await;
    let connection = make(app, &ann, &org, saml()).await;
    let id = connection.rsplit('/').next().expect("an id");
    let path = domain(app, &eve, &evil, "acme.example").await;
    app.by(&eve).patch(&path, json!({"upstream_provider_id": id})).await.invalid(&["upstream_provider_id"]);
    let body = json!({"domain": "evil.example", "upstream_provider_id": id});
    app.by(&eve).post(&evil.at("domain-routes"), body).await.invalid(&["upstream_provider_id"]);
    app.by(&eve).get(&evil.at(&format!("upstream-providers/{id}"))).await.refused(404, "NOT_FOUND");
    assert_eq!(app.by(&eve).get(&evil.at("domain-routes")).await.ok().as_array().map(Vec::len), Some(1));
});

both!(t20_a_route_that_a_lesser_one_moves_puts_roles_to_sleep, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "integrator", &["integrations.manage"]).await;
    app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let pat = app.member(&ann, "acme", "pat@example.com", "integrator").await;
    let mut body = saml();
    body["role_mapping"] = json!([{"group": "Ops", "role": "hooks"}]);
    let connection = make(app, &ann, &org, body).await;
    let path = domain(app, &pat, &org, "acme.example").await;
    let id = connection.rsplit('/').next().expect("an id");
    app.by(&pat).patch(&path, json!({"upstream_provider_id": id})).await.ok();
    let moved = shown(app, &ann, &connection).await;
    assert_eq!((&moved["generation"], &moved["role_mapping"][0]["awake"]), (&json!(2), &json!(false)));
});
