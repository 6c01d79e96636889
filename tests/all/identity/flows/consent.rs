//! People who are no members meet an organization's service: they are asked, also with a living session, and take back what they allowed.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{AskedFor, Browser, Org, PASSWORD, RelyingParty, Response, TestApp, User, both, read_token, text};

/// An organization with a service that takes sign-ups, or does not; its owner, and somebody of the platform.
struct Scene {
    owner: User,
    org: Org,
    party: RelyingParty,
    bea: User,
}

impl Scene {
    async fn set(app: &TestApp, settings: Value) -> Self {
        let owner = app.sign_up("ann@example.com").await;
        let org = app.create_org(&owner, "acme").await;
        let party = RelyingParty::of_service(&app.by(&owner), &org.at("services"), settings).await;
        let bea = app.sign_up("bea@example.com").await;
        Self { owner, org, party, bea }
    }

    async fn open(app: &TestApp, settings: Value) -> Self {
        let mut all = json!({"sign_up": true});
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        Self::set(app, all).await
    }

    /// Signs Bea in, up to the page that asks her.
    async fn arrive(&self, browser: &Browser, changes: &[(&str, &str)]) -> (AskedFor, String, Response) {
        let asked = self.party.ask(changes);
        let (at, page) = browser.open(&asked.path).await.page();
        if !page.text().contains("name=\"email\"") {
            return (asked, at, page);
        }
        let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "bea@example.com")]).await.page();
        let (at, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
        (asked, at, page)
    }

    /// Signs her in, and allows it.
    async fn allow(&self, app: &TestApp, browser: &Browser, changes: &[(&str, &str)]) -> Value {
        let (asked, at, page) = self.arrive(browser, changes).await;
        let back = browser.send(&at, &[("step", &step(&page)), ("answer", "yes")]).await.away();
        self.party.exchange(app, &back["code"], &asked.verifier).await.ok()
    }

    async fn users(&self, app: &TestApp) -> i64 {
        app.count("select count(*) from service_users").await
    }
}

/// What the page's form says that it has seen.
fn step(page: &Response) -> String {
    let html = page.text();
    let (_, rest) = html.split_once("name=\"step\" value=\"").unwrap_or_else(|| panic!("no form: {page}"));
    rest.split('"').next().expect("a value").to_owned()
}

fn asks(page: &Response) -> bool {
    page.text().contains("value=\"consent.")
}

both!(somebody_who_is_no_member_is_asked_before_a_service_gets_anything, async |app| {
    let scene = Scene::open(app, json!({})).await;
    let browser = Browser::new(app);
    let (asked, at, page) = scene.arrive(&browser, &[]).await;
    assert!(asks(&page), "{page}");
    for told in ["Reports", "The acme company", "bea@example.com", "when you are not there"] {
        assert!(page.text().contains(told), "{told}: {page}");
    }
    assert_eq!(scene.users(app).await, 0, "nothing before she said yes");
    // Nobody says yes for her: neither a form that saw nothing, nor one of before another sign-in.
    for stale in ["consent", "consent.7", "consent.0"] {
        let (_, page) = browser.send(&at, &[("step", stale), ("answer", "yes")]).await.page();
        assert!(asks(&page), "{stale}: {page}");
    }
    let back = browser.send(&at, &[("step", &step(&page)), ("answer", "yes")]).await.away();
    let made = scene.party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["email"], &id["aud"]), (&json!("bea@example.com"), &json!(scene.party.client_id)));
    let token = text(&made["access_token"]);
    assert_eq!(app.client().bearer(&token).get("/userinfo").await.ok()["email"], "bea@example.com");

    // She is an end user and no member, and her tokens open nothing here.
    let owner = app.by(&scene.owner);
    assert_eq!(owner.get(&scene.org.at("members")).await.ok()["total"], 1);
    assert!(owner.get(&scene.org.at("users")).await.ok().to_string().contains("bea@example.com"));
    for path in ["/api/user", "/api/user/consents", "/api/user/sessions", "/api/organizations", "/api/organizations/acme"] {
        app.client().bearer(&token).get(path).await.expect(401);
    }
    app.client().bearer(&token).post_empty("/api/organizations/acme/select").await.expect(401);
    app.by(&scene.bea).get("/api/organizations/acme").await.expect(403);
    app.by(&scene.bea).post_empty("/api/organizations/acme/select").await.expect(403);
    let login = json!({"email": "bea@example.com", "password": PASSWORD, "org_slug": "acme"});
    app.client().post("/api/auth/login", login).await.refused_as(403, "FORBIDDEN", "no_access");

    // Once is enough; more is asked for again, and remembered beside what was allowed before.
    assert!(browser.open(&scene.party.ask(&[]).path).await.away().contains_key("code"));
    let scopes = async || {
        let all = app.by(&scene.bea).get("/api/user/consents").await.ok();
        all[0]["scopes"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(scopes().await, "openid email profile offline_access");
    let log = owner.get(&scene.org.at("audit-log")).await.ok().to_string();
    for name in ["user.consent_given", "end_user.created", "user.client_authorized"] {
        assert!(log.contains(name), "{name}: {log}");
    }
});

both!(more_is_asked_for_again, async |app| {
    let scene = Scene::open(app, json!({})).await;
    let browser = Browser::new(app);
    scene.allow(app, &browser, &[("scope", "openid")]).await;
    assert!(browser.open(&scene.party.ask(&[("scope", "openid")]).path).await.away().contains_key("code"));
    let silent = [("scope", "openid email"), ("prompt", "none")];
    let back = browser.open(&scene.party.ask(&silent).path).await.away();
    assert_eq!(back["error"], "consent_required");
    let (_, at, page) = scene.arrive(&browser, &[("scope", "openid email")]).await;
    assert!(asks(&page), "{page}");
    let back = browser.send(&at, &[("step", &step(&page)), ("answer", "no")]).await.away();
    assert_eq!((back["error"].as_str(), back["state"].as_str()), ("access_denied", "the state"));
    let (_, page) = browser.open(&at).await.page();
    assert_eq!(page.status, 400, "it is over");
    scene.allow(app, &browser, &[("scope", "openid email")]).await;
    assert!(browser.open(&scene.party.ask(&[("scope", "email")]).path).await.away().contains_key("code"));
    // Whoever wants her asked again has her asked again, once.
    app.advance(TimeDelta::seconds(1));
    let prompt = [("scope", "openid"), ("prompt", "consent")];
    scene.allow(app, &browser, &prompt).await;
    assert!(browser.open(&scene.party.ask(&[("scope", "openid email")]).path).await.away().contains_key("code"));
});

both!(who_is_a_member_is_not_asked_and_who_may_not_begin_is_refused, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let browser = Browser::new(app);
    assert!(
        browser
            .sign_in(&scene.party.ask(&[("prompt", "consent")]).path, "ann@example.com", PASSWORD)
            .await
            .away()
            .contains_key("code")
    );
    let there = Browser::new(app);
    let asked = scene.party.ask(&[]);
    let (at, _) = there.open(&asked.path).await.page();
    let (at, _) = there.send(&at, &[("step", "identify"), ("email", "bea@example.com")]).await.page();
    let (_, page) = there.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert!(!asks(&page) && page.text().contains("access_denied"), "she is led back only if she wants to: {page}");
    assert_eq!(scene.users(app).await, 0);

    // An operator who is no member is a stranger here as well.
    let root = app.platform_owner().await;
    let other = Browser::new(app);
    let (at, _) = other.open(&asked.path).await.page();
    let (at, _) = other.send(&at, &[("step", "identify"), ("email", &root.email)]).await.page();
    let (_, page) = other.send(&at, &[("step", "password"), ("password", &root.password)]).await.page();
    assert!(!asks(&page), "{page}");

    // The organization opens the service; another organization's own account is none of the platform's.
    let path = scene.org.at("services/reports");
    app.by(&scene.owner).patch(&path, json!({"sign_up": true})).await.ok();
    let (_, _, page) = scene.arrive(&Browser::new(app), &[]).await;
    assert!(asks(&page), "{page}");
    app.by(&scene.owner).patch(&path, json!({"sign_up": false})).await.ok();
});

both!(what_was_allowed_is_taken_back_with_what_came_of_it, async |app| {
    let scene = Scene::open(app, json!({})).await;
    let browser = Browser::new(app);
    let made = scene.allow(app, &browser, &[]).await;
    let refresh = text(&made["refresh_token"]);
    let made = scene.party.refresh(app, &refresh).await.ok();
    let waiting = scene.party.ask(&[]);
    let code = browser.open(&waiting.path).await.away()["code"].clone();
    let bea = app.by(&scene.bea);
    let all = bea.get("/api/user/consents").await.ok();
    assert_eq!((&all[0]["service_id"], &all[0]["org_slug"]), (&json!(scene.party.id), &json!("acme")));
    let path = format!("/api/user/consents/{}", scene.party.id);
    app.by(&scene.owner).delete(&path).await.expect(404);
    bea.delete(&path).await.expect(204);
    bea.delete(&path).await.expect(404);
    assert_eq!(bea.get("/api/user/consents").await.ok(), json!([]));
    app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.expect(401);
    assert_eq!(scene.party.refresh(app, &refresh).await.json()["error"], "invalid_grant");
    assert_eq!(scene.party.exchange(app, &code, &waiting.verifier).await.json()["error"], "invalid_grant");

    // What is allowed anew revives nothing of before.
    let (_, _, page) = scene.arrive(&browser, &[]).await;
    assert!(asks(&page), "{page}");
    scene.allow(app, &browser, &[]).await;
    app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.expect(401);
    assert_eq!(scene.party.refresh(app, &refresh).await.json()["error"], "invalid_grant");
});

both!(tokens_hold_for_as_long_as_the_service_is_used_and_the_policy_is_met, async |app| {
    let scene = Scene::open(app, json!({})).await;
    let made = scene.allow(app, &Browser::new(app), &[]).await;
    let info = async || app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.status;
    assert_eq!(info().await, 200);
    // The organization's policy is hers too: she has no second factor in this session.
    let owner = app.by(&scene.owner);
    owner.patch(&scene.org.at("sign-in/policy"), json!({"max_age_seconds": 300})).await.ok();
    app.advance(TimeDelta::seconds(301));
    assert_eq!(info().await, 401);
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&scene.org.at("sign-in/policy"), json!({"max_age_seconds": null})).await.ok();
    assert_eq!(info().await, 200);
    // A service that closes its door keeps whom it has; one whose program removes her does not.
    app.by(&owner).patch(&scene.org.at("services/reports"), json!({"sign_up": false})).await.ok();
    assert_eq!(info().await, 200);
    let body = json!({"name": "Backend", "permissions": ["read:users", "write:users"]});
    let made_key = app.by(&owner).post(&scene.org.at("services/reports/api-keys"), body).await.ok();
    let bea_id = text(&app.by(&scene.bea).get("/api/user").await.ok()["id"]);
    let request = app.client().request(reqwest::Method::DELETE, &format!("/api/service/users/{bea_id}"));
    let gone = request.header("x-api-key", &text(&made_key["key"])).send().await;
    assert!(gone.status < 300, "{gone}");
    assert_eq!(info().await, 401);
    assert_eq!(app.count("select count(*) from consents").await, 0);
    assert_eq!(app.by(&scene.bea).get("/api/user").await.status, 200, "her account is her own");
});

both!(of_many_who_say_yes_at_once_one_begins_to_use_the_service, async |app| {
    let scene = Scene::open(app, json!({})).await;
    let first = Browser::new(app);
    let mut tabs = Vec::new();
    for _ in 0..8 {
        tabs.push(scene.arrive(&first, &[]).await);
    }
    let said = tabs.iter().map(|(_, at, page)| {
        let step = step(page);
        let browser = &first;
        async move { browser.send(at, &[("step", &step), ("answer", "yes")]).await }
    });
    for landed in join_all(said).await {
        assert!(landed.away().contains_key("code"));
    }
    assert_eq!((scene.users(app).await, app.count("select count(*) from consents").await), (1, 1));
    assert_eq!(app.count("select users from services").await, 1, "counted once");
    assert_eq!(app.count("select count(*) from events where name = 'end_user.created'").await, 1);
});

both!(what_is_exchanged_while_it_is_taken_back_ends_with_it, async |app| {
    let scene = Scene::open(app, json!({})).await;
    let browser = Browser::new(app);
    scene.allow(app, &browser, &[]).await;
    let mut codes = Vec::new();
    for _ in 0..10 {
        let asked = scene.party.ask(&[]);
        codes.push((browser.open(&asked.path).await.away()["code"].clone(), asked.verifier));
    }
    let (party, bea) = (&scene.party, app.by(&scene.bea));
    let path = format!("/api/user/consents/{}", party.id);
    let exchanges = join_all(codes.iter().map(|(code, verifier)| party.exchange(app, code, verifier)));
    let (answers, gone) = futures::join!(exchanges, bea.delete(&path));
    assert!(gone.status == 204 && answers.iter().all(|answer| matches!(answer.status, 200 | 400)), "{gone}");
    let living = "select count(*) from grants where client_id is not null and revoked_at is null";
    assert_eq!(app.count(living).await, 0, "nothing is left that allowing anew would revive");
    assert_eq!(app.count("select count(*) from codes where used_at is null").await, 0);
});

both!(an_organization_whose_service_somebody_uses_has_no_say_over_their_account, async |app| {
    let scene = Scene::open(app, json!({})).await;
    scene.allow(app, &Browser::new(app), &[]).await;
    let path = format!("/api/privacy/forget/{}", scene.bea.id);
    app.by(&scene.owner).delete(&path).await.refused(404, "NOT_FOUND");
    assert_eq!(app.by(&scene.bea).get("/api/user").await.status, 200);
    let export = app.by(&scene.bea).get(&format!("/api/privacy/export/{}", scene.bea.id)).await.ok();
    assert_eq!(export["data"]["consents"]["total"], 1, "{}", export["data"]["consents"]);
    let root = app.platform_owner().await;
    app.by(&root).delete(&path).await;
    assert_eq!(app.count("select count(*) from consents").await, 0);
    assert_eq!(app.count("select users from services").await, 0);
});
