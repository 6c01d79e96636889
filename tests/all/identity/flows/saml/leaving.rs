//! A service signs somebody out: in the browser that brings its message, and nobody else.

use serde_json::json;
use tenantry_tests::{Browser, Landed, SamlClient, TestApp, both, unpacked};

use super::{ANN, Scene, refused};

async fn scene(app: &TestApp) -> Scene {
    let service = SamlClient::default();
    Scene::new(app, json!({"slo_url": service.slo, "request_certificate": SamlClient::certificate()})).await
}

impl Scene {
    fn slo(&self) -> String {
        self.sso.replace("/sso", "/slo")
    }
    fn leaves(&self, app: &TestApp, of: (&str, Option<&str>)) -> String {
        let slo = self.slo();
        let path = slo.strip_prefix(app.client().base()).expect("an address of ours").to_owned();
        let query = SamlClient::query(&self.service.signs_out(&slo, app.now(), of), "bye", Some(SamlClient::key()));
        format!("{path}?{query}")
    }
}

/// Signs Ann in in a new browser; with her name at the service, and the session's.
async fn comes(app: &TestApp, scene: &Scene) -> (Browser, String, String) {
    let (browser, wanted) = (Browser::new(app), scene.asks(app, "", ""));
    let at = scene.at(app, &wanted, Some(SamlClient::key()));
    let answer = SamlClient::receives(&browser.sign_in(&at, ANN, tenantry_tests::PASSWORD).await.page().1);
    let said = scene.believes(app, &wanted, &answer);
    (browser, answer.name_id(), said.session_index.expect("an index"))
}

fn status(landed: Landed) -> (String, String) {
    let Landed::Away(url) = landed else { panic!("{landed:?}") };
    (unpacked(&url, "SAMLResponse"), url.to_string())
}

async fn is_in(app: &TestApp, scene: &Scene, browser: &Browser) -> bool {
    let wanted = scene.asks(app, "", "");
    let (_, page) = browser.open(&scene.at(app, &wanted, Some(SamlClient::key()))).await.page();
    page.text().contains("SAMLResponse")
}

both!(a_service_signs_out_the_browser_that_brings_its_message, async |app| {
    let scene = scene(app).await;
    assert!(scene.metadata.contains("SingleLogoutService"), "{}", scene.metadata);
    let (browser, name, index) = comes(app, &scene).await;
    let (other, ..) = comes(app, &scene).await;
    // Another browser, also one of the same person: nothing ends there that the message does not name.
    let (xml, _) = status(Browser::new(app).open(&scene.leaves(app, (&name, Some(&index)))).await);
    assert!(xml.contains("PartialLogout"), "{xml}");
    let (xml, _) = status(other.open(&scene.leaves(app, (&name, Some(&index)))).await);
    assert!(xml.contains("PartialLogout"), "{xml}");
    assert!(is_in(app, &scene, &other).await && is_in(app, &scene, &browser).await);
    let message = scene.leaves(app, (&name, Some(&index)));
    let (xml, url) = status(browser.open(&message).await);
    assert!(url.starts_with(&scene.service.slo) && url.contains("RelayState=bye") && url.contains("Signature="), "{url}");
    assert!(xml.contains("status:Success") && xml.contains("InResponseTo"), "{xml}");
    assert!(!is_in(app, &scene, &browser).await && is_in(app, &scene, &other).await);
    assert_eq!(app.count("select count(*) from events where name = 'user.logout'").await, 1);
    // Once.
    refused(browser.open(&message).await, 400);
});

both!(only_the_service_itself_signs_somebody_out, async |app| {
    let scene = scene(app).await;
    let (browser, name, index) = comes(app, &scene).await;
    let slo = scene.slo();
    let path = slo.strip_prefix(app.client().base()).expect("an address of ours");
    let xml = scene.service.signs_out(&slo, app.now(), (&name, Some(&index)));
    let other = crypto::xml::new_key("other", app.now()).expect("a key");
    refused(browser.open(&format!("{path}?{}", SamlClient::query(&xml, "", None))).await, 400);
    refused(browser.open(&format!("{path}?{}", SamlClient::query(&xml, "", Some(&other)))).await, 400);
    let foreign = xml.replace(&scene.service.entity_id, "https://other.example/saml");
    refused(browser.open(&format!("{path}?{}", SamlClient::query(&foreign, "", Some(SamlClient::key())))).await, 400);
    // Somebody else's name, or none that is known: nobody is signed out.
    let (xml, _) = status(browser.open(&scene.leaves(app, ("_nobody", None))).await);
    assert!(xml.contains("status:Success"), "{xml}");
    assert!(is_in(app, &scene, &browser).await);
    // Without an index: of whoever is called that, and is here.
    status(browser.open(&scene.leaves(app, (&name, None))).await);
    assert!(!is_in(app, &scene, &browser).await);
    // A service that registered no address for it signs nobody out.
    app.by(&scene.owner).post(&scene.org.at("services/portal/saml"), scene.service.settings(json!({}))).await.ok();
    refused(browser.open(&scene.leaves(app, (&name, None))).await, 400);
});
