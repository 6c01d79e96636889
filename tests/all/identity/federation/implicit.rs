//! Signing in to a service through a provider, with tokens in the fragment, as the native contract has it.

use serde_json::json;
use tenantry_tests::{Browser, Landed, OpenIdProvider, Org, PASSWORD, RelyingParty, TestApp, User, both, read_token, text};

struct Scene {
    provider: OpenIdProvider,
    owner: User,
    org: Org,
    party: RelyingParty,
    connection: String,
}

impl Scene {
    async fn set(app: &TestApp) -> Self {
        let provider = OpenIdProvider::start().await;
        let owner = app.sign_up("ann@example.com").await;
        let org = app.create_org(&owner, "acme").await;
        let made = app.by(&owner).post(&org.at("upstream-providers"), provider.connection(json!({"jit": true}))).await.ok();
        let party = RelyingParty::of_service(&app.by(&owner), &org.at("services"), json!({"implicit_grant": true})).await;
        Self { provider, owner, org, party, connection: text(&made["id"]) }
    }
}

/// What stands in the fragment of where a browser was sent.
fn fragment(landed: Landed) -> (String, std::collections::BTreeMap<String, String>) {
    let Landed::Away(url) = landed else { panic!("a page") };
    let (to, rest) = url.as_str().split_once('#').unwrap_or_else(|| panic!("no fragment: {url}"));
    (to.to_owned(), url::form_urlencoded::parse(rest.as_bytes()).into_owned().collect())
}

both!(somebody_comes_through_a_provider_and_back_with_tokens_in_the_fragment, async |app| {
    let scene = Scene::set(app).await;
    let query = "org=acme&service=reports&redirect_uri=https%3A%2F%2Freports.example%2Fcallback&state=the%20state";
    let connection = scene.connection.as_str();
    for path in
        [format!("/auth/okta?{query}"), format!("/auth/{connection}?{query}"), format!("/auth/x?{query}&connection_id=okta")]
    {
        let browser = Browser::new(app);
        let (at, page) = browser.open(&path).await.page();
        assert!(page.text().contains("Acme Okta"), "the organization's page names the provider: {page}");
        let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
        let claims = json!({"sub": "00u1", "email": "bea@acme.example", "email_verified": true});
        let (to, back) = fragment(scene.provider.signs_in(&browser, landed, app.now(), &claims).await);
        assert_eq!((to.as_str(), back["state"].as_str()), ("https://reports.example/callback", "the state"));
        assert_eq!((back["token_type"].as_str(), back.get("refresh_token"), back.get("code")), ("Bearer", None, None));
        let token = &back["access_token"];
        let claims = read_token(app, &json!(token), "at+jwt").await;
        assert_eq!(claims["azp"], scene.party.client_id);
        assert_eq!(app.client().bearer(token).get("/userinfo").await.ok()["email"], "bea@acme.example");
        for path in ["/api/user", "/api/organizations/acme", "/api/organizations/acme/members"] {
            app.client().bearer(token).get(path).await.expect(401);
        }
        // Who is signed in goes back at once; what is sent again is over.
        let (_, again) = fragment(browser.open(&path).await);
        assert_ne!(&again["access_token"], token);
    }
});

both!(nothing_that_is_not_registered_is_led_anywhere, async |app| {
    let scene = Scene::set(app).await;
    let back = "redirect_uri=https%3A%2F%2Freports.example%2Fcallback";
    let signed_in = Browser::new(app);
    signed_in.sign_in(&scene.party.ask(&[]).path, "ann@example.com", PASSWORD).await.away();
    let refused = async |path: &str| {
        for browser in [&Browser::new(app), &signed_in] {
            let (_, page) = browser.open(path).await.page();
            assert_eq!(page.status, 400, "{path}: {page}");
        }
    };
    for path in [
        format!("/auth/nobody?org=acme&service=reports&{back}"),
        format!("/auth/okta?org=acme&service=reports&{back}&connection_id=nobody"),
        "/auth/okta?org=acme&service=reports&redirect_uri=https%3A%2F%2Fevil.example%2F".to_owned(),
        "/auth/okta?org=acme&service=reports&redirect_uri=https%3A%2F%2Freports.example%2Fcallback%2F".to_owned(),
        format!("/auth/okta?org=acme&service=other&{back}"),
        format!("/auth/okta?org=other&service=reports&{back}"),
        format!("/auth/okta?service=reports&{back}"),
        format!("/auth/okta?org=acme&service=reports&{back}&{back}"),
    ] {
        refused(&path).await;
    }
    let fine = format!("/auth/okta?org=acme&service=reports&{back}");
    assert!(matches!(signed_in.open(&fine).await, Landed::Away(_)));
    // A connection that was switched off, and a service that takes no tokens there.
    let one = scene.org.at(&format!("upstream-providers/{}", scene.connection));
    app.by(&scene.owner).patch(&one, json!({"enabled": false})).await.ok();
    refused(&fine).await;
    app.by(&scene.owner).patch(&one, json!({"enabled": true})).await.ok();
    let waiting = Browser::new(app);
    let (at, _) = waiting.open(&fine).await.page();
    let (at, _) = waiting.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    app.by(&scene.owner).patch(&scene.org.at("services/reports"), json!({"implicit_grant": false})).await.ok();
    refused(&fine).await;
    let (_, page) = waiting.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert_eq!(page.status, 400, "what was begun before ends nowhere as well: {page}");
    app.execute("update organizations set status = 'suspended' where slug = 'acme'").await;
    refused(&fine).await;
});
