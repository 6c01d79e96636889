//! Sign-ins in numbers: what is counted, once; what the days are; nothing of others.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Org, PASSWORD, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const ROUTES: [&str; 4] = ["login-trends", "logins-by-service", "logins-by-provider", "recent-logins"];

async fn sign_in(app: &TestApp, who: &User, org: &Org) {
    let login = json!({"email": who.email, "password": PASSWORD, "org_slug": org.slug});
    app.client().post("/api/auth/login", login).await.ok();
}

async fn see(app: &TestApp, by: &User, org: &Org, what: &str) -> Value {
    app.by(by).get(&org.at(&format!("analytics/{what}"))).await.ok()
}

both!(sign_ins_are_counted_once_by_their_days, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    sign_in(app, &ann, &org).await;
    sign_in(app, &ann, &org).await;
    // The same session again and again is one sign-in, of the way in which it signed in.
    for _ in 0..3 {
        app.by(&ann).post_empty(&org.at("select")).await.ok();
    }
    assert_eq!(see(app, &ann, &org, "login-trends").await, json!([]), "the worker counts");
    app.run_jobs().await;
    app.run_jobs().await;
    assert_eq!(see(app, &ann, &org, "login-trends").await, json!([{"date": "2026-11-23", "count": 3}]));
    app.advance(TimeDelta::days(1));
    let ann = app.again(&ann).await;
    sign_in(app, &ann, &org).await;
    app.run_jobs().await;
    let both_days = json!([{"date": "2026-11-23", "count": 3}, {"date": "2026-11-24", "count": 1}]);
    assert_eq!(see(app, &ann, &org, "login-trends").await, both_days);
    assert_eq!(see(app, &ann, &org, "login-trends?start_date=2026-11-24").await, json!([both_days[1]]));
    assert_eq!(see(app, &ann, &org, "login-trends?end_date=2026-11-23").await, json!([both_days[0]]));
    assert_eq!(see(app, &ann, &org, "login-trends?start_date=2026-11-25&end_date=2026-12-24").await, json!([]));
    assert_eq!(see(app, &ann, &org, "logins-by-provider").await, json!([{"provider": "password", "count": 4}]));
    assert_eq!(see(app, &ann, &org, "logins-by-service").await, json!([]), "nobody signs in to a service yet");
    let recent = see(app, &ann, &org, "recent-logins?limit=2").await;
    has_exactly(&recent[0], &["id", "user_id", "service_id", "provider", "created_at"]);
    assert_eq!((recent.as_array().unwrap().len(), &recent[0]["user_id"]), (2, &json!(ann.id)));
    assert!(text(&recent[0]["created_at"]).starts_with("2026-11-24") && text(&recent[1]["created_at"]).starts_with("2026-11-23"));
});

both!(sign_ins_of_others_are_nobodys_business, async |app| {
    let (ann, eve) = (app.sign_up("ann@example.com").await, app.sign_up("eve@example.com").await);
    let (org, rival) = (app.create_org(&ann, "acme").await, app.create_org(&eve, "rival").await);
    sign_in(app, &eve, &rival).await;
    app.run_jobs().await;
    for route in ROUTES {
        assert_eq!(see(app, &ann, &org, route).await, json!([]), "{route}");
        app.by(&ann).get(&rival.at(&format!("analytics/{route}"))).await.refused_as(403, "FORBIDDEN", "not_a_member");
    }
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    for route in ROUTES {
        let path = org.at(&format!("analytics/{route}"));
        app.by(&bob).get(&path).await.refused_as(403, "FORBIDDEN", "missing_permission");
        for (query, field) in [
            ("start_date=yesterday", "start_date"),
            ("end_date=2026-02-30", "end_date"),
            ("start_date=2026-11-02&end_date=2026-11-01", "end_date"),
            ("start_date=2025-11-01&end_date=2026-11-02", "start_date"),
        ] {
            app.by(&ann).get(&format!("{path}?{query}")).await.invalid(&[field]);
        }
    }
});

both!(many_workers_count_each_sign_in_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    join_all((0..24).map(|_| sign_in(app, &ann, &org))).await;
    join_all((0..4).map(|_| app.run_jobs())).await;
    assert_eq!(see(app, &ann, &org, "login-trends").await, json!([{"date": "2026-11-23", "count": 24}]));
});

both!(sign_ins_and_their_numbers_are_forgotten, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    sign_in(app, &ann, &org).await;
    app.run_jobs().await;
    let days = "login-trends?start_date=2026-11-23&end_date=2026-11-23";
    app.advance(TimeDelta::days(91));
    app.run_jobs().await;
    let ann = app.again(&ann).await;
    assert_eq!(see(app, &ann, &org, "recent-logins?start_date=2026-11-23&end_date=2026-11-23").await, json!([]));
    assert_eq!(see(app, &ann, &org, days).await, json!([{"date": "2026-11-23", "count": 1}]), "without persons, for longer");
    app.advance(TimeDelta::days(311));
    app.run_jobs().await;
    let ann = app.again(&ann).await;
    assert_eq!(see(app, &ann, &org, days).await, json!([]));
});
