//! Whether somebody enters whom a provider named: the organization's policy, at every use.

use serde_json::json;
use tenantry_tests::{Browser, PASSWORD, both, text};

use super::{
    super::{factors::enrol, flows::code_on_page},
    Scene, bea,
};

both!(t09_a_connection_that_is_switched_off_lets_nobody_in, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let path = scene.org.at(&format!("upstream-providers/{}", scene.connection));
    let signed_in = Browser::new(app);
    scene.read(app, scene.come(app, &signed_in, bea()).await).await;
    // Somebody is on the way, and somebody has the page open.
    let (away, at_page) = (Browser::new(app), Browser::new(app));
    let (_, landed) = scene.leave(&away).await;
    let arrived = scene.provider.receives(landed);
    let (_, page) = scene.begin(&at_page).await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&path, json!({"enabled": false})).await.ok();
    let (_, shown) = away.open(&scene.provider.answers(&arrived, app.now(), &bea())).await.page();
    assert!(!shown.text().contains("Acme Okta") || shown.text().contains("att_"), "{shown}");
    assert_eq!(scene.attempt(app).await["reason"], "connection_disabled");
    let (at, shown) = at_page.send(&page, &[("step", "connection"), ("connection", "okta")]).await.page();
    assert!(at.starts_with("/signin/") && !shown.text().contains("Acme Okta"), "{shown}");
    // What it said counts no more.
    let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    assert_eq!(signed_in.open(&asked.path).await.away()["error"], "login_required");
    let named = scene.party.ask(&[("organization", "acme"), ("connection", "okta")]);
    assert_eq!(Browser::new(app).open(&named.path).await.away()["error"], "invalid_request");
    // Switched on again it counts as before; but not for who was sent before it was changed.
    app.by(&owner).patch(&path, json!({"enabled": true})).await.ok();
    let late = Browser::new(app);
    let (_, landed) = scene.leave(&late).await;
    let arrived = scene.provider.receives(landed);
    app.execute("update connections set generation = generation + 1").await;
    late.open(&scene.provider.answers(&arrived, app.now(), &bea())).await.page();
    assert_eq!(scene.attempt(app).await["reason"], "connection_changed");
    app.execute("update connections set generation = generation - 1").await;
    app.by(&owner).patch(&path, json!({"enabled": true})).await.ok();
    assert!(signed_in.open(&asked.path).await.away().contains_key("code"));
    app.by(&owner).delete(&path).await;
    assert_eq!(signed_in.open(&asked.path).await.away()["error"], "login_required");
});

both!(a_second_factor_is_asked_for_where_the_policy_wants_one, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&scene.org.at("sign-in/policy"), json!({"mfa": "required"})).await.ok();
    let browser = Browser::new(app);
    let (asked, landed) = scene.come(app, &browser, bea()).await;
    let (at, page) = landed.page();
    assert!(page.text().contains("one-time-code"), "{page}");
    assert!(browser.cookie("tn_session").is_none(), "nobody is in yet");
    app.worker().await;
    let code = app.mailed_code("bea@acme.example");
    let id = scene.read(app, (asked, browser.send(&at, &[("step", "second_factor"), ("code", &code)]).await)).await;
    assert_eq!((&id["acr"], &id["email"]), (&json!("2"), &json!("bea@acme.example")));
});

both!(who_came_through_a_provider_sets_a_second_factor_up_if_the_account_is_its_organizations, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let ben = app.member(&scene.owner, "acme", "ben@acme.example", "member").await;
    scene.route(app, "acme.example").await;
    let owner = app.again(&scene.owner).await;
    enrol(app, &owner).await;
    let policy =
        json!({"sso": "required", "break_glass": [scene.owner.id], "mfa": "required", "methods": ["password", "passkey"]});
    app.by(&owner).patch(&scene.org.at("sign-in/policy"), policy).await.ok();
    let browser = Browser::new(app);
    let (asked, landed) = scene.come(app, &browser, bea()).await;
    let (at, page) = landed.page();
    assert!(page.text().contains("one-time-code"), "{page}");
    app.worker().await;
    let mailed = app.mailed_code("bea@acme.example");
    let (at, page) = browser.send(&at, &[("step", "second_factor"), ("code", &mailed)]).await.page();
    assert!(page.text().contains("value=\"app\""), "{page}");
    let (_, page) = browser.send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    let code = code_on_page(app, &page.text());
    let (at, page) = browser.send(&at, &[("step", "enrol_code"), ("code", &code)]).await.page();
    assert!(page.text().contains("Save your recovery codes"), "{page}");
    let id = scene.read(app, (asked, browser.open(&at).await)).await;
    assert_eq!(
        (&id["acr"], &id["email"]),
        (&json!("2"), &json!("bea@acme.example")),
        "their own factor confirms the provider's word"
    );
    // A platform account is not the organization's: what its provider says adds nothing to it.
    let claims = json!({"sub": "ben", "email": "ben@acme.example", "email_verified": true});
    let browser = Browser::new(app);
    let (at, _) = scene.come(app, &browser, claims).await.1.page();
    app.worker().await;
    let mailed = app.mailed_code("ben@acme.example");
    let (at, page) = browser.send(&at, &[("step", "second_factor"), ("code", &mailed)]).await.page();
    assert_eq!(page.status, 403, "{page}");
    assert!(page.text().contains("A second step is missing"), "{page}");
    browser.send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    assert_eq!(app.count("select count(*) from totp").await, 2, "the owner's, and the one of before: {}", ben.id);
});

both!(an_organization_may_want_everybody_through_its_provider, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let ben = app.member(&scene.owner, "acme", "ben@acme.example", "member").await;
    let policy = scene.org.at("sign-in/policy");
    let owner = app.again(&scene.owner).await;
    // Somebody has to be able to come without, for the day it is away.
    app.by(&owner).patch(&policy, json!({"sso": "required"})).await.refused(400, "BAD_REQUEST");
    enrol(app, &owner).await;
    app.by(&owner).patch(&policy, json!({"sso": "required", "break_glass": [ben.id]})).await.refused(400, "BAD_REQUEST");
    let changed = app.by(&owner).patch(&policy, json!({"sso": "required", "break_glass": [scene.owner.id]})).await.ok();
    assert_eq!((&changed["sso"], &changed["break_glass"]), (&json!("required"), &json!([scene.owner.id])));
    // A right password leads to the provider; a wrong one says nothing.
    let browser = Browser::new(app);
    let (asked, at) = scene.begin(&browser).await;
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ben@acme.example")]).await.page();
    let (at, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert!(page.text().contains("own identity provider only") && !page.text().contains("current-password"), "{page}");
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let claims = json!({"sub": "ben", "email": "ben@acme.example", "email_verified": true});
    let (at, page) = scene.provider.signs_in(&browser, landed, app.now(), &claims).await.page();
    assert!(page.text().contains("current-password"), "{page}");
    let id = scene.read(app, (asked, browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await)).await;
    assert_eq!(text(&id["sub"]), format!("auth0|{}", ben.id.trim_start_matches("usr_")));
    // At our own API it is the same.
    let refused = app
        .client()
        .post("/api/auth/login", json!({"email": "ben@acme.example", "password": PASSWORD, "org_slug": "acme"}))
        .await;
    let refused = refused.expect(403).json();
    assert_eq!(refused["step_up"]["connections"], json!(["okta"]), "{refused}");
});

both!(a_domain_whose_people_come_one_way_only, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let ben = app.member(&scene.owner, "acme", "ben@acme.example", "member").await;
    scene.route(app, "acme.example").await;
    app.execute("update domains set login_policy = 'upstream_only'").await;
    let login = json!({"email": "ben@acme.example", "password": PASSWORD, "org_slug": "acme"});
    let refused = app.client().post("/api/auth/login", login).await.expect(403).json();
    assert_eq!(
        (&refused["code"], &refused["step_up"]["connections"]),
        (&json!("step_up_required"), &json!(["okta"])),
        "{refused}"
    );
    // It shuts nobody out of anything else.
    app.client().post("/api/auth/login", json!({"email": "ben@acme.example", "password": PASSWORD})).await.ok();
    // Proven and holding nothing, they are linked at once.
    let claims = json!({"sub": "ben", "email": "ben@acme.example", "email_verified": true});
    let id = scene.read(app, scene.come(app, &Browser::new(app), claims).await).await;
    assert_eq!(text(&id["sub"]), format!("auth0|{}", ben.id.trim_start_matches("usr_")));
});

both!(a_platform_account_that_came_through_one_organizations_provider_is_confined, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let ben = app.member(&scene.owner, "acme", "ben@acme.example", "member").await;
    app.create_org(&ben, "bens").await;
    scene.route(app, "acme.example").await;
    let browser = Browser::new(app);
    let claims = json!({"sub": "ben", "email": "ben@acme.example", "email_verified": true});
    scene.read(app, scene.come(app, &browser, claims).await).await;
    // At Ben's own organization the session is worth nothing: acme's administrators could have made it.
    let back = browser.open(&scene.party.ask(&[("organization", "bens"), ("prompt", "none")]).path).await.away();
    assert_eq!(back["error"], "login_required");
    let (_, page) = browser.open(&scene.party.ask(&[("organization", "bens")]).path).await.page();
    assert!(page.text().contains("name=\"email\""), "{page}");
});

both!(t14_what_was_done_at_another_organization_says_nothing_here, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let ben = app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    // Ben's own organization has a provider that says what Ben likes.
    let own = app.create_org(&ben, "bens").await;
    let provider = tenantry_tests::OpenIdProvider::start().await;
    app.by(&ben).post(&own.at("upstream-providers"), provider.connection(json!({}))).await.ok();
    let browser = Browser::new(app);
    let asked = scene.party.ask(&[("organization", "acme")]);
    scene.read(app, (asked.clone(), browser.sign_in(&asked.path, "ben@example.com", PASSWORD).await)).await;
    app.advance(chrono::TimeDelta::seconds(100));
    let asked = scene.party.ask(&[("organization", "bens"), ("prompt", "login")]);
    let (at, _) = browser.open(&asked.path).await.page();
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let claims = json!({"sub": "b", "email": "ben@example.com", "amr": ["mfa"], "auth_time": app.now().timestamp()});
    let (at, _) = provider.signs_in(&browser, landed, app.now(), &claims).await.page();
    browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await.away();
    app.advance(chrono::TimeDelta::seconds(100));
    let (at, _) = browser.open(&asked.path).await.page();
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let mut claims = claims;
    claims["auth_time"] = json!(app.now().timestamp());
    provider.signs_in(&browser, landed, app.now(), &claims).await.away();
    // At acme the password is a hundred seconds old, and there was one factor.
    let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    let id = scene.read(app, (asked.clone(), browser.open(&asked.path).await)).await;
    let password = app.now().timestamp() - 100;
    assert_eq!((&id["acr"], &id["amr"], &id["auth_time"]), (&json!("1"), &json!(["pwd"]), &json!(password)), "{id}");
    let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none"), ("max_age", "50")]);
    assert_eq!(browser.open(&asked.path).await.away()["error"], "login_required");
});

both!(an_applications_wish_ends_nobodys_session, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    app.member(&scene.owner, "acme", "ben@example.com", "member").await;
    let browser = Browser::new(app);
    let asked = scene.party.ask(&[("organization", "acme")]);
    browser.sign_in(&asked.path, "ben@example.com", PASSWORD).await.away();
    let session = browser.cookie("tn_session");
    app.advance(chrono::TimeDelta::seconds(1));
    let asked = scene.party.ask(&[("organization", "acme"), ("connection", "okta"), ("prompt", "login")]);
    let (_, page) = browser.open(&asked.path).await.page();
    assert!(page.text().contains("Acme Okta"), "a button, and no redirect: {page}");
    assert_eq!(browser.cookie("tn_session"), session);
});

both!(a_fresh_sign_in_is_asked_of_the_provider, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).patch(&scene.org.at("sign-in/policy"), json!({"max_age_seconds": 900})).await.ok();
    for (age, fine) in [(432_000, false), (0, true)] {
        let browser = Browser::new(app);
        let (asked, landed) = scene.leave(&browser).await;
        let arrived = scene.provider.receives(landed);
        assert_eq!((arrived.parameters["prompt"].as_str(), arrived.parameters["max_age"].as_str()), ("login", "0"));
        let mut claims = bea();
        claims["auth_time"] = json!(app.now().timestamp() - age);
        let landed = browser.open(&scene.provider.answers(&arrived, app.now(), &claims)).await;
        match fine {
            true => drop(scene.read(app, (asked, landed)).await),
            false => {
                landed.page();
                assert_eq!(scene.attempt(app).await["reason"], "not_fresh");
            }
        }
    }
});
