//! Access and refresh tokens and the sessions behind them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{PASSWORD, Response, TestApp, both, text};

use crate::core::shapes::has_exactly;

async fn refresh(app: &TestApp, token: &str) -> Response {
    app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await
}

/// A part of a JWT.
fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

both!(an_access_token_says_who_and_nothing_about_rights, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    assert_eq!((part(&ann.access, 0)["typ"].clone(), part(&ann.access, 0)["alg"].clone()), (json!("at+jwt"), json!("ES256")));
    let (platform, scoped) = (part(&ann.access, 1), part(&org.access, 1));
    has_exactly(&platform, &["token_use", "sub", "email", "is_platform_owner", "sid", "gid", "aud", "iss", "jti", "iat", "exp"]);
    assert_eq!(
        (&platform["token_use"], &platform["sub"], &platform["aud"]),
        (&json!("management_access"), &json!(ann.id), &json!("platform"))
    );
    assert_eq!((&scoped["org"], &scoped["aud"], &scoped["org_id"]), (&json!("acme"), &json!("org:acme"), &json!(org.id)));
    assert_eq!((&platform["iss"], platform["exp"].as_i64()), (&json!(app.client().base()), Some(app.now().timestamp() + 600)));
    assert!(org.access.len() <= 900, "{} characters", org.access.len());
});

both!(an_access_token_expires, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::seconds(599));
    app.by(&ann).get("/api/user").await.ok();
    app.advance(TimeDelta::seconds(1));
    app.by(&ann).get("/api/user").await.refused(401, "TOKEN_EXPIRED");
    refresh(app, &ann.refresh).await.ok();
});

both!(t31_forged_tokens_open_nothing, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.by(&ann).get("/api/user").await.ok();
    let parts: Vec<&str> = ann.access.split('.').collect();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = |change: Value| {
        let mut header = part(&ann.access, 0);
        header.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        format!("{}.{}.{}", encode(&header), parts[1], parts[2])
    };
    let claims = |change: Value| {
        let mut claims = part(&ann.access, 1);
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        format!("{}.{}.{}", parts[0], encode(&claims), parts[2])
    };
    let forged = [
        head(json!({"alg": "none"})),
        format!("{}.{}.", encode(&json!({"alg": "none", "typ": "at+jwt"})), parts[1]),
        head(json!({"alg": "HS256"})),
        head(json!({"alg": "RS256"})),
        head(json!({"typ": "JWT"})),
        head(json!({"typ": "tenantry-mfa-preauth+jwt"})),
        head(json!({"kid": "../../etc/passwd"})),
        head(json!({"kid": "' or '1'='1"})),
        head(json!({"jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/"})),
        claims(json!({"is_platform_owner": true})),
        claims(json!({"sub": "usr_00000000000000000000000000000001"})),
        claims(json!({"exp": "9999999999"})),
        claims(json!({"exp": 9e18})),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.x", ann.access),
        ann.access[..ann.access.len() - 1].to_owned(),
        "a.b.c".to_owned(),
        "....".to_owned(),
        ann.refresh.clone(),
        "x".repeat(7000),
    ];
    for token in forged {
        app.client().bearer(&token).get("/api/user").await.refused(401, "JWT_ERROR");
    }
    let with =
        async |value: &str| app.client().request(reqwest::Method::GET, "/api/user").header("authorization", value).send().await;
    for value in ["", "Bearer", "Basic YTpi", &format!("Token {}", ann.access), &ann.access] {
        with(value).await.refused(401, "UNAUTHORIZED");
    }
    with(&format!("bearer {}", ann.access)).await.ok();
    // T13: with two credentials it would depend on whoever reads them which one counts.
    let two = app.by(&ann).request(reqwest::Method::GET, "/api/user").another_header("authorization", "Bearer x").send().await;
    two.refused(401, "UNAUTHORIZED");
    let query = app.client().get(&format!("/api/user?access_token={}", ann.access)).await;
    query.refused(401, "UNAUTHORIZED");
});

both!(refreshing_rotates_both_tokens_and_keeps_the_context, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let next = refresh(app, &org.refresh).await.ok();
    has_exactly(&next, &["access_token", "refresh_token", "expires_in"]);
    assert_ne!((text(&next["access_token"]), text(&next["refresh_token"])), (org.access.clone(), org.refresh.clone()));
    assert_eq!(app.client().bearer(&text(&next["access_token"])).get("/api/user").await.ok()["org"], "acme");
    // Sliding: each renewal buys thirty days.
    let mut token = text(&next["refresh_token"]);
    for _ in 0..3 {
        app.advance(TimeDelta::days(29));
        token = text(&refresh(app, &token).await.ok()["refresh_token"]);
    }
    app.advance(TimeDelta::days(30));
    refresh(app, &token).await.refused(401, "UNAUTHORIZED");
    let stored = app.rows("select refresh_hash from grants").await;
    let hashes: Vec<String> = stored.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert!(hashes.iter().all(|hash| !token.contains(hash.as_str())), "stored as hashes");
});

both!(t30_a_replayed_refresh_token_ends_its_family, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let next = refresh(app, &org.refresh).await.ok();
    app.advance(TimeDelta::seconds(10));
    refresh(app, &org.refresh).await.refused_as(401, "UNAUTHORIZED", "invalid_refresh_token");
    refresh(app, &text(&next["refresh_token"])).await.refused(401, "UNAUTHORIZED");
    app.client().bearer(&text(&next["access_token"])).get("/api/user").await.refused(401, "UNAUTHORIZED");
    // The family of the same session for the platform is another one.
    app.by(&ann).get("/api/user").await.ok();
    let log = app.by(&ann).get(&org.at("audit-log?action=security.refresh_token.reused")).await.ok();
    assert_eq!((&log["pagination"]["total"], &log["logs"][0]["success"]), (&json!(1), &json!(false)));
});

both!(t30_of_many_racers_all_get_the_one_pair, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let answers: Vec<Value> = join_all((0..20).map(|_| refresh(app, &ann.refresh))).await.into_iter().map(Response::ok).collect();
    let next = &answers[0];
    assert!(answers.iter().all(|answer| answer == next), "{answers:?}");
    // A race is not a theft: what they got lives.
    app.client().bearer(&text(&next["access_token"])).get("/api/user").await.ok();
    refresh(app, &text(&next["refresh_token"])).await.ok();
});

both!(a_sign_in_ends_after_ninety_days_however_often_it_is_renewed, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (mut token, mut access) = (org.refresh.clone(), ann.access.clone());
    for _ in 0..4 {
        app.advance(TimeDelta::days(22));
        let next = refresh(app, &token).await.ok();
        (token, access) = (text(&next["refresh_token"]), text(&next["access_token"]));
    }
    let list = app.client().bearer(&access).get("/api/user/sessions").await.ok();
    let ends: chrono::DateTime<chrono::Utc> = text(&list[0]["expires_at"]).parse().unwrap();
    assert_eq!((ends - app.now()).num_days(), 2, "ninety days after {}", list[0]["created_at"]);
    // Nor by another grant of the same session.
    let other = app.client().bearer(&access).post_empty(&org.at("select")).await.ok();
    app.advance(TimeDelta::days(2));
    for token in [&token, &text(&other["refresh_token"])] {
        refresh(app, token).await.refused(401, "UNAUTHORIZED");
    }
    app.client().bearer(&access).get("/api/user").await.refused(401, "TOKEN_EXPIRED");
    app.again(&ann).await;
});

both!(what_renewals_leave_behind_is_purged, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let count = async |table: &str| app.count(&format!("select count(*) from {table}")).await;
    let mut token = org.refresh.clone();
    for _ in 0..30 {
        app.advance(TimeDelta::days(2));
        token = text(&refresh(app, &token).await.ok()["refresh_token"]);
        app.run_jobs().await;
    }
    // As many as one that was not used could still be.
    assert_eq!(count("spent_refresh_tokens").await, 16);
    // The grant for the platform, which was not renewed, is of no use after thirty days.
    assert_eq!((count("grants").await, count("sessions").await), (1, 1));
    app.advance(TimeDelta::minutes(1));
    app.run_jobs().await;
    assert_eq!(count("refresh_repeats").await, 0, "the pair that was kept for a repetition");
    // Ended, it goes with what it left.
    let ann = app.login("ann@example.com", PASSWORD).await;
    app.by(&ann).delete("/api/user/sessions").await.ok();
    app.advance(TimeDelta::days(150));
    for _ in 0..3 {
        app.run_jobs().await;
    }
    assert_eq!((count("spent_refresh_tokens").await, count("grants").await, count("sessions").await), (0, 0, 0));
});

both!(sessions_are_listed_and_ended_by_their_owner, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let bob = app.sign_up("bob@example.com").await;
    app.advance(TimeDelta::seconds(1));
    let request = app
        .client()
        .request(reqwest::Method::POST, "/api/auth/login")
        .header("user-agent", &"ü".repeat(10).replace('ü', "agent "));
    let phone = request.json(&json!({"email": "ann@example.com", "password": PASSWORD})).send().await.ok();
    let phone = app.client().bearer(&text(&phone["access_token"]));
    let list = app.by(&ann).get("/api/user/sessions").await.ok();
    let shown = ["id", "method", "ip_address", "user_agent", "current", "created_at", "last_seen_at", "expires_at"];
    list.as_array().expect("a bare array").iter().for_each(|session| has_exactly(session, &shown));
    assert_eq!(
        (&list[0]["current"], &list[1]["current"], list.as_array().unwrap().len()),
        (&json!(false), &json!(true), 2),
        "newest first"
    );
    assert_eq!((&list[0]["method"], &list[0]["ip_address"]), (&json!("password"), &json!("127.0.0.1")));
    let path = format!("/api/user/sessions/{}", text(&list[0]["id"]));
    app.by(&bob).delete(&path).await.refused(404, "NOT_FOUND");
    phone.get("/api/user").await.ok();
    assert!(app.by(&ann).delete(&path).await.expect(204).body.is_empty());
    phone.get("/api/user").await.refused(401, "UNAUTHORIZED");
    app.by(&ann).delete(&path).await.refused(404, "NOT_FOUND");
    app.by(&ann).delete("/api/user/sessions/nonsense").await.refused(404, "NOT_FOUND");
    let (one, two) = (app.again(&ann).await, app.again(&ann).await);
    let revoked = app.by(&ann).delete("/api/user/sessions").await.ok();
    has_exactly(&revoked, &["message", "revoked_count"]);
    assert_eq!(revoked["revoked_count"], 2);
    for ended in [&one, &two] {
        app.by(ended).get("/api/user").await.refused(401, "UNAUTHORIZED");
    }
    app.by(&ann).get("/api/user").await.ok();
    app.by(&bob).get("/api/user").await.ok();
});

both!(keys_rotate_without_an_outage, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let kids = async || -> Vec<String> {
        let keys = app.client().get("/.well-known/jwks.json").await.ok();
        keys["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
    };
    let before = kids().await;
    assert_eq!(before.len(), 1);
    app.use_cases.rotate_signing_key().await.unwrap();
    app.advance(TimeDelta::seconds(61));
    assert_eq!(kids().await.len(), 2, "published before it signs");
    app.by(&ann).get("/api/user").await.ok();
    let same = app.again(&ann).await;
    assert_eq!(part(&same.access, 0)["kid"], json!(before[0]));
    app.advance(TimeDelta::seconds(600));
    let next = app.again(&ann).await;
    assert_ne!(part(&next.access, 0)["kid"], json!(before[0]));
    app.by(&next).get("/api/user").await.ok();
    app.advance(TimeDelta::days(2));
    assert!(!kids().await.contains(&before[0]), "gone when nothing it signed can still be valid");
});
