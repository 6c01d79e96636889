//! What a device shows, and what that is worth.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Database, Options, TestApp, both};

use super::*;

/// What the newest sign-in of the organization was judged on.
async fn factors(app: &TestApp, org: &Org) -> Value {
    judged(app, org).await[0]["risk_factors"].clone()
}

both!(each_kind_of_device_has_its_name_and_its_score, async |app| {
    let (ann, org) = founded(app).await;
    set(app, &org, json!({"velocity_threshold": 1000})).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.member(&ann, "acme", "bob@example.com", "member").await;
    let other = app.create_org(&ann, "other").await;
    set(app, &other, json!({"velocity_threshold": 1000})).await;
    let anns = device_of(&enter(app, None).await).unwrap();
    assert_eq!(factors(app, &org).await, json!(["new_device"]));
    let again = enter(app, Some(&anns)).await;
    assert_eq!((factors(app, &org).await, &judged(app, &org).await[0]["risk_score"]), (json!(["trusted_device"]), &json!(0)));
    assert!(device_of(&again).is_some(), "each sign-in makes it known for longer");
    sign_in(app, "bob@example.com", Some("acme"), Some(&anns), None).await.ok();
    assert_eq!(factors(app, &org).await, json!(["cookie_mismatch"]));
    sign_in(app, "ann@example.com", Some("other"), Some(&anns), None).await.ok();
    assert_eq!(factors(app, &other).await, json!(["untrusted_cookie"]), "trust is not lent between organizations");
    let (body, tag) = anns.split_once('.').unwrap();
    for forged in ["x", "x.y", "", ".", &format!("{body}A.{tag}"), &format!("{body}.{tag}A"), &"x".repeat(3000), "%00.1.x"] {
        enter(app, Some(forged)).await.ok();
        assert_eq!(factors(app, &org).await, json!(["invalid_cookie"]), "{forged}");
    }
    // Both organizations know it once it was used in both.
    let both = device_of(&sign_in(app, "ann@example.com", Some("other"), Some(&anns), None).await).unwrap();
    enter(app, Some(&both)).await.ok();
    sign_in(app, "ann@example.com", Some("other"), Some(&both), None).await.ok();
    assert_eq!((factors(app, &org).await, factors(app, &other).await), (json!(["trusted_device"]), json!(["trusted_device"])));
});

both!(a_sign_in_that_nobody_judged_makes_nothing_known, async |app| {
    let (_, org) = founded(app).await;
    let platform = sign_in(app, "ann@example.com", None, None, None).await;
    assert_eq!((device_of(&platform), platform.header("set-cookie")), (None, ""));
    set(app, &org, challenging()).await;
    asked(&enter(app, None).await);
});

both!(a_device_is_known_for_ninety_days, async |app| {
    let (ann, org) = founded(app).await;
    let answer = enter(app, None).await;
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["Path=/", "Max-Age=7776000", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.split("; ").any(|known| known == part), "{cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
    let device = device_of(&answer).unwrap();
    app.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    enter(app, Some(&device)).await.ok();
    let org = Org { access: app.again(&ann).await.access, ..org };
    assert_eq!(factors(app, &org).await, json!(["trusted_device"]));
    app.advance(TimeDelta::seconds(1));
    enter(app, Some(&device)).await.ok();
    assert_eq!(factors(app, &org).await, json!(["untrusted_cookie"]));
});

#[test]
fn with_https_the_cookie_is_this_hosts_alone() {
    tenantry_tests::block_on(async {
        let app =
            TestApp::start_with(Database::Sqlite, Options::default().set("server.public_url", "https://sso.example.com")).await;
        founded(&app).await;
        let answer = enter(&app, None).await;
        let cookie = answer.header("set-cookie").to_owned();
        assert!(
            cookie.starts_with("__Host-tn_device=") && cookie.ends_with("; Secure") && cookie.contains("Path=/;"),
            "{cookie}"
        );
        app.finish().await;
    });
}
