//! Bad input: whatever comes in, the answer is a 4xx in the contract's shape (0.4), and nothing changes.

use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Options, both};

both!(paths_and_methods_that_are_not_there, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    for path in [
        "/",
        "/api",
        "/api/nothing",
        "/api/organizations/",
        "/api/organizations/acme/nothing",
        "//api/user",
        "/api/user/..%2f",
        "/api/%ff",
        "/%00",
        "/api/organizations/a%2fb",
    ] {
        let answer = app.by(&ann).get(path).await;
        answer.refused(404, "NOT_FOUND");
    }
    for (method, path, allow) in [
        (Method::PUT, "/api/organizations", "GET, HEAD, POST, OPTIONS"),
        (Method::DELETE, "/api/auth/login", "POST, OPTIONS"),
        (Method::GET, "/api/auth/login", "POST, OPTIONS"),
        (Method::POST, "/api/user/sessions", "GET, HEAD, DELETE, OPTIONS"),
        (Method::PATCH, "/health", "GET, HEAD, OPTIONS"),
        (Method::TRACE, "/api/user", "GET, HEAD, PATCH, OPTIONS"),
        (Method::POST, "/docs/", "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/openapi.json", "GET, HEAD, OPTIONS"),
    ] {
        let answer = app.by(&ann).request(method, path).send().await;
        assert_eq!(answer.header("allow"), allow, "{answer}");
        answer.refused_as(405, "BAD_REQUEST", "method_not_allowed");
    }
});

both!(bodies_that_are_no_json_object, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    for body in [
        &b"{"[..],
        b"[1]",
        b"\"text\"",
        b"7",
        b"{\"slug\": }",
        b"\xff\xfe",
        b"{\"slug\":\"\\ud800\"}",
        b"{} {}",
        b"null x",
        b"\0",
        b"slug=acme&name=Acme",
    ] {
        let answer = app.by(&ann).request(Method::POST, "/api/organizations").body(body).send().await;
        let body = answer.refused(400, "BAD_REQUEST");
        assert_eq!(body["details"][0]["field"], "body", "{body}");
    }
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for body in [deep.clone(), format!("{{\"slug\":{deep}}}")] {
        app.by(&ann).request(Method::POST, "/api/organizations").body(body).send().await.refused(400, "BAD_REQUEST");
    }
    // Twice the same member: one of the values, or a refusal, but no defect.
    let twice = app
        .by(&ann)
        .request(Method::POST, "/api/organizations")
        .body("{\"slug\":\"acme\",\"slug\":\"other\",\"name\":\"Acme\"}")
        .send()
        .await;
    assert!(matches!(twice.status, 200 | 400), "{twice}");
    assert!(app.count("select count(*) from organizations").await <= 1);
});

both!(an_empty_body_is_an_empty_object, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.by(&ann).post_empty("/api/organizations").await.invalid(&["slug", "name"]);
    app.by(&ann).request(Method::POST, "/api/organizations").body("  \n").send().await.invalid(&["slug", "name"]);
    app.client().post_empty("/api/auth/login").await.invalid(&["email", "password"]);
    // The SDK sends a content type with everything; other clients send none, or another.
    let other = app.by(&ann).request(Method::POST, "/api/organizations").header("content-type", "text/plain");
    other.json(&json!({"slug": "acme", "name": "Acme"})).send().await.ok();
});

both!(a_body_that_is_too_large, Options::default().set("limits.body_bytes", 8192), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let large = json!({"slug": "acme", "name": "Acme", "padding": "x".repeat(9000)});
    app.by(&ann).post("/api/organizations", large).await.refused_as(413, "BAD_REQUEST", "body_too_large");
    let form = app.client().request(Method::POST, "/auth/revoke").header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body(format!("token={}", "x".repeat(9000))).send().await;
    assert!(matches!(answer.status, 400 | 413), "{answer}");
    assert!(!answer.json()["error_code"].as_str().unwrap_or_default().is_empty());
    assert_eq!(app.count("select count(*) from organizations").await, 0);
});

both!(an_error_says_what_to_do_and_nothing_about_the_inside, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let refusal = app.by(&ann).post("/api/organizations", json!({"slug": "x", "name": 7})).await;
    assert_eq!(refusal.header("x-request-id").len(), 32, "a request id to ask about");
    let body = refusal.refused(400, "BAD_REQUEST");
    for detail in body["details"].as_array().unwrap() {
        crate::core::shapes::has_exactly(detail, &["field", "code", "message"]);
    }
    let named = app.by(&ann).request(Method::GET, "/api/nothing").header("x-request-id", "my-id.1").send().await;
    assert_eq!(named.header("x-request-id"), "my-id.1");
    let hostile = app.by(&ann).request(Method::GET, "/api/nothing").header("x-request-id", "a b<script>").send().await;
    assert!(!hostile.header("x-request-id").contains('<'), "{hostile}");
});

both!(hostile_text_is_text, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    for name in [
        "Robert'); drop table users;--",
        "<script>alert(1)</script>",
        "{{7*7}} ${7*7} %s %n",
        "=cmd|' /C calc'!A0",
        "日本語の名前",
        "😀😀",
    ] {
        assert_eq!(app.by(&ann).patch(&org.path, json!({"name": name})).await.ok()["organization"]["name"], json!(name));
    }
    app.by(&ann).patch(&org.path, json!({"name": "=formula"})).await.ok();
    app.by(&ann).patch(&org.path, json!({"name": "acme\u{202e}moc"})).await.invalid(&["name"]);
    for query in
        ["?page=%00", "?status=%27%20or%201=1", "?limit=99999999999999999999999", "?page=%ff%fe", "?&&&===", "?status[]=active"]
    {
        let answer = app.by(&ann).get(&format!("/api/organizations{query}")).await;
        assert!(matches!(answer.status, 200 | 400), "{answer}");
    }
    let id = format!("/api/user/sessions/{}", "%27%20or%20%271%27=%271");
    app.by(&ann).delete(&id).await.refused(404, "NOT_FOUND");
    assert_eq!(app.count("select count(*) from users").await, 1);
});
