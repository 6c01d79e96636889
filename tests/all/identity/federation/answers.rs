//! What a provider may answer, and what not. Nothing of it is shown to the person; whoever looks after the connection sees what is wrong.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, PASSWORD, Signed, back, both};

use super::{Scene, bea};

/// A provider's answer, and what becomes of it: the stage and the reason.
type Case<'a> = (&'a str, Value, Signed, &'a str, &'a str);

both!(t08_a_token_that_is_not_right_lets_nobody_in, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let at = |seconds: i64| json!({ "seconds from now": seconds });
    let with = |name: &str, value: Value| {
        let mut claims = bea();
        claims[name] = value;
        claims
    };
    let well = || Signed::Well;
    let issuer = scene.provider.issuer.clone();
    let cases: Vec<Case<'_>> = vec![
        ("another issuer", with("iss", json!("https://evil.example")), well(), "id_token", "issuer_wrong"),
        ("the issuer with a slash", with("iss", json!(format!("{issuer}/"))), well(), "id_token", "issuer_wrong"),
        ("the issuer in capitals", with("iss", json!(issuer.to_uppercase())), well(), "id_token", "issuer_wrong"),
        ("another client", with("aud", json!("somebody")), well(), "id_token", "audience_wrong"),
        (
            "us and another, for us by nobody's word",
            with("aud", json!(["tenantry", "somebody"])),
            well(),
            "id_token",
            "audience_wrong",
        ),
        ("given to another", with("azp", json!("somebody")), well(), "id_token", "audience_wrong"),
        ("another sign-in", with("nonce", json!("other")), well(), "id_token", "nonce_wrong"),
        ("no nonce", with("nonce", Value::Null), well(), "id_token", "nonce_wrong"),
        ("over", with("exp", at(-61)), well(), "id_token", "expired"),
        ("of the future", with("iat", at(61)), well(), "id_token", "issued_at_wrong"),
        ("of yesterday", with("iat", at(-86_400)), well(), "id_token", "issued_at_wrong"),
        ("not valid yet", with("nbf", at(61)), well(), "id_token", "issued_at_wrong"),
        ("times as texts", with("exp", json!("1764000000")), well(), "id_token", "id_token_unreadable"),
        ("another access token", with("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")), well(), "id_token", "access_token_wrong"),
        ("nobody", with("sub", Value::Null), well(), "id_token", "id_token_unreadable"),
        ("an endless name", with("sub", json!("x".repeat(256))), well(), "claims", "subject_missing"),
        ("signed by a stranger", bea(), Signed::ByAnother, "id_token", "unknown_key"),
        ("signed by the client's secret", bea(), Signed::BySecret, "id_token", "algorithm_not_allowed"),
        ("signed by the public key", bea(), Signed::ByThePublicKey, "id_token", "algorithm_not_allowed"),
        ("not signed", bea(), Signed::Not, "id_token", "algorithm_not_allowed"),
        ("changed", bea(), Signed::Changed, "id_token", "signature_wrong"),
        ("no token", bea(), Signed::Raw("nonsense".to_owned()), "id_token", "id_token_unreadable"),
        ("none", bea(), Signed::Raw(String::new()), "id_token", "no_id_token"),
        ("no address", json!({"sub": "1"}), well(), "account", "email_missing"),
        (
            "two addresses",
            json!({"sub": "1", "email": ["a@a.example", "b@b.example"]}),
            well(),
            "id_token",
            "id_token_unreadable",
        ),
    ];
    for (what, claims, signed, stage, reason) in cases {
        let browser = Browser::new(app);
        let (_, landed) = scene.leave(&browser).await;
        let arrived = scene.provider.receives(landed);
        let mut claims = claims;
        for value in claims.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            if let Some(seconds) = value["seconds from now"].as_i64() {
                *value = json!(app.now().timestamp() + seconds);
            }
        }
        let path = scene.provider.answers_with(&arrived, app.now(), &claims, &signed);
        let (at, page) = browser.open(&path).await.page();
        assert!(at.starts_with("/signin/") && page.status == 200, "{what}: {at} {page}");
        assert!(browser.cookie("tn_session").is_none(), "{what}");
        let attempt = scene.attempt(app).await;
        assert_eq!((&attempt["stage"], &attempt["reason"]), (&json!(stage), &json!(reason)), "{what}: {attempt}");
        assert!(page.text().contains(attempt["id"].as_str().expect("an id")), "{what}: the page names the reference");
        assert!(!page.text().contains(reason), "{what}: and not why");
        app.advance(TimeDelta::minutes(6));
    }
    // And the honest one is in.
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
});

both!(clocks_may_differ_by_a_minute, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let now = app.now().timestamp();
    for claims in [
        json!({"iat": now + 59}),
        json!({"exp": now - 59}),
        json!({"nbf": now + 59}),
        json!({"azp": "tenantry", "aud": ["tenantry", "other"]}),
    ] {
        let mut all = bea();
        claims.as_object().into_iter().flatten().for_each(|(name, value)| all[name] = value.clone());
        scene.read(app, scene.come(app, &Browser::new(app), all).await).await;
    }
});

both!(an_answer_counts_once_in_the_browser_that_was_sent, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let (browser, other) = (Browser::new(app), Browser::new(app));
    let (asked, landed) = scene.leave(&browser).await;
    let arrived = scene.provider.receives(landed);
    let path = scene.provider.answers(&arrived, app.now(), &bea());
    // Somebody who sends another person their answer signs nobody in (login CSRF).
    scene.leave(&other).await;
    other.open(&path).await.page().1.expect(400);
    Browser::new(app).open(&path).await.page().1.expect(400);
    assert!(other.cookie("tn_session").is_none());
    // Nor does another connection's address take it (mix-up).
    let mut body = scene.provider.connection(json!({"connection_id": "second"}));
    body["name"] = json!("The second");
    let owner = app.again(&scene.owner).await;
    let second = app.by(&owner).post(&scene.org.at("upstream-providers"), body).await.ok();
    let elsewhere = path.replace(&scene.connection, second["id"].as_str().expect("an id"));
    browser.open(&elsewhere).await.page().1.expect(400);
    assert_eq!(scene.provider.asked("/token"), 0, "no code went anywhere");
    let landed = browser.open(&path).await;
    scene.read(app, (asked, landed)).await;
    // Again it does nothing.
    browser.open(&path).await.page().1.expect(400);
    assert_eq!(scene.provider.asked("/token"), 1);
    for nonsense in ["state=nonsense", "", "state=a&state=b"] {
        let at = format!("/auth/c/{}/callback?{nonsense}", scene.connection);
        browser.open(&at).await.page().1.expect(400);
    }
});

both!(a_provider_that_cannot_be_gone_to_is_said_once, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    app.execute("update connection_documents set content = null where kind = 'configuration'").await;
    let browser = Browser::new(app);
    let (asked, landed) = scene.leave(&browser).await;
    let (at, page) = landed.page();
    assert!(page.text().contains("Acme Okta"), "the way is offered again: {page}");
    let attempt = scene.attempt(app).await;
    assert_eq!((&attempt["outcome"], &attempt["stage"]), (&json!("failed"), &json!("connection")), "{attempt}");
    browser.open(&at).await.page();
    assert_eq!(app.count("select count(*) from connection_attempts").await, 1, "nobody is sent in a circle");
    // Another way leads on.
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    let id = scene.read(app, (asked, browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await)).await;
    assert_eq!(id["email"], "ann@example.com");
});

both!(a_provider_that_says_no_is_heard, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let words = "<script>alert(1)</script> not assigned";
    let browser = Browser::new(app);
    let (_, landed) = scene.leave(&browser).await;
    let arrived = scene.provider.receives(landed);
    let state = arrived.parameters["state"].clone();
    let said = [("error", "access_denied"), ("error_description", words), ("state", &state)];
    let (_, page) = browser.open(&back(&arrived, &said)).await.page();
    assert!(!page.text().contains("not assigned"), "a provider's words stand on no page: {page}");
    let attempt = scene.attempt(app).await;
    assert_eq!((&attempt["reason"], &attempt["stage"]), (&json!("provider_refused"), &json!("answer")));
    assert_eq!(attempt["detail"], format!("access_denied: {words}"));
    // Neither a code nor an error; another issuer (RFC 9207).
    for (more, reason) in [(vec![], "answer_unreadable"), (vec![("code", "c"), ("iss", "https://evil.example")], "answer_issuer")]
    {
        let browser = Browser::new(app);
        let (_, landed) = scene.leave(&browser).await;
        let arrived = scene.provider.receives(landed);
        let state = arrived.parameters["state"].clone();
        let all: Vec<(&str, &str)> = more.into_iter().chain([("state", state.as_str())]).collect();
        browser.open(&back(&arrived, &all)).await.page();
        assert_eq!(scene.attempt(app).await["reason"], reason);
    }
    // A code that is none.
    let browser = Browser::new(app);
    let (_, landed) = scene.leave(&browser).await;
    let arrived = scene.provider.receives(landed);
    let state = arrived.parameters["state"].clone();
    browser.open(&back(&arrived, &[("code", "none"), ("state", &state)])).await.page();
    let attempt = scene.attempt(app).await;
    assert_eq!((&attempt["reason"], &attempt["stage"]), (&json!("code_refused"), &json!("tokens")));
});

both!(a_provider_that_changes_its_key_is_looked_at_again, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    scene.provider.rotate();
    let looked = scene.provider.asked("/keys");
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    assert_eq!(scene.provider.asked("/keys"), looked + 1);
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    assert_eq!(scene.provider.asked("/keys"), looked + 1, "it was kept");
    // Whoever sends nonsense has it looked at once in five minutes.
    for _ in 0..3 {
        let browser = Browser::new(app);
        let (_, landed) = scene.leave(&browser).await;
        let arrived = scene.provider.receives(landed);
        browser.open(&scene.provider.answers_with(&arrived, app.now(), &bea(), &Signed::ByAnother)).await.page();
    }
    assert_eq!(scene.provider.asked("/keys"), looked + 1);
});

both!(what_an_id_token_lacks_the_userinfo_address_tells, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.provider.says_of_users(json!({"sub": "00u1", "email": "bea@acme.example"}));
    let id = scene.read(app, scene.come(app, &Browser::new(app), json!({"sub": "00u1"})).await).await;
    assert_eq!(id["email"], "bea@acme.example");
    scene.provider.says_of_users(json!({"sub": "somebody else", "email": "ann@example.com"}));
    scene.come(app, &Browser::new(app), json!({"sub": "00u1"})).await.1.page();
    assert_eq!(scene.attempt(app).await["reason"], "userinfo_subject");
    // It is asked nothing that the token says.
    let asked = scene.provider.asked("/userinfo");
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    assert_eq!(scene.provider.asked("/userinfo"), asked);
});
