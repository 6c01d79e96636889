//! What is told about hosts before anybody signs in, and which requests are about one (T36).

use reqwest::Method;

use super::*;

fn trusting(options: Options) -> Options {
    options.set("server.trusted_proxies", "127.0.0.0/8")
}

/// What a host is told to be about, as a trusted proxy passes it on.
async fn context(app: &TestApp, host: &str) -> tenantry_tests::Response {
    app.client().request(Method::GET, "/api/host").header("host", host).send().await
}

named!(t36_a_verified_host_chooses_its_organization, trusting, async |app: &TestApp, dns: &NameServer| {
    let (ann, acme) = founded(app, "ann@example.com", "acme").await;
    let token = claim(app, &ann, &acme, HOST).await;
    context(app, HOST).await.refused(404, "NOT_FOUND");
    dns.says(RECORD, &[&token]);
    assert!(verify(app, &ann, &acme).await.0);
    app.execute("update organizations set brand_primary_color = '#123456'").await;
    for host in [HOST, "AUTH.acme.example", "auth.acme.example:8443", "auth.acme.example."] {
        let found = context(app, host).await.ok();
        has_exactly(&found, &["host", "organization", "branding"]);
        assert_eq!((&found["host"], &found["organization"]["slug"]), (&json!(HOST), &json!("acme")), "{host}");
        assert_eq!(found["branding"]["primary_color"], "#123456");
        assert!(!found.to_string().contains(&acme.id));
    }
    for host in ["acme.example", "x.auth.acme.example", "evil.example", "127.0.0.1", "localhost", "auth.acme.example:x"] {
        context(app, host).await.refused(404, "NOT_FOUND");
    }
    // Other headers choose nothing.
    for (name, value) in
        [("x-forwarded-host", HOST), ("forwarded", "host=auth.acme.example"), ("x-host", HOST), ("x-original-host", HOST)]
    {
        let request = app.client().request(Method::GET, "/api/host").header("host", "sso.example").header(name, value);
        request.send().await.refused(404, "NOT_FOUND");
    }
    let both = app.client().request(Method::GET, "/api/host").header("host", HOST).header("x-forwarded-host", "evil.example");
    assert_eq!(both.send().await.ok()["host"], HOST);
    // What is mailed leads to the platform all the same.
    let body = json!({"email": "ann@example.com"});
    app.client().request(Method::POST, "/api/auth/forgot-password").header("host", HOST).json(&body).send().await.ok();
    app.worker().await;
    assert!(app.link("ann@example.com", "reset-password").starts_with(app.client().base()));
    // A suspended organization is shown nowhere, and a lapsed host is nobody's.
    app.execute("update organizations set status = 'suspended'").await;
    context(app, HOST).await.refused(404, "NOT_FOUND");
    app.execute("update organizations set status = 'active'").await;
    context(app, HOST).await.ok();
    dns.says(RECORD, &[]);
    days(app, 8).await;
    context(app, HOST).await.refused(404, "NOT_FOUND");
});

named!(t36_a_host_that_no_trusted_proxy_passed_on_chooses_nothing, async |app: &TestApp, dns: &NameServer| {
    proven(app, dns, "ann@example.com", "acme", HOST).await;
    context(app, HOST).await.refused(404, "NOT_FOUND");
    let file = app.client().request(Method::GET, "/.well-known/sso-verification.txt").header("host", HOST).send().await;
    file.refused(404, "NOT_FOUND");
});

named!(a_proxy_may_ask_about_hosts_and_nothing_else, trusting, async |app: &TestApp, dns: &NameServer| {
    let (ann, acme) = proven(app, dns, "ann@example.com", "acme", HOST).await;
    let ask = async |domain: &str| app.client().get(&format!("/tls/ask?domain={domain}")).await;
    assert_eq!(ask(HOST).await.ok(), json!({"domain": HOST}));
    assert_eq!(ask("AUTH.acme.example.").await.ok(), json!({"domain": HOST}));
    let (_, other) = founded(app, "eve@example.com", "evil").await;
    let eve = app.login("eve@example.com", tenantry_tests::PASSWORD).await;
    claim(app, &eve, &other, "auth.evil.example").await;
    let route = app.by(&eve).post(&other.at("domain-routes"), json!({"domain": "evil.example"})).await.ok();
    app.execute("update domains set proof = 'dns', verified_at = created_at where kind = 'sign_in'").await;
    assert_eq!(route["domain"], "evil.example");
    // A claim, a sign-in domain, a slug, and what is no name.
    for domain in ["auth.evil.example", "evil.example", "acme", "acme.example", "", "127.0.0.1", "*.acme.example"] {
        ask(domain).await.refused(404, "NOT_FOUND");
    }
    app.client().get("/tls/ask").await.refused(404, "NOT_FOUND");
    ask("%00").await.invalid(&["domain"]);
    app.by(&app.again(&ann).await).delete(&acme.path).await.done();
    ask(HOST).await.refused(404, "NOT_FOUND");
});

named!(
    those_who_are_no_proxy_ask_seldom,
    |options: Options| trusting(options).rate_limits(),
    async |app: &TestApp, dns: &NameServer| {
        dns.says("unused.example", &[]);
        let ask = |stranger: bool| {
            let request = app.client().request(Method::GET, "/tls/ask?domain=auth.acme.example");
            if stranger { request.header("x-forwarded-for", "203.0.113.7") } else { request }
        };
        let mut refused = 0;
        for _ in 0..40 {
            refused += u32::from(ask(true).send().await.status == 429);
            assert_eq!(ask(false).send().await.status, 404, "the proxy itself is not counted");
        }
        assert!(refused >= 15, "{refused}");
    }
);

named!(a_host_that_leads_here_stays_proven, trusting, async |app: &TestApp, dns: &NameServer| {
    let (ann, acme) = founded(app, "ann@example.com", "acme").await;
    let file = async |host: &str| {
        app.client().request(Method::GET, "/.well-known/sso-verification.txt").header("host", host).send().await
    };
    let token = claim(app, &ann, &acme, HOST).await;
    // A host that leads here before it is proven proves nothing, for anybody.
    file(HOST).await.refused(404, "NOT_FOUND");
    let files = dns.files();
    files.answers_body(&token);
    assert!(verify(app, &ann, &acme).await.0);
    let served = file(HOST).await.expect(200);
    assert_eq!((served.text().as_str(), served.header("content-type")), (token.as_str(), "text/plain; charset=utf-8"));
    file("evil.example").await.refused(404, "NOT_FOUND");
    app.by(&app.again(&ann).await).delete(&acme.at("domain")).await.expect(204);
    file(HOST).await.refused(404, "NOT_FOUND");
});
