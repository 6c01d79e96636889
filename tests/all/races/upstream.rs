//! Sign-ins through an identity provider: an answer that comes many times, one identity from many browsers, the last seat for many, and a removal in between.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Browser, OpenIdProvider, Org, RelyingParty, TestApp, User, both, text};

use super::{sound, tally, watched};

struct Scene {
    provider: OpenIdProvider,
    party: RelyingParty,
    owner: User,
    org: Org,
}

async fn set(app: &TestApp) -> Scene {
    let provider = OpenIdProvider::start().await;
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({"organization_usage": "require"})).await;
    let owner = app.sign_up("ann@example.com").await;
    let org = app.create_org(&owner, "acme").await;
    app.by(&owner).post(&org.at("upstream-providers"), provider.connection(json!({"jit": true}))).await.ok();
    Scene { provider, party, owner, org }
}

impl Scene {
    /// A browser that is on its way back from the provider with these claims, and where to.
    async fn on_the_way(&self, app: &TestApp, claims: serde_json::Value) -> (Browser, String) {
        let browser = Browser::new(app);
        let (at, _) = browser.open(&self.party.ask(&[("organization", "acme")]).path).await.page();
        let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
        let arrived = self.provider.receives(landed);
        let path = self.provider.answers(&arrived, app.now(), &claims);
        (browser, path)
    }
}

both!(an_answer_that_comes_many_times_counts_once, async |app| {
    let crowd = watched(app).await;
    let scene = set(app).await;
    let before = app.count("select count(*) from sessions").await;
    let (browser, path) = scene.on_the_way(app, json!({"sub": "1", "email": "bea@acme.example"})).await;
    let answers = join_all((0..crowd).map(|_| browser.request(Method::GET, &path, None))).await;
    assert_eq!(tally(&answers, [302]), [crowd]);
    assert_eq!(scene.provider.asked("/token"), 1, "the code went out once");
    assert_eq!(app.count("select count(*) from sessions").await - before, 1);
    assert_eq!(app.count("select count(*) from users where email = 'bea@acme.example'").await, 1);
    sound(app).await;
});

both!(one_person_in_many_browsers_is_one_account_with_one_identity, async |app| {
    let crowd = watched(app).await / 3;
    let scene = set(app).await;
    let mut back = Vec::new();
    for _ in 0..crowd {
        back.push(scene.on_the_way(app, json!({"sub": "1", "email": "bea@acme.example"})).await);
    }
    let answers = join_all(back.iter().map(|(browser, path)| browser.request(Method::GET, path, None))).await;
    assert_eq!(tally(&answers, [302]), [crowd]);
    assert_eq!(app.count("select count(*) from users where email = 'bea@acme.example'").await, 1);
    assert_eq!(app.count("select count(*) from identities").await, 1);
    assert_eq!(app.count("select count(*) from memberships").await, 2);
    sound(app).await;
});

both!(the_last_seat_is_taken_once_by_whoever_comes, async |app| {
    let crowd = watched(app).await / 3;
    let scene = set(app).await;
    app.execute("update organizations set max_users = 2 where slug = 'acme'").await;
    let mut back = Vec::new();
    for n in 0..crowd {
        back.push(scene.on_the_way(app, json!({"sub": n.to_string(), "email": format!("p{n}@acme.example")})).await);
    }
    let answers = join_all(back.iter().map(|(browser, path)| browser.request(Method::GET, path, None))).await;
    assert_eq!(tally(&answers, [302]), [crowd]);
    assert_eq!(app.count("select count(*) from memberships").await, 2, "the owner and one more");
    assert_eq!(app.count("select count(*) from users where email like 'p%@acme.example'").await, 1, "nobody else was made");
    assert_eq!(app.count("select count(*) from identities").await, 1);
    sound(app).await;
});

both!(who_is_removed_while_they_come_back_is_out, async |app| {
    watched(app).await;
    let scene = set(app).await;
    let claims = || json!({"sub": "1", "email": "bea@acme.example"});
    let (browser, path) = scene.on_the_way(app, claims()).await;
    browser.open(&path).await;
    let owner = app.again(&scene.owner).await;
    let members = app.by(&owner).get(&scene.org.at("members")).await.ok();
    let all = members["members"].as_array().expect("a list");
    let bea = all.iter().find(|one| one["user"]["email"] == "bea@acme.example").expect("bea");
    let remove = scene.org.at(&format!("members/{}", text(&bea["user"]["id"])));
    let mut back = Vec::new();
    for _ in 0..8 {
        back.push(scene.on_the_way(app, claims()).await);
    }
    let client = app.by(&owner);
    let coming = join_all(back.iter().map(|(browser, path)| browser.request(Method::GET, path, None)));
    let (removed, answers) = tokio::join!(client.delete(&remove), coming);
    removed.ok();
    assert_eq!(tally(&answers, [302]), [8]);
    assert_eq!(app.count("select count(*) from memberships").await, 1, "nobody came back in");
    assert_eq!(app.count("select count(*) from identities where blocked_at is null").await, 0);
    for (browser, _) in &back {
        let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
        assert!(!browser.open(&asked.path).await.away().contains_key("code"));
    }
    sound(app).await;
});
