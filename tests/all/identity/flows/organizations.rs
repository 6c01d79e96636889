//! Into which organization somebody signs in, and whether they may.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Browser, Database, Options, PASSWORD, RelyingParty, both, read_token, run, text};

use super::application;

both!(a_client_that_names_an_organization_gets_its_members_only, async |app| {
    let (_, party) = application(app, json!({"organization_usage": "require"})).await;
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    app.create_org(&ann, "other").await;
    let ben = app.member(&ann, "acme", "ben@example.com", "member").await;
    app.sign_up("eve@example.com").await;
    for named in ["acme", acme.id.as_str()] {
        let browser = Browser::new(app);
        let made = party.sign_in(app, &browser, &[("organization", named)], ("ben@example.com", PASSWORD)).await;
        let id = read_token(app, &made["id_token"], "JWT").await;
        assert_eq!(id["org_id"], json!(acme.id), "{named}");
        assert_eq!(read_token(app, &made["access_token"], "at+jwt").await["org_id"], json!(acme.id));
        // The other organization is not entered by who is no member.
        app.advance(TimeDelta::seconds(1));
        let (at, _) = browser.open(&party.ask(&[("organization", "other")]).path).await.page();
        assert!(at.starts_with("/signin/"), "somebody else may be");
        let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ben@example.com")]).await.page();
        let back = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
        assert_eq!((back["error"].as_str(), back["state"].as_str()), ("access_denied", "the state"));
    }
    let eve = Browser::new(app);
    let back = eve.sign_in(&party.ask(&[("organization", "acme")]).path, "eve@example.com", PASSWORD).await.away();
    assert_eq!(back["error"], "access_denied");
    for nonsense in ["nobody", "org_019ab2c3d4e57f008000000000000002", "org_00000000000000000000000000000000", "ACME"] {
        let back = Browser::new(app).open(&party.ask(&[("organization", nonsense)]).path).await.away();
        assert_eq!(back["error"], "invalid_request", "{nonsense}");
    }

    // Who is removed is out at once, with what the application kept.
    let browser = Browser::new(app);
    let made = party.sign_in(app, &browser, &[("organization", "acme")], ("ben@example.com", PASSWORD)).await;
    let refresh = text(&made["refresh_token"]);
    party.refresh(app, &refresh).await.ok();
    app.by(&ann).delete(&acme.at(&format!("members/{}", ben.id))).await;
    let refused = party.refresh(app, &refresh).await.expect(400);
    assert_eq!(refused.json()["error"], "invalid_grant", "{refused}");
    app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.expect(401);
});

both!(an_organization_is_chosen_where_one_is_needed, async |app| {
    let (_, party) = application(app, json!({"organization_usage": "require"})).await;
    let ann = app.sign_up("ann@example.com").await;
    app.sign_up("eve@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    app.create_org(&ann, "beta").await;
    let browser = Browser::new(app);
    let asked = party.ask(&[]);
    let (at, page) = browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await.page();
    assert!(page.text().contains("The acme company") && page.text().contains("The beta company"), "{page}");
    let (_, page) = browser.send(&at, &[("step", "organization"), ("organization", "nobody")]).await.page();
    assert!(page.text().contains("The beta company"), "{page}");
    let back = browser.send(&at, &[("step", "organization"), ("organization", "acme")]).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["org_id"], json!(acme.id));
    // The next sign-in asks again: two tabs may be in two organizations.
    let (_, page) = browser.open(&party.ask(&[]).path).await.page();
    assert!(page.text().contains("The beta company"), "{page}");
    let back = browser.open(&party.ask(&[("prompt", "none")]).path).await.away();
    assert_eq!(back["error"], "interaction_required");
    let (_, page) = Browser::new(app).sign_in(&party.ask(&[]).path, "eve@example.com", PASSWORD).await.page();
    assert!(!page.text().contains("The acme company"), "{page}");
});

both!(an_organizations_own_service_signs_its_members_in, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    app.create_org(&ann, "beta").await;
    app.sign_up("eve@example.com").await;
    let body =
        json!({"slug": "portal", "name": "Portal", "service_type": "web", "redirect_uris": ["https://portal.example.com/cb"]});
    let made = app.by(&ann).post(&acme.at("services"), body).await.ok();
    let party = RelyingParty {
        id: text(&made["service"]["id"]),
        client_id: text(&made["service"]["client_id"]),
        secret: Some(text(&made["service"]["client_secret"])),
        redirect_uri: "https://portal.example.com/cb".to_owned(),
    };
    let browser = Browser::new(app);
    let tokens = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let id = read_token(app, &tokens["id_token"], "JWT").await;
    assert_eq!((&id["org_id"], &id["aud"]), (&json!(acme.id), &json!(party.client_id)));
    assert!(browser.open(&party.ask(&[("organization", "acme")]).path).await.away().contains_key("code"));
    // An organization registers what it likes: nobody is sent there unasked before they signed in.
    let stranger = Browser::new(app);
    let (_, page) = stranger.open(&party.ask(&[("organization", "beta")]).path).await.page();
    assert!(page.text().contains("portal.example.com") && page.text().contains("error=invalid_request"), "{page}");
    let (_, page) = stranger.sign_in(&party.ask(&[]).path, "eve@example.com", PASSWORD).await.page();
    assert!(page.text().contains("error=access_denied"), "{page}");
});

both!(t23_an_organizations_word_proves_no_address, async |app| {
    let (_, party) = application(app, json!({})).await;
    let mallory = app.sign_up("mallory@example.com").await;
    let victim = app.sign_up("victim@example.com").await;
    app.create_org(&mallory, "evil").await;
    let (id, _) = app.invite(&mallory, "evil", "victim@example.com", "admin").await;
    app.by(&mallory).post_empty(&format!("/api/organizations/evil/invitations/{id}/accept")).await.done();
    app.client().post("/api/auth/forgot-password", json!({"email": "victim@example.com", "org_slug": "evil"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("victim@example.com", "reset-password");
    let theirs = "mallory's sentence";
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": theirs})).await.ok();
    let managed = party.sign_in(app, &Browser::new(app), &[("organization", "evil")], ("victim@example.com", theirs)).await;
    let claims = read_token(app, &managed["id_token"], "JWT").await;
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("victim@example.com"), &json!(false)));
    let own = party.sign_in(app, &Browser::new(app), &[], ("victim@example.com", PASSWORD)).await;
    let own = read_token(app, &own["id_token"], "JWT").await;
    assert_eq!(own["email_verified"], true);
    assert_ne!(own["sub"], claims["sub"], "two accounts, whatever their address: {}", victim.id);
    // Without the organization there is no such password.
    let browser = Browser::new(app);
    let (_, page) = browser.sign_in(&party.ask(&[]).path, "victim@example.com", theirs).await.page();
    assert_eq!(page.status, 422, "{page}");
});

both!(what_looks_like_an_id_is_one, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let eve = app.sign_up("eve@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let evil = app.create_org(&eve, "evil").await;
    app.by(&eve).post("/api/organizations", json!({"slug": acme.id, "name": "Evil"})).await.invalid(&["slug"]);
    // One that was called so before that was refused.
    app.execute(&format!("update organizations set slug = '{}' where slug = 'evil'", acme.id)).await;
    let named = [("organization", acme.id.as_str())];
    let back = Browser::new(app).sign_in(&party.ask(&named).path, "eve@example.com", PASSWORD).await.away();
    assert_eq!(back["error"], "access_denied");
    let made = party.sign_in(app, &Browser::new(app), &named, ("ann@example.com", PASSWORD)).await;
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["org_id"], json!(acme.id));
    assert_ne!(acme.id, evil.id);
});

both!(t14_what_confirmed_another_password_confirms_this_one_not, async |app| {
    let (root, party) = application(app, json!({})).await;
    let other = RelyingParty::register(&app.by(&root), json!({"name": "Other"})).await;
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    app.client().bearer(&acme.access).patch(&acme.at("sign-in/policy"), json!({"mfa": "required"})).await;
    let browser = Browser::new(app);
    let named = [("organization", "acme")];
    let (at, _) = browser.sign_in(&party.ask(&named).path, "ann@example.com", PASSWORD).await.page();
    app.worker().await;
    browser.send(&at, &[("step", "second_factor"), ("code", &app.mailed_code("ann@example.com"))]).await.away();
    assert!(browser.open(&party.ask(&named).path).await.away().contains_key("code"));
    // Hours later somebody at the open browser knows the password.
    app.advance(TimeDelta::hours(2));
    other.sign_in(app, &browser, &[("prompt", "login")], ("ann@example.com", PASSWORD)).await;
    let silent = [("organization", "acme"), ("prompt", "none")];
    assert_eq!(browser.open(&party.ask(&silent).path).await.away()["error"], "login_required");
});

#[test]
fn networks_are_those_that_people_come_from() {
    let behind = Options::default().set("server.trusted_proxies", "127.0.0.0/8");
    run(Database::Sqlite, behind, async |app| {
        let (root, party) = application(app, json!({})).await;
        let ann = app.sign_up("ann@example.com").await;
        let acme = app.create_org(&ann, "acme").await;
        let office = json!({"networks": ["203.0.113.0/24", "127.0.0.0/8"]});
        app.client().bearer(&acme.access).patch(&acme.at("sign-in/policy"), office).await.ok();
        let named = [("organization", "acme")];
        let browser = Browser::new(app);
        // At home first, without the organization; then at the office.
        browser.from("198.51.100.7");
        party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
        browser.from("203.0.113.7");
        let asked = party.ask(&named);
        let back = browser.open(&asked.path).await.away();
        let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
        party.refresh(app, &text(&made["refresh_token"])).await.ok();
        // Elsewhere the organization is not entered, with the same session.
        browser.from("198.51.100.7");
        let (_, page) = browser.open(&party.ask(&named).path).await.page();
        assert_eq!(page.status, 403, "{page}");
        let silent = [("organization", "acme"), ("prompt", "none")];
        assert_eq!(browser.open(&party.ask(&silent).path).await.away()["error"], "access_denied");
        // Whoever looks at a token is somewhere else, and says nothing of where the person is.
        let seen = party.form(app, "/oauth/introspect", &[("token", &text(&made["access_token"]))]).await.ok();
        assert_eq!(seen["active"], true);
        // Where nobody named the organization, another one may do.
        let chooser = RelyingParty::register(&app.by(&root), json!({"name": "Other", "organization_usage": "require"})).await;
        app.create_org(&ann, "beta").await;
        let asked = chooser.ask(&[]);
        let (at, page) = browser.open(&asked.path).await.page();
        assert!(page.text().contains("The acme company"), "{page}");
        let (_, page) = browser.send(&at, &[("step", "organization"), ("organization", "acme")]).await.page();
        assert_eq!(page.status, 403, "{page}");
        let back = browser.send(&at, &[("step", "organization"), ("organization", "beta")]).await.away();
        assert!(back.contains_key("code"));
    });
}

both!(an_organization_that_goes_in_the_middle_is_not_left_out, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let doomed = app.create_org(&ann, "doomed").await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&party.ask(&[("organization", "doomed")]).path).await.page();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    app.by(&ann).delete(&doomed.path).await;
    let (_, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert_eq!(page.status, 403, "{page}");
    assert_eq!(app.count("select count(*) from codes").await, 0);
});

both!(a_domain_shuts_nobody_out_of_another_organization, async |app| {
    let (_, party) = application(app, json!({"organization_usage": "require"})).await;
    let (ann, ben) = (app.sign_up("ann@corp.example").await, app.sign_up("ben@example.com").await);
    let (acme, corp) = (app.create_org(&ann, "acme").await, app.create_org(&ben, "corp").await);
    let cid = app.member(&ben, "corp", "cid@corp.example", "member").await;
    let claimed = app.by(&ben).post(&corp.at("domain-routes"), json!({"domain": "corp.example"})).await;
    assert!(claimed.status < 300, "{claimed}");
    app.execute("update domains set proof = 'dns', verified_at = created_at").await;
    // Whose address it is and who is a member is led there.
    let browser = Browser::new(app);
    let asked = party.ask(&[]);
    let (at, _) = browser.open(&asked.path).await.page();
    let (_, page) = browser.send(&at, &[("step", "identify"), ("email", &cid.email)]).await.page();
    assert!(page.text().contains("The corp company"), "{page}");
    let back = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["org_id"], json!(corp.id));
    // Who is none signs in all the same, and chooses.
    let browser = Browser::new(app);
    let asked = party.ask(&[]);
    let (at, page) = browser.sign_in(&asked.path, "ann@corp.example", PASSWORD).await.page();
    assert!(page.text().contains("The acme company"), "{page}");
    let back = browser.send(&at, &[("step", "organization"), ("organization", "acme")]).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["org_id"], json!(acme.id));
});

both!(an_organizations_own_account_is_for_that_organization, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let (id, _) = app.invite(&ann, "acme", "managed@example.com", "member").await;
    app.by(&ann).post_empty(&acme.at(&format!("invitations/{id}/accept"))).await.done();
    app.client().post("/api/auth/forgot-password", json!({"email": "managed@example.com", "org_slug": "acme"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("managed@example.com", "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": PASSWORD})).await.ok();
    let browser = Browser::new(app);
    let named = [("organization", "acme")];
    let made = party.sign_in(app, &browser, &named, ("managed@example.com", PASSWORD)).await;
    let user = app.rows("select user_id from grants where client_id is not null").await.len();
    assert_eq!(user, 1);
    assert_eq!(browser.open(&party.ask(&[("prompt", "none")]).path).await.away()["error"], "access_denied", "nowhere else");
    let members = app.by(&ann).get(&acme.at("members")).await.ok();
    let member = members["members"].as_array().unwrap().iter().find(|one| one["user"]["email"] == "managed@example.com").unwrap();
    app.by(&ann).delete(&acme.at(&format!("members/{}", text(&member["user"]["id"])))).await;
    assert_eq!(party.refresh(app, &text(&made["refresh_token"])).await.status, 400);
    assert_eq!(
        browser.open(&party.ask(&[("prompt", "none")]).path).await.away()["error"],
        "login_required",
        "its sessions have ended"
    );
});

both!(nobody_is_sent_unasked_where_an_organization_likes, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let body =
        json!({"slug": "portal", "name": "Portal", "service_type": "web", "redirect_uris": ["https://portal.example.com/cb"]});
    let made = app.by(&ann).post(&acme.at("services"), body).await.ok();
    let party = RelyingParty {
        id: text(&made["service"]["id"]),
        client_id: text(&made["service"]["client_id"]),
        secret: None,
        redirect_uri: "https://portal.example.com/cb".to_owned(),
    };
    let path = party.ask(&[("prompt", "none")]).path;
    let (_, page) = Browser::new(app).open(&path).await.page();
    assert!(page.text().contains("portal.example.com"), "{page}");
    let framed = app.client().request(reqwest::Method::GET, &path).header("sec-fetch-dest", "iframe").send().await;
    assert_eq!(framed.status, 302, "in a frame nobody is led anywhere: {framed}");
});
