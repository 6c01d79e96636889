//! Risky sign-ins: what organizations make of them, and what becomes of a sign-in.

mod challenges;
mod devices;
mod travel;

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Options, Org, PASSWORD, Response, TestApp, User, both, text};

use crate::core::shapes::{has, has_exactly};

const SETTINGS: &[&str] = &[
    "enforcement_mode",
    "low_threshold",
    "medium_threshold",
    "new_device_score",
    "impossible_travel_score",
    "velocity_score",
    "velocity_threshold",
];
const EVENT: &[&str] = &[
    "id",
    "user_id",
    "created_at",
    "risk_score",
    "risk_factors",
    "risk_action",
    "risk_verdict",
    "signed_in",
    "provider",
    "inputs",
];
const MORE: &[&str] = &["user_email", "geo_country", "geo_city", "geo_lat", "geo_long", "ip_address"];

fn usual() -> Value {
    json!({
        "enforcement_mode": "log_only", "low_threshold": 30, "medium_threshold": 70, "new_device_score": 20,
        "impossible_travel_score": 50, "velocity_score": 30, "velocity_threshold": 10,
    })
}

async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

/// Changes an organization's settings.
async fn set(app: &TestApp, org: &Org, changes: Value) {
    app.client().bearer(&org.access).put(&org.at("risk-settings"), changes).await.ok();
}

/// Everybody without a trusted device is asked for a code.
fn challenging() -> Value {
    json!({"enforcement_mode": "challenge", "low_threshold": 20})
}

/// Everybody without one is refused.
fn blocking() -> Value {
    json!({"enforcement_mode": "block", "low_threshold": 10, "medium_threshold": 20})
}

/// A sign-in, to an organization or to the platform, with what the device shows, from an address.
async fn sign_in(app: &TestApp, email: &str, org: Option<&str>, device: Option<&str>, from: Option<&str>) -> Response {
    let request = app.client().request(Method::POST, "/api/auth/login");
    let request = request.json(&json!({"email": email, "password": PASSWORD, "org_slug": org}));
    let request =
        device.into_iter().fold(request, |request, device| request.header("cookie", &format!("a=b; tn_device={device}")));
    from.into_iter().fold(request, |request, from| request.header("x-forwarded-for", from)).send().await
}

async fn enter(app: &TestApp, device: Option<&str>) -> Response {
    sign_in(app, "ann@example.com", Some("acme"), device, None).await
}

/// What a sign-in gives the device to show.
fn device_of(answer: &Response) -> Option<String> {
    let (cookie, _) = answer.header("set-cookie").split_once(';')?;
    cookie.strip_prefix("tn_device=").map(str::to_owned)
}

/// A sign-in that went through.
#[track_caller]
fn entered(answer: &Response) -> String {
    let tokens = answer.clone().ok();
    has_exactly(&tokens, &["access_token", "refresh_token", "expires_in"]);
    assert!(!text(&tokens["refresh_token"]).is_empty(), "a code is asked for: {answer}");
    text(&tokens["access_token"])
}

/// One that waits for its code: the token to send that with.
#[track_caller]
fn asked(answer: &Response) -> String {
    let tokens = answer.clone().ok();
    has_exactly(&tokens, &["access_token", "refresh_token", "expires_in"]);
    assert_eq!((&tokens["refresh_token"], &tokens["expires_in"]), (&json!(""), &json!(300)), "{answer}");
    assert_eq!(device_of(answer), None, "nothing is trusted yet");
    text(&tokens["access_token"])
}

async fn verify(app: &TestApp, preauth: &str, code: &str) -> Response {
    app.client().post("/api/auth/mfa/verify", json!({"preauth_token": preauth, "code": code})).await
}

/// The organization's judged sign-ins, newest first.
async fn judged(app: &TestApp, org: &Org) -> Vec<Value> {
    let events = app.client().bearer(&org.access).get(&org.at("risk-events")).await.ok();
    let events = events.as_array().unwrap().clone();
    events.iter().for_each(|event| has(event, EVENT, MORE));
    events
}

/// How often an organization's log has an action.
async fn logged(app: &TestApp, org: &Org, action: &str) -> usize {
    app.worker().await;
    let log = app.client().bearer(&org.access).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
    log["logs"].as_array().unwrap().len()
}

both!(settings_are_shown_changed_in_part_and_reset, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("risk-settings"));
    let shown = by.get(&path).await.ok();
    has_exactly(&shown, SETTINGS);
    assert_eq!(shown, usual());
    let changed = by.put(&path, json!({"enforcement_mode": "monitor", "low_threshold": 10, "unknown": 1})).await.ok();
    has_exactly(&changed, &["message", "settings"]);
    let mut expected = usual();
    expected["enforcement_mode"] = json!("monitor");
    expected["low_threshold"] = json!(10);
    assert_eq!(changed["settings"], expected);
    assert_eq!(by.get(&path).await.ok(), expected);
    assert_eq!(by.put(&path, json!({})).await.ok()["settings"], expected);
    assert_eq!(logged(app, &org, "risk_settings.updated").await, 1, "nothing is no change");
    let reset = by.post_empty(&org.at("risk-settings/reset")).await.ok();
    has_exactly(&reset, &["message", "settings"]);
    assert_eq!((&reset["settings"], by.get(&path).await.ok()), (&usual(), usual()));
    assert_eq!(logged(app, &org, "risk_settings.reset").await, 1);
});

both!(values_are_checked_also_against_what_is_stored, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("risk-settings"));
    for (body, fields) in [
        (json!({"enforcement_mode": "deny"}), vec!["enforcement_mode"]),
        (
            json!({"low_threshold": -1, "medium_threshold": 101, "new_device_score": "x"}),
            vec!["low_threshold", "medium_threshold", "new_device_score"],
        ),
        (json!({"velocity_threshold": 0, "velocity_score": 1.5}), vec!["velocity_threshold", "velocity_score"]),
        (json!({"low_threshold": 70}), vec!["low_threshold"]),
        (json!({"medium_threshold": 30}), vec!["medium_threshold"]),
        (json!({"low_threshold": 50, "medium_threshold": 50}), vec!["low_threshold"]),
    ] {
        by.put(&path, body).await.invalid(&fields);
    }
    by.put(&path, json!([])).await.refused(400, "BAD_REQUEST");
    assert_eq!(by.get(&path).await.ok(), usual());
    by.put(&path, json!({"low_threshold": 80, "medium_threshold": 90})).await.ok();
    by.put(&path, json!({"low_threshold": 90})).await.invalid(&["low_threshold"]);
});

both!(who_may_see_and_who_may_change, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "watcher", &["risk_events.view"]).await;
    app.role(&ann, "acme", "keeper", &["risk_policies.manage"]).await;
    let watcher = app.member(&ann, "acme", "watcher@example.com", "watcher").await;
    let keeper = app.member(&ann, "acme", "keeper@example.com", "keeper").await;
    let member = app.member(&ann, "acme", "member@example.com", "member").await;
    let (settings, events, reset) = (org.at("risk-settings"), org.at("risk-events"), org.at("risk-settings/reset"));
    for user in [&watcher, &keeper, &root] {
        app.by(user).get(&settings).await.ok();
        app.by(user).get(&events).await.ok();
    }
    for user in [&keeper, &root] {
        app.by(user).put(&settings, json!({"velocity_score": 31})).await.ok();
        app.by(user).post_empty(&reset).await.ok();
    }
    app.by(&watcher).put(&settings, json!({"velocity_score": 32})).await.refused(403, "FORBIDDEN");
    app.by(&watcher).post_empty(&reset).await.refused(403, "FORBIDDEN");
    app.by(&member).get(&settings).await.refused(403, "FORBIDDEN");
    app.by(&member).get(&events).await.refused(403, "FORBIDDEN");
    app.client().get(&settings).await.refused(401, "UNAUTHORIZED");
});

both!(thresholds_stay_in_their_order_whoever_changes_them_at_once, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("risk-settings"));
    for _ in 0..10 {
        by.put(&path, json!({"low_threshold": 10, "medium_threshold": 90})).await.ok();
        // Each is fine by itself.
        let (low, medium) =
            futures::join!(by.put(&path, json!({"low_threshold": 60})), by.put(&path, json!({"medium_threshold": 40})));
        assert_eq!(i32::from(low.status == 200) + i32::from(medium.status == 200), 1, "{low} {medium}");
        let now = by.get(&path).await.ok();
        assert!(now["low_threshold"].as_i64() < now["medium_threshold"].as_i64(), "{now}");
    }
});

both!(four_modes_do_four_things, async |app| {
    let (_, org) = founded(app).await;
    // A new device reaches the upper threshold.
    let mode = async |mode: &str| {
        set(app, &org, json!({"enforcement_mode": mode, "low_threshold": 10, "medium_threshold": 20})).await;
    };
    let told = async || {
        let mut found = Vec::new();
        for action in ["detected", "challenged", "blocked"] {
            found.push(logged(app, &org, &format!("security.risk.{action}")).await);
        }
        found
    };
    mode("log_only").await;
    entered(&enter(app, None).await);
    assert_eq!(told().await, [0, 0, 0], "it is written down only");
    mode("monitor").await;
    entered(&enter(app, None).await);
    assert_eq!(told().await, [1, 0, 0], "it is told");
    mode("challenge").await;
    asked(&enter(app, None).await);
    assert_eq!(told().await, [1, 1, 0], "also what reaches the upper threshold is challenged");
    mode("block").await;
    let refused = enter(app, None).await;
    assert_eq!(device_of(&refused), None);
    refused.refused_as(403, "FORBIDDEN", "risk_blocked");
    assert_eq!(told().await, [1, 1, 1]);
    let done: Vec<_> = judged(app, &org)
        .await
        .into_iter()
        .rev()
        .map(|e| (e["risk_action"].clone(), e["risk_verdict"].clone(), e["signed_in"].clone()))
        .collect();
    assert_eq!(
        done,
        [
            (json!("log_only"), json!("block"), json!(true)),
            (json!("allow"), json!("block"), json!(true)),
            (json!("challenge_mfa"), json!("block"), json!(false)),
            (json!("block"), json!("block"), json!(false)),
        ]
    );
    let by = app.client().bearer(&org.access);
    assert_eq!(logged(app, &org, "user.login.success").await, 2, "who was stopped did not sign in");
    let log = by.get(&org.at("audit-log?action=security.risk.blocked")).await.ok();
    let told = &log["logs"][0]["metadata"];
    assert_eq!(
        (&told["score"], &told["factors"], &told["enforcement_mode"]),
        (&json!(20), &json!(["new_device"]), &json!("block"))
    );
});

both!(events_are_paged_from_one_and_filtered_by_score, async |app| {
    let (ann, org) = founded(app).await;
    let other = app.create_org(&ann, "other").await;
    for score in [5, 40, 60] {
        set(app, &org, json!({"new_device_score": score})).await;
        app.advance(chrono::TimeDelta::seconds(1));
        entered(&enter(app, None).await);
    }
    let by = app.client().bearer(&org.access);
    let scores = async |query: &str| {
        let page = by.get(&org.at(&format!("risk-events{query}"))).await.ok();
        page.as_array().unwrap().iter().map(|event| event["risk_score"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(scores("").await, [60, 40, 5]);
    assert_eq!(scores("?page=0&limit=2").await, [60, 40]);
    assert_eq!(scores("?page=1&limit=2").await, [60, 40]);
    assert_eq!(scores("?page=2&limit=2").await, [5]);
    assert_eq!(scores("?min_score=40").await, [60, 40]);
    assert_eq!(scores("?min_score=-5&limit=1000").await, [60, 40, 5]);
    assert_eq!(scores("?page=99999999").await, [0; 0]);
    by.get(&org.at("risk-events?min_score=x")).await.invalid(&["min_score"]);
    by.get(&org.at("risk-events?page=x&limit=y")).await.invalid(&["page", "limit"]);
    let newest = &judged(app, &org).await[0];
    assert_eq!(
        (&newest["user_id"], &newest["user_email"], &newest["ip_address"], &newest["provider"]),
        (&json!(ann.id), &json!("ann@example.com"), &json!("127.0.0.1"), &json!("password"))
    );
    assert_eq!(
        (&newest["inputs"]["settings"]["new_device_score"], &newest["inputs"]["device"]),
        (&json!(60), &json!("new_device"))
    );
    assert!(judged(app, &other).await.is_empty(), "it is no business of another organization's");
});

both!(
    tries_count_that_failed_and_those_of_other_accounts,
    Options::default().set("server.trusted_proxies", "127.0.0.0/8"),
    async |app| {
        let (ann, org) = founded(app).await;
        set(app, &org, json!({"velocity_threshold": 3})).await;
        let from = async |network: &str| entered(&sign_in(app, "ann@example.com", Some("acme"), None, Some(network)).await);
        let guess = async |email: &str| {
            let request = app.client().request(Method::POST, "/api/auth/login").header("x-forwarded-for", "203.0.113.7");
            request.json(&json!({"email": email, "password": "wrong wrong wrong"})).send().await.refused(401, "UNAUTHORIZED");
        };
        for email in ["ann@example.com", "nobody@example.com", "cy@example.com"] {
            guess(email).await;
        }
        from("203.0.113.8").await;
        from("203.0.113.7").await;
        let newest = &judged(app, &org).await[0];
        assert_eq!((&newest["inputs"]["attempts"], &newest["risk_score"]), (&json!(4), &json!(50)));
        assert_eq!(newest["risk_factors"], json!(["new_device", "velocity_limit"]));
        assert_eq!(judged(app, &org).await[1]["inputs"]["attempts"], 1, "from elsewhere it is the first");
        app.advance(chrono::TimeDelta::minutes(6));
        let org = Org { access: app.again(&ann).await.access, ..org };
        from("203.0.113.7").await;
        assert_eq!(judged(app, &org).await[0]["inputs"]["attempts"], 1, "five minutes later they are forgotten");
    }
);
