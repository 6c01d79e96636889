//! Services: made, shown, changed, given another secret, deleted; and who may.

mod settings;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const SERVICE: &[&str] = &[
    "id",
    "org_id",
    "slug",
    "name",
    "service_type",
    "client_id",
    "github_scopes",
    "microsoft_scopes",
    "google_scopes",
    "redirect_uris",
    "resource_uris",
    "sign_up",
    "implicit_grant",
    "created_at",
    "updated_at",
];

pub(super) async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

/// A service for the web; answers what the API did.
pub(super) async fn make(app: &TestApp, by: &User, org: &Org, slug: &str) -> Value {
    let body = json!({"slug": slug, "name": "Portal", "service_type": "web"});
    app.by(by).post(&org.at("services"), body).await.ok()
}

async fn recorded(app: &TestApp, by: &User, org: &Org, action: &str) -> Vec<Value> {
    let log = app.by(by).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
    log["logs"].as_array().unwrap_or_else(|| panic!("{log}")).clone()
}

both!(a_service_is_made_with_a_secret_and_a_free_plan, async |app| {
    let (ann, org) = founded(app).await;
    let body = json!({
        "slug": "portal", "name": "Portal", "service_type": "web", "github_scopes": ["user:email", "repo", "repo"],
        "redirect_uris": ["https://portal.example.com/cb", "https://portal.example.com/cb", "http://localhost:3000/cb"],
        "device_activation_uri": "https://portal.example.com/activate", "resource_uris": [],
    });
    let made = app.by(&ann).post(&org.at("services"), body).await.ok();
    has_exactly(&made, &["service", "default_plan", "usage"]);
    let service = &made["service"];
    has_exactly(service, &[SERVICE, &["client_secret", "device_activation_uri"]].concat());
    let secret = text(&service["client_secret"]);
    assert!(secret.starts_with("cs_") && secret.len() == 46, "{secret}");
    assert!(text(&service["id"]).starts_with("svc_") && text(&service["client_id"]).len() == 32, "{service}");
    assert_eq!(service["github_scopes"], json!(["user:email", "repo"]));
    assert_eq!(service["redirect_uris"], json!(["https://portal.example.com/cb", "http://localhost:3000/cb"]));
    assert_eq!(made["usage"], json!({"current_services": 1, "max_services": 2, "tier": "free"}));
    let plan = &made["default_plan"]["plan"];
    assert_eq!((&plan["name"], &plan["price_cents"], &plan["currency"]), (&json!("free"), &json!(0), &json!("usd")));
    assert_eq!((&plan["is_default"], &plan["service_id"], &plan["features"]), (&json!(true), &service["id"], &json!("[]")));

    let shown = app.by(&ann).get(&org.at("services/portal")).await.ok();
    has_exactly(&shown, &["service", "plan_count", "subscription_count"]);
    has_exactly(&shown["service"], &[SERVICE, &["device_activation_uri"]].concat());
    assert_eq!((&shown["plan_count"], &shown["subscription_count"]), (&json!(1), &json!(0)));
    let listed = app.by(&ann).get(&org.at("services")).await.ok();
    assert_eq!(listed, json!({"services": [shown], "usage": made["usage"]}));
    let details = app.by(&ann).get(&org.path).await.ok();
    assert_eq!(details["service_count"], json!(1));
    let created = recorded(app, &ann, &org, "service.created").await;
    assert_eq!(created[0]["target_id"], service["id"]);
    assert_eq!(recorded(app, &ann, &org, "plan.created").await[0]["target_id"], plan["id"]);
    assert!(!app.dump().await.contains(&secret), "the secret is stored");
});

both!(a_repeated_request_makes_one_service_and_shows_the_same_secret, async |app| {
    let (ann, org) = founded(app).await;
    let body = json!({"slug": "portal", "name": "Portal", "service_type": "api"});
    let once = async |key: &str| {
        let request = app.by(&ann).request(reqwest::Method::POST, &org.at("services")).json(&body);
        request.header("idempotency-key", key).send().await
    };
    let first = once("one").await.ok();
    assert_eq!(once("one").await.ok(), first);
    once("two").await.refused_as(400, "DUPLICATE_CONSTRAINT", "service_slug_taken");
    // Elsewhere the same slug is free.
    let other = app.create_org(&ann, "other").await;
    make(app, &ann, &other, "portal").await;
});

both!(a_service_changes_as_far_as_it_is_named, async |app| {
    let (ann, org) = founded(app).await;
    let made = make(app, &ann, &org, "portal").await;
    app.advance(TimeDelta::seconds(5));
    let path = org.at("services/portal");
    let changes = json!({"name": "Customer portal", "service_type": "mobile", "redirect_uris": ["com.example.app:/cb"],
        "google_scopes": ["openid"], "device_activation_uri": "https://example.com/activate"});
    let changed = app.by(&ann).patch(&path, changes).await.ok();
    has_exactly(&changed, &["service", "plan_count", "subscription_count"]);
    assert_eq!(changed["service"]["redirect_uris"], json!(["com.example.app:/cb"]));
    assert_eq!((&changed["service"]["name"], &changed["service"]["slug"]), (&json!("Customer portal"), &json!("portal")));
    assert_eq!(changed["service"]["client_id"], made["service"]["client_id"]);
    assert_ne!(changed["service"]["updated_at"], changed["service"]["created_at"]);
    let changed = app.by(&ann).patch(&path, json!({"device_activation_uri": null})).await.ok();
    assert!(changed["service"].get("device_activation_uri").is_none());
    assert_eq!(changed["service"]["google_scopes"], json!(["openid"]));
    // Nothing changed: nothing to tell.
    app.by(&ann).patch(&path, json!({"name": "Customer portal", "slug": "renamed"})).await.ok();
    let updated = recorded(app, &ann, &org, "service.updated").await;
    let told: Vec<_> = updated.iter().map(|event| &event["metadata"]["changed"]).collect();
    let first = json!(["name", "service_type", "google_scopes", "redirect_uris", "device_activation_uri"]);
    assert_eq!(told, [&json!(["device_activation_uri"]), &first]);
    assert_eq!(app.by(&ann).get(&path).await.ok(), changed);
});

both!(services_are_listed_by_type_and_in_pages, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    for (n, service_type) in ["web", "api", "web", "desktop"].into_iter().enumerate() {
        let body = json!({"slug": format!("service-{n}"), "name": "Some", "service_type": service_type});
        app.by(&ann).post(&org.at("services"), body).await.ok();
        app.advance(TimeDelta::seconds(1));
    }
    let slugs = async |query: &str| -> Vec<String> {
        let listed = app.by(&ann).get(&org.at(&format!("services{query}"))).await.ok();
        assert_eq!(listed["usage"]["current_services"], 4);
        listed["services"].as_array().unwrap().iter().map(|one| text(&one["service"]["slug"])).collect()
    };
    assert_eq!(slugs("").await, ["service-0", "service-1", "service-2", "service-3"]);
    assert_eq!(slugs("?service_type=web").await, ["service-0", "service-2"]);
    assert_eq!(slugs("?limit=2&offset=1").await, ["service-1", "service-2"]);
    assert_eq!(slugs("?limit=0&offset=-1").await, ["service-0"]);
    app.by(&ann).get(&org.at("services?service_type=tv")).await.invalid(&["service_type"]);
});

both!(after_a_rotation_two_secrets_live_until_the_grace_ends, async |app| {
    let (ann, org) = founded(app).await;
    let first = text(&make(app, &ann, &org, "portal").await["service"]["client_secret"]);
    let rotate = async |by: &User, body: Value| app.by(by).post(&org.at("services/portal/secret/rotate"), body).await;
    let lives = async || app.count("select count(*) from client_secrets").await;
    let rotated = rotate(&ann, json!({"grace_seconds": 600})).await.ok();
    has_exactly(&rotated, &["service", "client_secret"]);
    has_exactly(&rotated["service"], &[SERVICE, &["old_secret_until"]].concat());
    assert_eq!(rotated["service"]["old_secret_until"], "2026-11-23T09:10:00.000000Z");
    assert_ne!(text(&rotated["client_secret"]), first);
    assert_eq!(lives().await, 2);
    rotate(&ann, json!({})).await.refused_as(400, "BAD_REQUEST", "too_many_secrets");
    for grace in [-1, 604_801] {
        rotate(&ann, json!({"grace_seconds": grace})).await.invalid(&["grace_seconds"]);
    }
    app.advance(TimeDelta::seconds(600));
    // What is over is not kept.
    app.run_jobs().await;
    assert_eq!(lives().await, 1);
    let ann = app.again(&ann).await;
    rotate(&ann, json!({})).await.ok();
    assert_eq!(lives().await, 2);
    let last = rotate(&ann, json!({"grace_seconds": 0})).await.ok();
    assert!(last["service"].get("old_secret_until").is_none());
    assert_eq!(lives().await, 1);
    let events = recorded(app, &ann, &org, "service.secret_rotated").await;
    let told: Vec<_> = events.iter().map(|event| &event["metadata"]["grace_seconds"]).collect();
    assert_eq!(told, [&json!(0), &json!(86_400), &json!(600)]);
    let dump = app.dump().await;
    assert!(!dump.contains(&text(&last["client_secret"])) && !dump.contains(&first));
});

both!(a_deleted_service_takes_along_what_is_its_own, async |app| {
    let (ann, org) = founded(app).await;
    make(app, &ann, &org, "portal").await;
    make(app, &ann, &org, "shop").await;
    let admin = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let path = org.at("services/portal");
    app.by(&admin).delete(&path).await.refused_as(403, "FORBIDDEN", "missing_permission");
    app.by(&ann).delete(&path).await.expect(204);
    app.by(&ann).delete(&path).await.refused(404, "NOT_FOUND");
    app.by(&ann).get(&path).await.refused(404, "NOT_FOUND");
    app.by(&ann).get(&format!("{path}/plans")).await.refused(404, "NOT_FOUND");
    for table in ["clients", "client_secrets", "services", "plans"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 1, "{table}");
    }
    assert_eq!(recorded(app, &ann, &org, "service.deleted").await[0]["metadata"]["slug"], "portal");
    // Its slug and its place are free.
    make(app, &ann, &org, "portal").await;
});

both!(a_deleted_organization_leaves_no_client, async |app| {
    let (ann, org) = founded(app).await;
    make(app, &ann, &org, "portal").await;
    app.by(&ann).delete(&org.path).await.done();
    app.worker().await;
    app.run_jobs().await;
    for table in ["clients", "client_secrets", "services", "plans"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
});

both!(who_may_look_may_not_change, async |app| {
    let (ann, org) = founded(app).await;
    make(app, &ann, &org, "portal").await;
    for (role, caps) in [("viewer", "services.view"), ("maker", "services.create"), ("manager", "services.manage")] {
        app.role(&ann, "acme", role, &[caps]).await;
    }
    let bob = app.member(&ann, "acme", "bob@example.com", "viewer").await;
    let (path, new) = (org.at("services/portal"), json!({"slug": "shop", "name": "Shop", "service_type": "web"}));
    let rotate = format!("{path}/secret/rotate");
    let denied = |answer: tenantry_tests::Response| answer.refused_as(403, "FORBIDDEN", "missing_permission");
    app.by(&bob).get(&path).await.ok();
    app.by(&bob).get(&format!("{path}/plans")).await.ok();
    denied(app.by(&bob).patch(&path, json!({"name": "Mine"})).await);
    denied(app.by(&bob).post(&rotate, json!({})).await);
    denied(app.by(&bob).post(&org.at("services"), new.clone()).await);
    let role = async |role: &str| app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": role})).await.ok();
    role("manager").await;
    app.by(&bob).patch(&path, json!({"name": "Managed"})).await.ok();
    app.by(&bob).post(&rotate, json!({})).await.ok();
    denied(app.by(&bob).post(&org.at("services"), new.clone()).await);
    denied(app.by(&bob).delete(&path).await);
    role("maker").await;
    app.by(&bob).post(&org.at("services"), new).await.ok();
    denied(app.by(&bob).get(&path).await);
    // Whether there is such a service, whoever may see none is not told.
    denied(app.by(&bob).get(&org.at("services/nothing")).await);
});

both!(a_program_looks_and_changes_but_is_shown_no_secret, async |app| {
    let (ann, org) = founded(app).await;
    make(app, &ann, &org, "portal").await;
    let key = json!({"name": "Program", "permissions": ["services.view", "services.create", "services.manage"]});
    let key = text(&app.by(&ann).post(&org.at("api-keys"), key).await.ok()["secret"]);
    let program = app.client().bearer(&key);
    let path = org.at("services/portal");
    assert_eq!(program.get(&org.at("services")).await.ok()["services"].as_array().map(Vec::len), Some(1));
    program.patch(&path, json!({"name": "Automated"})).await.ok();
    program.post(&format!("{path}/plans"), json!({"name": "Team", "price_cents": 1, "currency": "usd"})).await.ok();
    let new = json!({"slug": "shop", "name": "Shop", "service_type": "web"});
    program.post(&org.at("services"), new).await.refused_as(403, "FORBIDDEN", "person_required");
    program.post(&format!("{path}/secret/rotate"), json!({})).await.refused_as(403, "FORBIDDEN", "person_required");
    program.delete(&path).await.refused_as(403, "FORBIDDEN", "person_required");
});
