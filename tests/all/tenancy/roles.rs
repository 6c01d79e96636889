//! Roles, and that nobody can make more of themselves with them (T20).

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{TestApp, User, both, text};

use crate::core::shapes::{ROLE, has_exactly};

/// An owner, and a member whose custom role may manage roles and webhooks.
async fn owner_and_manager(app: &TestApp) -> (User, User, String) {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let id = app.role(&ann, "acme", "manager", &["org.roles.manage", "webhooks.manage"]).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "manager").await;
    (ann, bob, id)
}

const ROLES: &str = "/api/organizations/acme/roles";

both!(built_in_roles_come_first_and_cannot_be_changed, async |app| {
    let (ann, _, id) = owner_and_manager(app).await;
    let list = app.by(&ann).get(ROLES).await.ok();
    let ids: Vec<_> = list.as_array().expect("a bare array").iter().map(|role| text(&role["id"])).collect();
    assert_eq!(ids, ["role_owner", "role_admin", "role_member", &id]);
    let shown: Vec<_> = list.as_array().unwrap().iter().map(|role| role["permissions"].clone()).collect();
    assert_eq!(shown, [json!(["*"]), json!(["org:manage"]), json!(["org:view"]), json!(["org.roles.manage", "webhooks.manage"])]);
    for role in list.as_array().unwrap() {
        has_exactly(role, ROLE);
        assert_eq!(&app.by(&ann).get(&format!("{ROLES}/{}", text(&role["id"]))).await.ok(), role);
    }
    for id in ["role_owner", "role_admin", "role_member"] {
        app.by(&ann).put(&format!("{ROLES}/{id}"), json!({"name": "Mine"})).await.refused_as(400, "BAD_REQUEST", "built_in_role");
        app.by(&ann).delete(&format!("{ROLES}/{id}")).await.refused_as(400, "BAD_REQUEST", "built_in_role");
    }
    for missing in ["role_00000000000000000000000000000000", "role_x", "nonsense"] {
        app.by(&ann).get(&format!("{ROLES}/{missing}")).await.refused(404, "NOT_FOUND");
        app.by(&ann).delete(&format!("{ROLES}/{missing}")).await.refused(404, "NOT_FOUND");
    }
});

both!(a_new_role_is_checked_in_every_field, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let create = async |body: Value| app.by(&ann).post(ROLES, body).await;
    create(json!({})).await.invalid(&["slug", "name", "permissions"]);
    create(json!({"slug": "Bad Slug", "name": "", "description": 7, "permissions": ["org.everything"]})).await.invalid(&[
        "slug",
        "name",
        "description",
        "permissions",
    ]);
    for slug in ["owner", "admin", "member"] {
        create(json!({"slug": slug, "name": "Mine", "permissions": []})).await.invalid(&["slug"]);
    }
    for slug in ["Owner", "ADMIN"] {
        create(json!({"slug": slug, "name": "Mine", "permissions": []})).await.refused(400, "BAD_REQUEST");
    }
    let made = create(json!({"slug": "support", "name": "Support", "description": "Helps", "permissions": ["audit_logs.view", "audit_logs.view"]})).await.ok();
    has_exactly(&made, ROLE);
    assert_eq!((&made["permissions"], &made["description"]), (&json!(["audit_logs.view"]), &json!("Helps")));
    assert_eq!(
        create(json!({"slug": "support", "name": "Other", "permissions": []})).await.refused(400, "DUPLICATE_CONSTRAINT")["code"],
        "role_slug_taken"
    );
});

both!(put_and_patch_change_what_is_sent, async |app| {
    let (ann, bob, id) = owner_and_manager(app).await;
    let path = format!("{ROLES}/{id}");
    app.advance(chrono::TimeDelta::seconds(5));
    let changed = app.by(&ann).put(&path, json!({"name": "Managers", "description": "Manages"})).await.ok();
    assert_eq!(
        (&changed["name"], &changed["permissions"]),
        (&json!("Managers"), &json!(["org.roles.manage", "webhooks.manage"]))
    );
    assert_ne!(changed["updated_at"], changed["created_at"]);
    let changed = app.by(&ann).patch(&path, json!({"description": null})).await.ok();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Managers"), &Value::Null));
    app.by(&ann).put(&path, json!({"name": null, "permissions": "all", "description": "x".repeat(501)})).await.invalid(&[
        "name",
        "permissions",
        "description",
    ]);
    // It acts at once, on the next request of whoever has it.
    app.by(&bob).get("/api/organizations/acme/webhooks").await.ok();
    app.by(&ann).put(&path, json!({"permissions": ["org.roles.manage"]})).await.ok();
    app.by(&bob).get("/api/organizations/acme/webhooks").await.refused(403, "FORBIDDEN");
});

both!(a_role_that_somebody_has_stays, async |app| {
    let (ann, bob, id) = owner_and_manager(app).await;
    let path = format!("{ROLES}/{id}");
    app.by(&ann).delete(&path).await.refused(400, "BAD_REQUEST");
    app.by(&ann).patch(&format!("/api/organizations/acme/members/{}", bob.id), json!({"role": "member"})).await.ok();
    let gone = app.by(&ann).delete(&path).await.expect(204);
    assert!(gone.body.is_empty());
    app.by(&ann).get(&path).await.refused(404, "NOT_FOUND");
    app.by(&ann).delete(&path).await.refused(404, "NOT_FOUND");
    for action in ["role.created", "role.deleted"] {
        let log = app.by(&ann).get(&format!("/api/organizations/acme/audit-log?action={action}")).await.ok();
        assert_eq!(log["logs"][0]["target_id"], json!(id));
    }
});

both!(t20_nobody_makes_a_role_that_holds_more_than_they_do, async |app| {
    let (ann, bob, own) = owner_and_manager(app).await;
    let create = async |slug: &str, permissions: Value| {
        app.by(&bob).post(ROLES, json!({"slug": slug, "name": "New", "permissions": permissions})).await
    };
    create("same", json!(["webhooks.manage"])).await.ok();
    create("more", json!(["webhooks.manage", "audit_logs.view"])).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    // Not by editing one's own role either, whatever it would hold, nor by touching one that is above one's own.
    let mine = format!("{ROLES}/{own}");
    for method in [Method::PUT, Method::PATCH] {
        let grow = app.by(&bob).request(method, &mine).json(&json!({"permissions": ["org.roles.manage", "billing.manage"]}));
        grow.send().await.refused_as(400, "BAD_REQUEST", "own_role");
    }
    let above = app.role(&ann, "acme", "above", &["billing.manage"]).await;
    app.by(&bob).put(&format!("{ROLES}/{above}"), json!({"permissions": []})).await.refused(403, "FORBIDDEN");
    app.by(&bob).put(&format!("{ROLES}/{above}"), json!({"name": "Renamed"})).await.refused(403, "FORBIDDEN");
    app.by(&bob).delete(&format!("{ROLES}/{above}")).await.refused(403, "FORBIDDEN");
    assert_eq!(app.by(&bob).get(&mine).await.ok()["permissions"], json!(["org.roles.manage", "webhooks.manage"]));
});
