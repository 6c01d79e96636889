//! Sign-ins in a browser, from an application's request to its tokens.

mod backchannel;
mod claims;
mod consent;
mod devices;
mod dpop;
mod enrolling;
mod native_devices;
mod organizations;
mod saml;
mod security;
mod switching;
mod tokens;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, PASSWORD, RelyingParty, Response, TestApp, User, both, read_token, text};

pub(crate) use self::enrolling::code as code_on_page;

pub(crate) async fn application(app: &TestApp, settings: Value) -> (User, RelyingParty) {
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), settings).await;
    (root, party)
}

both!(somebody_signs_in_once_and_is_known_at_every_application, async |app| {
    let (root, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let asked = party.ask(&[]);
    let (at, page) = browser.open(&asked.path).await.page();
    assert!(at.starts_with("/signin/flow_") && page.text().contains("Ledgerline"), "{page}");
    let (at, page) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    assert!(page.text().contains("current-password") && page.text().contains("ann@example.com"), "{page}");
    assert!(browser.cookie("tn_session").is_none(), "nobody is signed in yet");
    let back = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
    assert_eq!((back["state"].as_str(), back["iss"].as_str()), ("the state", format!("{}/", app.client().base()).as_str()));
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    assert_eq!((&made["token_type"], &made["scope"]), (&json!("Bearer"), &json!("openid email profile offline_access")));
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["aud"], &id["nonce"], &id["acr"]), (&json!(party.client_id), &json!("the nonce"), &json!("1")));
    assert_eq!((&id["email"], &id["email_verified"], &id["amr"]), (&json!("ann@example.com"), &json!(true), &json!(["pwd"])));
    assert_eq!((&id["auth_time"], &id["org_id"]), (&json!(app.now().timestamp()), &Value::Null));
    assert_eq!(id["at_hash"], crypto::hashes::at_hash(&text(&made["access_token"])));
    assert!(text(&id["sub"]).starts_with("auth0|"));

    let claims = read_token(app, &made["access_token"], "at+jwt").await;
    assert_eq!((&claims["sub"], &claims["sid"], &claims["azp"]), (&id["sub"], &id["sid"], &json!(party.client_id)));
    let info = app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.ok();
    assert_eq!((&info["sub"], &info["email"]), (&id["sub"], &json!("ann@example.com")));
    app.client().bearer(&text(&made["access_token"])).get("/api/user").await.refused(401, "JWT_ERROR");

    // Another application does not ask again.
    let other = RelyingParty::register(&app.by(&root), json!({"name": "Brightwater"})).await;
    let asked = other.ask(&[("scope", "openid")]);
    let back = browser.open(&asked.path).await.away();
    let made = other.exchange(app, &back["code"], &asked.verifier).await.ok();
    let again = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&again["sub"], &again["sid"], &again["email"]), (&id["sub"], &id["sid"], &Value::Null));
    assert_eq!(made["refresh_token"], Value::Null, "nobody asked for offline access");

    // The person sees the session, and ends it: both applications' tokens hold no more.
    let sessions = app.by(&ann).get("/api/user/sessions").await.ok();
    assert_eq!(sessions.as_array().unwrap().len(), 2, "{sessions}");
    app.by(&ann).delete("/api/user/sessions").await;
    app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.expect(401);
    let (at, _) = browser.open(&other.ask(&[]).path).await.page();
    assert!(at.starts_with("/signin/"), "nobody is signed in any more");
});

both!(who_a_client_wants_to_be_asked_again_is_asked_again, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let back = browser.open(&party.ask(&[("prompt", "none")]).path).await.away();
    assert_eq!((back["error"].as_str(), back["state"].as_str()), ("login_required", "the state"));
    let first = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let first = read_token(app, &first["id_token"], "JWT").await;
    assert!(browser.open(&party.ask(&[("prompt", "none")]).path).await.away().contains_key("code"));
    app.advance(TimeDelta::minutes(10));
    assert!(browser.open(&party.ask(&[("max_age", "900")]).path).await.away().contains_key("code"));
    for asked in [[("prompt", "login")], [("prompt", "select_account")], [("max_age", "60")], [("max_age", "0")]] {
        let (at, _) = browser.open(&party.ask(&asked).path).await.page();
        assert!(at.starts_with("/signin/"), "{asked:?}");
        let with_none = [asked[0], ("prompt", "none")];
        if asked[0].0 == "max_age" {
            assert_eq!(browser.open(&party.ask(&with_none).path).await.away()["error"], "login_required");
        }
        let made = party.sign_in(app, &browser, &asked, ("ann@example.com", PASSWORD)).await;
        let id = read_token(app, &made["id_token"], "JWT").await;
        assert_eq!(
            (&id["sid"], &id["auth_time"]),
            (&first["sid"], &json!(app.now().timestamp())),
            "the same session, more recently"
        );
        app.advance(TimeDelta::minutes(10));
    }
});

both!(a_wrong_password_is_told_on_the_page_and_a_second_factor_is_asked_for, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.client().bearer(&org.access).patch(&org.at("sign-in/policy"), json!({"mfa": "required"})).await;
    let browser = Browser::new(app);
    let asked = party.ask(&[("organization", "acme")]);
    let (at, page) = browser.open(&asked.path).await.page();
    assert!(page.text().contains("The acme company"), "{page}");
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    let (_, page) = browser.send(&at, &[("step", "password"), ("password", "not my password")]).await.page();
    assert_eq!(page.status, 422, "{page}");
    assert!(page.text().contains("aria-invalid") && !page.text().contains("not my password"), "{page}");
    let (there, unknown) = {
        let other = Browser::new(app);
        let (at, _) = other.open(&asked.path).await.page();
        let (at, _) = other.send(&at, &[("step", "identify"), ("email", "nobody@example.com")]).await.page();
        (at.clone(), other.send(&at, &[("step", "password"), ("password", "not my password")]).await.page().1)
    };
    let told = |page: &Response, at: &str, email: &str| page.text().replace(email, "").replace(at, "");
    assert_eq!(told(&page, &at, "ann@example.com"), told(&unknown, &there, "nobody@example.com"), "T40");
    let (at, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert!(page.text().contains("one-time-code"), "{page}");
    assert!(browser.cookie("tn_session").is_none(), "not before the second factor");
    app.worker().await;
    let (_, page) = browser.send(&at, &[("step", "second_factor"), ("code", "00000000")]).await.page();
    assert_eq!(page.status, 422, "{page}");
    let code = app.mailed_code("ann@example.com");
    let back = browser.send(&at, &[("step", "second_factor"), ("code", &code)]).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["acr"], &id["amr"], &id["org_id"]), (&json!("2"), &json!(["pwd", "otp", "mfa"]), &json!(org.id)));
});

both!(somebody_else_may_sign_in_in_the_middle, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    app.sign_up("ben@example.com").await;
    let browser = Browser::new(app);
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    app.advance(TimeDelta::seconds(1));
    let asked = party.ask(&[("prompt", "login"), ("login_hint", "ann@example.com")]);
    let (at, page) = browser.open(&asked.path).await.page();
    assert!(page.text().contains("value=\"ann@example.com\""), "{page}");
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    let (_, page) = browser.open(&format!("{at}?somebody_else=1")).await.page();
    assert!(page.text().contains("value=\"identify.0\"") && !page.text().contains("ann@example.com"), "{page}");
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ben@example.com")]).await.page();
    let back = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["email"], "ben@example.com");
    // What is sent again counts for nothing: the flow is over.
    let (_, page) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    assert_eq!(page.status, 400, "{page}");
});
