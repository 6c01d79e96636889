//! Linking a provider with one's account by one's own choice (T25): with a recent sign-in, on a page that names both, and nobody else's.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Browser, Landed, PASSWORD, TestApp, User, both, text};

use super::{Scene, bea};

/// What the provider calls Ben: nothing that is known here.
fn claims() -> Value {
    json!({"sub": "00u9", "email": "benjamin@elsewhere.example"})
}

/// Where Ben's browser goes, as a path of ours.
async fn begin(app: &TestApp, who: &User) -> String {
    let made = app.by(who).post_empty("/api/user/identities/okta/link").await.ok();
    let url: url::Url = text(&made["authorization_url"]).parse().expect("an address");
    url.path().to_owned()
}

/// Opens that address, and signs in there.
async fn arrive(browser: &Browser, path: &str) -> (String, tenantry_tests::Response) {
    let (at, page) = browser.open(path).await.page();
    assert!(page.text().contains("current-password"), "{page}");
    browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page()
}

fn step(page: &tenantry_tests::Response) -> String {
    let html = page.text();
    let (_, rest) = html.split_once("name=\"step\" value=\"link.").unwrap_or_else(|| panic!("nothing is asked: {page}"));
    format!("link.{}", rest.split('"').next().expect("a value"))
}

async fn answer(browser: &Browser, at: &str, page: &tenantry_tests::Response, answer: &str) -> Landed {
    browser.send(&format!("{at}/link"), &[("step", &step(page)), ("answer", answer)]).await
}

/// Goes to the provider, and comes back as somebody.
async fn go(
    scene: &Scene,
    app: &TestApp,
    browser: &Browser,
    (at, page): (&str, &tenantry_tests::Response),
    claims: &Value,
) -> (String, tenantry_tests::Response) {
    let landed = answer(browser, at, page, "go").await;
    scene.provider.signs_in(browser, landed, app.now(), claims).await.page()
}

async fn identities(app: &TestApp) -> i64 {
    app.count("select count(*) from identities").await
}

both!(t25_somebody_links_a_provider_with_their_account, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "admin").await;
    let browser = Browser::new(app);
    let (at, page) = arrive(&browser, &begin(app, &ben).await).await;
    for told in ["ben@example.com", "Acme Okta", "The acme company"] {
        assert!(page.text().contains(told), "{told}: {page}");
    }
    let landed = answer(&browser, &at, &page, "go").await;
    let arrived = scene.provider.receives(landed);
    assert_eq!(arrived.parameters.get("login_hint"), None, "the provider is not told what the account is called");
    let back = scene.provider.answers(&arrived, app.now(), &claims());
    let (at, page) = browser.open(&back).await.page();
    for told in ["ben@example.com", "Acme Okta", "00u9", "benjamin@elsewhere.example"] {
        assert!(page.text().contains(told), "{told}: {page}");
    }
    assert_eq!(identities(app).await, 0, "nothing before he said yes");
    // Nobody says yes for him: neither another site, nor a page that saw something else.
    let foreign = browser.send(&format!("{at}/link"), &[("step", "link.0"), ("answer", "yes")]).await;
    foreign.page();
    assert_eq!(identities(app).await, 0);
    let (_, page) = browser.open(&at).await.page();
    let (_, page) = answer(&browser, &at, &page, "yes").await.page();
    assert!(page.text().contains("The provider is linked"), "{page}");
    let ben = app.again(&ben).await;
    let all = app.by(&ben).get("/api/user/identities").await.ok();
    assert_eq!((&all[0]["provider"], &all[0]["email"]), (&json!("okta"), &json!("benjamin@elsewhere.example")));
    // From then on the provider's word will do, and gives nothing beyond that organization.
    let id = scene.read(app, scene.come(app, &Browser::new(app), claims()).await).await;
    assert_eq!(text(&id["sub"]), format!("auth0|{}", ben.id.trim_start_matches("usr_")));
    assert_eq!(id["email"], "ben@example.com");
    let owner = app.again(&scene.owner).await;
    let log = app.by(&owner).get(&scene.org.at("audit-log")).await.ok().to_string();
    assert!(log.contains("user.identity_linked"), "{log}");
    // It is over, and another one is not begun.
    let (_, page) = browser.open(&at).await.page();
    assert_eq!(page.status, 400, "{page}");
    app.by(&ben).post_empty("/api/user/identities/okta/link").await.refused_as(400, "BAD_REQUEST", "identity_taken");
});

both!(t25_it_takes_a_recent_sign_in_of_ones_own, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    let path = begin(app, &ben).await;
    let browser = Browser::new(app);
    let (at, page) = arrive(&browser, &path).await;
    let (_, named) = go(&scene, app, &browser, (&at, &page), &claims()).await;
    // Eleven minutes later whoever sits there shows again who they are, and nothing was linked by that alone.
    app.advance(TimeDelta::minutes(11));
    let (_, page) = answer(&browser, &at, &named, "yes").await.page();
    assert!(page.text().contains("current-password") && identities(app).await == 0, "{page}");
    let (_, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert_eq!(identities(app).await, 0);
    let (_, named) = go(&scene, app, &browser, (&at, &page), &claims()).await;
    answer(&browser, &at, &named, "yes").await.page();
    assert_eq!(identities(app).await, 1);

    // A token that lies about begins nothing, nor does one that is an organization's word only, nor a stranger's.
    let stale = app.by(&app.again(&ben).await).post("/api/auth/refresh", json!({"refresh_token": ben.refresh})).await;
    assert!(stale.status == 200 || stale.status == 401, "{stale}");
    let carl = app.sign_up("carl@example.com").await;
    app.by(&carl).post_empty("/api/user/identities/okta/link").await.expect(404);
    app.by(&carl).post_empty(&format!("/api/user/identities/{}/link", scene.connection)).await.expect(404);
    app.advance(TimeDelta::minutes(16));
    let renewed = app.client().post("/api/auth/refresh", json!({"refresh_token": carl.refresh})).await.ok();
    let token = text(&renewed["access_token"]);
    let refused = app.client().bearer(&token).post_empty("/api/user/identities/okta/link").await;
    refused.refused_as(403, "FORBIDDEN", "recent_sign_in_required");
});

both!(t25_nobody_links_anothers_identity_by_sending_them_an_address, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let mallory = app.member(&scene.owner, "acme", "mallory@example.com", "member").await;
    app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    // Ben is signed in in his browser, and opens what Mallory sent.
    let browser = Browser::new(app);
    browser.sign_in(&scene.party.ask(&[("organization", "acme")]).path, "ben@example.com", PASSWORD).await.away();
    app.advance(TimeDelta::seconds(1));
    let (at, page) = browser.open(&begin(app, &mallory).await).await.page();
    assert!(page.text().contains("mallory@example.com") && page.text().contains("current-password"), "{page}");
    // As himself he comes no further, however he signs in.
    app.advance(TimeDelta::seconds(1));
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ben@example.com")]).await.page();
    let (_, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert!(page.status == 403 && page.text().contains("somebody else"), "{page}");
    browser.send(&format!("{at}/link"), &[("step", "link.1"), ("answer", "go")]).await.page();
    assert_eq!(scene.provider.asked("/token"), 0);
    // Another browser than the first has no part in it.
    let path = begin(app, &mallory).await;
    Browser::new(app).open(&path).await.page();
    let (_, page) = browser.open(&path).await.page();
    assert_eq!(page.status, 400, "{page}");
    assert_eq!(identities(app).await, 0);
});

both!(an_identity_that_is_another_accounts_stays_theirs, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    let browser = Browser::new(app);
    let (at, page) = arrive(&browser, &begin(app, &ben).await).await;
    let (at, page) = go(&scene, app, &browser, (&at, &page), &bea()).await;
    assert!(page.text().contains("linked with another account") && page.text().contains("att_"), "{page}");
    assert_eq!(scene.attempt(app).await["reason"], "identity_taken");
    // He may go there again as himself, or leave it.
    let (at, page) = go(&scene, app, &browser, (&at, &page), &claims()).await;
    let (_, page) = answer(&browser, &at, &page, "no").await.page();
    assert!(page.text().contains("Nothing was linked"), "{page}");
    assert_eq!(identities(app).await, 1);
});

both!(t26_whose_access_was_removed_is_not_linked_by_others, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let kim = app.member(&scene.owner, "acme", "kim@acme.example", "member").await;
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).delete(&scene.org.at(&format!("members/{}", kim.id))).await;
    let browser = Browser::new(app);
    let (at, page) = arrive(&browser, &begin(app, &ben).await).await;
    go(&scene, app, &browser, (&at, &page), &json!({"sub": "kim", "email": "kim@acme.example"})).await;
    assert_eq!(scene.attempt(app).await["reason"], "access_removed");
    // Who is removed in between links nothing.
    let (at, page) = browser.open(&at).await.page();
    let (at, page) = go(&scene, app, &browser, (&at, &page), &claims()).await;
    app.by(&owner).delete(&scene.org.at(&format!("members/{}", ben.id))).await;
    let (_, page) = answer(&browser, &at, &page, "yes").await.page();
    assert!(page.status == 403 && identities(app).await == 0, "{page}");
    app.by(&app.again(&ben).await).post_empty("/api/user/identities/okta/link").await.expect(404);
});

both!(t09_a_connection_that_is_switched_off_is_linked_with_nothing, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    let browser = Browser::new(app);
    let (at, page) = arrive(&browser, &begin(app, &ben).await).await;
    let (at, page) = go(&scene, app, &browser, (&at, &page), &claims()).await;
    app.execute("update connections set generation = generation + 1").await;
    let (_, page) = answer(&browser, &at, &page, "yes").await.page();
    assert!(page.text().contains("link.") && identities(app).await == 0, "{page}");
    let owner = app.again(&scene.owner).await;
    let path = scene.org.at(&format!("upstream-providers/{}", scene.connection));
    app.by(&owner).patch(&path, json!({"enabled": false})).await.ok();
    let (_, page) = browser.open(&at).await.page();
    assert_eq!(page.status, 400, "{page}");
    app.by(&app.again(&ben).await).post_empty("/api/user/identities/okta/link").await.expect(404);
});

both!(an_account_of_the_organizations_own_links_what_it_is_asked_for_there, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let email = "dora@example.com";
    let (id, _) = app.invite(&scene.owner, "acme", email, "member").await;
    app.by(&scene.owner).post_empty(&scene.org.at(&format!("invitations/{id}/accept"))).await.done();
    app.client().post("/api/auth/forgot-password", json!({"email": email, "org_slug": "acme"})).await.ok();
    app.worker().await;
    let token = app.mailed_token(email, "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": PASSWORD})).await.ok();
    let login = json!({"email": email, "password": PASSWORD, "org_slug": "acme"});
    let tokens = app.client().post("/api/auth/login", login).await.ok();
    let dora = app.client().bearer(&text(&tokens["access_token"]));
    let sub = text(&dora.get("/api/user").await.ok()["id"]);
    let made = dora.post_empty("/api/user/identities/okta/link").await.ok();
    let url: url::Url = text(&made["authorization_url"]).parse().expect("an address");
    let path = url.path().to_owned();
    let browser = Browser::new(app);
    let (at, page) = arrive(&browser, &path).await;
    let (at, page) = go(&scene, app, &browser, (&at, &page), &claims()).await;
    answer(&browser, &at, &page, "yes").await.page();
    let id = scene.read(app, scene.come(app, &Browser::new(app), claims()).await).await;
    assert_eq!(text(&id["sub"]), format!("auth0|{}", sub.trim_start_matches("usr_")));
});

both!(our_own_pages_are_no_client_that_anybody_names, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    begin(app, &ben).await;
    let root = app.platform_owner().await;
    let all = app.by(&root).get("/api/platform/clients").await.ok();
    assert!(!all.to_string().contains("our pages"), "{all}");
    let (_, page) = Browser::new(app).open("/authorize?client_id=our%20pages&response_type=code").await.page();
    assert_eq!(page.status, 400, "{page}");
});

both!(of_many_who_want_one_identity_one_gets_it, async |app| {
    let crowd = 50;
    let scene = Scene::set(app, json!({})).await;
    app.execute("update organizations set max_users = 100").await;
    let mut ready = Vec::new();
    for n in 0..crowd {
        let who = app.member(&scene.owner, "acme", &format!("p{n}@example.com"), "member").await;
        let browser = Browser::new(app);
        let (at, page) = arrive(&browser, &begin(app, &who).await).await;
        let (at, page) = go(&scene, app, &browser, (&at, &page), &claims()).await;
        ready.push((browser, at, page));
    }
    let all = join_all(ready.iter().map(|(browser, at, page)| answer(browser, at, page, "yes"))).await;
    let linked = all
        .into_iter()
        .filter(|landed| matches!(landed, Landed::Page(_, page) if page.text().contains("The provider is linked")))
        .count();
    assert_eq!((linked, identities(app).await), (1, 1));
    assert_eq!(app.count("select count(*) from events where name = 'user.identity_linked'").await, 1);
});
