//! The same through SAML: a provider's response comes by a form of its own site, and is judged there; whose it is, the browser's cookie shows afterwards.

mod encrypted;
mod hostile;
mod logout;
mod unasked;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{AskedFor, Browser, Landed, Options, PASSWORD, SamlAsked, SamlProvider, Signs, TestApp, both, text};

use super::Scene;

impl Scene<SamlProvider> {
    async fn saml(app: &TestApp, settings: Value) -> Self {
        let provider = SamlProvider::default();
        Self::with(app, provider, provider.connection(settings)).await
    }

    /// Begins, goes to the provider, and comes back as the person with this address.
    async fn come(&self, app: &TestApp, browser: &Browser, email: &str) -> (AskedFor, Landed) {
        let (asked, landed) = self.leave(browser).await;
        (asked, self.provider.signs_in(browser, landed, app.now(), email).await)
    }

    /// Begins, and is at the provider.
    async fn ask(&self, browser: &Browser) -> (AskedFor, SamlAsked) {
        let (asked, landed) = self.leave(browser).await;
        (asked, self.provider.receives(landed))
    }

    fn settings(&self) -> String {
        self.org.at(&format!("upstream-providers/{}", self.connection))
    }
}

const BEA: &str = "bea@acme.example";

both!(somebody_new_becomes_a_member_by_saml, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let shown = app.by(&scene.owner).get(&scene.settings()).await.ok();
    let base = format!("/auth/c/{}/saml", scene.connection);
    assert!(text(&shown["acs_url"]).ends_with(&format!("{base}/acs")), "{shown}");
    assert!(text(&shown["metadata_url"]).ends_with(&format!("{base}/metadata")), "{shown}");
    assert_eq!((&shown["sp_entity_id"], &shown["callback_url"]), (&shown["metadata_url"], &Value::Null));

    let browser = Browser::new(app);
    let (asked, at) = scene.begin(&browser).await;
    let (_, page) = browser.open(&at).await.page();
    assert!(page.text().contains("Acme Okta"), "the organization's page offers it: {page}");
    let sent = scene.provider.receives(browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await);
    assert_eq!(sent.attribute("AssertionConsumerServiceURL"), text(&shown["acs_url"]));
    assert_eq!(sent.entity_id(), text(&shown["sp_entity_id"]));
    assert!(!sent.xml.contains("ForceAuthn"), "{}", sent.xml);
    let xml = scene.provider.signed(&scene.provider.says(&sent, app.now(), BEA), Signs::Assertion);
    let id = scene.read(app, (asked, scene.provider.posts(&browser, &sent, &xml).await)).await;
    assert_eq!((&id["email"], &id["org_id"]), (&json!(BEA), &json!(scene.org.id)));
    assert_eq!(id["email_verified"], false, "no provider's word proves a mailbox (T23)");
    assert_eq!(id["amr"], json!(["fed"]));

    // The same person comes back as the same, and is shown as the provider names them.
    let again = scene.read(app, scene.come(app, &Browser::new(app), BEA).await).await;
    assert_eq!(again["sub"], id["sub"]);
    let owner = app.again(&scene.owner).await;
    let all = app.by(&owner).get(&format!("{}/identities", scene.settings())).await.ok();
    assert_eq!(all["identities"][0]["subject"], format!("id of {BEA}"), "{all}");
    let attempt = scene.attempt(app).await;
    assert_eq!((&attempt["outcome"], &attempt["subject"]), (&json!("signed_in"), &json!(format!("id of {BEA}"))));
});

both!(what_a_saml_provider_says_ends_when_it_says_so, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    scene.read(app, scene.come(app, &browser, BEA).await).await;
    let silently = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    app.advance(TimeDelta::hours(7));
    assert!(browser.open(&silently.path).await.away().contains_key("code"));
    // SessionNotOnOrAfter.
    app.advance(TimeDelta::hours(1));
    assert_eq!(browser.open(&silently.path).await.away()["error"], "login_required");
});

both!(who_has_to_be_asked_again_is, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    scene.read(app, scene.come(app, &browser, BEA).await).await;
    app.advance(TimeDelta::minutes(10));
    let parameters = [("organization", "acme"), ("connection", "okta"), ("prompt", "login")];
    let leave = async |browser: &Browser| {
        let asked = scene.party.ask(&parameters);
        let landed = match browser.open(&asked.path).await {
            Landed::Page(at, _) => browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await,
            away => away,
        };
        (asked, scene.provider.receives(landed))
    };
    let (_, sent) = leave(&browser).await;
    assert_eq!(sent.attribute("ForceAuthn"), "true");
    let stale = (app.now() - TimeDelta::minutes(9)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let now = app.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let said = scene.provider.says(&sent, app.now(), BEA);
    let said = said.with(&format!("AuthnInstant=\"{now}\""), &format!("AuthnInstant=\"{stale}\""));
    scene.provider.posts(&browser, &sent, &scene.provider.signed(&said, Signs::Both)).await.page();
    let attempt = scene.attempt(app).await;
    assert_eq!((&attempt["stage"], &failed(&attempt)), (&json!("assertion"), &vec!["forced_authn".to_owned()]), "{attempt}");
    let (asked, sent) = leave(&browser).await;
    let xml = scene.provider.signed(&scene.provider.says(&sent, app.now(), BEA), Signs::Both);
    scene.read(app, (asked, scene.provider.posts(&browser, &sent, &xml).await)).await;
});

/// The checks that failed.
fn failed(attempt: &Value) -> Vec<String> {
    let all = attempt["checks"].as_array().into_iter().flatten();
    all.filter(|check| check["verdict"] == "failed").map(|check| text(&check["check"])).collect()
}

both!(a_member_proves_that_the_account_is_theirs_after_saml, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    app.member(&scene.owner, "acme", "ben@acme.example", "admin").await;
    let browser = Browser::new(app);
    let (asked, landed) = scene.come(app, &browser, "ben@acme.example").await;
    let (at, page) = landed.page();
    assert!(page.text().contains("Acme Okta") && page.text().contains("ben@acme.example"), "{page}");
    assert!(browser.cookie("tn_session").is_none(), "nobody is in yet");
    let id = scene.read(app, (asked, browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await)).await;
    assert_eq!(id["amr"], json!(["pwd", "fed"]));
});

both!(who_they_are_may_be_an_attribute, async |app| {
    let scene = Scene::saml(app, json!({"jit": true, "attribute_mapping": {"subject": "uid", "email": "work"}})).await;
    let attribute = |name: &str, values: &[&str]| {
        let values: String = values.iter().map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>")).collect();
        format!("<saml:AttributeStatement><saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
    };
    let answer = async |more: &str| {
        let browser = Browser::new(app);
        let (asked, sent) = scene.ask(&browser).await;
        let said = scene.provider.says(&sent, app.now(), BEA).with("nameid-format:persistent", "nameid-format:transient");
        let said = said.with("<saml:AttributeStatement>", more);
        let xml = scene.provider.signed(&said, Signs::Both);
        (asked, scene.provider.posts(&browser, &sent, &xml).await)
    };
    let more = attribute("uid", &["u7"]) + &attribute("work", &["bea@work.example"])["<saml:AttributeStatement>".len()..];
    let id = scene.read(app, answer(&more).await).await;
    assert_eq!(id["email"], "bea@work.example");
    assert_eq!(scene.attempt(app).await["subject"], "u7");
    // Two values name nobody, and a transient name nobody for good.
    answer(&attribute("uid", &["u7", "u8"])).await.1.page();
    assert_eq!(failed(&scene.attempt(app).await), ["subject"]);
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&scene.settings(), json!({"attribute_mapping": {}})).await.ok();
    answer("<saml:AttributeStatement>").await.1.page();
    assert_eq!(failed(&scene.attempt(app).await), ["transient"]);
});

both!(a_provider_that_wants_forms_gets_one, async |app| {
    let provider = SamlProvider::default();
    let body =
        provider.connection(json!({"document": provider.metadata().replace("bindings:HTTP-Redirect", "bindings:HTTP-POST")}));
    let scene = Scene::with(app, provider, body).await;
    let browser = Browser::new(app);
    let (_, page) = scene.leave(&browser).await.1.page();
    let field = |name: &str| {
        let begin = format!("name=\"{name}\" value=\"");
        let at = page.text().find(&begin).unwrap_or_else(|| panic!("no {name}: {page}")) + begin.len();
        page.text()[at..].split('"').next().unwrap_or_default().to_owned()
    };
    assert!(page.text().contains("action=\"http://127.0.0.1:9/sso\""), "{page}");
    // Or the provider sees `Origin: null`.
    assert_eq!(page.header("referrer-policy"), "strict-origin");
    let xml = String::from_utf8(STANDARD.decode(field("SAMLRequest").replace("&#x2B;", "+")).expect("base64")).expect("UTF-8");
    assert!(xml.contains("<ds:SignatureValue>") && xml.contains("Destination=\"http://127.0.0.1:9/sso\""), "{xml}");
    assert!(field("RelayState").starts_with("up_"), "{page}");
});

both!(our_metadata_says_what_a_provider_needs, async |app| {
    let scene = Scene::saml(app, json!({"enabled": false})).await;
    let at = format!("/auth/c/{}/saml/metadata", scene.connection);
    let (one, other) = (Browser::new(app), Browser::new(app));
    let both = futures::future::join(one.open(&at), other.open(&at)).await;
    let (_, metadata) = both.0.page();
    assert_eq!(metadata.header("content-type"), "application/samlmetadata+xml");
    let certificates = |xml: &str| -> Vec<String> {
        let mut all: Vec<_> =
            xml.split("<ds:X509Certificate>").skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect();
        all.sort_unstable();
        all
    };
    let xml = metadata.text();
    assert_eq!(xml.matches("use=\"signing\"").count(), 2, "two are published, so that one can follow the other: {xml}");
    assert_eq!(xml.matches("use=\"encryption\"").count(), 1, "{xml}");
    assert!(xml.contains(&format!("entityID=\"{}{at}\"", app.client().base())) && xml.contains("/saml/acs\""), "{xml}");
    assert!(!xml.contains("3des") && xml.contains("aes256-gcm"), "{xml}");
    // Whoever asks at the same time, or later, gets the same keys.
    assert_eq!(certificates(&both.1.page().1.text()), certificates(&xml));
    assert_eq!(certificates(&one.open(&at).await.page().1.text()), certificates(&xml));
    for nobody in ["con_00000000000000000000000000000000", "nonsense"] {
        one.open(&format!("/auth/c/{nobody}/saml/metadata")).await.page().1.expect(404);
    }
    app.execute("update organizations set deleted_at = created_at").await;
    one.open(&at).await.page().1.expect(404);
});

both!(saml_counts_in_the_organizations_policy, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    scene.read(app, scene.come(app, &Browser::new(app), BEA).await).await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&scene.org.at("sign-in/policy"), json!({"max_age_seconds": 600})).await.ok();
    let browser = Browser::new(app);
    let (asked, sent) = scene.ask(&browser).await;
    assert_eq!(sent.attribute("ForceAuthn"), "true", "it has to be fresh there");
    let xml = scene.provider.signed(&scene.provider.says(&sent, app.now(), BEA), Signs::Both);
    scene.read(app, (asked, scene.provider.posts(&browser, &sent, &xml).await)).await;
    // Off: nobody comes by it any more, and what it said counts no more.
    app.by(&owner).patch(&scene.settings(), json!({"enabled": false})).await.ok();
    let silently = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    assert_eq!(browser.open(&silently.path).await.away()["error"], "login_required");
});

both!(saml_can_be_switched_off_for_everybody, Options::default().set("saml.enabled", false), async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    let (_, at) = scene.begin(&browser).await;
    let (_, page) = browser.open(&at).await.page();
    assert!(!page.text().contains("Acme Okta"), "it is not offered: {page}");
    browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await.page();
    assert_eq!(scene.attempt(app).await["reason"], "connection_disabled");
    let at = format!("/auth/c/{}/saml", scene.connection);
    browser.open(&format!("{at}/metadata")).await.page().1.expect(404);
    let sent = [("SAMLResponse", "PHg+"), ("RelayState", "up_x")];
    browser.post_from("https://idp.acme.example", &format!("{at}/acs"), &sent).await.page().1.expect(400);
});

both!(a_new_certificate_is_taken_beside_the_old_one, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let other = SamlProvider::other();
    let by = async |provider: SamlProvider| {
        let browser = Browser::new(app);
        let (asked, sent) = scene.ask(&browser).await;
        let xml = provider.signed(&provider.says(&sent, app.now(), BEA), Signs::Both);
        (asked, provider.posts(&browser, &sent, &xml).await)
    };
    by(other).await.1.page();
    assert_eq!(failed(&scene.attempt(app).await), ["signature"]);
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&scene.settings(), json!({"certificates": [other.certificate()]})).await.ok();
    scene.read(app, by(other).await).await;
    scene.read(app, by(scene.provider).await).await;
});

both!(refused_responses_are_limited_and_good_ones_are_not, Options::default().rate_limits(), async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    let post = async |good: bool| {
        // What begins and goes on with sign-ins has limits of its own.
        app.advance(TimeDelta::seconds(2));
        let (_, sent) = scene.ask(&browser).await;
        let xml = if good {
            scene.provider.signed(&scene.provider.says(&sent, app.now(), BEA), Signs::Both)
        } else {
            "<x/>".to_owned()
        };
        scene.provider.posts(&Browser::new(app), &sent, &xml).await.page().1
    };
    // A stranger is led on to where nobody knows them.
    for n in 0..40 {
        assert_eq!(post(n % 4 == 0).await.status, 400, "{n}");
    }
    let mut limited = false;
    for _ in 0..20 {
        let page = post(false).await;
        limited |= page.status == 429;
        assert!(page.status == 400 || page.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds <= 10), "{page}");
    }
    assert!(limited);
});
