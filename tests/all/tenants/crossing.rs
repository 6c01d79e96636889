//! T12, T13: the organization in the path decides, and membership in it; ids of another tenant do not exist.

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{
    Client, Org, Response, TestApp, User, both,
    everything::Ids,
    everything::{Access, access, body},
    text,
};

use super::state;
use crate::authorization::isolation::{document::operations, names_a_child};

async fn two_tenants(app: &TestApp) -> (User, Org, User, Org) {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&bob, "other").await);
    (ann, acme, bob, other)
}

/// Requests that name a thing of an organization by its id: every documented one, and some that want more than those.
struct Aimed {
    method: Method,
    template: String,
    body: Option<Value>,
}

fn aimed() -> Vec<Aimed> {
    let documented = operations()
        .into_iter()
        .filter(|operation| matches!(access(&operation.id), Access::Organization(_)) && names_a_child(operation));
    let mut all: Vec<_> = documented
        .map(|operation| Aimed { body: body(&operation.id, 0), method: operation.method, template: operation.path })
        .collect();
    assert!(all.len() >= 20, "the document was not understood");
    let at = |rest: &str| format!("/api/organizations/{{org_slug}}/{rest}");
    for (method, template, body) in [
        (Method::PATCH, at("webhooks/{webhook_id}"), json!({"name": "Mine", "is_active": false})),
        (Method::PUT, at("roles/{role_id}"), json!({"name": "Mine", "permissions": []})),
        (Method::PATCH, at("members/{user_id}"), json!({"role": "owner"})),
    ] {
        all.push(Aimed { method, template, body: Some(body) });
    }
    all
}

impl Aimed {
    async fn send(&self, by: &Client, ids: &Ids) -> Response {
        let request = by.request(self.method.clone(), &ids.path(&self.template));
        request.json(self.body.as_ref().unwrap_or(&json!({}))).send().await
    }
}

both!(t12_ids_of_another_tenant_do_not_exist_and_are_not_touched, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let (acme, other) = (app.everything(&ann, "acme").await, app.everything(&bob, "other").await);
    let (theirs, nobodys) = (other.ids.clone().with("org_slug", "acme"), Ids::never_were("acme"));
    let owner_of_other = theirs.clone().with("user_id", &bob.id);
    let before = state(app).await;
    let scoped = app.client().bearer(&acme.access);
    for request in aimed() {
        for by in [&app.by(&ann), &scoped] {
            let shown = async |ids: &Ids| {
                let mut json = request.send(by, ids).await.refused(404, "NOT_FOUND");
                json.as_object_mut().unwrap().remove("timestamp");
                json
            };
            let absent = shown(&nobodys).await;
            for ids in [&theirs, &owner_of_other] {
                assert_eq!(shown(ids).await, absent, "{} {}: as if it were missing", request.method, request.template);
            }
        }
    }
    let by_address = json!({"new_owner_email": bob.email});
    app.by(&ann).post(&format!("{}/transfer-ownership", acme.path), by_address).await.invalid(&["new_owner_email"]);
    assert_eq!(state(app).await, before, "nothing was changed");
    app.by(&bob).get(&other.ids.path("/api/organizations/{org_slug}/webhooks/{webhook_id}")).await.ok();
});

both!(t12_a_strangers_answer_does_not_tell_which_ids_exist, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.everything(&bob, "other").await);
    let (real, owner) = (other.ids.clone(), other.ids.clone().with("user_id", &bob.id));
    let before = state(app).await;
    for request in aimed() {
        for token in [&ann.access, &acme.access] {
            for ids in [&real, &owner, &Ids::never_were("other")] {
                request.send(&app.client().bearer(token), ids).await.refused_as(403, "FORBIDDEN", "not_a_member");
            }
        }
    }
    let mut lists = 0;
    for operation in operations().iter().filter(|operation| operation.method == Method::GET && !names_a_child(operation)) {
        if matches!(access(&operation.id), Access::Organization(_)) {
            lists += 1;
            app.by(&ann).get(&real.path(&operation.path)).await.refused_as(403, "FORBIDDEN", "not_a_member");
        }
    }
    assert!(lists >= 9, "the document was not understood");
    app.by(&ann).get(&format!("{}/audit-log/export?format=csv", other.path)).await.refused_as(403, "FORBIDDEN", "not_a_member");
    app.by(&ann).delete(&other.path).await.refused(403, "FORBIDDEN");
    app.by(&ann).patch(&other.path, json!({"name": "Mine now"})).await.refused(403, "FORBIDDEN");
    app.by(&ann).post_empty(&format!("{}/select", other.path)).await.refused(403, "FORBIDDEN");
    assert_eq!(state(app).await, before, "nothing was changed");
});

both!(t13_a_token_for_one_organization_opens_another_by_membership_alone, async |app| {
    let (_, acme, bob, other) = two_tenants(app).await;
    let scoped = app.client().bearer(&acme.access);
    scoped.get(&other.path).await.refused_as(403, "FORBIDDEN", "not_a_member");
    let (_, token) = app.invite(&bob, "other", "ann@example.com", "member").await;
    scoped.post("/api/invitations/accept", json!({"token": token})).await.done();
    scoped.get(&other.path).await.ok();
    // As what one is there, not as what one is where the token came from.
    scoped.get(&other.at("roles")).await.refused_as(403, "FORBIDDEN", "missing_permission");
    scoped.patch(&other.path, json!({"name": "Mine now"})).await.refused_as(403, "FORBIDDEN", "missing_permission");
    scoped.patch(&acme.path, json!({"name": "Mine indeed"})).await.ok();
    let selected = scoped.post_empty(&other.at("select")).await.ok();
    let there = app.client().bearer(&text(&selected["access_token"]));
    there.get(&acme.at("roles")).await.ok();
    there.get(&other.at("roles")).await.refused(403, "FORBIDDEN");
});

both!(t13_two_authorization_headers_are_none, async |app| {
    let (ann, acme, bob, other) = two_tenants(app).await;
    let before = state(app).await;
    let both = |one: &str, two: &str| (format!("Bearer {one}"), format!("Bearer {two}"));
    for (one, two) in [
        both(&ann.access, &bob.access),
        both(&bob.access, &ann.access),
        both(&ann.access, &ann.access),
        both(&ann.access, ""),
        both("x", &ann.access),
    ] {
        for path in [&acme.path, &other.path] {
            let request = app
                .client()
                .request(Method::PATCH, path)
                .another_header("authorization", &one)
                .another_header("authorization", &two);
            request.json(&json!({"name": "Whose?"})).send().await.refused(401, "UNAUTHORIZED");
        }
        let joined = app.client().request(Method::GET, &acme.path).header("authorization", &format!("{one}, {two}"));
        assert_eq!(joined.send().await.status, 401);
    }
    assert_eq!(state(app).await, before);
});

both!(t13_organizations_named_elsewhere_than_in_the_path_are_ignored, async |app| {
    let (ann, acme, bob, other) = two_tenants(app).await;
    let naming = |org: &Org, mut body: Value| {
        for name in ["org", "org_slug", "organization_slug", "slug_of_organization"] {
            body[name] = json!(org.slug);
        }
        for name in ["org_id", "organization_id", "tenant_id", "id"] {
            body[name] = json!(org.id);
        }
        body
    };
    let ask = async |by: &User, path: &Org, named: &Org, rest: &str, body: Value| {
        let query = format!("?org={}&org_slug={}&org_id={}&organization_id={}", named.slug, named.slug, named.id, named.id);
        let request = app.by(by).request(Method::POST, &path.at(&format!("{rest}{query}")));
        let request =
            request.header("x-org-id", &named.id).header("x-org-slug", &named.slug).header("x-organization", &named.slug);
        request.header("x-tenant-id", &named.id).json(&naming(named, body)).send().await
    };
    let invitation = json!({"email": "cy@example.com", "role": "member"});
    let role = json!({"slug": "helper", "name": "Helper", "permissions": []});
    // One's own organization in the path and a foreign one everywhere else: it happens to one's own.
    let made = ask(&ann, &acme, &other, "invitations", invitation.clone()).await.ok();
    assert_eq!(made["invitation"]["org_id"], json!(acme.id));
    assert_eq!(ask(&ann, &acme, &other, "roles", role.clone()).await.ok()["org_id"], json!(acme.id));
    assert_eq!(app.by(&bob).get(&other.at("invitations")).await.ok(), json!([]));
    // A foreign one in the path and one's own everywhere else: it does not happen.
    let before = state(app).await;
    ask(&ann, &other, &acme, "invitations", invitation).await.refused_as(403, "FORBIDDEN", "not_a_member");
    ask(&ann, &other, &acme, "roles", role).await.refused_as(403, "FORBIDDEN", "not_a_member");
    ask(&ann, &other, &acme, "select", json!({})).await.refused_as(403, "FORBIDDEN", "not_a_member");
    assert_eq!(state(app).await, before);
    let listed = app.by(&ann).get(&acme.at(&format!("audit-log?org_id={}&org_slug=other", other.id))).await.ok();
    assert!(!listed.to_string().contains(&other.id), "{listed}");
    let mine = app.by(&ann).get(&format!("/api/organizations?user_id={}", bob.id)).await.ok();
    assert_eq!((mine.as_array().unwrap().len(), &mine[0]["organization"]["id"]), (1, &json!(acme.id)));
});
