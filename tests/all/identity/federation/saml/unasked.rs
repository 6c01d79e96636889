//! Responses that nobody asked for (IdP-initiated): what they say is not read, and where they lead an application begins a sign-in.

use serde_json::{Value, json};
use tenantry_tests::{Browser, Landed, SamlProvider, TestApp, both, text};
use url::Url;

use super::Scene;

const LOGIN: &str = "https://app.example.com/login";

impl Scene<SamlProvider> {
    async fn default_client(&self, app: &TestApp, client: Value) -> tenantry_tests::Response {
        let owner = app.again(&self.owner).await;
        app.by(&owner).patch(&self.settings(), json!({"saml_default_client_id": client})).await
    }
    /// The scene's own client, which can begin a sign-in.
    async fn begins(&self, app: &TestApp, at: Value) {
        let root = app.platform_owner().await;
        app.by(&root).patch(&format!("/api/platform/clients/{}", self.party.id), json!({"initiate_login_uri": at})).await.ok();
    }
    async fn unasked(&self, browser: &Browser, relay_state: &str) -> Landed {
        let sent = [("SAMLResponse", "nonsense"), ("RelayState", relay_state)];
        browser.post_from("https://idp.acme.example", &format!("/auth/c/{}/saml/acs", self.connection), &sent).await
    }
}

#[track_caller]
fn led(landed: Landed) -> Url {
    let Landed::Away(url) = landed else { panic!("{landed:?}") };
    url
}

both!(a_response_that_nobody_asked_for_leads_to_the_application, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    scene.unasked(&browser, "").await.page().1.expect(400);
    scene.begins(app, json!(LOGIN)).await;
    scene.default_client(app, json!(scene.party.client_id)).await.ok();
    let url = led(scene.unasked(&browser, "https://evil.example/").await);
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert!(url.as_str().starts_with(&format!("{LOGIN}?")), "{url}");
    assert_eq!((text(&json!(query["iss"])), &query["organization"]), (format!("{}/", app.client().base()), &scene.org.id));
    assert!(browser.cookie("tn_session").is_none(), "nobody is signed in by it");
    assert_eq!(scene.attempt(app).await, Value::Null, "it was not even read");
    // Once in 30 seconds; another browser is another one.
    scene.unasked(&browser, "").await.page().1.expect(400);
    led(scene.unasked(&Browser::new(app), "").await);
    browser.set_cookie("tn_led", None);
    led(scene.unasked(&browser, "").await);
    // One that looks like ours and is unknown is no reason to go anywhere.
    scene.unasked(&Browser::new(app), "up_kJ4s2PqY0bVvQe1mT7xZ3aWc9dFgHiLnRoUuBtEyKsM").await.page().1.expect(400);
    // From there it is a sign-in like every other.
    scene.read(app, scene.come(app, &Browser::new(app), "bea@acme.example").await).await;
});

both!(where_nothing_begins_a_response_leads_nowhere, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let client = json!(scene.party.client_id);
    scene.default_client(app, client.clone()).await.invalid(&["saml_default_client_id"]);
    scene.default_client(app, json!("nobody")).await.invalid(&["saml_default_client_id"]);
    scene.begins(app, json!(LOGIN)).await;
    // Another organization's service is none of this one's.
    let bob = app.sign_up("bob@example.com").await;
    let other = app.create_org(&bob, "globex").await;
    let service = json!({"slug": "portal", "name": "Portal", "service_type": "web", "initiate_login_uri": LOGIN});
    let service = app.by(&bob).post(&other.at("services"), service).await.ok();
    assert_eq!(service["service"]["initiate_login_uri"], LOGIN);
    scene.default_client(app, service["service"]["client_id"].clone()).await.invalid(&["saml_default_client_id"]);
    scene.default_client(app, client).await.ok();
    let goes = async || led(scene.unasked(&Browser::new(app), "").await);
    let stays = async || scene.unasked(&Browser::new(app), "").await.page().1.expect(400);
    goes().await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&scene.settings(), json!({"enabled": false})).await.ok();
    stays().await;
    app.by(&owner).patch(&scene.settings(), json!({"enabled": true})).await.ok();
    goes().await;
    scene.begins(app, Value::Null).await;
    stays().await;
    scene.begins(app, json!(LOGIN)).await;
    goes().await;
    scene.default_client(app, Value::Null).await.ok();
    stays().await;
    for path in ["con_00000000000000000000000000000000", "nonsense"] {
        Browser::new(app).open(&format!("/auth/c/{path}/saml/begin")).await.page().1.expect(400);
    }
});
