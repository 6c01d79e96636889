//! API keys: made, shown once, used, changed, revoked. What they may do, their secrets and their ends are in the files beside this one.

mod authority;
mod races;
mod secrets;
mod usage;

use serde_json::{Value, json};
use tenantry_tests::{Client, Org, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const SHOWN: &[&str] = &["id", "name", "prefix", "permissions", "allowed_networks", "created_by", "created_at", "updated_at"];

/// An organization, its owner, and a key.
struct Keyed {
    ann: User,
    org: Org,
    id: String,
    secret: String,
}

impl Keyed {
    /// The key's own path.
    fn path(&self) -> String {
        self.org.at(&format!("api-keys/{}", self.id))
    }
    /// A program with the key.
    fn program(&self, app: &TestApp) -> Client {
        app.client().bearer(&self.secret)
    }
}

async fn make(app: &TestApp, by: &User, org: &Org, body: Value) -> Value {
    app.by(by).post(&org.at("api-keys"), body).await.ok()
}

async fn keyed(app: &TestApp, permissions: &[&str]) -> Keyed {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let made = make(app, &ann, &org, json!({"name": "CI", "permissions": permissions})).await;
    Keyed { id: text(&made["id"]), secret: text(&made["secret"]), ann, org }
}

/// The events of one name in the organization's log, newest first.
async fn recorded(app: &TestApp, by: &User, org: &Org, action: &str) -> Vec<Value> {
    let log = app.by(by).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
    log["logs"].as_array().unwrap_or_else(|| panic!("{log}")).clone()
}

both!(a_key_is_shown_with_its_secret_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let networks = json!(["203.0.113.9/24", "2001:db8::1"]);
    let body = json!({"name": "CI", "permissions": ["webhooks.manage", "audit_logs.view"], "allowed_networks": networks, "expires_at": "2027-01-01T00:00:00Z"});
    let made = make(app, &ann, &org, body).await;
    has_exactly(&made, &[SHOWN, &["secret", "expires_at"]].concat());
    let secret = text(&made["secret"]);
    assert!(secret.starts_with("key_") && secret.starts_with(made["prefix"].as_str().unwrap()));
    assert_eq!(made["permissions"], json!(["webhooks.manage", "audit_logs.view"]));
    assert_eq!(made["allowed_networks"], json!(["203.0.113.0/24", "2001:db8::1/128"]));
    assert_eq!((&made["created_by"], &made["expires_at"]), (&json!(ann.id), &json!("2027-01-01T00:00:00.000000Z")));

    let path = org.at(&format!("api-keys/{}", text(&made["id"])));
    let shown = app.by(&ann).get(&path).await.ok();
    has_exactly(&shown, &[SHOWN, &["expires_at"]].concat());
    assert_eq!(app.by(&ann).get(&org.at("api-keys")).await.ok(), json!({"api_keys": [shown], "total": 1}));
    let created = recorded(app, &ann, &org, "api_key.created").await;
    assert_eq!(created[0]["target_id"], made["id"]);
    assert!(!created[0].to_string().contains(&secret));
});

both!(a_repeated_request_shows_the_same_secret, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let body = json!({"name": "CI", "permissions": []});
    let once = async |key: &str| {
        let request = app.by(&ann).request(reqwest::Method::POST, &org.at("api-keys")).json(&body);
        request.header("idempotency-key", key).send().await
    };
    let first = once("one").await.ok();
    assert_eq!(once("one").await.ok(), first);
    once("two").await.refused_as(400, "DUPLICATE_CONSTRAINT", "api_key_name_taken");
});

both!(a_key_changes_at_once_and_keeps_what_is_not_named, async |app| {
    let keyed = keyed(app, &["webhooks.manage"]).await;
    let webhooks = keyed.org.at("webhooks");
    keyed.program(app).get(&webhooks).await.ok();
    let changed = app.by(&keyed.ann).patch(&keyed.path(), json!({"permissions": ["audit_logs.view"]})).await.ok();
    assert_eq!((&changed["name"], &changed["permissions"]), (&json!("CI"), &json!(["audit_logs.view"])));
    keyed.program(app).get(&webhooks).await.refused_as(403, "FORBIDDEN", "missing_permission");
    keyed.program(app).get(&keyed.org.at("audit-log")).await.ok();

    let later = json!({"name": "Deployment", "expires_at": "2026-12-01T00:00:00Z", "allowed_networks": ["127.0.0.1"]});
    app.by(&keyed.ann).patch(&keyed.path(), later).await.ok();
    let changed = app.by(&keyed.ann).patch(&keyed.path(), json!({"expires_at": null, "allowed_networks": []})).await.ok();
    assert_eq!((&changed["name"], &changed["allowed_networks"]), (&json!("Deployment"), &json!([])));
    assert!(changed.get("expires_at").is_none());
    assert_eq!(recorded(app, &keyed.ann, &keyed.org, "api_key.updated").await.len(), 3);
});

both!(a_revoked_key_is_refused_and_gone, async |app| {
    let keyed = keyed(app, &["webhooks.manage"]).await;
    keyed.program(app).get(&keyed.org.path).await.ok();
    app.by(&keyed.ann).delete(&keyed.path()).await.done();
    keyed.program(app).get(&keyed.org.path).await.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
    app.by(&keyed.ann).get(&keyed.path()).await.refused(404, "NOT_FOUND");
    app.by(&keyed.ann).delete(&keyed.path()).await.refused(404, "NOT_FOUND");
    assert_eq!(recorded(app, &keyed.ann, &keyed.org, "api_key.deleted").await.len(), 1);
    // Its name and its place are free.
    make(app, &keyed.ann, &keyed.org, json!({"name": "CI", "permissions": []})).await;
});

both!(bad_input_is_named_field_by_field, async |app| {
    let keyed = keyed(app, &[]).await;
    let by = app.by(&keyed.ann);
    let cases: [(Value, &[&str]); 8] = [
        (json!({}), &["name", "permissions"]),
        (json!({"name": "x", "permissions": "all"}), &["name", "permissions"]),
        (json!({"name": "Two", "permissions": ["webhooks.invent"]}), &["permissions"]),
        (json!({"name": "Two", "permissions": ["org.roles.manage"]}), &["permissions"]),
        (json!({"name": "Two", "permissions": [], "allowed_networks": ["office"]}), &["allowed_networks"]),
        (json!({"name": "Two", "permissions": [], "allowed_networks": vec!["10.0.0.1"; 21]}), &["allowed_networks"]),
        (json!({"name": "Two", "permissions": [], "expires_at": "soon"}), &["expires_at"]),
        (json!({"name": "Two", "permissions": [], "expires_at": "2026-11-23T09:00:00Z"}), &["expires_at"]),
    ];
    for (body, fields) in cases {
        by.post(&keyed.org.at("api-keys"), body).await.invalid(fields);
    }
    by.patch(&keyed.path(), json!({"permissions": ["org.roles.manage"]})).await.invalid(&["permissions"]);
    by.patch(&keyed.path(), json!({"expires_at": "2026-11-01T00:00:00Z"})).await.invalid(&["expires_at"]);
    assert_eq!(by.get(&keyed.org.at("api-keys")).await.ok()["total"], 1);
});
