//! What a request says about where it went and came from (T36): not believed, except from a trusted proxy, and then only its part.

use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Client, Options, PASSWORD, Request, both, text};

/// A request with every header that a framework might build links from.
fn poisoned(client: &Client, method: Method, path: &str) -> Request {
    let headers = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-scheme", "gopher"),
        ("x-forwarded-port", "666"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-server", "evil.example"),
        ("x-host", "evil.example"),
        ("x-original-host", "evil.example"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-http-host-override", "evil.example"),
        ("forwarded", "for=6.6.6.6;host=evil.example;proto=gopher"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ];
    headers.into_iter().fold(client.request(method, path), |request, (name, value)| request.header(name, value))
}

both!(
    t36_no_header_of_a_request_gets_into_a_mail,
    Options::default().set("server.trusted_proxies", "127.0.0.0/8"),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let org = app.create_org(&ann, "acme").await;
        let post = async |client: &Client, path: &str, body| poisoned(client, Method::POST, path).json(&body).send().await.ok();
        let anyone = app.client();
        post(&anyone, "/api/auth/register", json!({"email": "new@example.com", "password": PASSWORD})).await;
        post(&anyone, "/api/auth/register", json!({"email": "ann@example.com", "password": PASSWORD})).await;
        post(&anyone, "/api/auth/resend-verification", json!({"email": "new@example.com"})).await;
        post(&anyone, "/api/auth/forgot-password", json!({"email": "ann@example.com"})).await;
        post(&app.by(&ann), &org.at("invitations"), json!({"email": "bob@example.com", "role": "member"})).await;
        poisoned(&app.by(&ann), Method::PATCH, "/api/user").json(&json!({"email": "moved@example.com"})).send().await.ok();
        app.worker().await;
        let reset = app.mailed_token("ann@example.com", "reset-password");
        let change = app.mailed_token("moved@example.com", "change-email");
        post(&anyone, "/api/user/confirm-email", json!({"token": change})).await;
        // The change of address took the reset link along.
        poisoned(&anyone, Method::POST, "/api/auth/reset-password")
            .json(&json!({"token": reset, "new_password": PASSWORD}))
            .send()
            .await
            .refused(400, "BAD_REQUEST");
        post(&anyone, "/api/auth/forgot-password", json!({"email": "moved@example.com"})).await;
        app.worker().await;
        let reset = app.mailed_token("moved@example.com", "reset-password");
        post(&anyone, "/api/auth/reset-password", json!({"token": reset, "new_password": PASSWORD})).await;
        app.worker().await;
        assert!(app.mails().len() >= 10, "{}", app.mails().len());
        let base = app.client().base().to_owned();
        for mail in app.mails() {
            let all = format!("{}\n{}\n{}", mail.raw, mail.text, mail.html);
            assert!(!all.contains("evil") && !all.contains("gopher") && !all.contains("6.6.6.6"), "{all}");
            let links =
                mail.text.split_whitespace().chain(mail.html.split(['"', '\'', '<', '>'])).filter(|word| word.contains("://"));
            for link in links.filter(|link| !link.contains("www.w3.org")) {
                assert!(link.starts_with(&base), "{link} in {all}");
            }
        }
        // Nor into a token, a page, or a redirect.
        let pair = post(&anyone, "/api/auth/login", json!({"email": "moved@example.com", "password": PASSWORD})).await;
        app.client().bearer(&text(&pair["access_token"])).get("/api/user").await.ok();
        for path in ["/openapi.json", "/docs", "/.well-known/jwks.json", "/auth/verify-email?token=x", "/health", "/api/nothing"]
        {
            let answer = poisoned(&anyone, Method::GET, path).send().await;
            // The only one that answers to a header: what a browser asked for its page's own origin.
            let headers = answer.headers.iter().filter(|(name, _)| name.as_str() != "access-control-allow-origin");
            let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect::<String>();
            assert!(!answer.text().contains("evil") && !headers.contains("evil"), "{headers}");
        }
    }
);

/// The address that the audit log has for a failed sign-in with these `X-Forwarded-For` lines.
async fn seen(app: &tenantry_tests::TestApp, lines: &[&str]) -> String {
    app.advance(chrono::TimeDelta::seconds(1));
    let (other, request) = (
        ["x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip"],
        app.client().request(Method::POST, "/api/auth/login"),
    );
    let request =
        other.into_iter().fold(request, |request, name| request.header(name, "6.6.6.6")).header("forwarded", "for=6.6.6.6");
    let request = lines.iter().fold(request, |request, line| request.another_header("x-forwarded-for", line));
    request
        .json(&json!({"email": "ann@example.com", "password": "a wrong sentence", "org_slug": "acme"}))
        .send()
        .await
        .refused(401, "UNAUTHORIZED");
    let ann = app.login("ann@example.com", PASSWORD).await;
    let log = app.by(&ann).get("/api/organizations/acme/audit-log?action=user.login.failed&limit=1").await.ok();
    text(&log["logs"][0]["ip_address"])
}

both!(t36_a_client_address_is_not_a_header, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    for lines in [&[][..], &["203.0.113.7"], &["203.0.113.7, 127.0.0.1"], &["127.0.0.1", "203.0.113.7"], &["<script>"]] {
        assert_eq!(seen(app, lines).await, "127.0.0.1", "{lines:?}");
    }
});

both!(
    t36_a_trusted_proxy_is_believed_about_the_last_hop_only,
    Options::default().set("server.trusted_proxies", "127.0.0.0/8,10.0.0.0/8"),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        app.create_org(&ann, "acme").await;
        for (lines, expected) in [
            (&[][..], "127.0.0.1"),
            (&["203.0.113.7"], "203.0.113.7"),
            // What the client itself wrote is on the left, and means nothing.
            (&["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
            (&["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
            (&["6.6.6.6, 203.0.113.7, 10.1.2.3, 127.0.0.1"], "203.0.113.7"),
            (&["6.6.6.6,203.0.113.7 ,10.1.2.3"], "203.0.113.7"),
            (&["203.0.113.7", "10.1.2.3"], "203.0.113.7"),
            (&["6.6.6.6, ::ffff:203.0.113.7"], "203.0.113.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            // Through trusted hops only: the farthest of them.
            (&["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
            // A hop that is no address ends the reading: nothing left of it can be believed.
            (&["6.6.6.6, unknown, 10.1.2.3"], "10.1.2.3"),
            (&["6.6.6.6, 203.0.113.7:1234"], "203.0.113.7"),
            (&["6.6.6.6, [2001:db8::7]:1234, 10.1.2.3:80"], "2001:db8::7"),
            (&["' or 1=1 --"], "127.0.0.1"),
            (&[""], "127.0.0.1"),
        ] {
            assert_eq!(seen(app, lines).await, expected, "{lines:?}");
        }
    }
);
