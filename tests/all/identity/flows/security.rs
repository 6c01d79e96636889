//! What strangers try: other sites' forms, other browsers, other requests, and the way out.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Browser, PASSWORD, Response, TestApp, both, read_token, text};

use super::application;

const JSON: &str = "application/x-www-form-urlencoded";

#[track_caller]
fn page_with(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{answer}");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!((answer.header("cache-control"), answer.header("referrer-policy")), ("no-store", "same-origin"));
}

both!(a_request_that_cannot_be_answered_goes_nowhere, async |app| {
    let (_, party) = application(app, json!({})).await;
    let browser = Browser::new(app);
    let good = party.ask(&[]).path;
    for (what, path) in [
        ("no client", "/authorize".to_owned()),
        ("an unknown client", good.replace(&party.client_id, "nobody")),
        ("a client of nonsense", good.replace(&party.client_id, "%00")),
        ("no redirect URI", party.ask(&[("redirect_uri", "")]).path),
        ("another redirect URI", party.ask(&[("redirect_uri", "https://evil.example/callback")]).path),
        ("one that is longer", party.ask(&[("redirect_uri", "https://app.example.com/callback/more")]).path),
        ("a parameter twice", format!("{good}&state=again")),
        ("no UTF-8", format!("{good}&x=%ff")),
        ("a NUL", format!("{good}&x=%00")),
        ("much too much", format!("{good}&x={}", "y".repeat(9000))),
        (
            "an unknown pushed request",
            format!("/authorize?client_id={}&request_uri=urn:ietf:params:oauth:request_uri:nonsense", party.client_id),
        ),
    ] {
        let (_, page) = browser.open(&path).await.page();
        assert!(!page.text().contains("evil.example"), "{what}");
        page_with(&page, 400);
    }
    for (changes, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("audience", "https://api.example.com/"), "invalid_target"),
        (("id_token_hint", "nonsense"), "login_required"),
    ] {
        let more = if changes.0 == "id_token_hint" { vec![changes, ("prompt", "none")] } else { vec![changes] };
        let back = browser.open(&party.ask(&more).path).await.away();
        assert_eq!((back["error"].as_str(), back["state"].as_str()), (error, "the state"), "{changes:?}");
        assert!(!back.contains_key("code"));
    }
});

both!(a_form_of_another_site_or_browser_does_nothing, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let (at, page) = browser.open(&party.ask(&[]).path).await.page();
    page_with(&page, 200);
    let cookie = format!("tn_browser={}", browser.cookie("tn_browser").unwrap());
    let body = "step=identify&email=ann%40example.com";
    let base = app.client().base().to_owned();
    for (what, headers, status) in [
        ("no origin", vec![("cookie", cookie.as_str())], 403),
        ("another origin", vec![("cookie", cookie.as_str()), ("origin", "https://evil.example")], 403),
        ("no origin that a browser names", vec![("cookie", cookie.as_str()), ("origin", "null")], 403),
        (
            "null, and the same site",
            vec![("cookie", cookie.as_str()), ("origin", "null"), ("sec-fetch-site", "same-origin")],
            403,
        ),
        ("another site", vec![("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")], 403),
        ("another host of the site", vec![("cookie", cookie.as_str()), ("sec-fetch-site", "same-site")], 403),
        ("no cookie", vec![("origin", base.as_str())], 400),
        (
            "another cookie",
            vec![("origin", base.as_str()), ("cookie", "tn_browser=br_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
            400,
        ),
        ("our own page, as old browsers say it", vec![("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")], 303),
        ("our own page", vec![("cookie", cookie.as_str()), ("origin", base.as_str())], 303),
    ] {
        let request = app.client().request(Method::POST, &at).header("content-type", JSON);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.body(body).send().await;
        assert_eq!(answer.status, status, "{what}: {answer}");
    }
    // Another browser sees nothing of it, not even with the link.
    let (_, page) = Browser::new(app).open(&at).await.page();
    page_with(&page, 400);
    // What is sent for a step that is not the one that is missing counts for nothing.
    let (_, page) = browser.send(&at, &[("step", "second_factor"), ("code", "123456")]).await.page();
    assert!(page.text().contains("current-password"), "{page}");
    app.advance(TimeDelta::minutes(61));
    let (_, page) = browser.open(&at).await.page();
    page_with(&page, 400);
});

both!(who_put_a_cookie_there_before_does_not_get_in, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    app.sign_up("eve@example.com").await;
    let eve = Browser::new(app);
    party.sign_in(app, &eve, &[], ("eve@example.com", PASSWORD)).await;
    let planted = eve.cookie("tn_session").unwrap();
    let ann = Browser::new(app);
    ann.set_cookie("tn_session", Some(&planted));
    app.advance(TimeDelta::seconds(1));
    let made = party.sign_in(app, &ann, &[("prompt", "login")], ("ann@example.com", PASSWORD)).await;
    let hers = ann.cookie("tn_session").unwrap();
    assert_ne!(hers, planted, "another one after every sign-in");
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["email"], "ann@example.com");
    // The one that was planted is nobody's any more: who sits at the browser could not end it.
    assert_eq!(eve.open(&party.ask(&[("prompt", "none")]).path).await.away()["error"], "login_required");
    app.advance(TimeDelta::seconds(1));
    // Also the same person's is another one, and the old one names nobody any more.
    party.sign_in(app, &ann, &[("prompt", "login")], ("ann@example.com", PASSWORD)).await;
    let thief = Browser::new(app);
    thief.set_cookie("tn_session", Some(&hers));
    assert_eq!(thief.open(&party.ask(&[("prompt", "none")]).path).await.away()["error"], "login_required");
});

both!(a_pushed_request_is_one_browsers, async |app| {
    let (root, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let asked = party.ask(&[]);
    let pairs: Vec<(&str, &str)> = asked
        .parameters
        .iter()
        .filter(|(name, _)| name != "client_id")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let push = async |app: &TestApp| {
        let pushed = party.form(app, "/oauth/par", &pairs).await.expect(201).json();
        assert_eq!(pushed["expires_in"], 90);
        let uri: String = url::form_urlencoded::byte_serialize(text(&pushed["request_uri"]).as_bytes()).collect();
        format!("/authorize?client_id={}&request_uri={uri}", party.client_id)
    };
    let path = push(app).await;
    let other = tenantry_tests::RelyingParty::register(&app.by(&root), json!({"name": "Other"})).await;
    let (_, page) = Browser::new(app).open(&path.replace(&party.client_id, &other.client_id)).await.page();
    page_with(&page, 400);
    let browser = Browser::new(app);
    let (first, _) = browser.open(&path).await.page();
    let (again, _) = browser.open(&path).await.page();
    assert_eq!(first, again, "the same browser goes on");
    let (_, page) = Browser::new(app).open(&path).await.page();
    page_with(&page, 400);
    let back = browser.sign_in(&path, "ann@example.com", PASSWORD).await.away();
    party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let (_, page) = browser.open(&path).await.page();
    page_with(&page, 400);
    let late = push(app).await;
    app.advance(TimeDelta::seconds(91));
    let (_, page) = browser.open(&late).await.page();
    page_with(&page, 400);
    let bad: Vec<_> = pairs.iter().filter(|(name, _)| *name != "code_challenge").copied().collect();
    assert_eq!(party.form(app, "/oauth/par", &bad).await.expect(400).json()["error"], "invalid_request");
    let stranger = tenantry_tests::RelyingParty {
        secret: Some("cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        ..party.clone()
    };
    assert_eq!(stranger.form(app, "/oauth/par", &pairs).await.expect(401).json()["error"], "invalid_client");
});

both!(signing_out_ends_the_session_and_asks_strangers, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let made = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let (token, id) = (text(&made["id_token"]), read_token(app, &made["id_token"], "JWT").await);
    let evil = format!("/oidc/logout?client_id={}&post_logout_redirect_uri=https%3A%2F%2Fevil.example", party.client_id);
    let (_, page) = browser.open(&evil).await.page();
    page_with(&page, 400);
    let (_, page) = browser.open("/oidc/logout?post_logout_redirect_uri=https%3A%2F%2Fapp.example.com").await.page();
    page_with(&page, 400);
    // Any page can send somebody there: they are asked.
    let (_, page) = browser.open("/oidc/logout").await.page();
    assert!(page.text().contains("ann@example.com"), "{page}");
    assert!(browser.open(&party.ask(&[("prompt", "none")]).path).await.away().contains_key("code"));
    let request =
        app.client().request(Method::POST, "/oidc/logout").header("content-type", JSON).header("origin", "https://evil.example");
    let cookie = format!("tn_session={}", browser.cookie("tn_session").unwrap());
    let answer = request.header("cookie", &cookie).body("state=x&logout_hint=y").send().await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/oidc/logout?state=x&logout_hint=y"),
        "where the cookies are: {answer}"
    );
    // An application that knows them need not ask, long after its token has expired.
    app.advance(TimeDelta::hours(5));
    let leave = format!(
        "/oidc/logout?client_id={}&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com&id_token_hint={token}&state=a%20b&logout_hint={}",
        party.client_id,
        text(&id["sid"]),
    );
    let back = browser.open(&leave).await.away();
    assert_eq!(back["state"], "a b");
    assert_eq!(browser.cookie("tn_session"), None);
    assert_eq!(browser.open(&party.ask(&[("prompt", "none")]).path).await.away()["error"], "login_required");
    assert_eq!(party.refresh(app, &text(&made["refresh_token"])).await.expect(400).json()["error"], "invalid_grant");
    // As clients of Auth0 do it, and as people do.
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let (_, page) =
        browser.open(&format!("/v2/logout?client_id={}&returnTo=https%3A%2F%2Fevil.example", party.client_id)).await.page();
    page_with(&page, 400);
    browser.open(&format!("/v2/logout?client_id={}&returnTo=https%3A%2F%2Fapp.example.com%2F", party.client_id)).await.away();
    assert_eq!(browser.cookie("tn_session"), None);
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let (_, page) = browser.send("/oidc/logout", &[("state", "x")]).await.page();
    page_with(&page, 200);
    assert_eq!(browser.cookie("tn_session"), None);
});

both!(what_a_client_takes_back_counts_at_once, async |app| {
    let (root, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&party.ask(&[]).path).await.page();
    let client = format!("/api/platform/clients/{}", party.id);
    app.by(&root).patch(&client, json!({"redirect_uris": ["https://app.example.com/other"]})).await.ok();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    let (_, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    page_with(&page, 400);
    assert_eq!(app.count("select count(*) from codes").await, 0);
});

both!(a_page_beside_a_flow_does_not_end_it, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&party.ask(&[]).path).await.page();
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let (_, page) = browser.open(&format!("{at}/reset")).await.page();
    page_with(&page, 200);
    assert!(browser.open(&at).await.away().contains_key("code"));
    app.advance(TimeDelta::seconds(1));
    let (at, _) = browser.open(&party.ask(&[("prompt", "login")]).path).await.page();
    let (_, page) = browser.send(&format!("{at}/reset"), &[("step", "reset"), ("email", "nobody@example.com")]).await.page();
    page_with(&page, 200);
    let (_, page) = browser.send(&format!("{at}/reset"), &[("step", "reset"), ("email", "nobody")]).await.page();
    page_with(&page, 422);
});

both!(whoever_an_id_token_names_is_asked_for, async |app| {
    let (root, party) = application(app, json!({})).await;
    let other = tenantry_tests::RelyingParty::register(&app.by(&root), json!({"name": "Other"})).await;
    app.sign_up("ann@example.com").await;
    app.sign_up("ben@example.com").await;
    let anns = party.sign_in(app, &Browser::new(app), &[], ("ann@example.com", PASSWORD)).await;
    let hint = text(&anns["id_token"]);
    let browser = Browser::new(app);
    party.sign_in(app, &browser, &[], ("ben@example.com", PASSWORD)).await;
    app.advance(TimeDelta::seconds(1));
    let push = async |more: &[(&str, &str)], party: &tenantry_tests::RelyingParty| {
        let asked = party.ask(more);
        let pairs: Vec<(&str, &str)> = asked
            .parameters
            .iter()
            .filter(|(name, _)| name != "client_id")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let pushed = party.form(app, "/oauth/par", &pairs).await.expect(201).json();
        let uri: String = url::form_urlencoded::byte_serialize(text(&pushed["request_uri"]).as_bytes()).collect();
        format!("/authorize?client_id={}&request_uri={uri}", party.client_id)
    };
    let named = [("id_token_hint", hint.as_str())];
    let silent = [("id_token_hint", hint.as_str()), ("prompt", "none")];
    for (path, error) in [
        (party.ask(&silent).path, "login_required"),
        (push(&silent, &party).await, "login_required"),
        (other.ask(&silent).path, "login_required"),
        (push(&silent, &other).await, "login_required"),
    ] {
        assert_eq!(browser.open(&path).await.away()["error"], error);
    }
    for path in [party.ask(&named).path, push(&named, &party).await] {
        let (at, _) = browser.open(&path).await.page();
        assert!(at.starts_with("/signin/"), "somebody else is signed in");
        let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ben@example.com")]).await.page();
        let back = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
        assert_eq!(back["error"], "login_required", "still somebody else");
        app.advance(TimeDelta::seconds(1));
    }
    let back = browser.sign_in(&party.ask(&named).path, "ann@example.com", PASSWORD).await.away();
    assert!(back.contains_key("code"));
});

both!(what_is_no_window_begins_nothing, async |app| {
    let (_, party) = application(app, json!({})).await;
    for (dest, status) in [("image", 400), ("script", 400), ("empty", 400), ("document", 302), ("iframe", 400)] {
        let answer = app.client().request(Method::GET, &party.ask(&[]).path).header("sec-fetch-dest", dest).send().await;
        assert_eq!(answer.status, status, "{dest}");
    }
    assert_eq!(app.count("select count(*) from flows").await, 1);
    // A form's request goes on to where the browser's cookies are.
    let path = party.ask(&[]).path;
    let request = app.client().request(Method::POST, "/authorize").header("content-type", JSON);
    let answer = request.body(path.trim_start_matches("/authorize?")).send().await;
    assert_eq!((answer.status, answer.header("location")), (303, path.as_str()));
});

#[test]
fn a_name_alone_uses_up_nobodys_budget() {
    // Sixty a minute at once, and no more: at a time that stands still.
    let limited = tenantry_tests::Options::default()
        .rate_limits()
        .set("server.trusted_proxies", "127.0.0.0/8")
        .set("rate_limits.account_reads_burst", 5)
        .set("rate_limits.account_reads_per_second", 1);
    tenantry_tests::run(tenantry_tests::Database::Sqlite, limited, async |app| {
        let (_, party) = application(app, json!({"auth_method": "none"})).await;
        let ask = async |from: &str| {
            let body = format!("grant_type=refresh_token&refresh_token=x&client_id={}", party.client_id);
            let request = app.client().request(Method::POST, "/oauth/token").header("content-type", JSON);
            request.header("x-forwarded-for", from).body(body).send().await.status
        };
        let mut last = 0;
        for _ in 0..8 {
            last = ask("203.0.113.7").await;
        }
        assert_eq!(last, 429, "whoever says a name too often");
        assert_eq!(ask("198.51.100.7").await, 400, "and nobody else");
    });
}
