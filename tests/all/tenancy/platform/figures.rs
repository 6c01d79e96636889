//! The platform in numbers: counted by the worker, and counting twice changes nothing.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{TestApp, User, both};

use crate::core::shapes::has_exactly;

const ROUTES: [&str; 6] =
    ["overview", "organization-status", "growth-trends", "login-activity", "top-organizations", "recent-organizations"];

async fn see(app: &TestApp, by: &User, what: &str) -> Value {
    app.by(by).get(&format!("/api/platform/analytics/{what}")).await.ok()
}

both!(what_there_is_is_counted, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let empty = see(app, &root, "overview").await;
    has_exactly(
        &empty,
        &[
            "total_organizations",
            "total_users",
            "total_end_users",
            "total_services",
            "total_logins_24h",
            "total_logins_30d",
            "computed_at",
        ],
    );
    assert_eq!((&empty["total_users"], &empty["computed_at"]), (&json!(0), &json!(null)), "nobody has counted yet");
    let (org, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", other.id)).await.ok();
    app.by(&ann).post_empty(&org.at("select")).await.ok();
    app.run_jobs().await;
    app.run_jobs().await;
    let all = see(app, &root, "overview").await;
    let sign_ins = app.count("select count(*) from sign_ins").await;
    assert_eq!((&all["total_organizations"], &all["total_users"]), (&json!(2), &json!(2)));
    assert_eq!((&all["total_services"], &all["total_end_users"]), (&json!(0), &json!(0)));
    assert_eq!((&all["total_logins_24h"], &all["total_logins_30d"]), (&json!(sign_ins), &json!(sign_ins)));
    assert!(all["computed_at"].is_string());
    let statuses = json!({"pending": 0, "active": 1, "suspended": 1, "rejected": 0});
    assert_eq!(see(app, &root, "organization-status").await, statuses);
    app.by(&root).delete(&format!("/api/platform/organizations/{}", other.id)).await.expect(204);
    app.advance(TimeDelta::days(2));
    app.run_jobs().await;
    let root = app.again(&root).await;
    let later = see(app, &root, "overview").await;
    assert_eq!((&later["total_organizations"], &later["total_logins_30d"]), (&json!(1), &json!(sign_ins)));
    assert_eq!(later["total_logins_24h"], json!(0), "{later}");
});

both!(days_are_counted_also_where_no_worker_ran, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    app.create_org(&ann, "acme").await;
    app.advance(TimeDelta::days(3));
    app.sign_up("bob@example.com").await;
    let root = app.again(&root).await;
    app.run_jobs().await;
    assert_eq!(
        see(app, &root, "growth-trends").await,
        json!([
            {"date": "2026-11-23", "new_organizations": 1, "new_users": 2},
            {"date": "2026-11-26", "new_organizations": 0, "new_users": 1}
        ])
    );
    app.sign_up("cy@example.com").await;
    app.run_jobs().await;
    let growth = see(app, &root, "growth-trends?start_date=2026-11-24").await;
    assert_eq!(growth, json!([{"date": "2026-11-26", "new_organizations": 0, "new_users": 2}]), "today is counted again");
    let activity = see(app, &root, "login-activity?end_date=2026-11-23").await;
    assert_eq!((&activity[0]["date"], activity.as_array().unwrap().len()), (&json!("2026-11-23"), 1));
    app.by(&root).get("/api/platform/analytics/growth-trends?start_date=yesterday").await.invalid(&["start_date"]);
    app.by(&root)
        .get("/api/platform/analytics/login-activity?start_date=2026-01-02&end_date=2026-01-01")
        .await
        .invalid(&["end_date"]);
});

both!(organizations_are_ranked_and_the_newest_shown, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let busy = app.create_org(&ann, "busy").await;
    app.advance(TimeDelta::seconds(1));
    app.create_org(&ann, "quiet").await;
    for _ in 0..2 {
        let again = app.again(&ann).await;
        app.by(&again).post_empty(&busy.at("select")).await.ok();
    }
    app.run_jobs().await;
    let top = see(app, &root, "top-organizations").await;
    has_exactly(&top[0], &["id", "name", "slug", "user_count", "service_count", "login_count_30d"]);
    assert_eq!((&top[0]["slug"], &top[0]["login_count_30d"], &top[0]["user_count"]), (&json!("busy"), &json!(2), &json!(1)));
    let recent = see(app, &root, "recent-organizations").await;
    has_exactly(&recent[0], &["id", "name", "slug", "status", "created_at"]);
    let slugs: Vec<_> = recent.as_array().unwrap().iter().map(|o| o["slug"].clone()).collect();
    assert_eq!(slugs, ["quiet", "busy"]);
    assert_eq!(see(app, &root, "recent-organizations?limit=1").await.as_array().unwrap().len(), 1);
    app.by(&root).delete(&format!("/api/platform/organizations/{}", busy.id)).await.expect(204);
    assert_eq!(see(app, &root, "top-organizations?limit=5").await, json!([]), "deleted since it was counted");
    for route in ROUTES {
        let path = format!("/api/platform/analytics/{route}");
        app.by(&ann).get(&path).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    }
});
