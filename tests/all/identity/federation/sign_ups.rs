//! People of an organization's identity provider who use one of its services without being members.

use serde_json::{Value, json};
use tenantry_tests::{
    AskedFor, Browser, Landed, OpenIdProvider, Org, RelyingParty, Response, TestApp, User, both, read_token, text,
};

use super::{super::flows::application, bea};

/// An organization with a connection through which nobody becomes a member, and a service.
struct Scene {
    provider: OpenIdProvider,
    owner: User,
    org: Org,
    party: RelyingParty,
    connection: String,
}

impl Scene {
    async fn set(app: &TestApp, jit: bool, sign_up: bool) -> Self {
        let provider = OpenIdProvider::start().await;
        let owner = app.sign_up("ann@example.com").await;
        let org = app.create_org(&owner, "acme").await;
        let body = provider.connection(json!({"jit": jit}));
        let made = app.by(&owner).post(&org.at("upstream-providers"), body).await.ok();
        let party = RelyingParty::of_service(&app.by(&owner), &org.at("services"), json!({"sign_up": sign_up})).await;
        Self { provider, owner, org, party, connection: text(&made["id"]) }
    }

    /// Comes to the service through the provider.
    async fn come(&self, app: &TestApp, browser: &Browser, claims: &Value) -> (AskedFor, String, Response) {
        self.come_to(app, &self.party, browser, claims).await
    }

    async fn come_to(
        &self,
        app: &TestApp,
        party: &RelyingParty,
        browser: &Browser,
        claims: &Value,
    ) -> (AskedFor, String, Response) {
        let asked = party.ask(&[]);
        let (at, _) = browser.open(&asked.path).await.page();
        let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
        let (at, page) = self.provider.signs_in(browser, landed, app.now(), claims).await.page();
        (asked, at, page)
    }

    /// The same, and allows what the service asks for.
    async fn allow(&self, app: &TestApp, browser: &Browser, claims: &Value) -> Value {
        let (asked, at, page) = self.come(app, browser, claims).await;
        let back = browser.send(&at, &[("step", &step(&page)), ("answer", "yes")]).await.away();
        let made = self.party.exchange(app, &back["code"], &asked.verifier).await.ok();
        read_token(app, &made["id_token"], "JWT").await
    }

    async fn reason(&self, app: &TestApp) -> Value {
        let owner = app.again(&self.owner).await;
        let all = app.by(&owner).get(&self.org.at(&format!("upstream-providers/{}/attempts", self.connection))).await.ok();
        all["attempts"][0]["reason"].clone()
    }

    async fn set_sign_up(&self, app: &TestApp, sign_up: bool) {
        let owner = app.again(&self.owner).await;
        app.by(&owner).patch(&self.org.at("services/reports"), json!({"sign_up": sign_up})).await.ok();
    }

    /// A domain that the organization proved, and leads to the connection.
    async fn route(&self, app: &TestApp) {
        let owner = app.again(&self.owner).await;
        let body = json!({"domain": "acme.example", "upstream_provider_id": self.connection});
        app.by(&owner).post(&self.org.at("domain-routes"), body).await.ok();
        app.execute("update domains set proof = 'dns', verified_at = created_at").await;
    }
}

/// What the page's form says that it has seen.
fn step(page: &Response) -> String {
    let html = page.text();
    let (_, rest) = html.split_once("name=\"step\" value=\"consent.").unwrap_or_else(|| panic!("nothing is asked: {page}"));
    format!("consent.{}", rest.split('"').next().expect("a value"))
}

async fn figures(app: &TestApp) -> [i64; 4] {
    let mut all = [0; 4];
    let counted = ["memberships", "service_users", "consents", "identities"];
    for (n, table) in all.iter_mut().zip(counted) {
        *n = app.count(&format!("select count(*) from {table}")).await;
    }
    all
}

both!(somebody_new_uses_a_service_without_becoming_a_member, async |app| {
    let scene = Scene::set(app, false, true).await;
    // All seats are taken: none is used.
    app.execute("update organizations set max_users = 1 where slug = 'acme'").await;
    let browser = Browser::new(app);
    let (asked, at, page) = scene.come(app, &browser, &bea()).await;
    for told in ["Reports", "The acme company", "bea@acme.example"] {
        assert!(page.text().contains(told), "{told}: {page}");
    }
    assert_eq!(figures(app).await, [1, 1, 0, 1], "she uses it, and it has nothing of her yet");
    let back = browser.send(&at, &[("step", &step(&page)), ("answer", "yes")]).await.away();
    let made = scene.party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["email"], &id["email_verified"], &id["amr"]), (&json!("bea@acme.example"), &json!(false), &json!(["fed"])));
    let token = text(&made["access_token"]);
    assert_eq!(app.client().bearer(&token).get("/userinfo").await.ok()["sub"], id["sub"]);
    for path in ["/api/user", "/api/organizations", "/api/organizations/acme", "/api/organizations/acme/members"] {
        app.client().bearer(&token).get(path).await.expect(401);
    }
    // She enters nothing else of the organization, though her session lives.
    let (_, platform) = application(app, json!({"organization_usage": "require"})).await;
    let silent = platform.ask(&[("organization", "acme"), ("prompt", "none")]);
    assert!(!browser.open(&silent.path).await.away().contains_key("code"));
    // Once is enough; she comes back as the same, whatever is said of her address.
    assert!(browser.open(&scene.party.ask(&[]).path).await.away().contains_key("code"));
    let other = json!({"sub": "00u1", "email": "other@acme.example"});
    let asked = scene.party.ask(&[]);
    let there = Browser::new(app);
    let (at, _) = there.open(&asked.path).await.page();
    let landed = there.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let back = scene.provider.signs_in(&there, landed, app.now(), &other).await.away();
    let again = scene.party.exchange(app, &back["code"], &asked.verifier).await.ok();
    assert_eq!(read_token(app, &again["id_token"], "JWT").await["sub"], id["sub"]);
    assert_eq!(figures(app).await, [1, 1, 1, 1]);
    let owner = app.again(&scene.owner).await;
    let owner = app.by(&owner);
    assert!(owner.get(&scene.org.at("users")).await.ok().to_string().contains("bea@acme.example"));
    assert_eq!(owner.get(&scene.org.at("members")).await.ok()["total"], 1);
    let log = owner.get(&scene.org.at("audit-log")).await.ok().to_string();
    for name in ["end_user.created", "user.identity_linked", "user.login.success", "user.consent_given"] {
        assert!(log.contains(name), "{name}: {log}");
    }
});

both!(who_says_no_to_a_service_gives_it_nothing, async |app| {
    let scene = Scene::set(app, false, true).await;
    let browser = Browser::new(app);
    let (_, at, page) = scene.come(app, &browser, &bea()).await;
    let back = browser.send(&at, &[("step", &step(&page)), ("answer", "no")]).await.away();
    assert_eq!(back["error"], "access_denied");
    assert_eq!(figures(app).await, [1, 1, 0, 1]);
    let silent = scene.party.ask(&[("prompt", "none")]);
    assert_eq!(browser.open(&silent.path).await.away()["error"], "consent_required");
});

both!(a_closed_door_keeps_whom_it_has_and_lets_nobody_else_in, async |app| {
    let scene = Scene::set(app, false, false).await;
    scene.come(app, &Browser::new(app), &bea()).await;
    assert_eq!((scene.reason(app).await, figures(app).await), (json!("no_account"), [1, 0, 0, 0]));
    scene.set_sign_up(app, true).await;
    let id = scene.allow(app, &Browser::new(app), &bea()).await;
    scene.set_sign_up(app, false).await;
    let browser = Browser::new(app);
    let asked = scene.party.ask(&[]);
    let (at, _) = browser.open(&asked.path).await.page();
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    assert!(scene.provider.signs_in(&browser, landed, app.now(), &bea()).await.away().contains_key("code"));
    let carl = json!({"sub": "00u2", "email": "carl@acme.example", "email_verified": true});
    scene.come(app, &Browser::new(app), &carl).await;
    assert_eq!(scene.reason(app).await, "no_account");

    // Removed by the service, she is nobody any more: the account was for it alone.
    let owner = app.again(&scene.owner).await;
    let body = json!({"name": "Backend", "permissions": ["read:users", "write:users"]});
    let key = app.by(&owner).post(&scene.org.at("services/reports/api-keys"), body).await.ok();
    let user = format!("usr_{}", text(&id["sub"]).trim_start_matches("auth0|"));
    let gone = app.client().request(reqwest::Method::DELETE, &format!("/api/service/users/{user}"));
    let gone = gone.header("x-api-key", &text(&key["key"])).send().await;
    assert!(gone.status < 300, "{gone}");
    assert_eq!(app.count("select count(*) from users where email = 'bea@acme.example'").await, 0);
    assert_eq!(figures(app).await, [1, 0, 0, 0]);
    // Her session went with her account: a page asks before it leads anybody to the service.
    let landed = browser.open(&scene.party.ask(&[("prompt", "none")]).path).await;
    assert!(landed.page().1.text().contains("login_required"));
    scene.come(app, &Browser::new(app), &bea()).await;
    assert_eq!(scene.reason(app).await, "no_account");
});

both!(membership_goes_before_a_services_open_door, async |app| {
    let scene = Scene::set(app, true, true).await;
    let browser = Browser::new(app);
    let asked = scene.party.ask(&[]);
    let (at, _) = browser.open(&asked.path).await.page();
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    assert!(
        scene.provider.signs_in(&browser, landed, app.now(), &bea()).await.away().contains_key("code"),
        "nobody asks a member"
    );
    assert_eq!(figures(app).await, [2, 0, 0, 1]);
    // Where there is no seat the door stands in for none.
    app.execute("update organizations set max_users = 2 where slug = 'acme'").await;
    let carl = json!({"sub": "00u2", "email": "carl@acme.example", "email_verified": true});
    scene.come(app, &Browser::new(app), &carl).await;
    assert_eq!((scene.reason(app).await, figures(app).await), (json!("seat_limit"), [2, 0, 0, 1]));
});

both!(who_uses_a_service_becomes_a_member_by_an_invitation, async |app| {
    let scene = Scene::set(app, false, true).await;
    scene.route(app).await;
    let id = scene.allow(app, &Browser::new(app), &bea()).await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).post(&scene.org.at("invitations"), json!({"email": "bea@acme.example", "role": "admin"})).await.ok();
    let (_, platform) = application(app, json!({"organization_usage": "require"})).await;
    let (browser, asked) = (Browser::new(app), platform.ask(&[("organization", "acme")]));
    let (at, _) = browser.open(&asked.path).await.page();
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let back = scene.provider.signs_in(&browser, landed, app.now(), &bea()).await.away();
    let made = platform.exchange(app, &back["code"], &asked.verifier).await.ok();
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["sub"], id["sub"], "the same account");
    assert_eq!(figures(app).await, [2, 1, 1, 1]);
});

both!(who_was_removed_does_not_come_back_by_a_services_door, async |app| {
    let scene = Scene::set(app, true, true).await;
    let browser = Browser::new(app);
    let asked = scene.party.ask(&[]);
    let (at, _) = browser.open(&asked.path).await.page();
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let back = scene.provider.signs_in(&browser, landed, app.now(), &bea()).await.away();
    let made = scene.party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let id = read_token(app, &made["id_token"], "JWT").await;
    let user = format!("usr_{}", text(&id["sub"]).trim_start_matches("auth0|"));
    let owner = app.again(&scene.owner).await;
    app.by(&owner).delete(&scene.org.at(&format!("members/{user}"))).await;
    let path = scene.org.at(&format!("upstream-providers/{}", scene.connection));
    app.by(&owner).patch(&path, json!({"jit": false})).await.ok();
    for claims in [bea(), json!({"sub": "another", "email": "bea@acme.example", "email_verified": true})] {
        scene.come(app, &Browser::new(app), &claims).await;
        assert_eq!(scene.reason(app).await, "access_removed");
    }
    assert_eq!(figures(app).await, [1, 0, 0, 1]);
});

both!(a_user_whom_the_service_added_is_linked_where_the_address_is_proven, async |app| {
    let scene = Scene::set(app, false, false).await;
    let owner = app.again(&scene.owner).await;
    let body = json!({"name": "Backend", "permissions": ["read:users", "write:users"]});
    let key = app.by(&owner).post(&scene.org.at("services/reports/api-keys"), body).await.ok();
    let added = app.client().request(reqwest::Method::POST, "/api/service/users");
    let added = added.header("x-api-key", &text(&key["key"])).json(&json!({"email": "bea@acme.example"})).send().await;
    assert!(added.status < 300, "{added}");
    scene.come(app, &Browser::new(app), &bea()).await;
    assert_eq!(scene.reason(app).await, "no_account", "the domain is not the organization's own");
    scene.route(app).await;
    scene.allow(app, &Browser::new(app), &bea()).await;
    assert_eq!(figures(app).await, [1, 1, 1, 1]);
    assert_eq!(app.count("select count(*) from users where email = 'bea@acme.example'").await, 1);
});

both!(a_service_that_is_full_makes_nobody, async |app| {
    let scene = Scene::set(app, false, true).await;
    app.execute("update services set users = 5000000").await;
    let (_, _, page) = scene.come(app, &Browser::new(app), &bea()).await;
    assert!(page.text().contains("att_"), "{page}");
    assert_eq!((scene.reason(app).await, figures(app).await), (json!("service_user_limit"), [1, 0, 0, 0]));
    assert_eq!(app.count("select count(*) from users where email = 'bea@acme.example'").await, 0);
});

both!(the_account_of_one_service_begins_at_another_by_saying_yes, async |app| {
    let scene = Scene::set(app, false, true).await;
    let browser = Browser::new(app);
    scene.allow(app, &browser, &bea()).await;
    let owner = app.again(&scene.owner).await;
    let settings = json!({"slug": "charts", "name": "Charts", "sign_up": true, "redirect_uris": ["https://charts.example/cb"]});
    let charts = RelyingParty::of_service(&app.by(&owner), &scene.org.at("services"), settings).await;
    let (at, page) = browser.open(&charts.ask(&[]).path).await.page();
    assert!(page.text().contains("Charts"), "{page}");
    let step = step(&page);
    assert_eq!(app.count("select count(*) from service_users").await, 1);
    assert!(browser.send(&at, &[("step", &step), ("answer", "yes")]).await.away().contains_key("code"));
    assert_eq!(figures(app).await, [1, 2, 2, 1]);
    // By way of the provider it is the same.
    let other = json!({"sub": "00u2", "email": "carl@acme.example", "email_verified": true});
    scene.allow(app, &Browser::new(app), &other).await;
    let (_, _, page) = scene.come_to(app, &charts, &Browser::new(app), &other).await;
    assert!(page.text().contains("Charts") && page.text().contains("consent."), "{page}");
});

/// What a race's browser got.
fn landed_somewhere(landed: &Landed) -> bool {
    matches!(landed, Landed::Page(..))
}

both!(one_person_who_comes_many_times_at_once_begins_once, async |app| {
    let scene = Scene::set(app, false, true).await;
    let mut on_the_way = Vec::new();
    for _ in 0..12 {
        let browser = Browser::new(app);
        let (at, _) = browser.open(&scene.party.ask(&[]).path).await.page();
        let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
        let arrived = scene.provider.receives(landed);
        on_the_way.push((browser, scene.provider.answers(&arrived, app.now(), &bea())));
    }
    let all = futures::future::join_all(on_the_way.iter().map(|(browser, path)| browser.open(path))).await;
    assert!(all.iter().all(landed_somewhere), "{all:?}");
    assert_eq!(figures(app).await, [1, 1, 0, 1]);
    assert_eq!(app.count("select users from services").await, 1);
    assert_eq!(app.count("select count(*) from events where name = 'end_user.created'").await, 1);
});

both!(the_last_place_at_a_service_is_taken_once, async |app| {
    let scene = Scene::set(app, false, true).await;
    app.execute("update services set users = 4999999").await;
    let mut on_the_way = Vec::new();
    for n in 0..12 {
        let browser = Browser::new(app);
        let (at, _) = browser.open(&scene.party.ask(&[]).path).await.page();
        let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
        let arrived = scene.provider.receives(landed);
        let claims = json!({"sub": n.to_string(), "email": format!("p{n}@acme.example")});
        on_the_way.push((browser, scene.provider.answers(&arrived, app.now(), &claims)));
    }
    let all = futures::future::join_all(on_the_way.iter().map(|(browser, path)| browser.open(path))).await;
    assert!(all.iter().all(landed_somewhere), "{all:?}");
    assert_eq!(figures(app).await, [1, 1, 0, 1]);
    assert_eq!(app.count("select count(*) from users where email like 'p%@acme.example'").await, 1, "nobody else was made");
});
