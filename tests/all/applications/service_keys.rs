//! API keys of services: made, shown once, used, revoked; what they open, and what they do not.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Client, Org, TestApp, User, both, text};

use super::services::{founded, make};
use crate::core::shapes::has_exactly;

const KEY: &[&str] = &["id", "service_id", "name", "prefix", "permissions", "created_at", "created_by"];
/// Everything that a service's key can hold.
pub(super) const ALL: &[&str] = &[
    "read:users",
    "write:users",
    "read:subscriptions",
    "write:subscriptions",
    "read:analytics",
    "read:service",
    "write:service",
];

/// An organization with two services, and a key of the first.
pub(super) struct Served {
    pub(super) ann: User,
    pub(super) org: Org,
    /// The answer that made the first service.
    pub(super) portal: Value,
    pub(super) id: String,
    pub(super) secret: String,
}

impl Served {
    pub(super) async fn new(app: &TestApp, permissions: &[&str]) -> Self {
        let (ann, org) = founded(app).await;
        let portal = make(app, &ann, &org, "portal").await;
        make(app, &ann, &org, "shop").await;
        let made = make_key(app, &ann, &org, "portal", json!({"name": "Backend", "permissions": permissions})).await;
        Self { id: text(&made["id"]), secret: text(&made["key"]), ann, org, portal }
    }
    /// A program with the key.
    pub(super) fn program(&self, app: &TestApp) -> Client {
        app.client().bearer(&self.secret)
    }
    fn keys(&self) -> String {
        self.org.at("services/portal/api-keys")
    }
    fn path(&self) -> String {
        format!("{}/{}", self.keys(), self.id)
    }
}

pub(super) async fn make_key(app: &TestApp, by: &User, org: &Org, service: &str, body: Value) -> Value {
    app.by(by).post(&org.at(&format!("services/{service}/api-keys")), body).await.ok()
}

both!(a_key_is_shown_with_its_secret_once, async |app| {
    let s = Served::new(app, &[]).await;
    let body = json!({"name": "Reports", "permissions": ["read:analytics", "read:users"], "expires_in_days": 30});
    let made = make_key(app, &s.ann, &s.org, "portal", body).await;
    has_exactly(&made, &[KEY, &["key", "expires_at"]].concat());
    let secret = text(&made["key"]);
    assert!(secret.starts_with("sk_") && secret.starts_with(made["prefix"].as_str().unwrap()) && secret.len() == 46, "{made}");
    assert_eq!((&made["permissions"], &made["created_by"]), (&json!(["read:users", "read:analytics"]), &json!(s.ann.id)));
    assert_eq!((&made["expires_at"], &made["service_id"]), (&json!("2026-12-23T09:00:00.000000Z"), &s.portal["service"]["id"]));
    let shown = app.by(&s.ann).get(&format!("{}/{}", s.keys(), text(&made["id"]))).await.ok();
    has_exactly(&shown, &[KEY, &["expires_at"]].concat());
    let listed = app.by(&s.ann).get(&s.keys()).await.ok();
    assert_eq!((&listed["api_keys"][1], &listed["total"]), (&shown, &json!(2)));
    let log = app.by(&s.ann).get(&s.org.at("audit-log?action=api_key.created")).await.ok();
    assert_eq!(log["logs"][0]["metadata"]["service_id"], s.portal["service"]["id"]);
    assert!(!app.dump().await.contains(&secret) && !log.to_string().contains(&secret));
    let again = json!({"name": "REPORTS", "permissions": []});
    app.by(&s.ann).post(&s.keys(), again.clone()).await.refused_as(400, "DUPLICATE_CONSTRAINT", "api_key_name_taken");
    app.by(&s.ann).post(&s.org.at("services/shop/api-keys"), again).await.ok();
});

both!(a_key_is_checked_in_every_field, async |app| {
    let s = Served::new(app, &[]).await;
    let by = app.by(&s.ann);
    by.post(&s.keys(), json!({})).await.invalid(&["name", "permissions"]);
    for (field, value) in [
        ("name", json!("x")),
        ("permissions", json!("read:users")),
        ("permissions", json!(["read:everything"])),
        ("permissions", json!(["webhooks.manage"])),
        ("expires_in_days", json!(0)),
        ("expires_in_days", json!(3651)),
        ("expires_in_days", json!("soon")),
    ] {
        let mut body = json!({"name": "Two", "permissions": []});
        body[field] = value;
        by.post(&s.keys(), body).await.invalid(&[field]);
    }
});

both!(a_key_works_until_it_expires_or_is_revoked, async |app| {
    let s = Served::new(app, &["read:service"]).await;
    let short = json!({"name": "Short", "permissions": ["read:service"], "expires_in_days": 1});
    let short = app.client().bearer(&text(&make_key(app, &s.ann, &s.org, "portal", short).await["key"]));
    let dead = |client: Client| async move {
        client.get("/api/service/info").await.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
    };
    s.program(app).get("/api/service/info").await.ok();
    short.get("/api/service/info").await.ok();
    let header = app.client().request(reqwest::Method::GET, "/api/service/info").header("x-api-key", &s.secret);
    header.send().await.ok();
    app.advance(TimeDelta::days(1));
    dead(short.clone()).await;
    app.advance(TimeDelta::minutes(2));
    dead(short).await;
    let ann = app.again(&s.ann).await;
    app.by(&ann).delete(&s.path()).await.done();
    dead(s.program(app)).await;
    app.by(&ann).delete(&s.path()).await.refused(404, "NOT_FOUND");
    app.by(&ann).get(&s.path()).await.refused(404, "NOT_FOUND");
    dead(app.client().bearer(&format!("sk_{}", "A".repeat(43)))).await;
});

both!(a_key_ends_with_its_service_and_with_its_organization, async |app| {
    let s = Served::new(app, &["read:service"]).await;
    let root = app.platform_owner().await;
    let state = |what: &str| format!("/api/platform/organizations/{}/{what}", s.org.id);
    app.by(&root).post_empty(&state("suspend")).await.ok();
    s.program(app).get("/api/service/info").await.refused(403, "ORGANIZATION_NOT_ACTIVE");
    app.by(&root).post_empty(&state("activate")).await.ok();
    s.program(app).get("/api/service/info").await.ok();
    app.by(&s.ann).delete(&s.org.at("services/portal")).await.expect(204);
    s.program(app).get("/api/service/info").await.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
    let other = json!({"name": "Other", "permissions": ["read:service"]});
    let other = app.client().bearer(&text(&make_key(app, &s.ann, &s.org, "shop", other).await["key"]));
    other.get("/api/service/info").await.ok();
    app.by(&s.ann).delete(&s.org.path).await.done();
    other.get("/api/service/info").await.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
});

both!(a_key_opens_nothing_of_the_organization, async |app| {
    let s = Served::new(app, ALL).await;
    let (program, eve) = (s.program(app), app.sign_up("eve@example.com").await);
    let rival = app.create_org(&eve, "rival").await;
    for path in [&s.org.path, &s.org.at("services"), &s.org.at("services/portal"), &s.org.at("members"), &rival.path, &s.keys()] {
        program.get(path).await.refused_as(403, "FORBIDDEN", "service_key");
    }
    program.patch(&s.org.path, json!({"name": "Mine"})).await.refused_as(403, "FORBIDDEN", "service_key");
    program.delete(&s.path()).await.refused_as(403, "FORBIDDEN", "service_key");
    for path in ["/api/user", "/api/user/sessions", "/api/organizations", "/api/invitations"] {
        program.get(path).await.refused_as(403, "FORBIDDEN", "person_required");
    }
    program.get("/api/platform/organizations").await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    // And nobody else's credential opens the service API.
    let key = json!({"name": "Program", "permissions": ["services.manage", "end_users.manage"]});
    let key = text(&app.by(&s.ann).post(&s.org.at("api-keys"), key).await.ok()["secret"]);
    for client in [app.by(&s.ann), app.client().bearer(&key)] {
        for path in ["info", "users", "subscriptions", "analytics"] {
            client.get(&format!("/api/service/{path}")).await.refused_as(403, "FORBIDDEN", "service_key_required");
        }
    }
    app.client().get("/api/service/info").await.refused(401, "UNAUTHORIZED");
});

both!(t20_nobody_makes_a_key_beyond_what_they_hold, async |app| {
    let s = Served::new(app, &[]).await;
    app.role(&s.ann, "acme", "developer", &["services.manage"]).await;
    let bob = app.member(&s.ann, "acme", "bob@example.com", "developer").await;
    let by = app.by(&bob);
    for permission in ["read:users", "write:users", "read:subscriptions", "write:subscriptions", "read:analytics"] {
        let body = json!({"name": "Beyond", "permissions": ["read:service", permission]});
        by.post(&s.keys(), body).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    }
    by.post(&s.keys(), json!({"name": "Own", "permissions": ["read:service", "write:service"]})).await.ok();
    // Revoking needs nothing but the right to manage the service.
    by.delete(&s.path()).await.done();
    // Access that was given directly goes as far as the service itself.
    app.by(&s.ann).patch(&s.org.at(&format!("members/{}", bob.id)), json!({"role": "member"})).await.ok();
    let grants = json!({"grants": [{"service_slug": "portal", "access": "manager"}]});
    app.by(&s.ann).put(&s.org.at(&format!("members/{}/service-access", bob.id)), grants).await.ok();
    by.post(&s.keys(), json!({"name": "Given", "permissions": ["write:service"]})).await.ok();
    let body = json!({"name": "Beyond", "permissions": ["read:users"]});
    by.post(&s.keys(), body).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    let shop = s.org.at("services/shop/api-keys");
    by.post(&shop, json!({"name": "Given", "permissions": []})).await.refused_as(403, "FORBIDDEN", "missing_permission");
});

both!(a_key_of_another_service_does_not_exist, async |app| {
    let s = Served::new(app, &[]).await;
    let elsewhere = s.org.at(&format!("services/shop/api-keys/{}", s.id));
    app.by(&s.ann).get(&elsewhere).await.refused(404, "NOT_FOUND");
    app.by(&s.ann).delete(&elsewhere).await.refused(404, "NOT_FOUND");
    app.by(&s.ann).get(&s.path()).await.ok();
});

both!(t22_a_removal_names_the_keys_that_the_removed_person_made, async |app| {
    let s = Served::new(app, &[]).await;
    let bob = app.member(&s.ann, "acme", "bob@example.com", "admin").await;
    let made = make_key(app, &bob, &s.org, "portal", json!({"name": "Bob's", "permissions": ["read:service"]})).await;
    app.by(&s.ann).delete(&s.org.at(&format!("members/{}", bob.id))).await.done();
    let log = app.by(&s.ann).get(&s.org.at("audit-log?action=user.removed")).await.ok();
    assert_eq!(log["logs"][0]["metadata"]["seen_api_keys"], json!([made["id"]]), "not the owner's");
    app.client().bearer(&text(&made["key"])).get("/api/service/info").await.ok();
});

both!(as_many_keys_as_are_allowed_and_no_more, async |app| {
    let s = Served::new(app, &[]).await;
    let create = |n: usize| {
        let (by, path) = (app.by(&s.ann), s.keys());
        async move { by.post(&path, json!({"name": format!("Key {n}"), "permissions": []})).await }
    };
    let refused: Vec<_> = join_all((0..30).map(create)).await.into_iter().filter(|answer| answer.status != 200).collect();
    assert_eq!(refused.len(), 11);
    refused.into_iter().for_each(|answer| answer.refused_as(400, "BAD_REQUEST", "api_key_limit"));
    assert_eq!(app.by(&s.ann).get(&s.keys()).await.ok()["total"], 20);
    app.by(&s.ann).delete(&s.path()).await.done();
    create(100).await.ok();
});

both!(nothing_is_written_by_a_key_after_its_revocation_was_acknowledged, async |app| {
    let s = Served::new(app, &["read:service", "write:service"]).await;
    let program = s.program(app);
    let writes = join_all((0..30).map(|n| program.patch("/api/service/info", json!({"name": format!("Name {n}")}))));
    let revoke = async {
        app.by(&s.ann).delete(&s.path()).await.done();
        app.by(&s.ann).get(&s.org.at("services/portal")).await.ok()["service"]["name"].clone()
    };
    let (answers, name) = futures::join!(writes, revoke);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
    }
    assert_eq!(app.by(&s.ann).get(&s.org.at("services/portal")).await.ok()["service"]["name"], name);
});

both!(its_use_is_recorded_and_the_first_is_an_event, async |app| {
    let s = Served::new(app, &["read:service"]).await;
    let last = async |ann: &User| app.by(ann).get(&s.path()).await.ok()["last_used_at"].clone();
    assert_eq!(last(&s.ann).await, Value::Null);
    let program = s.program(app);
    join_all((0..10).map(|_| program.get("/api/service/info"))).await.into_iter().for_each(|answer| drop(answer.ok()));
    assert_eq!(last(&s.ann).await, "2026-11-23T09:00:00.000000Z");
    app.advance(TimeDelta::minutes(1));
    program.get("/api/service/info").await.ok();
    let ann = app.again(&s.ann).await;
    assert_eq!(last(&ann).await, "2026-11-23T09:01:00.000000Z");
    let log = app.by(&ann).get(&s.org.at("audit-log?action=api_key.first_used")).await.ok();
    assert_eq!((log["logs"].as_array().map(Vec::len), &log["logs"][0]["actor_id"]), (Some(1), &json!(s.id)));
});
