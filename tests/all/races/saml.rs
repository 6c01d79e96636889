//! SAML responses: one that is posted many times, an outcome that many requests want to use, an assertion with the ID of another one, and keys that many need
//! first.

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Browser, RelyingParty, SamlAsked, SamlProvider, Signs, TestApp, both, text};

use super::{sound, tally, watched};

struct Scene {
    provider: SamlProvider,
    party: RelyingParty,
    connection: String,
}

async fn set(app: &TestApp) -> Scene {
    let provider = SamlProvider::default();
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({"organization_usage": "require"})).await;
    let owner = app.sign_up("ann@example.com").await;
    let org = app.create_org(&owner, "acme").await;
    let made = app.by(&owner).post(&org.at("upstream-providers"), provider.connection(json!({"jit": true}))).await.ok();
    Scene { provider, party, connection: text(&made["id"]) }
}

impl Scene {
    /// A browser that is at the provider.
    async fn leave(&self, app: &TestApp) -> (Browser, SamlAsked) {
        let browser = Browser::new(app);
        let (at, _) = browser.open(&self.party.ask(&[("organization", "acme")]).path).await.page();
        let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
        (browser, self.provider.receives(landed))
    }

    fn back(&self, asked: &SamlAsked) -> String {
        format!("/auth/c/{}/callback?state={}", self.connection, asked.relay_state)
    }
}

both!(a_response_that_is_posted_many_times_signs_in_once, async |app| {
    let crowd = watched(app).await;
    let scene = set(app).await;
    let (browser, asked) = scene.leave(app).await;
    let before = app.count("select count(*) from sessions").await;
    let xml = scene.provider.signed(&scene.provider.says(&asked, app.now(), "bea@acme.example"), Signs::Both);
    let response = STANDARD.encode(xml);
    let fields = [("SAMLResponse", response.as_str()), ("RelayState", asked.relay_state.as_str())];
    // Without cookies, from the provider's site; and each is led on to the same address.
    let (acs, stranger) = (asked.acs(), Browser::new(app));
    let posts = join_all((0..crowd).map(|_| stranger.request(Method::POST, &acs, Some(&fields)))).await;
    assert_eq!(tally(&posts, [303]), [crowd]);
    assert_eq!(app.count("select count(*) from upstream_logins where judged_at is not null").await, 1);
    let back = scene.back(&asked);
    let uses = join_all((0..crowd).map(|_| browser.request(Method::GET, &back, None))).await;
    assert_eq!(tally(&uses, [302]), [crowd]);
    assert_eq!(app.count("select count(*) from sessions").await - before, 1);
    assert_eq!(app.count("select count(*) from users where email = 'bea@acme.example'").await, 1);
    assert_eq!(app.count("select count(*) from seen where scope like 'saml %'").await, 1);
    sound(app).await;
});

both!(one_assertion_in_many_sign_ins_counts_for_one, async |app| {
    let crowd = watched(app).await / 3;
    let scene = set(app).await;
    let before = app.count("select count(*) from sessions").await;
    let mut on_the_way = Vec::new();
    for _ in 0..crowd {
        let (browser, asked) = scene.leave(app).await;
        let said = scene.provider.says(&asked, app.now(), "bea@acme.example").with_id("_the_same");
        let response = STANDARD.encode(scene.provider.signed(&said, Signs::Both));
        let fields = [("SAMLResponse", response.as_str()), ("RelayState", asked.relay_state.as_str())];
        browser.request(Method::POST, &asked.acs(), Some(&fields)).await;
        on_the_way.push((browser, scene.back(&asked)));
    }
    let answers = join_all(on_the_way.iter().map(|(browser, back)| browser.request(Method::GET, back, None))).await;
    assert_eq!(tally(&answers, [302]), [crowd]);
    assert_eq!(app.count("select count(*) from sessions").await - before, 1);
    let replayed = app.count("select count(*) from connection_attempts where reason = 'assertion_replayed'").await;
    assert_eq!(usize::try_from(replayed).expect("a number"), crowd - 1);
    sound(app).await;
});

both!(keys_that_many_need_first_are_made_once, async |app| {
    watched(app).await;
    let scene = set(app).await;
    let at = format!("/auth/c/{}/saml/metadata", scene.connection);
    let browser = Browser::new(app);
    let all = join_all((0..8).map(|_| browser.request(Method::GET, &at, None))).await;
    assert_eq!(tally(&all, [200]), [8]);
    let certificates = |xml: String| {
        xml.split("<ds:X509Certificate>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let first = certificates(all[0].text());
    assert_eq!(first.len(), 3);
    assert!(all.iter().all(|one| certificates(one.text()) == first), "everybody is told of the same");
    sound(app).await;
});
