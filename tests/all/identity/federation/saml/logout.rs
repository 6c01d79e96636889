//! Single logout by redirect, both ways.

use serde_json::{Value, json};
use tenantry_tests::{Browser, Landed, PASSWORD, SamlProvider, Signs, TestApp, both, text, unpacked};

use super::{super::Scene, BEA};

impl Scene<SamlProvider> {
    fn slo(&self) -> String {
        format!("/auth/c/{}/saml/slo", self.connection)
    }

    fn slo_url(&self, app: &TestApp) -> String {
        format!("{}{}", app.client().base(), self.slo())
    }

    /// Signs somebody in, in a session of that name at the provider; answers the ID token.
    async fn in_session(&self, app: &TestApp, browser: &Browser, (email, session): (&str, &str)) -> Value {
        let (asked, sent) = self.ask(browser).await;
        let said = self.provider.says(&sent, app.now(), email).with(&format!("session of {email}"), session);
        let landed = self.provider.posts(browser, &sent, &self.provider.signed(&said, Signs::Both)).await;
        self.read(app, (asked, landed)).await
    }

    /// Whether somebody is signed in in a browser.
    async fn is_in(&self, browser: &Browser) -> bool {
        let asked = self.party.ask(&[("organization", "acme"), ("prompt", "none")]);
        browser.open(&asked.path).await.away().contains_key("code")
    }

    /// A request of the provider; answers what the provider is told, or nothing.
    async fn signs_out(&self, app: &TestApp, whom: (&str, Option<&str>)) -> (String, Landed) {
        let xml = self.provider.signs_out(&self.slo_url(app), app.now(), whom);
        let query = self.provider.query("SAMLRequest", &xml, "a b+c");
        let path = format!("{}?{query}", self.slo());
        let landed = Browser::new(app).open(&path).await;
        (path, landed)
    }
}

both!(a_provider_signs_somebody_out, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let (first, second, other) = (Browser::new(app), Browser::new(app), Browser::new(app));
    scene.in_session(app, &first, (BEA, "one")).await;
    scene.in_session(app, &second, (BEA, "two")).await;
    scene.in_session(app, &other, ("cleo@acme.example", "one")).await;
    // One session of one person, whichever browser brings it.
    let (path, landed) = scene.signs_out(app, (BEA, Some("one"))).await;
    let Landed::Away(url) = landed else { panic!("{landed:?}") };
    assert!(url.as_str().starts_with("http://127.0.0.1:9/slo?SAMLResponse="), "{url}");
    let answer = unpacked(&url, "SAMLResponse");
    assert!(answer.contains("status:Success") && answer.contains("InResponseTo=\"_"), "{answer}");
    let field = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    assert_eq!(field("RelayState").as_deref(), Some("a b+c"));
    assert!(field("Signature").is_some_and(|signature| !signature.is_empty()), "{url}");
    assert!(!scene.is_in(&first).await && scene.is_in(&second).await && scene.is_in(&other).await);
    // Once.
    Browser::new(app).open(&path).await.page().1.expect(400);
    // Somebody whom nobody knows here is signed out already.
    let Landed::Away(url) = scene.signs_out(app, ("eve@acme.example", None)).await.1 else { panic!("no answer") };
    assert!(unpacked(&url, "SAMLResponse").contains("status:Success"));
    assert!(scene.is_in(&second).await && scene.is_in(&other).await);
    // All of them.
    scene.signs_out(app, (BEA, None)).await;
    assert!(!scene.is_in(&second).await && scene.is_in(&other).await);
    let owner = app.again(&scene.owner).await;
    app.worker().await;
    let log = app.by(&owner).get(&scene.org.at("audit-log?action=user.sessions_revoked")).await.ok();
    let reasons: Vec<&Value> = log["logs"].as_array().expect("a list").iter().map(|one| &one["metadata"]["reason"]).collect();
    assert_eq!(reasons, [&json!("provider"), &json!("provider")], "{log}");
});

both!(a_provider_ends_what_came_through_it_and_nothing_else, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    app.member(&scene.owner, "acme", "ben@acme.example", "admin").await;
    let browser = Browser::new(app);
    let (asked, landed) = scene.come(app, &browser, "ben@acme.example").await;
    let (at, _) = landed.page();
    let id = scene.read(app, (asked, browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await)).await;
    assert_eq!(id["amr"], json!(["pwd", "fed"]));
    scene.signs_out(app, ("ben@acme.example", None)).await;
    // The password is their own word, and counts on.
    let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    let landed = browser.open(&asked.path).await;
    assert_eq!(scene.read(app, (asked, landed)).await["amr"], json!(["pwd"]));
});

both!(a_logout_message_that_is_not_the_providers_ends_nothing, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    scene.in_session(app, &browser, (BEA, "one")).await;
    let eve = app.sign_up("eve@example.com").await;
    let evil = app.create_org(&eve, "evil").await;
    let theirs = SamlProvider::other();
    let made = app.by(&eve).post(&evil.at("upstream-providers"), theirs.connection(json!({"jit": true}))).await.ok();
    let slo = scene.slo_url(app);
    let xml = scene.provider.signs_out(&slo, app.now(), (BEA, None));
    let genuine = scene.provider.query("SAMLRequest", &xml, "");
    let stale = scene.provider.signs_out(&slo, app.now() - chrono::TimeDelta::minutes(7), (BEA, None));
    let elsewhere = scene.slo().replace(&scene.connection, &text(&made["id"]));
    let to_them = theirs.signs_out(&format!("{}{elsewhere}", app.client().base()), app.now(), (BEA, None));
    for (what, path, query) in [
        ("by another key", scene.slo(), theirs.query("SAMLRequest", &xml, "")),
        ("unsigned", scene.slo(), genuine.split("&SigAlg").next().expect("a query").to_owned()),
        ("old", scene.slo(), scene.provider.query("SAMLRequest", &stale, "")),
        ("another's address", elsewhere.clone(), genuine.clone()),
        ("nothing", scene.slo(), String::new()),
        ("an answer to nothing", scene.slo(), {
            scene.provider.query("SAMLResponse", &scene.provider.signed_out(&slo, app.now(), "_x"), "up_x")
        }),
        ("nobody's", "/auth/c/con_00000000000000000000000000000000/saml/slo".to_owned(), genuine),
    ] {
        let page = Browser::new(app).open(&format!("{path}?{query}")).await.page().1;
        assert_eq!(page.status, 400, "{what}: {page}");
    }
    // Another organization's provider says it about its own people only.
    Browser::new(app).open(&format!("{elsewhere}?{}", theirs.query("SAMLRequest", &to_them, ""))).await;
    assert!(scene.is_in(&browser).await);
});

both!(whoever_signs_out_here_signs_out_at_their_provider, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    let id = scene.in_session(app, &browser, (BEA, "one")).await;
    let leave = format!(
        "/oidc/logout?client_id={}&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com&state=bye&logout_hint={}",
        scene.party.client_id,
        text(&id["sid"])
    );
    let Landed::Away(url) = browser.open(&leave).await else { panic!("the browser stayed") };
    assert!(url.as_str().starts_with("http://127.0.0.1:9/slo?SAMLRequest="), "{url}");
    let asked = unpacked(&url, "SAMLRequest");
    assert!(asked.contains(&format!(">id of {BEA}</saml:NameID>")) && asked.contains("<samlp:SessionIndex>one<"), "{asked}");
    assert!(!scene.is_in(&browser).await, "here they are out already");
    let field = |name: &str| url.query_pairs().find(|(known, _)| known == name).expect("a field").1.into_owned();
    let request = asked.split(" ID=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let answer = |request: &str| scene.provider.signed_out(&scene.slo_url(app), app.now(), request);
    let open = async |xml: &str, relay_state: &str| {
        browser.open(&format!("{}?{}", scene.slo(), scene.provider.query("SAMLResponse", xml, relay_state))).await
    };
    open(&answer("_another"), &field("RelayState")).await.page().1.expect(400);
    let Landed::Away(back) = open(&answer(request), &field("RelayState")).await else { panic!("the browser stayed") };
    assert_eq!(back.as_str(), "https://app.example.com/?state=bye");
    open(&answer(request), &field("RelayState")).await.page().1.expect(400);
    // Who came by something else is not sent anywhere.
    let (asked, landed) = {
        let asked = scene.party.ask(&[("organization", "acme")]);
        let landed = browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await;
        (asked, landed)
    };
    scene.read(app, (asked, landed)).await;
    let (_, page) = browser.send("/oidc/logout", &[("state", "x")]).await.page();
    assert_eq!(page.status, 200, "{page}");
});
