//! What operators and tools ask for: probes, metrics, keys, the document, and headers for browsers.

use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Options, both};

both!(probes_answer, async |app| {
    for path in ["/health", "/health/ready"] {
        let oldest = json!({"unsequenced_seconds": 0, "delivery_seconds": 0, "mail_seconds": 0, "unsealed_seconds": 0});
        let fine = json!({"status": "ok", "database": "ok", "cache": "ok", "work": "ok", "oldest": oldest});
        assert_eq!(app.client().get(path).await.ok(), fine);
    }
    assert_eq!(app.client().get("/health/live").await.expect(200).text(), "ok");
});

both!(without_a_token_there_are_no_metrics, async |app| {
    // Also from this machine: behind a proxy everybody looks local.
    app.client().get("/metrics").await.refused(404, "NOT_FOUND");
    app.client().bearer("").get("/metrics").await.refused(404, "NOT_FOUND");
});

both!(a_metrics_token_keeps_others_out, Options::default().set("metrics.token", "a-token-of-the-operator"), async |app| {
    app.client().get("/metrics").await.refused(404, "NOT_FOUND");
    app.client().bearer("wrong").get("/metrics").await.refused(404, "NOT_FOUND");
    app.client().get("/health").await.ok();
    let metrics = app.client().bearer("a-token-of-the-operator").get("/metrics").await.expect(200);
    assert!(metrics.header("content-type").starts_with("text/plain"), "{metrics}");
    assert!(metrics.text().contains("http_request_duration_seconds"), "{metrics}");
});

both!(keys_are_published_without_their_secret_part, async |app| {
    let keys = app.client().get("/.well-known/jwks.json").await;
    assert!(keys.header("cache-control").contains("max-age"), "{keys}");
    let keys = keys.ok();
    let key = &keys["keys"][0];
    assert_eq!((&key["alg"], &key["use"], &key["kty"]), (&json!("ES256"), &json!("sig"), &json!("EC")));
    assert!(key["kid"].is_string() && key.get("d").is_none(), "{key}");
});

both!(tokens_can_be_signed_as_rs256, Options::default().set("tokens.access_alg", "RS256"), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.by(&ann).get("/api/user").await.ok();
    let key = app.client().get("/.well-known/jwks.json").await.ok()["keys"][0].clone();
    assert_eq!((&key["alg"], &key["kty"]), (&json!("RS256"), &json!("RSA")));
});

both!(the_document_describes_itself, async |app| {
    let document = app.client().get("/openapi.json").await.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let docs = app.client().get("/docs").await.expect(302);
    let page = app.client().get(docs.header("location")).await.expect(200);
    let text = page.text();
    assert!(!text.contains("https://") && !text.contains("http://"), "it loads nothing from outside: {text}");
});

both!(browsers_are_told_to_be_careful, async |app| {
    for path in ["/health", "/api/user", "/not-a-page", "/auth/verify-email"] {
        let answer = app.client().get(path).await;
        assert_eq!(
            (answer.header("x-content-type-options"), answer.header("cache-control")),
            ("nosniff", "no-store"),
            "{answer}"
        );
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{answer}");
        assert!(answer.header("strict-transport-security").is_empty(), "not over http");
    }
});

both!(any_page_may_call_with_a_token, async |app| {
    let preflight = app.client().request(Method::OPTIONS, "/api/organizations").header("origin", "https://dash.example");
    let preflight = preflight
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,content-type,if-match");
    let answer = preflight.send().await;
    assert!(answer.status < 300, "{answer}");
    assert!(["*", "https://dash.example"].contains(&answer.header("access-control-allow-origin")), "{answer}");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"), "{:?}", answer.headers);
    assert!(answer.header("access-control-allow-credentials").is_empty(), "no cookies");
    let refused = app.client().request(Method::GET, "/api/user").header("origin", "https://dash.example").send().await;
    assert!(!refused.header("access-control-allow-origin").is_empty(), "errors can be read as well: {:?}", refused.headers);
    let exposed = refused.header("access-control-expose-headers").to_lowercase();
    for name in
        ["etag", "location", "retry-after", "content-disposition", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
    {
        assert!(exposed.split(',').any(|header| header.trim() == name), "{name} in {exposed}");
    }
    refused.refused(401, "UNAUTHORIZED");
});

both!(only_named_pages_may_call, Options::default().set("server.cors_origins", "https://dash.example"), async |app| {
    let from = async |origin: &str| app.client().request(Method::GET, "/health").header("origin", origin).send().await;
    assert_eq!(from("https://dash.example").await.header("access-control-allow-origin"), "https://dash.example");
    assert!(from("https://evil.example").await.header("access-control-allow-origin").is_empty());
    let preflight = async |headers: &[(&str, &str)]| {
        let request =
            app.client().request(Method::OPTIONS, "/api/organizations").header("access-control-request-method", "PATCH");
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await
    };
    preflight(&[("origin", "https://dash.example")]).await.expect(200);
    let refused = preflight(&[("origin", "https://evil.example")]).await;
    assert!(refused.header("access-control-allow-origin").is_empty() && !refused.header("x-request-id").is_empty());
    assert!(refused.header("vary").contains("Origin"), "{:?}", refused.headers);
    refused.refused_as(403, "FORBIDDEN", "origin_not_allowed");
    preflight(&[]).await.refused_as(400, "BAD_REQUEST", "bad_preflight");
});

both!(
    the_client_address_comes_from_trusted_proxies_only,
    Options::default().set("server.trusted_proxies", "127.0.0.1/32"),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let login = app.client().request(Method::POST, "/api/auth/login").header("x-forwarded-for", "10.9.9.9, 203.0.113.7");
        login.json(&json!({"email": ann.email, "password": ann.password})).send().await.ok();
        let sessions = app.by(&ann).get("/api/user/sessions").await.ok();
        let addresses: Vec<_> = sessions.as_array().unwrap().iter().filter_map(|s| s["ip_address"].as_str()).collect();
        assert!(addresses.contains(&"203.0.113.7") && !addresses.contains(&"10.9.9.9"), "{addresses:?}");
    }
);
