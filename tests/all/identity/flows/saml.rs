//! The same for services that take SAML from us: what they ask, signed or not, where the answer goes, and what it says of whom.

mod leaving;
mod management;

use chrono::TimeDelta;
use domain::identity::saml::{Assertion, SpKey};
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{
    Browser, Landed, Org, PASSWORD, Response, SamlAnswer, SamlClient, SamlProvider, SamlWanted, TestApp, User, both, text,
};

const ANN: &str = "ann@example.com";
const BEN: &str = "ben@acme.example";
const BEA: &str = "bea@acme.example";

/// An organization with a service that takes SAML, and who owns it.
struct Scene {
    owner: User,
    org: Org,
    service: SamlClient,
    /// What our metadata says.
    metadata: String,
    /// Where its requests go.
    sso: String,
}

impl Scene {
    async fn new(app: &TestApp, settings: Value) -> Self {
        let owner = app.sign_up(ANN).await;
        let org = app.create_org(&owner, "acme").await;
        let service = json!({"slug": "portal", "name": "Portal", "service_type": "web"});
        app.by(&owner).post(&org.at("services"), service).await.ok();
        let service = SamlClient::default();
        app.by(&owner).post(&org.at("services/portal/saml"), service.settings(settings)).await.ok();
        let base = app.client().base().to_owned();
        let shown = app.by(&owner).get(&org.at("services/portal/saml")).await.ok();
        let at = |name: &str| text(&shown[name]).strip_prefix(&base).expect("an address of ours").to_owned();
        let (_, page) = Browser::new(app).open(&at("metadata_url")).await.page();
        Self { metadata: page.expect(200).text(), sso: text(&shown["idp_sso_url"]), owner, org, service }
    }

    fn asks(&self, app: &TestApp, attributes: &str, inner: &str) -> SamlWanted {
        self.service.asks(&self.sso, app.now(), (attributes, inner))
    }

    /// Our address, for a request.
    fn path(&self, app: &TestApp) -> String {
        self.sso.strip_prefix(app.client().base()).expect("an address of ours").to_owned()
    }

    fn at(&self, app: &TestApp, wanted: &SamlWanted, by: Option<&SpKey>) -> String {
        format!("{}?{}", self.path(app), SamlClient::query(&wanted.xml, "the state", by))
    }

    /// What an answer says that counts at the service.
    #[track_caller]
    fn believes(&self, app: &TestApp, wanted: &SamlWanted, answer: &SamlAnswer) -> Assertion {
        let outcome = self.service.judges(&self.metadata, wanted, answer, app.now());
        *outcome.verdict.unwrap_or_else(|check| panic!("{check:?}: {:?} {}", outcome.findings, answer.xml))
    }

    /// Signs somebody in in a new browser.
    async fn signs_in(&self, app: &TestApp, email: &str) -> (Browser, SamlWanted, SamlAnswer) {
        let (browser, wanted) = (Browser::new(app), self.asks(app, "", ""));
        let landed = browser.sign_in(&self.at(app, &wanted, None), email, PASSWORD).await;
        let answer = SamlClient::receives(&landed.page().1);
        (browser, wanted, answer)
    }
}

#[track_caller]
fn refused(landed: Landed, status: u16) -> Response {
    let (_, page) = landed.page();
    assert!(!page.text().contains("SAMLResponse"), "{page}");
    page.expect(status)
}

both!(a_service_is_told_who_signed_in, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let (browser, wanted, answer) = scene.signs_in(app, ANN).await;
    assert_eq!((answer.acs.as_str(), answer.relay_state.as_deref()), (scene.service.acs.as_str(), Some("the state")));
    assert_eq!(answer.status(), ["Success"]);
    let said = scene.believes(app, &wanted, &answer);
    assert_eq!(said.values("email").collect::<Vec<_>>(), [ANN]);
    assert_eq!(said.values("org_id").collect::<Vec<_>>(), [scene.org.id.as_str()]);
    assert!(said.values("sub").all(|sub| sub.starts_with("auth0|")));
    assert_eq!(said.context.as_deref(), Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"));
    let name = answer.name_id();
    assert!(!name.contains("ann") && !answer.xml.contains(&format!(">{}<", scene.owner.id)), "{}", answer.xml);
    // Five minutes, for this service and address alone.
    let end = (app.now() + TimeDelta::minutes(5)).format("%Y-%m-%dT%H:%M:%S").to_string();
    assert!(answer.between("<saml:Conditions", ">").contains(&format!("NotOnOrAfter=\"{end}")), "{}", answer.xml);

    // Whoever is signed in is not asked again, and is the same to the service, and somebody else to another one.
    let again = scene.asks(app, "", "");
    let (_, page) = browser.open(&scene.at(app, &again, None)).await.page();
    assert_eq!(page.header("referrer-policy"), "strict-origin");
    let answer = SamlClient::receives(&page);
    assert_eq!(answer.name_id(), name);
    scene.believes(app, &again, &answer);
    let by = app.by(&scene.owner);
    by.post(&scene.org.at("services"), json!({"slug": "shop", "name": "Shop", "service_type": "web"})).await.ok();
    by.post(&scene.org.at("services/shop/saml"), scene.service.settings(json!({}))).await.ok();
    let shop = scene.service.asks(&scene.sso.replace("/portal/", "/shop/"), app.now(), ("", ""));
    let at = format!("{}?{}", scene.path(app).replace("/portal/", "/shop/"), SamlClient::query(&shop.xml, "", None));
    let other = SamlClient::receives(&browser.open(&at).await.page().1);
    assert!(other.name_id() != name && other.relay_state.is_none());
    let outcome = scene.service.judges(&scene.metadata, &shop, &other, app.now());
    assert!(outcome.verdict.is_err(), "each service has an issuer and a key of its own");

    // It is recorded like every other sign-in.
    let log = by.get(&scene.org.at("audit-log?action=user.client_authorized")).await.ok();
    assert_eq!(log["logs"].as_array().map(Vec::len), Some(3), "{log}");
    let logins = by.get(&scene.org.at("analytics/recent-logins")).await.ok();
    assert!(logins.to_string().contains("svc_"), "{logins}");
});

both!(a_request_is_answered_once, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let (browser, wanted, _) = scene.signs_in(app, ANN).await;
    refused(browser.open(&scene.at(app, &wanted, None)).await, 400);
    refused(Browser::new(app).sign_in(&scene.at(app, &wanted, None), ANN, PASSWORD).await, 400);
    // Of several at once one is answered.
    let at = scene.at(app, &scene.asks(app, "", ""), None);
    let all = join_all((0..50).map(|_| browser.open(&at))).await;
    let answered = all.into_iter().filter(|landed| matches!(landed, Landed::Page(_, page) if page.status == 200)).count();
    assert_eq!(answered, 1);
});

both!(what_a_request_says_changes_nothing_that_is_registered, async |app| {
    let scene = Scene::new(app, json!({"other_acs_urls": ["https://portal.example.com/saml/other"]})).await;
    let browser = Browser::new(app);
    let open = async |wanted: &SamlWanted| browser.open(&scene.at(app, wanted, None)).await;
    for attribute in [
        "AssertionConsumerServiceURL=https://evil.example/acs",
        "AssertionConsumerServiceURL=https://portal.example.com/saml/acs/",
        "AssertionConsumerServiceURL=javascript:alert(1)",
        "AssertionConsumerServiceIndex=0",
        "ProtocolBinding=urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact",
        "ForceAuthn=perhaps",
    ] {
        refused(open(&scene.asks(app, attribute, "")).await, 400);
    }
    let fine = scene.asks(app, "AssertionConsumerServiceURL=https://portal.example.com/saml/other", "");
    let (at, _) = open(&fine).await.page();
    assert!(at.starts_with("/signin/flow_"), "{at}");
    let changed = |from: &str, to: &str| {
        let wanted = scene.asks(app, "", "<samlp:NameIDPolicy></samlp:NameIDPolicy>");
        assert!(wanted.xml.contains(from), "{}", wanted.xml);
        SamlWanted { xml: wanted.xml.replacen(from, to, 1), ..wanted }
    };
    let stale = (app.now() - TimeDelta::minutes(7)).format("IssueInstant=\"%Y-%m-%dT%H:%M:%SZ\"").to_string();
    let early = (app.now() + TimeDelta::minutes(2)).format("IssueInstant=\"%Y-%m-%dT%H:%M:%SZ\"").to_string();
    let now = app.now().format("IssueInstant=\"%Y-%m-%dT%H:%M:%SZ\"").to_string();
    for (from, to) in [
        (scene.service.entity_id.as_str(), "https://other.example/saml"),
        ("/portal/sso\"", "/shop/sso\""),
        (now.as_str(), stale.as_str()),
        (now.as_str(), early.as_str()),
        ("Version=\"2.0\"", "Version=\"1.1\""),
        ("</saml:Issuer>", "</saml:Issuer><!-- -->"),
        ("<samlp:NameIDPolicy>", "<samlp:NameIDPolicy SPNameQualifier=\"https://other.example/saml\">"),
        ("</saml:Issuer>", "</saml:Issuer><saml:Subject xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:Subject>"),
        ("</saml:Issuer>", "</saml:Issuer><samlp:Extensions></samlp:Extensions>"),
        ("AuthnRequest xmlns", "LogoutRequest xmlns"),
    ] {
        refused(open(&changed(from, to)).await, 400);
    }
    for query in ["", "SAMLRequest=x", "SAMLRequest=eJw%3D&SAMLRequest=eJw%3D", "request_uri=urn%3Ax"] {
        refused(browser.open(&format!("{}?{query}", scene.path(app))).await, 400);
    }
    let long = format!("{}?{}", scene.path(app), SamlClient::query(&scene.asks(app, "", "").xml, &"x".repeat(1025), None));
    refused(browser.open(&long).await, 400);
});

both!(a_service_that_signs_is_taken_signed_only, async |app| {
    let scene = Scene::new(app, json!({"request_certificate": SamlClient::certificate()})).await;
    assert!(scene.metadata.contains("WantAuthnRequestsSigned=\"true\""), "{}", scene.metadata);
    let other = crypto::xml::new_key("other", app.now()).expect("a key");
    let browser = Browser::new(app);
    refused(browser.open(&scene.at(app, &scene.asks(app, "", ""), None)).await, 400);
    refused(browser.open(&scene.at(app, &scene.asks(app, "", ""), Some(&other))).await, 400);
    let signed = scene.at(app, &scene.asks(app, "", ""), Some(SamlClient::key()));
    refused(browser.open(&signed.replace("RelayState=the+state", "RelayState=another")).await, 400);
    let wanted = scene.asks(app, "", "");
    let landed = browser.sign_in(&scene.at(app, &wanted, Some(SamlClient::key())), ANN, PASSWORD).await;
    scene.believes(app, &wanted, &SamlClient::receives(&landed.page().1));

    // By a form, which brings no cookies: it waits, and the browser that is led on has them.
    let path = scene.path(app);
    let wanted = scene.asks(app, "", "");
    refused(SamlClient::posts(&browser, &path, &wanted.xml, "x").await, 400);
    refused(SamlClient::posts(&browser, &path, &SamlClient::signed(&wanted, &other), "x").await, 400);
    let signed = SamlClient::signed(&wanted, SamlClient::key());
    refused(
        SamlClient::posts(&browser, &path, &signed.replace("Version=\"2.0\"", "Version=\"2.0\" IsPassive=\"true\""), "x").await,
        400,
    );
    let answer = SamlClient::receives(&SamlClient::posts(&browser, &path, &signed, "x").await.page().1);
    assert_eq!(answer.relay_state.as_deref(), Some("x"));
    scene.believes(app, &wanted, &answer);
    // What waits is one browser's, for a minute and a half.
    let wanted = scene.asks(app, "", "");
    let packed =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, SamlClient::signed(&wanted, SamlClient::key()));
    let sent = app.client().request(reqwest::Method::POST, &path).header("content-type", "application/x-www-form-urlencoded");
    let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLRequest", &packed).finish();
    let led = sent.body(body).send().await;
    let at = led.expect(303).header("location").strip_prefix(app.client().base()).expect("here").to_owned();
    app.advance(TimeDelta::seconds(91));
    refused(browser.open(&at).await, 400);
});

both!(who_has_to_be_asked_is_and_who_must_not_be_is_not, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let silent = async |browser: &Browser| {
        let wanted = scene.asks(app, "IsPassive=true", "");
        let (_, page) = browser.open(&scene.at(app, &wanted, None)).await.page();
        (page.text().contains("data-send"), SamlClient::receives(&page), wanted)
    };
    // Nobody is signed in: whoever opens a link is asked before it leads to an address that a customer registered.
    let (goes, answer, wanted) = silent(&Browser::new(app)).await;
    assert_eq!((goes, answer.status()), (false, vec!["Responder".to_owned(), "NoPassive".to_owned()]));
    assert!(!answer.xml.contains("<saml:Assertion"), "{}", answer.xml);
    assert_eq!(answer.between("InResponseTo=\"", "\""), wanted.id);
    assert!(answer.xml.contains("<ds:SignatureValue>"), "a refusal is signed: {}", answer.xml);
    let (browser, ..) = scene.signs_in(app, ANN).await;
    let (goes, answer, wanted) = silent(&browser).await;
    assert!(goes);
    scene.believes(app, &wanted, &answer);
    // ForceAuthn: again, by the same password.
    app.advance(TimeDelta::minutes(2));
    let forced = scene.asks(app, "ForceAuthn=true", "");
    let landed = browser.sign_in(&scene.at(app, &forced, None), ANN, PASSWORD).await;
    let said = scene.believes(app, &forced, &SamlClient::receives(&landed.page().1));
    assert_eq!(said.authenticated_at, app.now());
    app.advance(TimeDelta::minutes(1));
    let both = scene.asks(app, "ForceAuthn=1 IsPassive=1", "");
    let (_, page) = browser.open(&scene.at(app, &both, None)).await.page();
    assert_eq!(SamlClient::receives(&page).status(), ["Responder", "NoPassive"]);
});

both!(a_service_is_told_what_it_cannot_have, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let (browser, ..) = scene.signs_in(app, ANN).await;
    let open = async |inner: &str| {
        let wanted = scene.asks(app, "", inner);
        SamlClient::receives(&browser.open(&scene.at(app, &wanted, None)).await.page().1).status()
    };
    let format = |uri: &str| format!("<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:{uri}\"></samlp:NameIDPolicy>");
    assert_eq!(open(&format("2.0:nameid-format:persistent")).await, ["Success"]);
    assert_eq!(open(&format("1.1:nameid-format:unspecified")).await, ["Success"]);
    for other in ["2.0:nameid-format:transient", "1.1:nameid-format:emailAddress"] {
        assert_eq!(open(&format(other)).await, ["Requester", "InvalidNameIDPolicy"]);
    }
    let class = |uri: &str| {
        let class = format!(
            "<saml:AuthnContextClassRef xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{uri}</saml:AuthnContextClassRef>"
        );
        format!("<samlp:RequestedAuthnContext>{class}</samlp:RequestedAuthnContext>")
    };
    assert_eq!(open(&class("urn:oasis:names:tc:SAML:2.0:ac:classes:Password")).await, ["Success"]);
    for other in ["urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos", "https://refeds.org/profile/mfa"] {
        assert_eq!(open(&class(other)).await, ["Requester", "NoAuthnContext"], "{other}");
    }
});

both!(a_service_is_told_of_its_organizations_people_only, async |app| {
    let scene = Scene::new(app, json!({})).await;
    app.member(&scene.owner, "acme", BEN, "member").await;
    let (.., answer) = scene.signs_in(app, BEN).await;
    assert_eq!(answer.attribute("email").as_deref(), Some(BEN));
    // Somebody of another organization, with a session of their own.
    let bea = app.sign_up("bea@example.com").await;
    app.create_org(&bea, "globex").await;
    let wanted = scene.asks(app, "", "");
    let landed = Browser::new(app).sign_in(&scene.at(app, &wanted, None), "bea@example.com", PASSWORD).await;
    let answer = SamlClient::receives(&landed.page().1);
    assert_eq!(answer.status(), ["Responder", "RequestDenied"]);
    assert!(!answer.xml.contains("bea@"), "{}", answer.xml);
    // A service that takes sign-ups asks before it is told, and a no is told.
    app.by(&scene.owner).patch(&scene.org.at("services/portal"), json!({"sign_up": true})).await.ok();
    for (says, status) in [("no", vec!["Responder", "RequestDenied"]), ("yes", vec!["Success"])] {
        let (browser, wanted) = (Browser::new(app), scene.asks(app, "", ""));
        let (at, page) = browser.sign_in(&scene.at(app, &wanted, None), "bea@example.com", PASSWORD).await.page();
        assert!(page.text().contains("value=\"consent."), "{page}");
        let step = page.text().split("name=\"step\" value=\"").nth(1).and_then(|rest| rest.split('"').next().map(str::to_owned));
        let (_, page) = browser.send(&at, &[("step", &step.expect("a step")), ("answer", says)]).await.page();
        assert_eq!(SamlClient::receives(&page).status(), status);
    }
});

// T23: who comes in by their organization's provider, and goes on by SAML, is nobody by the address that the provider named.
both!(t23_an_address_that_is_not_proven_is_not_told, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let provider = SamlProvider::default();
    app.by(&scene.owner).post(&scene.org.at("upstream-providers"), provider.connection(json!({"jit": true}))).await.ok();
    let comes = async || {
        let (browser, wanted) = (Browser::new(app), scene.asks(app, "", ""));
        let (at, _) = browser.open(&scene.at(app, &wanted, None)).await.page();
        let away = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
        SamlClient::receives(&provider.signs_in(&browser, away, app.now(), BEA).await.page().1)
    };
    let answer = comes().await;
    assert_eq!(answer.status(), ["Success"]);
    assert!(!answer.xml.contains(BEA) && answer.attribute("sub").is_some(), "{}", answer.xml);
    assert!(answer.xml.contains("ac:classes:unspecified"), "how they authenticated there is not ours to say: {}", answer.xml);
    let settings = scene.service.settings(json!({"name_id_format": "emailAddress"}));
    app.by(&scene.owner).post(&scene.org.at("services/portal/saml"), settings).await.ok();
    let answer = comes().await;
    assert_eq!(answer.status(), ["Responder", "RequestDenied"]);
    assert!(!answer.xml.contains(BEA), "{}", answer.xml);
    let (.., answer) = scene.signs_in(app, ANN).await;
    assert_eq!(answer.name_id(), ANN);
});

// T09: nobody is signed in by what is switched off, also not in the middle.
both!(t09_what_is_switched_off_signs_nobody_in_by_saml, async |app| {
    let scene = Scene::new(app, json!({"idp_initiated": true})).await;
    let (browser, ..) = scene.signs_in(app, ANN).await;
    let begin = async |browser: &Browser| browser.open(&scene.at(app, &scene.asks(app, "", ""), None)).await;
    let states: [(&str, &str); 4] = [
        ("update service_saml set enabled = false", "update service_saml set enabled = true"),
        ("update organizations set status = 'suspended'", "update organizations set status = 'active'"),
        ("update organizations set deleted_at = created_at", "update organizations set deleted_at = null"),
        ("update tiers set features = '{\"allow_saml_idp\":false}'", "update tiers set features = '{\"allow_saml_idp\":true}'"),
    ];
    for (off, on) in states {
        let waiting = Browser::new(app);
        let (at, _) = begin(&waiting).await.page();
        let (at, _) = waiting.send(&at, &[("step", "identify"), ("email", ANN)]).await.page();
        app.execute(off).await;
        refused(begin(&browser).await, 400);
        refused(browser.open(&scene.path(app).replace("/sso", "/authenticate")).await, 400);
        browser.open(&scene.path(app).replace("/sso", "/metadata")).await.page().1.expect(404);
        let (_, page) = waiting.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
        assert!(page.status >= 400 && !page.text().contains("SAMLResponse"), "{off}: {page}");
        app.execute(on).await;
        SamlClient::receives(&begin(&browser).await.page().1);
    }
    // Another address is registered meanwhile.
    let waiting = Browser::new(app);
    let (at, _) = begin(&waiting).await.page();
    let moved = SamlClient { acs: "https://portal.example.com/moved".to_owned(), ..SamlClient::default() };
    app.by(&scene.owner).post(&scene.org.at("services/portal/saml"), moved.settings(json!({}))).await.ok();
    let (at, _) = waiting.send(&at, &[("step", "identify"), ("email", ANN)]).await.page();
    refused(waiting.send(&at, &[("step", "password"), ("password", PASSWORD)]).await, 400);
});

both!(an_assertion_is_encrypted_for_whoever_wants_that, async |app| {
    let settings = json!({"encryption_certificate": SamlClient::certificate(), "sign_response": true, "attribute_mapping": {"email": "urn:oid:0.9.2342.19200300.100.1.3"}});
    let scene = Scene::new(app, settings).await;
    let (_, wanted, answer) = scene.signs_in(app, ANN).await;
    assert!(!answer.xml.contains(ANN) && !answer.xml.contains("<saml:Assertion"), "{}", answer.xml);
    assert!(answer.xml.contains("xmlenc11#aes256-gcm") && answer.xml.contains("rsa-oaep-mgf1p"), "{}", answer.xml);
    let said = scene.believes(app, &wanted, &answer);
    assert_eq!(said.values("urn:oid:0.9.2342.19200300.100.1.3").collect::<Vec<_>>(), [ANN]);
    assert_eq!(said.attributes.len(), 1, "what has no name is not told");
    // Neither key nor nonce comes twice.
    let (_, _, again) = scene.signs_in(app, ANN).await;
    let values =
        |answer: &SamlAnswer| answer.xml.split("<xenc:CipherValue>").skip(1).map(|one| one[..16].to_owned()).collect::<Vec<_>>();
    assert!(values(&answer).iter().zip(values(&again)).all(|(one, other)| *one != other));
});

both!(people_open_a_service_from_here_where_it_takes_that, async |app| {
    let scene = Scene::new(app, json!({})).await;
    let here = scene.path(app).replace("/sso", "/authenticate");
    let browser = Browser::new(app);
    refused(browser.open(&here).await, 400);
    let login = scene.org.at("services/portal/saml/login");
    assert_eq!(app.by(&scene.owner).get(&login).await.ok()["idp_initiated"], false);
    app.by(&scene.owner)
        .post(&scene.org.at("services/portal/saml"), scene.service.settings(json!({"idp_initiated": true})))
        .await
        .ok();
    let shown = app.by(&scene.owner).get(&login).await.ok();
    assert!(text(&shown["login_url"]).ends_with(&here), "{shown}");
    let landed = browser.sign_in(&format!("{here}?RelayState=%2Freports"), ANN, PASSWORD).await;
    let answer = SamlClient::receives(&landed.page().1);
    assert_eq!((answer.relay_state.as_deref(), answer.acs), (Some("/reports"), scene.service.acs.clone()));
    assert!(!answer.xml.contains("InResponseTo"), "nobody asked: {}", answer.xml);
    let slug = here.replace(&scene.org.id, "acme");
    SamlClient::receives(&browser.open(&slug).await.page().1);
    refused(browser.open(&format!("{here}?RelayState=%0A")).await, 400);
    refused(browser.open("/saml/acme/shop/authenticate").await, 400);
    refused(browser.open("/saml/globex/portal/authenticate").await, 400);
});
