//! Tokens of clients for an organization: which one, the platform says, and each use asks again.

use super::*;

/// A client with a grant that is for organizations in this way; the path of the grant.
async fn for_organizations(app: &TestApp, settings: Value) -> (User, Program, String) {
    let root = app.platform_owner().await;
    let by = app.by(&root);
    let program = client(&by, "Billing").await;
    api(&by, AUDIENCE, &["read:orders", "write:orders"]).await;
    let mut body = json!({"client": program.id, "audience": AUDIENCE, "scopes": ["read:orders"]});
    for (name, value) in settings.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = by.post("/api/platform/client-grants", body).await.ok();
    (root, program, format!("/api/platform/client-grants/{}", text(&made["id"])))
}

async fn for_one(app: &TestApp, program: &Program, organization: &str) -> Response {
    ask(app, program, &[("organization", organization)]).await
}

async fn is_active(app: &TestApp, program: &Program, made: &Value) -> bool {
    let token = text(&made["access_token"]);
    let own = [("client_id", program.name.as_str()), ("client_secret", &program.secret), ("token", &token)];
    form(app, "/oauth/introspect", &own).await.ok()["active"] == true
}

both!(a_client_gets_tokens_for_the_organizations_that_its_grant_names, async |app| {
    let (root, program, grant) = for_organizations(app, json!({"organization_usage": "allow"})).await;
    let by = app.by(&root);
    let ann = app.sign_up("ann@example.com").await;
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    refused_with(&for_one(app, &program, "acme").await, 400, "unauthorized_client");
    let at = format!("{grant}/organizations/{}", acme.id);
    by.put(&at, json!({})).await.expect(204);
    by.put(&at, json!({})).await.expect(204);
    let listed = by.get(&format!("{grant}/organizations")).await.ok();
    has_exactly(&listed["organizations"][0], &["id", "slug", "name", "added_at"]);
    assert_eq!((&listed["total"], &listed["organizations"][0]["id"]), (&json!(1), &json!(acme.id)));
    for named in ["acme", acme.id.as_str()] {
        let made = for_one(app, &program, named).await.ok();
        let claims = read(app, &text(&made["access_token"])).await;
        assert_eq!((&claims["org_id"], &claims["scope"]), (&json!(acme.id), &json!("read:orders")));
        assert!(is_active(app, &program, &made).await);
    }
    let of_none = ask(app, &program, &[]).await.ok();
    assert_eq!(read(app, &text(&of_none["access_token"])).await["org_id"], Value::Null);
    // Whether there is such an organization is not told.
    let refusal = for_one(app, &program, "other").await;
    refused_with(&refusal, 400, "unauthorized_client");
    for nobody in ["nobody", "org_00000000000000000000000000000001", "org_00000000000000000000000000000000", "a b", "%"] {
        let answer = for_one(app, &program, nobody).await;
        assert_eq!((answer.status, answer.json()), (400, refusal.json()), "{nobody}");
    }
    by.put(&format!("{grant}/organizations/{}", other.id), json!({})).await.expect(204);
    for_one(app, &program, "other").await.ok();
    app.worker().await;
    let log = app.client().bearer(&acme.access).get(&acme.at("audit-log")).await.ok();
    let told: Vec<_> = log["logs"].as_array().unwrap().iter().map(|one| text(&one["action"])).collect();
    assert_eq!(told.iter().filter(|action| *action == "organization.client_grant_added").count(), 1, "{told:?}");
});

both!(what_is_taken_back_is_asked_at_each_use, async |app| {
    let (root, program, grant) = for_organizations(app, json!({"organization_usage": "require"})).await;
    let by = app.by(&root);
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let at = format!("{grant}/organizations/{}", acme.id);
    by.put(&at, json!({})).await.expect(204);
    refused_with(&ask(app, &program, &[]).await, 400, "invalid_request");
    let made = for_one(app, &program, "acme").await.ok();
    // Another client of the same API may look at it, whatever it may have itself.
    let watcher = client(&by, "Watcher").await;
    super::grant(&by, &watcher, AUDIENCE, &[]).await;
    assert!(is_active(app, &program, &made).await && is_active(app, &watcher, &made).await);
    by.delete(&at).await.expect(204);
    by.delete(&at).await.refused(404, "NOT_FOUND");
    assert!(!is_active(app, &program, &made).await && !is_active(app, &watcher, &made).await);
    // Given again it is another one, of which that token is none.
    app.advance(chrono::TimeDelta::seconds(2));
    by.put(&at, json!({})).await.expect(204);
    assert!(!is_active(app, &program, &made).await);
    let made = for_one(app, &program, "acme").await.ok();
    by.patch(&grant, json!({"organization_usage": "deny"})).await.ok();
    assert!(!is_active(app, &program, &made).await);
    refused_with(&for_one(app, &program, "acme").await, 400, "unauthorized_client");
    by.put(&at, json!({})).await.refused_as(400, "BAD_REQUEST", "organization_usage");
    let any = by.patch(&grant, json!({"organization_usage": "allow", "allow_any_organization": true})).await.ok();
    assert_eq!((&any["organization_usage"], &any["allow_any_organization"]), (&json!("allow"), &json!(true)));
    assert!(is_active(app, &program, &made).await, "it is for any now");
    app.by(&root).post(&format!("/api/platform/organizations/{}/suspend", acme.id), json!({})).await.ok();
    assert!(!is_active(app, &program, &made).await);
    refused_with(&for_one(app, &program, "acme").await, 400, "unauthorized_client");
    by.post(&format!("/api/platform/organizations/{}/activate", acme.id), json!({})).await.ok();
    assert!(is_active(app, &program, &made).await);
    let other = app.create_org(&ann, "other").await;
    let made = for_one(app, &program, "other").await.ok();
    by.delete(&format!("/api/platform/organizations/{}", other.id)).await;
    assert!(!is_active(app, &program, &made).await);
});

both!(which_organizations_a_grant_is_for_is_managed, async |app| {
    let (root, program, grant) = for_organizations(app, json!({"organization_usage": "allow"})).await;
    let by = app.by(&root);
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let create = async |settings: Value| {
        let mut body = json!({"client": program.id, "audience": AUDIENCE, "subject_type": "user"});
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        by.post("/api/platform/client-grants", body).await
    };
    let nobodys = format!("{grant}/organizations/org_00000000000000000000000000000001");
    answers! {
        "people sign in where the client says": create(json!({"organization_usage": "allow"})) => Invalid(&["organization_usage"]),
        "nor to any": create(json!({"allow_any_organization": true})) => Invalid(&["organization_usage"]),
        "all of it wrong": create(json!({"organization_usage": "maybe", "allow_any_organization": 1})) => Invalid(&["organization_usage", "allow_any_organization"]),
        "no usage": by.patch(&grant, json!({"organization_usage": null, "allow_any_organization": null, "scopes": null})) => Invalid(&["scopes", "organization_usage", "allow_any_organization"]),
        "nobody's organization": by.put(&nobodys, json!({})) => refused(404, "NOT_FOUND"),
        "no id": by.put(&format!("{grant}/organizations/acme"), json!({})) => refused(404, "NOT_FOUND"),
        "of a grant that never was": by.put(&format!("/api/platform/client-grants/cgr_00000000000000000000000000000000/organizations/{}", acme.id), json!({})) => refused(404, "NOT_FOUND"),
        "nothing to change": by.patch(&grant, json!({})) => Ok,
    }
    let at = format!("{grant}/organizations/{}", acme.id);
    by.put(&at, json!({})).await.expect(204);
    by.delete(&grant).await.expect(204);
    by.get(&format!("{grant}/organizations")).await.ok();
    assert_eq!(app.count("select count(*) from org_client_grants").await, 0, "they go with their grant");
});

both!(a_service_acts_in_its_own_organization, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    app.create_org(&ann, "other").await;
    let body = json!({"slug": "portal", "name": "Portal", "service_type": "api"});
    let made = app.by(&ann).post(&acme.at("services"), body).await.ok();
    // As if the organization had proven the host.
    app.execute(
        "insert into resource_servers (org_id, id, identifier, service_id, created_at)
        select org_id, id, 'https://api.acme.example/', id, created_at from services",
    )
    .await;
    let service = &made["service"];
    let program = Program { id: String::new(), name: text(&service["client_id"]), secret: text(&service["client_secret"]) };
    for more in [&[][..], &[("organization", "acme")], &[("organization", acme.id.as_str())]] {
        let made = ask(app, &program, more).await.ok();
        let claims = read(app, &text(&made["access_token"])).await;
        assert_eq!(claims["org_id"], json!(acme.id));
        assert!(is_active(app, &program, &made).await);
    }
    refused_with(&for_one(app, &program, "other").await, 400, "unauthorized_client");
    refused_with(&for_one(app, &program, "nobody").await, 400, "unauthorized_client");
});
