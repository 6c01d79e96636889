//! Who somebody is here whom a provider names.

use serde_json::json;
use tenantry_tests::{Browser, PASSWORD, both, text};

use super::{Scene, bea};
use crate::identity::factors::enrol;

both!(nobody_is_made_where_nobody_joins, async |app| {
    let scene = Scene::set(app, json!({"jit": false})).await;
    let (_, landed) = scene.come(app, &Browser::new(app), bea()).await;
    let (_, page) = landed.page();
    assert!(page.text().contains("invitation"), "{page}");
    assert_eq!(scene.attempt(app).await["reason"], "no_account");
    // An invitation is enough where the address is proven: the domain is the organization's own, and led here.
    scene.route(app, "acme.example").await;
    let owner = app.again(&scene.owner).await;
    app.by(&owner).post(&scene.org.at("invitations"), json!({"email": "bea@acme.example", "role": "admin"})).await.ok();
    let unproven = json!({"sub": "00u1", "email": "bea@acme.example"});
    scene.come(app, &Browser::new(app), unproven).await.1.page();
    assert_eq!(scene.attempt(app).await["reason"], "no_account");
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    let members = app.by(&owner).get(&scene.org.at("members")).await.ok();
    let bea = members["members"].as_array().expect("a list").iter().find(|one| one["user"]["email"] == "bea@acme.example");
    assert_eq!(bea.expect("a member")["membership"]["role"], "admin");
});

both!(t24_a_member_proves_that_the_account_is_theirs, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let ben = app.member(&scene.owner, "acme", "ben@acme.example", "admin").await;
    let claims = json!({"sub": "00u2", "email": "ben@acme.example", "email_verified": true});
    let browser = Browser::new(app);
    let (asked, landed) = scene.come(app, &browser, claims.clone()).await;
    let (at, page) = landed.page();
    assert!(page.text().contains("Acme Okta") && page.text().contains("ben@acme.example"), "{page}");
    assert!(browser.cookie("tn_session").is_none(), "nobody is in yet");
    // Another's password does not do, nor does going away and coming back.
    let (_, page) = browser.send(&at, &[("step", "prove"), ("password", "not the password")]).await.page();
    assert!(page.status == 422 && page.text().contains("Acme Okta"), "{page}");
    let (_, page) = browser.open(&at).await.page();
    assert!(page.text().contains("Acme Okta"), "{page}");
    let id = scene.read(app, (asked, browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await)).await;
    assert_eq!(id["email"], "ben@acme.example");
    assert_eq!(id["amr"], json!(["pwd", "fed"]));
    // From then on the provider's word will do.
    let id = scene.read(app, scene.come(app, &Browser::new(app), claims).await).await;
    assert_eq!(text(&id["sub"]), format!("auth0|{}", ben.id.trim_start_matches("usr_")));
    // What was said of somebody else's account is no use to whoever has another.
    let browser = Browser::new(app);
    let owner = json!({"sub": "00u3", "email": "ann@example.com", "email_verified": true});
    let (_, landed) = scene.come(app, &browser, owner).await;
    let (at, _) = landed.page();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ben@acme.example")]).await.page();
    browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
    let owner = app.again(&scene.owner).await;
    let path = scene.org.at(&format!("upstream-providers/{}/identities", scene.connection));
    let all = app.by(&owner).get(&path).await.ok();
    assert_eq!(all["identities"].as_array().expect("a list").len(), 1, "{all}");
});

both!(t24_a_mailed_code_proves_it_too, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    app.member(&scene.owner, "acme", "ben@acme.example", "admin").await;
    let claims = json!({"sub": "00u2", "email": "ben@acme.example", "email_verified": true});
    let browser = Browser::new(app);
    let (asked, landed) = scene.come(app, &browser, claims.clone()).await;
    let (at, page) = landed.page();
    assert!(page.text().contains("ask_mail"), "{page}");
    let (_, page) = browser.send(&at, &[("step", "ask_mail")]).await.page();
    assert!(page.text().contains("one-time-code"), "{page}");
    app.worker().await;
    let (_, page) = browser.send(&at, &[("step", "leave_mail")]).await.page();
    assert!(page.text().contains("Acme Okta"), "the provider's word still waits: {page}");
    browser.send(&at, &[("step", "ask_mail")]).await.page();
    app.worker().await;
    let code = app.mailed_sign_in_code("ben@acme.example");
    let id = scene.read(app, (asked, browser.send(&at, &[("step", "mail_code"), ("code", &code)]).await)).await;
    assert_eq!((&id["email"], &id["amr"]), (&json!("ben@acme.example"), &json!(["otp", "fed"])));
    scene.read(app, scene.come(app, &Browser::new(app), claims).await).await;
});

both!(who_only_came_through_a_provider_is_let_in_by_no_mail, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&scene.party.ask(&[("organization", "acme")]).path).await.page();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "bea@acme.example")]).await.page();
    let (_, page) = browser.send(&at, &[("step", "ask_mail")]).await.page();
    assert!(page.text().contains("one-time-code"), "{page}");
    app.worker().await;
    assert!(app.mails_to("bea@acme.example").is_empty());
    // Where its provider alone counts, no mail is offered to anybody.
    let owner = app.again(&scene.owner).await;
    enrol(app, &owner).await;
    let strict = json!({"sso": "required", "break_glass": [owner.id]});
    app.by(&owner).patch(&scene.org.at("sign-in/policy"), strict).await.ok();
    let (at, _) = browser.open(&scene.party.ask(&[("organization", "acme")]).path).await.page();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    let (_, page) = browser.send(&at, &[("step", "ask_mail")]).await.page();
    assert!(!page.text().contains("ask_mail") && !page.text().contains("one-time-code"), "{page}");
});

both!(t08_a_connection_speaks_about_its_own_people_only, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    // Carl has an account, and is no member of acme: its provider may say what it likes.
    let carl = app.sign_up("carl@example.com").await;
    app.create_org(&carl, "other").await;
    let claims = json!({"sub": "c", "email": "carl@example.com", "email_verified": true});
    let browser = Browser::new(app);
    let id = scene.read(app, scene.come(app, &browser, claims).await).await;
    assert_ne!(text(&id["sub"]), format!("auth0|{}", carl.id.trim_start_matches("usr_")), "an account of acme's own was made");
    assert_eq!(id["email_verified"], false);
    // And it opens nothing of Carl's.
    let back = browser.open(&scene.party.ask(&[("organization", "other"), ("prompt", "none")]).path).await.away();
    assert_eq!(back["error"], "login_required");
    // Two organizations at one provider, with one subject, are two people.
    let dora = app.sign_up("dora@example.com").await;
    let second = app.create_org(&dora, "second").await;
    app.by(&dora).post(&second.at("upstream-providers"), scene.provider.connection(json!({"jit": true}))).await.ok();
    let browser = Browser::new(app);
    let asked = scene.party.ask(&[("organization", "second")]);
    let (at, _) = browser.open(&asked.path).await.page();
    let landed = browser.send(&at, &[("step", "connection"), ("connection", "okta")]).await;
    let claims = json!({"sub": "c", "email": "carl@example.com", "email_verified": true});
    let other = scene.read(app, (asked, scene.provider.signs_in(&browser, landed, app.now(), &claims).await)).await;
    assert_ne!(other["sub"], id["sub"]);
});

both!(t26_who_was_removed_does_not_come_back_by_themselves, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let browser = Browser::new(app);
    let id = scene.read(app, scene.come(app, &browser, bea()).await).await;
    let user = format!("usr_{}", text(&id["sub"]).trim_start_matches("auth0|"));
    let owner = app.again(&scene.owner).await;
    app.by(&owner).delete(&scene.org.at(&format!("members/{user}"))).await;
    let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    assert_eq!(browser.open(&asked.path).await.away()["error"], "login_required", "the session ended");
    for claims in [bea(), json!({"sub": "another", "email": "bea@acme.example", "email_verified": true})] {
        scene.come(app, &Browser::new(app), claims).await.1.page();
        assert_eq!(scene.attempt(app).await["reason"], "access_removed");
    }
    // Unlinking clears nothing: an invitation does.
    let path = scene.org.at(&format!("upstream-providers/{}/identities", scene.connection));
    assert_eq!(app.by(&owner).get(&path).await.ok()["identities"][0]["blocked"], true);
    app.by(&owner).delete(&format!("{path}/{user}")).await;
    scene.come(app, &Browser::new(app), bea()).await.1.page();
    assert_eq!(scene.attempt(app).await["reason"], "access_removed");
    scene.route(app, "acme.example").await;
    app.by(&owner).post(&scene.org.at("invitations"), json!({"email": "bea@acme.example", "role": "member"})).await.ok();
    let again = scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    assert_eq!(again["sub"], id["sub"]);
    // A platform account that never had an identity there is remembered as well.
    let kim = app.member(&scene.owner, "acme", "kim@acme.example", "admin").await;
    app.by(&owner).delete(&scene.org.at(&format!("members/{}", kim.id))).await;
    let claims = json!({"sub": "kim", "email": "kim@acme.example", "email_verified": true});
    scene.come(app, &Browser::new(app), claims).await.1.page();
    assert_eq!(scene.attempt(app).await["reason"], "access_removed");
});

both!(the_last_seat_is_the_last, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    app.execute("update organizations set max_users = 2 where slug = 'acme'").await;
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    let browser = Browser::new(app);
    let (_, page) = scene.come(app, &browser, json!({"sub": "x", "email": "x@acme.example"})).await.1.page();
    assert!(page.text().contains("no place left"), "{page}");
    assert_eq!(scene.attempt(app).await["reason"], "seat_limit");
    assert!(browser.cookie("tn_session").is_none());
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
});

both!(t20_whoever_changes_a_connection_does_not_become_who_holds_more, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    // The owner is linked.
    let claims = json!({"sub": "boss", "email": "ann@example.com", "email_verified": true});
    let browser = Browser::new(app);
    let (at, _) = scene.come(app, &browser, claims.clone()).await.1.page();
    browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await.away();
    scene.read(app, scene.come(app, &Browser::new(app), claims.clone()).await).await;
    let ben = app.member(&scene.owner, "acme", "ben@acme.example", "admin").await;
    let path = scene.org.at(&format!("upstream-providers/{}", scene.connection));
    let changed = app.by(&ben).patch(&path, json!({"attribute_mapping": {"subject": "sub"}})).await.ok();
    assert_eq!(changed["generation"], 2, "{changed}");
    // What came through the generation before counts no more, and whoever holds more has to prove it.
    let asked = scene.party.ask(&[("organization", "acme"), ("prompt", "none")]);
    let (_, landed) = scene.come(app, &Browser::new(app), claims.clone()).await;
    let (_, page) = landed.page();
    assert!(page.text().contains("current-password") && page.text().contains("Acme Okta"), "{page}");
    assert_eq!(scene.attempt(app).await["outcome"], "waits");
    drop(asked);
});

both!(t22_who_is_removed_while_they_prove_an_account_proves_nothing, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    let kim = app.member(&scene.owner, "acme", "kim@acme.example", "admin").await;
    let browser = Browser::new(app);
    let claims = json!({"sub": "kim", "email": "kim@acme.example", "email_verified": true});
    let (at, page) = scene.come(app, &browser, claims.clone()).await.1.page();
    assert!(page.text().contains("Acme Okta"), "{page}");
    let owner = app.again(&scene.owner).await;
    app.by(&owner).delete(&scene.org.at(&format!("members/{}", kim.id))).await;
    browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await;
    let path = scene.org.at(&format!("upstream-providers/{}/identities", scene.connection));
    assert_eq!(app.by(&owner).get(&path).await.ok()["identities"], json!([]));
    scene.come(app, &Browser::new(app), claims).await.1.page();
    assert_eq!(scene.attempt(app).await["reason"], "access_removed");
});

both!(t20_an_invitation_is_answered_by_a_provider_of_somebody_who_could_give_as_much, async |app| {
    let scene = Scene::set(app, json!({"jit": false})).await;
    scene.route(app, "acme.example").await;
    let owner = app.again(&scene.owner).await;
    let role = json!({"slug": "integrator", "name": "Integrator", "permissions": ["integrations.manage"]});
    app.by(&owner).post(&scene.org.at("roles"), role).await.ok();
    let ivan = app.member(&scene.owner, "acme", "ivan@acme.example", "integrator").await;
    app.by(&owner).post(&scene.org.at("invitations"), json!({"email": "bea@acme.example", "role": "admin"})).await.ok();
    let path = scene.org.at(&format!("upstream-providers/{}", scene.connection));
    app.by(&ivan).patch(&path, json!({"attribute_mapping": {"subject": "sub"}})).await.ok();
    scene.come(app, &Browser::new(app), bea()).await.1.page();
    assert_eq!(scene.attempt(app).await["reason"], "no_account");
});

both!(t23_a_guest_who_claims_an_address_is_not_told_to_applications_as_its_owner, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.route(app, "acme.example").await;
    let guest = json!({"sub": "guest", "email": "ceo@acme.example", "email_verified": false});
    let id = scene.read(app, scene.come(app, &Browser::new(app), guest).await).await;
    assert_eq!((&id["email"], &id["email_verified"]), (&json!("ceo@acme.example"), &json!(false)));
    let id = scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    assert_eq!(id["email_verified"], true);
});

both!(who_came_through_a_provider_gets_no_password_by_mail, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    scene.read(app, scene.come(app, &Browser::new(app), bea()).await).await;
    let forgotten = json!({"email": "bea@acme.example", "org_slug": "acme"});
    app.client().post("/api/auth/forgot-password", forgotten.clone()).await.ok();
    app.worker().await;
    assert!(app.mails_to("bea@acme.example").is_empty(), "who left there would come back here");
    // Where that provider is switched off, nothing else would be left.
    let owner = app.again(&scene.owner).await;
    let path = scene.org.at(&format!("upstream-providers/{}", scene.connection));
    app.by(&owner).patch(&path, json!({"enabled": false})).await.ok();
    app.client().post("/api/auth/forgot-password", forgotten).await.ok();
    app.worker().await;
    assert_eq!(app.mails_to("bea@acme.example").len(), 1);
});

both!(whose_password_does_not_count_any_more_sets_another_by_mail, async |app| {
    let scene = Scene::set(app, json!({"jit": true})).await;
    app.member(&scene.owner, "acme", "ben@acme.example", "member").await;
    let claims = json!({"sub": "00u2", "email": "ben@acme.example", "email_verified": true});
    let browser = Browser::new(app);
    let (at, _) = scene.come(app, &browser, claims).await.1.page();
    browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await.away();
    app.execute("update users set password_hash = null where email = 'ben@acme.example'").await;
    app.worker().await;
    let before = app.mails_to("ben@acme.example").len();
    app.client().post("/api/auth/forgot-password", json!({"email": "ben@acme.example"})).await.ok();
    app.worker().await;
    assert_eq!(app.mails_to("ben@acme.example").len(), before + 1, "the account is theirs, whoever knows it besides");
});
