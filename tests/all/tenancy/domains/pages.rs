//! What an organization's own host does not serve, and where it leads (T36).

use reqwest::Method;
use tenantry_tests::{Browser, Landed, RelyingParty, Request, Response};

use super::*;

fn trusting(options: Options) -> Options {
    options.set("server.trusted_proxies", "127.0.0.0/8")
}

fn at(app: &TestApp, host: &str, method: Method, path: &str) -> Request {
    app.client().request(method, path).header("host", host)
}

/// A page of a host that is like every other.
async fn plain(app: &TestApp, host: &str, path: &str) -> Response {
    at(app, host, Method::GET, path).send().await
}

async fn opened(app: &TestApp, host: &str, path: &str) -> Response {
    let answer = plain(app, host, path).await;
    assert!(host != HOST || answer.headers.get("set-cookie").is_none(), "{path} keeps something at the host");
    answer
}

async fn sent(app: &TestApp, host: &str, path: &str) -> Response {
    let form = at(app, host, Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    let answer = form.header("origin", app.client().base()).body("step=identify&email=ann%40example.com").send().await;
    assert!(host != HOST || answer.headers.get("set-cookie").is_none(), "{path} keeps something at the host");
    answer
}

const PAGES: [&str; 14] = [
    "/oidc/logout",
    "/v2/logout",
    "/account",
    "/setup",
    "/device",
    "/signin/flow_019ab2c3d4e57f008000000000000009",
    "/signin/flow_019ab2c3d4e57f008000000000000009/reset",
    "/auth/reset-password?token=x",
    "/auth/verify-email?token=x",
    "/invitations/accept/inv_x",
    "/auth/okta?org=acme&service=portal",
    "/link/x",
    // Other spellings of a path that the router takes.
    "/acc%6funt",
    "/%61ccount",
];

const PROVIDER: [(Method, &str); 8] = [
    (Method::GET, "/.well-known/openid-configuration"),
    (Method::GET, "/.well-known/oauth-authorization-server"),
    (Method::GET, "/userinfo"),
    (Method::POST, "/oauth/token"),
    (Method::POST, "/oauth/par"),
    (Method::POST, "/oauth/introspect"),
    (Method::POST, "/oauth/device_authorization"),
    (Method::POST, "/oauth/t%6fken"),
];

named!(t36_a_host_asks_nobody_for_anything_of_ours, trusting, async |app: &TestApp, dns: &NameServer| {
    let (ann, acme) = proven(app, dns, "ann@example.com", "acme", HOST).await;
    let why = format!("This is not served at an organization&#39;s host. Use {}", app.client().base());
    for path in PAGES {
        let page = opened(app, HOST, path).await.expect(400);
        let text = page.text();
        assert!(text.contains(&why) && !text.contains("<input"), "{path}: {page}");
        // Not at the ports and spellings of it either.
        opened(app, "AUTH.acme.example.:8443", path).await.expect(400);
    }
    for path in
        ["/account", "/setup", "/device", "/signin/flow_019ab2c3d4e57f008000000000000009", "/auth/reset-password", "/oidc/logout"]
    {
        assert!(sent(app, HOST, path).await.expect(400).text().contains("not served"), "{path}");
    }
    for (method, path) in PROVIDER {
        let answer = if method == Method::GET { opened(app, HOST, path).await } else { sent(app, HOST, path).await };
        let body: Value = serde_json::from_str(&answer.expect(400).text()).unwrap();
        has_exactly(&body, &["error", "error_description"]);
        assert_eq!(body["error"], "invalid_request");
        assert!(text(&body["error_description"]).contains(&format!("Use {}/", app.client().base())), "{path}: {body}");
    }
    // What the API and a refusal's page need is there as ever.
    for path in ["/api/host", "/.well-known/jwks.json", "/.well-known/sso-verification.txt", "/health/live"] {
        opened(app, HOST, path).await.expect(200);
    }
    // At ours, at a host that nobody has proven, and at the same when it is given up: as ever.
    let ours = plain(app, "localhost", "/device").await.expect(200);
    assert!(!ours.text().contains("not served"), "{ours}");
    plain(app, "auth.evil.example", "/device").await.expect(200);
    app.execute("update organizations set status = 'suspended'").await;
    plain(app, HOST, "/device").await.expect(200);
    app.execute("update organizations set status = 'active'").await;
    opened(app, HOST, "/device").await.expect(400);
    app.by(&app.again(&ann).await).delete(&acme.at("domain")).await.expect(204);
    plain(app, HOST, "/device").await.expect(200);
    plain(app, HOST, "/.well-known/openid-configuration").await.expect(200);
});

named!(t36_a_host_that_no_trusted_proxy_passed_on_refuses_nothing, async |app: &TestApp, dns: &NameServer| {
    proven(app, dns, "ann@example.com", "acme", HOST).await;
    plain(app, HOST, "/.well-known/openid-configuration").await.expect(200);
});

named!(
    a_sign_in_that_begins_at_a_host_goes_on_at_ours_with_its_organization,
    trusting,
    async |app: &TestApp, dns: &NameServer| {
        let (_, acme) = proven(app, dns, "ann@example.com", "acme", HOST).await;
        let root = app.platform_owner().await;
        let party = RelyingParty::register(&app.by(&root), json!({"organization_usage": "allow"})).await;
        let home = format!("{}/authorize?", app.client().base());
        for named in ["", "acme", &acme.id] {
            let asked = party.ask(&[("organization", named)]);
            let led = opened(app, HOST, &asked.path).await.expect(302);
            let way = led.header("location").to_owned();
            assert!(way.starts_with(&home) && way.contains(&format!("organization={}", acme.id)), "{way}");
            let browser = Browser::new(app);
            let path = way.strip_prefix(app.client().base()).unwrap();
            let (at, page) = browser.open(path).await.page();
            assert!(at.starts_with("/signin/flow_") && page.text().contains("acme"), "{page}");
            let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
            let Landed::Away(back) = browser.send(&at, &[("step", "password"), ("password", tenantry_tests::PASSWORD)]).await
            else {
                panic!("{at} leads nowhere")
            };
            let back: std::collections::BTreeMap<_, _> = back.query_pairs().into_owned().collect();
            // Who answers is ours, as everywhere.
            assert_eq!(back["iss"], format!("{}/", app.client().base()));
            let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
            let id = tenantry_tests::read_token(app, &made["id_token"], "JWT").await;
            assert_eq!((&id["org_id"], &id["iss"]), (&json!(acme.id), &json!(back["iss"])));
        }
        // A form there becomes such a request.
        let sent = sent(app, HOST, "/authorize").await.expect(303);
        assert!(sent.header("location").starts_with("/authorize?"), "{sent}");
        // Another organization's people, and what was left at ours, are not for this host.
        let (_, other) = founded(app, "eve@example.com", "evil").await;
        for changes in
            [("organization", "evil"), ("organization", other.id.as_str()), ("organization", "nobody"), ("request_uri", "urn:x")]
        {
            let page = opened(app, HOST, &party.ask(&[changes]).path).await.expect(400);
            assert!(page.headers.get("location").is_none() && page.text().contains("host"), "{changes:?}: {page}");
        }
        // Nor for anybody once it has lapsed: then it is as unknown as every other name.
        dns.says(RECORD, &[]);
        days(app, 8).await;
        let led = plain(app, HOST, &party.ask(&[]).path).await.expect(302);
        assert!(led.header("location").starts_with("/signin/"), "{led}");
    }
);

named!(t36_what_a_browser_keeps_for_us_is_worth_nothing_at_a_host, trusting, async |app: &TestApp, dns: &NameServer| {
    proven(app, dns, "ann@example.com", "acme", HOST).await;
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({"organization_usage": "allow"})).await;
    let browser = Browser::new(app);
    browser.sign_in(&party.ask(&[]).path, "ann@example.com", tenantry_tests::PASSWORD).await.away();
    let kept = ["tn_browser", "tn_session"].map(|name| format!("{name}={}", browser.cookie(name).expect(name))).join("; ");
    // Whoever got hold of it, and shows it where the customer's DNS leads: neither a page of the account, nor a code.
    let account = at(app, HOST, Method::GET, "/account").header("cookie", &kept).send().await.expect(400);
    assert!(!account.text().contains("ann@example.com"), "{account}");
    let silent = party.ask(&[("prompt", "none")]);
    let led = at(app, HOST, Method::GET, &silent.path).header("cookie", &kept).send().await.expect(302);
    assert!(led.header("location").starts_with(app.client().base()) && !led.header("location").contains("code="), "{led}");
    // At ours it is what it was.
    let back = browser.open(&silent.path).await.away();
    assert!(back.contains_key("code"), "{back:?}");
});
