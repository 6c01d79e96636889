//! Sign-up, sign-in and sign-out.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Options, PASSWORD, TestApp, both, text};

use crate::core::shapes::has_exactly;

const REGISTER: &str = "/api/auth/register";
const LOGIN: &str = "/api/auth/login";

both!(signing_up_makes_no_account_until_the_mailbox_is_proven, async |app| {
    let body = json!({"email": "Ann@Example.com", "password": PASSWORD, "org_slug": null, "state": "ignored"});
    has_exactly(&app.client().post(REGISTER, body).await.ok(), &["message"]);
    assert_eq!(app.count("select count(*) from users").await, 0);
    let login = json!({"email": "ann@example.com", "password": PASSWORD});
    app.client().post(LOGIN, login.clone()).await.refused_as(401, "UNAUTHORIZED", "invalid_credentials");
    app.worker().await;
    let token = app.mailed_token("ann@example.com", "verify-email");
    let confirm =
        async |password: &str| app.client().post("/api/auth/verify-email", json!({"token": token, "password": password})).await;
    // The link proves the mailbox, the password that it was the same person who signed up.
    confirm("somebody else's").await.invalid(&["password"]);
    has_exactly(&confirm(PASSWORD).await.ok(), &["message"]);
    confirm(PASSWORD).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    let tokens = app.client().post(LOGIN, login).await.ok();
    has_exactly(&tokens, &["access_token", "refresh_token", "expires_in"]);
    assert_eq!(tokens["expires_in"], 600);
    let stored: String = app.rows("select password_hash from users").await[0].try_get_by_index(0).unwrap();
    assert!(stored.starts_with("$argon2id$"), "{stored}");
});

both!(wrong_input_names_every_field, async |app| {
    for (path, body, fields) in [
        (REGISTER, json!({}), vec!["email", "password"]),
        (REGISTER, json!({"email": "x", "password": "short"}), vec!["email", "password"]),
        (REGISTER, json!({"email": ["a"], "password": {}}), vec!["email", "password"]),
        (REGISTER, json!({"email": "ann@example.com", "password": "x".repeat(1025)}), vec!["password"]),
        (LOGIN, json!({}), vec!["email", "password"]),
        (
            LOGIN,
            json!({"email": 1, "password": 2, "org_slug": 3, "service_slug": 4}),
            vec!["email", "password", "org_slug", "service_slug"],
        ),
        (LOGIN, json!({"email": "a@b.cd", "password": "x", "service_slug": "portal"}), vec!["org_slug"]),
        ("/api/auth/refresh", json!({}), vec!["refresh_token"]),
        ("/api/auth/refresh", json!({"refresh_token": "r".repeat(1025)}), vec!["refresh_token"]),
        ("/api/auth/verify-email", json!({"token": null}), vec!["token", "password"]),
        ("/api/auth/forgot-password", json!({"org_slug": "!"}), vec!["email", "org_slug"]),
        ("/api/auth/reset-password", json!({"new_password": "short"}), vec!["token", "new_password"]),
        ("/api/auth/resend-verification", json!({"email": "nobody"}), vec!["email"]),
        ("/api/user/confirm-email", json!({}), vec!["token"]),
        ("/api/invitations/decline", json!({}), vec!["token"]),
    ] {
        app.client().post(path, body).await.invalid(&fields);
    }
    app.worker().await;
    assert!(app.mails().is_empty());
});

/// Status, headers that tell something, and body without the time.
async fn seen(app: &TestApp, path: &str, body: &Value) -> (u16, String, Value) {
    let answer = app.client().post(path, body.clone()).await;
    let mut json = answer.json();
    if let Some(object) = json.as_object_mut() {
        object.remove("timestamp");
    }
    let mut headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str())).collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    (answer.status, format!("{headers:?}"), json)
}

both!(t40_no_answer_tells_who_has_an_account, async |app| {
    app.sign_up("ann@example.com").await;
    for (path, more) in [
        (REGISTER, json!({"password": PASSWORD})),
        (LOGIN, json!({"password": "wrong wrong wrong"})),
        (LOGIN, json!({"password": "wrong wrong wrong", "org_slug": "no-such-org"})),
        ("/api/auth/forgot-password", json!({})),
        ("/api/auth/forgot-password", json!({"org_slug": "no-such-org"})),
        ("/api/auth/resend-verification", json!({})),
    ] {
        let with = |email: &str| {
            let mut body = more.clone();
            body["email"] = json!(email);
            body
        };
        let (known, unknown) =
            (seen(app, path, &with("ann@example.com")).await, seen(app, path, &with("nobody@example.com")).await);
        assert_eq!(known, unknown, "{path}");
    }
    // The owner of the address is told that somebody tried; a new account is not made.
    app.worker().await;
    let subjects: Vec<_> = app.mails_to("ann@example.com").into_iter().map(|mail| mail.subject).collect();
    assert!(subjects.len() >= 2, "{subjects:?}");
    assert_eq!(app.count("select count(*) from users").await, 1);
});

both!(t24_a_prepared_sign_up_gives_nobody_anothers_account, async |app| {
    // Somebody signs up with Ann's address and a password of their own, before Ann does.
    app.client().post(REGISTER, json!({"email": "ann@example.com", "password": "the attacker's password"})).await.ok();
    app.worker().await;
    let prepared = app.mailed_token("ann@example.com", "verify-email");
    app.advance(TimeDelta::seconds(1));
    let ann = app.sign_up("ann@example.com").await;
    app.client()
        .post("/api/auth/verify-email", json!({"token": prepared, "password": "the attacker's password"}))
        .await
        .refused(400, "BAD_REQUEST");
    app.client()
        .post(LOGIN, json!({"email": "ann@example.com", "password": "the attacker's password"}))
        .await
        .refused(401, "UNAUTHORIZED");
    app.by(&ann).get("/api/user").await.ok();
});

both!(a_confirmation_link_works_for_a_day_and_can_be_sent_again, async |app| {
    app.client().post(REGISTER, json!({"email": "ann@example.com", "password": PASSWORD})).await.ok();
    app.worker().await;
    let old = app.mailed_token("ann@example.com", "verify-email");
    app.advance(TimeDelta::hours(23));
    app.client().post("/api/auth/resend-verification", json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    let new = app.mailed_token("ann@example.com", "verify-email");
    assert_ne!(old, new);
    app.advance(TimeDelta::hours(1));
    app.client().post("/api/auth/verify-email", json!({"token": old, "password": PASSWORD})).await.refused_as(
        400,
        "BAD_REQUEST",
        "link_invalid",
    );
    app.client().post("/api/auth/verify-email", json!({"token": new, "password": PASSWORD})).await.ok();
    app.login("ann@example.com", PASSWORD).await;
});

both!(t38_looking_at_a_link_does_not_use_it_up, async |app| {
    app.client().post(REGISTER, json!({"email": "ann@example.com", "password": PASSWORD})).await.ok();
    app.worker().await;
    let link = app.link("ann@example.com", "verify-email");
    let path = link.strip_prefix(app.client().base()).expect("T36: links are under the public URL").to_owned();
    for _ in 0..3 {
        let page = app.client().get(&path).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html") && page.header("set-cookie").is_empty(), "{page}");
        app.client().request(reqwest::Method::HEAD, &path).send().await;
    }
    assert_eq!(app.count("select count(*) from users").await, 0);
    let form = |token: &str| {
        app.client()
            .request(reqwest::Method::POST, "/auth/verify-email")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}&password=a+long+sentence+only+I+know"))
    };
    form(path.split_once("token=").unwrap().1).send().await.expect(200);
    form(path.split_once("token=").unwrap().1).send().await.expect(400);
    form("%22%3E%3Cscript%3E").send().await.expect(400);
    let page = app.client().get("/auth/verify-email?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.expect(400);
    assert!(!page.text().contains("<script"), "{page}");
    app.login("ann@example.com", PASSWORD).await;
});

both!(t36_links_ignore_what_the_request_says_about_the_host, async |app| {
    let request = app
        .client()
        .request(reqwest::Method::POST, REGISTER)
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example");
    request
        .header("forwarded", "host=evil.example")
        .json(&json!({"email": "ann@example.com", "password": PASSWORD}))
        .send()
        .await
        .ok();
    app.worker().await;
    assert!(app.link("ann@example.com", "verify-email").starts_with(app.client().base()));
    assert!(!app.mails()[0].raw.contains("evil"));
});

both!(signing_in_to_an_organization_needs_a_membership, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    app.create_org(&ann, "acme").await;
    let login = async |email: &str, more: Value| {
        let mut body = json!({"email": email, "password": PASSWORD});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.client().post(LOGIN, body).await
    };
    let tokens = login("ann@example.com", json!({"org_slug": "acme"})).await.ok();
    assert_eq!(app.client().bearer(&text(&tokens["access_token"])).get("/api/user").await.ok()["org"], "acme");
    login(&bob.email, json!({"org_slug": "acme"})).await.refused_as(403, "FORBIDDEN", "no_access");
    login(&bob.email, json!({"org_slug": "no-such-org"})).await.refused_as(403, "FORBIDDEN", "no_access");
    login(&ann.email, json!({"org_slug": "acme", "service_slug": "portal"})).await.refused(403, "FORBIDDEN");
    let log = app.by(&ann).get("/api/organizations/acme/audit-log?action=user.login.success").await.ok();
    assert_eq!(log["logs"][0]["actor"]["email"], "ann@example.com");
});

both!(a_failed_sign_in_is_recorded_at_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.client()
        .post(LOGIN, json!({"email": "ann@example.com", "password": "wrong", "org_slug": "acme"}))
        .await
        .refused(401, "UNAUTHORIZED");
    let log = app.by(&ann).get(&org.at("audit-log?action=user.login.failed")).await.ok();
    let record = &log["logs"][0];
    assert_eq!(
        (&record["success"], &record["actor_id"], &record["target_id"]),
        (&json!(false), &json!("anonymous"), &json!("ann@example.com"))
    );
    assert!(!log.to_string().contains("wrong\""), "not the password: {log}");
});

both!(signing_out_ends_the_session_at_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let other = app.login("ann@example.com", PASSWORD).await;
    has_exactly(&app.by(&ann).post_empty("/api/auth/logout").await.ok(), &["message"]);
    for token in [&ann.access, &org.access] {
        app.client().bearer(token).get("/api/user").await.refused_as(401, "UNAUTHORIZED", "session_ended");
    }
    for token in [&ann.refresh, &org.refresh] {
        app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await.refused(401, "UNAUTHORIZED");
    }
    app.by(&ann).post_empty("/api/auth/logout").await.refused(401, "UNAUTHORIZED");
    app.by(&other).get("/api/user").await.ok();
});

both!(revoking_a_token_says_nothing_about_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let second = app.login("ann@example.com", PASSWORD).await;
    let revoke = async |token: &str| {
        let request = app
            .client()
            .request(reqwest::Method::POST, "/auth/revoke")
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("token={token}&token_type_hint=whatever")).send().await
    };
    for token in ["", "nonsense", "rt_nonsense", "eyJhbGciOiJub25lIn0.e30."] {
        assert!(revoke(token).await.expect(200).body.is_empty());
    }
    // A refresh token: its family only.
    revoke(&org.refresh).await.expect(200);
    app.client().bearer(&org.access).get("/api/user").await.refused(401, "UNAUTHORIZED");
    app.by(&ann).get("/api/user").await.ok();
    // An access token: its session.
    revoke(&second.access).await.expect(200);
    revoke(&second.access).await.expect(200);
    app.by(&second).get("/api/user").await.refused(401, "UNAUTHORIZED");
    app.by(&ann).get("/api/user").await.ok();
    let bare = app
        .client()
        .request(reqwest::Method::POST, "/auth/revoke")
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await;
    bare.refused(400, "BAD_REQUEST");
});

both!(sign_in_routes_are_limited_and_say_when_to_come_back, Options::default().rate_limits(), async |app| {
    let attempt = async || app.client().post("/api/auth/refresh", json!({"refresh_token": "rt_nonsense"})).await;
    let mut limited = None;
    for _ in 0..40 {
        let answer = attempt().await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        answer.refused(401, "UNAUTHORIZED");
    }
    let limited = limited.expect("a burst of 20 and one a second");
    assert!(limited.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{limited}");
    limited.refused_as(429, "TOO_MANY_REQUESTS", "rate_limited");
    // Nothing else is.
    app.client().get("/health").await.ok();
});
