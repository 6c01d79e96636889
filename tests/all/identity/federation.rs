//! Signing in through an organization's identity provider, from the application's request to its tokens.

mod answers;
mod choosing;
mod entering;
mod groups;
mod implicit;
mod linking;
mod own;
mod saml;
mod sign_ups;
mod trying;

use serde_json::{Value, json};
use tenantry_tests::{AskedFor, Browser, Landed, OpenIdProvider, Org, RelyingParty, TestApp, User, both, read_token, text};

use super::flows::application;

/// An organization with a connection, an owner, and an application.
struct Scene<P = OpenIdProvider> {
    provider: P,
    party: RelyingParty,
    owner: User,
    org: Org,
    /// The connection's id.
    connection: String,
}

impl Scene {
    async fn set(app: &TestApp, settings: Value) -> Self {
        let provider = OpenIdProvider::start().await;
        let body = provider.connection(settings);
        Self::with(app, provider, body).await
    }

    /// The same, and comes back with these claims.
    async fn come(&self, app: &TestApp, browser: &Browser, claims: Value) -> (AskedFor, Landed) {
        let (asked, landed) = self.leave(browser).await;
        (asked, self.provider.signs_in(browser, landed, app.now(), &claims).await)
    }
}

impl<P> Scene<P> {
    /// With a connection to this provider.
    async fn with(app: &TestApp, provider: P, body: Value) -> Self {
        let (_, party) = application(app, json!({"organization_usage": "require"})).await;
        let owner = app.sign_up("ann@example.com").await;
        let org = app.create_org(&owner, "acme").await;
        let made = app.by(&owner).post(&org.at("upstream-providers"), body).await.ok();
        assert_eq!(made["ready"], true, "{made}");
        Self { connection: text(&made["id"]), provider, party, owner, org }
    }

    /// Opens the sign-in to the organization.
    async fn begin(&self, browser: &Browser) -> (AskedFor, String) {
        let asked = self.party.ask(&[("organization", "acme")]);
        let (at, _) = browser.open(&asked.path).await.page();
        (asked, at)
    }

    /// Begins, and goes to the provider.
    async fn leave(&self, browser: &Browser) -> (AskedFor, Landed) {
        let (asked, at) = self.begin(browser).await;
        (asked, browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await)
    }

    /// What the application reads of whoever came.
    async fn read(&self, app: &TestApp, (asked, landed): (AskedFor, Landed)) -> Value {
        let back = landed.away();
        let code = back.get("code").unwrap_or_else(|| panic!("no code: {back:?}"));
        let made = self.party.exchange(app, code, &asked.verifier).await.ok();
        read_token(app, &made["id_token"], "JWT").await
    }

    /// The newest attempt.
    async fn attempt(&self, app: &TestApp) -> Value {
        let owner = app.again(&self.owner).await;
        let all = app.by(&owner).get(&self.org.at(&format!("upstream-providers/{}/attempts", self.connection))).await.ok();
        all["attempts"][0].clone()
    }

    /// A domain that the organization proved, and leads to the connection.
    async fn route(&self, app: &TestApp, domain: &str) {
        let owner = app.again(&self.owner).await;
        let body = json!({"domain": domain, "upstream_provider_id": self.connection});
        app.by(&owner).post(&self.org.at("domain-routes"), body).await.ok();
        app.execute(&format!("update domains set proof = 'dns', verified_at = created_at where domain = '{domain}'")).await;
    }
}

fn bea() -> Value {
    json!({"sub": "00u1", "email": "bea@acme.example", "email_verified": true})
}

both!(somebody_new_becomes_a_member_where_everybody_does, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    let (asked, at) = scene.begin(&browser).await;
    let (_, page) = browser.open(&at).await.page();
    assert!(page.text().contains("Acme Okta"), "the organization's page offers it: {page}");
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let arrived = scene.provider.receives(landed);
    let sent = &arrived.parameters;
    assert_eq!(sent["scope"], "openid email profile");
    assert_eq!(sent["code_challenge_method"], "S256");
    assert!(sent["redirect_uri"].ends_with(&format!("/auth/c/{}/callback", scene.connection)), "{sent:?}");
    let back = scene.provider.answers(&arrived, app.now(), &bea());
    let id = scene.read(app, (asked, browser.open(&back).await)).await;
    assert_eq!((&id["email"], &id["org_id"]), (&json!("bea@acme.example"), &json!(scene.org.id)));
    assert_eq!(id["email_verified"], false, "no provider's word proves a mailbox (T23)");
    assert_eq!(id["amr"], json!(["fed"]));

    // The same person comes back as the same, whatever else is said of them.
    let other = json!({"sub": "00u1", "email": "bea.new@acme.example", "email_verified": true});
    let again = scene.read(app, scene.come(app, &Browser::new(app), other).await).await;
    assert_eq!((&again["sub"], &again["email"]), (&id["sub"], &id["email"]));
    let owner = app.again(&scene.owner).await;
    let members = app.by(&owner).get(&scene.org.at("members")).await.ok();
    assert!(members.to_string().contains("bea@acme.example") && !members.to_string().contains("bea.new"), "{members}");

    // A browser that was there goes on without the provider.
    let asked = scene.party.ask(&[("organization", "acme")]);
    let id = scene.read(app, (asked.clone(), browser.open(&asked.path).await)).await;
    assert_eq!(id["sub"], again["sub"]);
    assert_eq!(scene.attempt(app).await["outcome"], "signed_in");
});

both!(an_address_leads_to_its_provider, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.route(app, "acme.example").await;
    for parameters in [vec![("organization", "acme")], vec![]] {
        let (browser, asked) = (Browser::new(app), scene.party.ask(&parameters));
        let (at, _) = browser.open(&asked.path).await.page();
        let landed = browser.send(&at, &[("step", "identify"), ("email", "bea@acme.example")]).await;
        let arrived = scene.provider.receives(landed);
        assert_eq!(arrived.parameters["login_hint"], "bea@acme.example");
        // Whoever comes back without a word is asked again, and not sent there in a circle.
        let (_, page) = browser.open(&at).await.page();
        assert!(page.text().contains("current-password"), "{page}");
        let back = scene.provider.answers(&arrived, app.now(), &bea());
        let id = scene.read(app, (asked, browser.open(&back).await)).await;
        assert_eq!((&id["email"], &id["email_verified"]), (&json!("bea@acme.example"), &json!(true)), "{id}");
    }
    // An application may name it.
    for named in ["okta", scene.connection.as_str()] {
        let (browser, asked) = (Browser::new(app), scene.party.ask(&[("organization", "acme"), ("connection", named)]));
        let landed = browser.open(&asked.path).await;
        let id = scene.read(app, (asked, scene.provider.signs_in(&browser, landed, app.now(), &bea()).await)).await;
        assert_eq!(id["email"], "bea@acme.example");
    }
    for (organization, named) in [("acme", "nothing"), ("", "okta")] {
        let asked = scene.party.ask(&[("organization", organization), ("connection", named)]);
        assert_eq!(Browser::new(app).open(&asked.path).await.away()["error"], "invalid_request");
    }
});
