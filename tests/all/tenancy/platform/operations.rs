//! How the platform is doing, and what its owners set while it runs.

use serde_json::json;
use tenantry_tests::both;

use crate::core::shapes::has_exactly;

both!(the_status_is_for_platform_owners, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let status = app.by(&root).get("/api/platform/operations/status").await.ok();
    has_exactly(&status, &["status", "database", "cache", "work", "oldest", "version", "schema", "time"]);
    assert_eq!((&status["status"], &status["database"]), (&json!("ok"), &json!("ok")));
    assert!(status["schema"].as_str().unwrap().starts_with("m2026"), "{status}");
    let refused = app.by(&ann).get("/api/platform/operations/status").await;
    refused.refused_as(403, "FORBIDDEN", "platform_owner_required");
});

both!(what_is_prepared_holds_once_it_is_applied, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let config = "/api/platform/bootstrap/config";
    let first = app.by(&root).get(config).await.ok();
    let settings = ["require_approval", "default_tier_id", "max_organizations_per_user"];
    has_exactly(&first, &[&settings[..], &["effective", "pending", "updated_at", "applied_at"]].concat());
    has_exactly(&first["effective"], &settings);
    assert_eq!((&first["require_approval"], &first["effective"]["require_approval"]), (&json!(null), &json!(false)));
    let wanted = json!({"require_approval": true, "default_tier_id": "tier_pro", "max_organizations_per_user": 2});
    let prepared = app.by(&root).patch(config, wanted.clone()).await.ok();
    assert_eq!((&prepared["pending"], &prepared["effective"]["require_approval"]), (&json!(true), &json!(false)));
    let made = app.create_org(&ann, "one").await;
    let state = async |path: &str| app.by(&ann).get(path).await.ok()["organization"]["status"].clone();
    assert_eq!(state(&made.path).await, "active", "it does not hold yet");
    let applied = app.by(&root).post_empty("/api/platform/bootstrap/apply").await.ok();
    assert_eq!((&applied["pending"], &applied["effective"]), (&json!(false), &wanted));
    let made = app.create_org(&ann, "two").await;
    let organization = app.by(&ann).get(&made.path).await.ok()["organization"].clone();
    assert_eq!((&organization["status"], &organization["tier_id"]), (&json!("pending"), &json!("tier_pro")));
    let third = app.by(&ann).post("/api/organizations", json!({"slug": "three", "name": "Three"})).await;
    third.refused_as(400, "BAD_REQUEST", "organization_limit");
    // Null gives it back to the configuration file; what is not named stays.
    app.by(&root).patch(config, json!({"max_organizations_per_user": null})).await.ok();
    app.by(&root).post_empty("/api/platform/bootstrap/apply").await.ok();
    app.by(&root).post_empty("/api/platform/bootstrap/apply").await.ok();
    let made = app.create_org(&ann, "three").await;
    assert_eq!(state(&made.path).await, "pending");
    let log = app.by(&root).get("/api/platform/audit-log?action=apply_platform_config").await.ok();
    assert_eq!((&log["total"], &log["logs"][0]["metadata"]["require_approval"]), (&json!(2), &json!(true)), "{log}");
    assert_eq!(app.by(&root).get("/api/platform/audit-log?action=update_platform_config").await.ok()["total"], 2);
});

both!(what_cannot_hold_is_refused, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let config = "/api/platform/bootstrap/config";
    let patch = async |body| app.by(&root).patch(config, body).await;
    patch(json!({"default_tier_id": "tier_none"})).await.invalid(&["default_tier_id"]);
    patch(json!({"max_organizations_per_user": 1_000_001})).await.invalid(&["max_organizations_per_user"]);
    patch(json!({"max_organizations_per_user": -1, "require_approval": "yes"}))
        .await
        .invalid(&["require_approval", "max_organizations_per_user"]);
    assert_eq!(app.by(&root).get(config).await.ok()["pending"], false, "nothing of it stays");
    app.by(&ann).get(config).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    app.by(&ann).patch(config, json!({})).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    app.by(&ann).post_empty("/api/platform/bootstrap/apply").await.refused_as(403, "FORBIDDEN", "platform_owner_required");
});
