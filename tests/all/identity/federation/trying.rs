//! Test sign-ins: whoever looks after a connection sees what becomes of one, and nobody is signed in.

use serde_json::{Value, json};
use tenantry_tests::{Browser, Response, SamlProvider, Signed, Signs, TestApp, both, text};

use super::{Scene, bea};

async fn begin<P>(app: &TestApp, scene: &Scene<P>) -> String {
    let owner = app.again(&scene.owner).await;
    let path = scene.org.at(&format!("upstream-providers/{}/test-sign-in", scene.connection));
    let made = app.by(&owner).post_empty(&path).await.ok();
    let url: url::Url = text(&made["test_url"]).parse().expect("an address");
    url.path().to_owned()
}

/// Goes through it, and what the page says.
async fn go(app: &TestApp, scene: &Scene, browser: &Browser, at: &str, claims: &Value, signed: &Signed) -> Response {
    let landed = browser.send(&format!("{at}/trial"), &[("step", "trial")]).await;
    let arrived = scene.provider.receives(landed);
    let back = scene.provider.answers_with(&arrived, app.now(), claims, signed);
    browser.open(&back).await.page().1
}

/// Everything that a sign-in would change.
async fn figures(app: &TestApp) -> [i64; 5] {
    let mut all = [0; 5];
    let counted = ["users", "memberships", "identities", "sessions", "events"];
    for (n, table) in all.iter_mut().zip(counted) {
        *n = app.count(&format!("select count(*) from {table}")).await;
    }
    all
}

both!(a_test_sign_in_tells_what_would_become_of_somebody_and_changes_nothing, async |app| {
    let scene = Scene::set(app, json!({"jit": true, "enabled": false})).await;
    let path = begin(app, &scene).await;
    let before = figures(app).await;
    let browser = Browser::new(app);
    let (at, page) = browser.open(&path).await.page();
    assert!(page.text().contains("Acme Okta") && page.text().contains("Test sign-in"), "{page}");
    let mut claims = bea();
    claims["groups"] = json!(["Staff", "Finance"]);
    let page = go(app, &scene, &browser, &at, &claims, &Signed::Well).await;
    for told in ["00u1", "bea@acme.example", "vouches for it", "Staff", "Finance", "An account would be made"] {
        assert!(page.text().contains(told), "{told}: {page}");
    }
    assert_eq!(figures(app).await, before);
    assert!(browser.cookie("tn_session").is_none(), "nobody is signed in");
    let attempt = scene.attempt(app).await;
    assert_eq!((&attempt["outcome"], &attempt["subject"]), (&json!("tested"), &json!("00u1")));
    // Nor by any other way on that page.
    let before = figures(app).await;
    for pairs in
        [[("step", "identify"), ("email", "ann@example.com")], [("step", "password"), ("password", tenantry_tests::PASSWORD)]]
    {
        let (_, page) = browser.send(&at, &pairs).await.page();
        assert!(page.text().contains("Test sign-in"), "{page}");
    }
    assert_eq!(figures(app).await, before);
    // A member is told so.
    let page = go(app, &scene, &browser, &at, &json!({"sub": "a", "email": "ann@example.com"}), &Signed::Well).await;
    assert!(page.text().contains("prove once"), "{page}");
});

both!(a_test_sign_in_says_where_it_stopped_and_what_to_do, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&begin(app, &scene).await).await.page();
    let other = json!({"sub": "1", "email": "bea@acme.example", "aud": "somebody else"});
    for (claims, signed, hint) in [
        (bea(), Signed::ByAnother, "No published key of the provider fits"),
        (bea(), Signed::Not, "is not signed with RSA"),
        (other, Signed::Well, "is for another client"),
        (json!({"sub": "1"}), Signed::Well, "There is no e-mail address"),
        (bea(), Signed::Well, "nobody is added"),
    ] {
        let page = go(app, &scene, &browser, &at, &claims, &signed).await;
        assert!(page.text().contains(hint) && page.text().contains("att_"), "{hint}: {page}");
        assert_eq!(scene.attempt(app).await["outcome"], "failed");
    }
    assert_eq!(app.count("select count(*) from identities").await, 0);
    // What the provider refused is shown in its words.
    let landed = browser.send(&format!("{at}/trial"), &[("step", "trial")]).await;
    let arrived = scene.provider.receives(landed);
    let refusal = [("error", "access_denied"), ("error_description", "not assigned"), ("state", &arrived.parameters["state"])];
    let (_, page) = browser.open(&tenantry_tests::back(&arrived, &refusal)).await.page();
    assert!(page.text().contains("not assigned"), "{page}");
});

both!(a_test_sign_in_is_for_who_looks_after_the_connection, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let path = scene.org.at(&format!("upstream-providers/{}/test-sign-in", scene.connection));
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    app.by(&ben).post_empty(&path).await.expect(403);
    let carl = app.sign_up("carl@example.com").await;
    let other = app.create_org(&carl, "other").await;
    app.by(&carl).post_empty(&other.at(&format!("upstream-providers/{}/test-sign-in", scene.connection))).await.expect(404);
    // One browser has it, for as long as it lasts.
    let url = begin(app, &scene).await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&url).await.page();
    for path in [&url, &at] {
        let (_, page) = Browser::new(app).open(path).await.page();
        assert_eq!(page.status, 400, "{page}");
    }
    // A connection that is gone, or an organization that is not active, is tried no more.
    app.execute("update organizations set status = 'suspended' where slug = 'acme'").await;
    let (_, page) = browser.open(&at).await.page();
    assert_eq!(page.status, 400, "{page}");
    app.execute("update organizations set status = 'active' where slug = 'acme'").await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).delete(&scene.org.at(&format!("upstream-providers/{}", scene.connection))).await.ok();
    let (_, page) = browser.open(&at).await.page();
    assert_eq!(page.status, 400, "{page}");
    app.by(&owner).post_empty(&path).await.expect(404);
});

both!(t08_what_came_of_a_test_sign_in_signs_nobody_in_elsewhere, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&begin(app, &scene).await).await.page();
    // The answer to a test counts in the test, once, and in the browser that was sent.
    let landed = browser.send(&format!("{at}/trial"), &[("step", "trial")]).await;
    let arrived = scene.provider.receives(landed);
    let back = scene.provider.answers(&arrived, app.now(), &bea());
    let (_, page) = Browser::new(app).open(&back).await.page();
    assert_eq!(page.status, 400, "{page}");
    browser.open(&back).await.page();
    browser.open(&back).await.page();
    let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    assert_eq!(browser.open(&asked.path).await.away()["error"], "login_required");
    assert_eq!(app.count("select count(*) from identities").await, 0);
});

both!(a_test_sign_in_by_saml_names_every_check, async |app| {
    let provider = SamlProvider::default();
    let body = provider.connection(json!({"enabled": false}));
    let scene = Scene::with(app, provider, body).await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&begin(app, &scene).await).await.page();
    for (is_ours, told) in [(false, "The assertion is for somebody else"), (true, "id of ann@example.com")] {
        let sent = scene.provider.receives(browser.send(&format!("{at}/trial"), &[("step", "trial")]).await);
        let said = scene.provider.says(&sent, app.now(), "ann@example.com");
        let said = if is_ours { said } else { said.with(&sent.entity_id(), "urn:somebody") };
        let xml = scene.provider.signed(&said, Signs::Assertion);
        let (_, page) = scene.provider.posts(&browser, &sent, &xml).await.page();
        assert!(page.text().contains(told), "{told}: {page}");
        assert_eq!(page.text().contains("<code dir=\"ltr\">audience</code>"), !is_ours, "{page}");
    }
    assert_eq!(app.count("select count(*) from identities").await + app.count("select count(*) from saml_sessions").await, 0);
});
