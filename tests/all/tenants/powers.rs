//! T20: nobody hands out what they do not hold, whichever way they try.

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use super::{accept, counters_are_right, give, role_of, state};

struct World {
    ann: User,
    admin: User,
    people: User,
    bob: User,
    org: Org,
    /// The roles' ids: `people` may invite, manage roles and webhooks; `equal` the same; `above` may do billing.
    people_role: String,
    above: String,
}

async fn world(app: &TestApp) -> World {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    let people_role = app.role(&ann, "acme", "people", &["org.members.manage", "org.roles.manage", "webhooks.manage"]).await;
    let above = app.role(&ann, "acme", "above", &["billing.manage"]).await;
    app.role(&ann, "acme", "within", &["webhooks.manage"]).await;
    let admin = app.member(&ann, "acme", "admin@example.com", "admin").await;
    let people = app.member(&ann, "acme", "people@example.com", "people").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    World { ann, admin, people, bob, org, people_role, above }
}

/// Who has which role, and what the roles allow.
async fn powers(app: &TestApp) -> Vec<String> {
    state(app).await.into_iter().filter(|row| row.starts_with("memberships: ") || row.starts_with("roles: ")).collect()
}

both!(t20_a_custom_role_makes_no_role_that_holds_more, async |app| {
    let w = world(app).await;
    let by = app.by(&w.people);
    let before = powers(app).await;
    for permissions in [json!(["billing.manage"]), json!(["webhooks.manage", "audit_logs.view"]), json!(["org.settings.manage"])]
    {
        let body = json!({"slug": "grown", "name": "Grown", "permissions": permissions});
        by.post(&w.org.at("roles"), body).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    }
    for permissions in [
        json!(["*"]),
        json!(["org:manage"]),
        json!(["ORG.SETTINGS.MANAGE"]),
        json!("webhooks.manage"),
        json!([["webhooks.manage"]]),
    ] {
        by.post(&w.org.at("roles"), json!({"slug": "grown", "name": "Grown", "permissions": permissions}))
            .await
            .refused(400, "BAD_REQUEST");
    }
    for slug in ["owner", "admin", "member", "Admin", "admin ", "platform_owner\u{0}"] {
        by.post(&w.org.at("roles"), json!({"slug": slug, "name": "Grown", "permissions": []})).await.refused(400, "BAD_REQUEST");
    }
    let above = w.org.at(&format!("roles/{}", w.above));
    for body in [
        json!({"permissions": []}),
        json!({"permissions": ["webhooks.manage"]}),
        json!({"name": "Mine"}),
        json!({"description": null}),
    ] {
        by.put(&above, body.clone()).await.refused_as(403, "FORBIDDEN", "permission_not_held");
        by.patch(&above, body).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    }
    by.delete(&above).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    assert_eq!(powers(app).await, before);
});

both!(t20_nobody_edits_the_role_they_have, async |app| {
    let w = world(app).await;
    let before = powers(app).await;
    let own = w.org.at(&format!("roles/{}", w.people_role));
    let bodies: [Value; 4] = [
        json!({"permissions": ["org.members.manage", "org.roles.manage", "webhooks.manage", "billing.manage"]}),
        json!({"permissions": ["org.members.manage", "org.roles.manage", "webhooks.manage"]}),
        json!({"permissions": []}),
        json!({"name": "Renamed", "description": "By who has it"}),
    ];
    for body in bodies {
        for method in [Method::PUT, Method::PATCH] {
            let answer = app.by(&w.people).request(method, &own).json(&body).send().await;
            assert!(matches!(answer.status, 400 | 403), "{answer}");
        }
    }
    let answer = app.by(&w.people).delete(&own).await;
    assert!(matches!(answer.status, 400 | 403), "{answer}");
    for role in ["people", "within", "admin", "owner", "member"] {
        let answer = give(app, &w.people, &w.org, &w.people, role).await;
        assert!(matches!(answer.status, 400 | 403), "one's own role: {answer}");
    }
    assert_eq!(powers(app).await, before);
});

both!(t20_a_custom_role_assigns_and_invites_within_itself, async |app| {
    let w = world(app).await;
    let before = powers(app).await;
    for role in ["above", "admin"] {
        give(app, &w.people, &w.org, &w.bob, role).await.refused_as(403, "FORBIDDEN", "permission_not_held");
        let body = json!({"email": "cy@example.com", "role": role});
        app.by(&w.people).post(&w.org.at("invitations"), body).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    }
    give(app, &w.people, &w.org, &w.bob, "owner").await.refused(403, "FORBIDDEN");
    let owner = json!({"email": "cy@example.com", "role": "owner"});
    app.by(&w.people).post(&w.org.at("invitations"), owner.clone()).await.invalid(&["role"]);
    app.by(&w.ann).post(&w.org.at("invitations"), owner).await.invalid(&["role"]);
    for superior in [&w.ann, &w.admin] {
        give(app, &w.people, &w.org, superior, "member").await.refused_as(403, "FORBIDDEN", "owner_required");
        give(app, &w.people, &w.org, superior, "owner").await.refused(403, "FORBIDDEN");
        app.by(&w.people).delete(&w.org.at(&format!("members/{}", superior.id))).await.refused_as(
            403,
            "FORBIDDEN",
            "owner_required",
        );
    }
    app.by(&w.people)
        .post(&w.org.at("transfer-ownership"), json!({"new_owner_email": w.people.email}))
        .await
        .refused(403, "FORBIDDEN");
    app.by(&w.people).delete(&w.org.path).await.refused(403, "FORBIDDEN");
    assert_eq!(powers(app).await, before);
    give(app, &w.people, &w.org, &w.bob, "within").await.ok();
    let within = json!({"email": "cy@example.com", "role": "within"});
    app.by(&w.people).post(&w.org.at("invitations"), within).await.ok();
});

both!(t20_accepting_on_behalf_is_giving, async |app| {
    let w = world(app).await;
    let mut invitations = Vec::new();
    for (n, role) in ["admin", "above", "within", "member"].into_iter().enumerate() {
        invitations.push((role, app.invite(&w.ann, "acme", &format!("new{n}@example.com"), role).await.0));
    }
    let before = powers(app).await;
    let on_behalf = async |by: &User, id: &str| app.by(by).post_empty(&w.org.at(&format!("invitations/{id}/accept"))).await;
    for (_, id) in &invitations[..2] {
        on_behalf(&w.people, id).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    }
    for (_, id) in &invitations {
        on_behalf(&w.bob, id).await.refused_as(403, "FORBIDDEN", "missing_permission");
    }
    assert_eq!(powers(app).await, before);
    for (_, id) in &invitations[2..] {
        on_behalf(&w.people, id).await.done();
    }
    // Who may manage members but not roles gives plain memberships only.
    app.role(&w.ann, "acme", "greeter", &["org.members.manage", "webhooks.manage"]).await;
    give(app, &w.ann, &w.org, &w.bob, "greeter").await.ok();
    let (within, _) = app.invite(&w.ann, "acme", "new5@example.com", "within").await;
    let (member, _) = app.invite(&w.ann, "acme", "new6@example.com", "member").await;
    on_behalf(&w.bob, &within).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    on_behalf(&w.bob, &member).await.done();
    // Who lost the right to it meanwhile gives nothing.
    give(app, &w.ann, &w.org, &w.people, "member").await.ok();
    on_behalf(&w.people, &within).await.refused_as(403, "FORBIDDEN", "missing_permission");
    assert_eq!(role_of(app, "acme", "new5@example.com").await, "");
    assert!(counters_are_right(app).await);
});

both!(t20_an_admin_is_not_an_owner, async |app| {
    let w = world(app).await;
    let other = app.member(&w.ann, "acme", "other@example.com", "admin").await;
    let before = powers(app).await;
    let by = app.by(&w.admin);
    for target in [&w.ann, &other] {
        for role in ["member", "people", "admin"] {
            give(app, &w.admin, &w.org, target, role).await.refused_as(403, "FORBIDDEN", "owner_required");
        }
        for method in [Method::POST, Method::DELETE] {
            let request = by.request(method, &w.org.at(&format!("members/{}", target.id)));
            request.send().await.refused_as(403, "FORBIDDEN", "owner_required");
        }
    }
    for target in [&w.ann, &other, &w.bob, &w.admin] {
        give(app, &w.admin, &w.org, target, "owner").await.refused(403, "FORBIDDEN");
        by.post(&w.org.at("transfer-ownership"), json!({"new_owner_email": target.email})).await.refused(403, "FORBIDDEN");
    }
    by.post(&w.org.at("invitations"), json!({"email": "cy@example.com", "role": "owner"})).await.invalid(&["role"]);
    by.delete(&w.org.path).await.refused_as(403, "FORBIDDEN", "missing_permission");
    assert_eq!(powers(app).await, before);
    // The rules let admins make admins; the owner decides how long.
    give(app, &w.admin, &w.org, &w.bob, "admin").await.ok();
    give(app, &w.admin, &w.org, &w.bob, "member").await.refused_as(403, "FORBIDDEN", "owner_required");
    give(app, &w.ann, &w.org, &w.bob, "member").await.ok();
});

both!(t20_an_admin_of_one_organization_makes_nobody_admin_of_another, async |app| {
    let w = world(app).await;
    let other = app.create_org(&w.ann, "other").await;
    app.invite_and_join(&w.ann, "other", &w.admin, "member").await;
    app.invite_and_join(&w.ann, "other", &w.bob, "member").await;
    give(app, &w.admin, &other, &w.bob, "admin").await.refused_as(403, "FORBIDDEN", "missing_permission");
    let invitation = json!({"email": "cy@example.com", "role": "member"});
    app.by(&w.admin).post(&other.at("invitations"), invitation).await.refused_as(403, "FORBIDDEN", "missing_permission");
    // A role of one organization is no role of another, and an operator's power is not in a role.
    give(app, &w.ann, &other, &w.bob, "people").await.invalid(&["role"]);
    let cy = app.sign_up("cy@example.com").await;
    let (_, token) = app.invite(&w.admin, "acme", "cy@example.com", "people").await;
    accept(app, &cy, &token).await.done();
    assert_eq!(
        (role_of(app, "acme", &cy.email).await, role_of(app, "other", &cy.email).await),
        ("people".to_owned(), String::new())
    );
    app.by(&w.ann).post("/api/platform/owners", json!({"user_id": w.ann.id})).await.refused(403, "FORBIDDEN");
    let profile =
        app.by(&cy).patch("/api/user", json!({"is_platform_owner": true, "org_id": w.org.id, "role": "owner"})).await.ok();
    assert_eq!((profile["is_platform_owner"].as_bool(), text(&profile["email"])), (Some(false), cy.email.clone()));
});
