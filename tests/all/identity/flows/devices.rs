//! Devices that have no browser (RFC 8628): their code, who answers for them, and what they get (T33).

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, Options, PASSWORD, RelyingParty, Response, TestApp, both, read_token, text};

use super::application;

#[track_caller]
fn refused(answer: &Response, error: &str) {
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{answer}");
}

async fn begin(app: &TestApp, party: &RelyingParty, more: &[(&str, &str)]) -> Value {
    party.form(app, "/oauth/device_authorization", more).await.ok()
}

/// Types a device's code, and signs in if that is asked for; where the browser is then.
pub(super) async fn type_code(browser: &Browser, device: &Value, email: &str) -> (String, Response) {
    browser.open("/device").await.page();
    let (at, page) = browser.send("/device", &[("step", "device"), ("code", &text(&device["user_code"]))]).await.page();
    if !page.text().contains("name=\"email\"") {
        return (at, page);
    }
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", email)]).await.page();
    browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page()
}

/// What the page's form says that it has seen.
fn step(page: &Response) -> String {
    let html = page.text();
    let (_, rest) = html.split_once("name=\"step\" value=\"").expect("a form");
    rest.split('"').next().expect("a value").to_owned()
}

pub(super) async fn answer(browser: &Browser, (at, page): &(String, Response), answer: &str) -> Response {
    browser.send(&format!("{at}/device"), &[("step", &step(page)), ("answer", answer)]).await.page().1
}

both!(a_device_is_let_in, async |app| {
    let (_, party) = application(app, json!({"device_flow": true, "auth_method": "none"})).await;
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let device = begin(app, &party, &[("scope", "openid email offline_access"), ("organization", "acme")]).await;
    assert_eq!((&device["expires_in"], &device["interval"]), (&json!(900), &json!(5)));
    assert_eq!(device["verification_uri"], format!("{}/device", app.client().base()));
    assert_eq!(device["verification_uri_complete"], Value::Null, "nobody can send somebody an address that carries it");
    assert_eq!(text(&device["user_code"]).len(), 9);
    let dump = app.dump().await;
    assert!(!dump.contains(&text(&device["device_code"])) && !dump.contains(&text(&device["user_code"]).replace('-', "")));
    refused(&party.poll(app, &device).await, "authorization_pending");

    let browser = Browser::new(app);
    // A code in the address is typed by nobody.
    let (_, page) = browser.open(&format!("/device?user_code={}", text(&device["user_code"]))).await.page();
    assert!(!page.text().contains(&text(&device["user_code"])), "{page}");
    let asked = type_code(&browser, &device, "ann@example.com").await;
    for told in ["Ledgerline", "The acme company", "127.0.0.1", "ann@example.com"] {
        assert!(asked.1.text().contains(told), "{told}: {}", asked.1);
    }
    app.advance(TimeDelta::seconds(5));
    refused(&party.poll(app, &device).await, "authorization_pending");
    let done = answer(&browser, &asked, "yes").await;
    assert!(done.status == 200 && done.text().contains("signed in"), "{done}");
    let made = party.poll(app, &device).await.ok();
    assert_eq!((&made["token_type"], &made["scope"]), (&json!("Bearer"), &json!("openid email offline_access")));
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["org_id"], &id["email"], &id["amr"]), (&json!(acme.id), &json!("ann@example.com"), &json!(["pwd"])));
    let access = text(&made["access_token"]);
    app.client().bearer(&access).get("/userinfo").await.ok();
    let renewed = party.refresh(app, &text(&made["refresh_token"])).await.ok();
    assert_eq!(read_token(app, &renewed["access_token"], "at+jwt").await["org_id"], json!(acme.id));
    // The browser's session may end; the device's is one of the person's, and ends by itself.
    browser.send("/oidc/logout", &[("state", "x")]).await.page();
    app.client().bearer(&access).get("/userinfo").await.ok();
    let sessions = app.by(&ann).get("/api/user/sessions").await.ok();
    let of_device = sessions.as_array().unwrap().iter().find(|one| one["id"] == id["sid"]).expect("the device's session").clone();
    app.by(&ann).delete(&format!("/api/user/sessions/{}", text(&of_device["id"]))).await;
    app.client().bearer(&access).get("/userinfo").await.expect(401);
    app.worker().await;
    let log = app.client().bearer(&acme.access).get(&acme.at("audit-log")).await.ok();
    let entered = log["logs"].as_array().unwrap().iter().filter(|one| one["action"] == "user.client_authorized").count();
    assert_eq!(entered, 1, "{log}");
});

both!(t33_a_code_is_answered_once_by_who_typed_it_first, async |app| {
    let (_, party) = application(app, json!({"device_flow": true})).await;
    for name in ["ann", "eve"] {
        app.sign_up(&format!("{name}@example.com")).await;
    }
    let device = begin(app, &party, &[]).await;
    let (ann, eve) = (Browser::new(app), Browser::new(app));
    let asked = type_code(&ann, &device, "ann@example.com").await;
    // Somebody else has seen the code: it is typed already.
    let (_, page) = eve.send("/device", &[("code", &text(&device["user_code"]))]).await.page();
    assert_eq!(page.status, 422, "{page}");
    // Nor does the flow's page, or its answer, belong to another browser.
    let (_, page) = eve.open(&asked.0).await.page();
    assert_eq!(page.status, 400, "{page}");
    let (_, page) = eve.send(&format!("{}/device", asked.0), &[("step", &step(&asked.1)), ("answer", "yes")]).await.page();
    assert_eq!(page.status, 400, "{page}");
    // A page that was not seen is not answered: it is shown.
    let (_, page) = ann.send(&format!("{}/device", asked.0), &[("step", "device.99"), ("answer", "yes")]).await.page();
    assert!(page.text().contains("value=\"yes\""), "{page}");
    refused(&party.poll(app, &device).await, "authorization_pending");
    let done = answer(&ann, &asked, "no").await;
    assert!(done.text().contains("stays out"), "{done}");
    refused(&party.poll(app, &device).await, "access_denied");
    let (_, again) = ann.send(&format!("{}/device", asked.0), &[("step", &step(&asked.1)), ("answer", "yes")]).await.page();
    assert_eq!(again.status, 400, "{again}");
    refused(&party.poll(app, &device).await, "access_denied");

    // What was approved is fetched once: two hold the code then.
    let device = begin(app, &party, &[("scope", "openid offline_access")]).await;
    let asked = type_code(&ann, &device, "ann@example.com").await;
    answer(&ann, &asked, "yes").await;
    let made = party.poll(app, &device).await.ok();
    refused(&party.poll(app, &device).await, "invalid_grant");
    app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.expect(401);
    refused(&party.refresh(app, &text(&made["refresh_token"])).await, "invalid_grant");
    assert_eq!(app.count("select count(*) from events where name = 'security.code.reused'").await, 1);
});

both!(a_device_waits_as_it_is_told, async |app| {
    let (root, party) = application(app, json!({"device_flow": true})).await;
    app.sign_up("ann@example.com").await;
    let device = begin(app, &party, &[]).await;
    refused(&party.poll(app, &device).await, "authorization_pending");
    app.advance(TimeDelta::seconds(4));
    refused(&party.poll(app, &device).await, "slow_down");
    app.advance(TimeDelta::seconds(9));
    refused(&party.poll(app, &device).await, "slow_down");
    app.advance(TimeDelta::seconds(15));
    refused(&party.poll(app, &device).await, "authorization_pending");
    app.advance(TimeDelta::minutes(15));
    refused(&party.poll(app, &device).await, "expired_token");
    let (_, page) = Browser::new(app).send("/device", &[("code", &text(&device["user_code"]))]).await.page();
    assert_eq!(page.status, 422, "{page}");
    // Approved, and too late.
    let device = begin(app, &party, &[]).await;
    let browser = Browser::new(app);
    let asked = type_code(&browser, &device, "ann@example.com").await;
    app.advance(TimeDelta::minutes(16));
    let (_, page) = browser.send(&format!("{}/device", asked.0), &[("step", &step(&asked.1)), ("answer", "yes")]).await.page();
    assert_eq!(page.status, 400, "{page}");
    refused(&party.poll(app, &device).await, "expired_token");
    for nonsense in ["dc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "code_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x"] {
        refused(&party.poll(app, &json!({"device_code": nonsense})).await, "invalid_grant");
    }
    refused(&party.poll(app, &json!({"device_code": ""})).await, "invalid_request");
    // Another client's hands end it (T28).
    let other = RelyingParty::register(&app.by(&app.again(&root).await), json!({"name": "Other", "device_flow": true})).await;
    let device = begin(app, &party, &[]).await;
    refused(&other.poll(app, &device).await, "invalid_grant");
    refused(&party.poll(app, &device).await, "invalid_grant");
});

both!(whoever_approves_has_to_be_let_in_there, async |app| {
    let (root, party) = application(app, json!({"device_flow": true, "organization_usage": "require"})).await;
    let by = app.by(&root);
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let ben = app.member(&ann, "acme", "ben@example.com", "member").await;
    app.sign_up("eve@example.com").await;
    // Who is no member is told so, and sent nowhere.
    let device = begin(app, &party, &[("organization", "acme")]).await;
    let (_, page) = type_code(&Browser::new(app), &device, "eve@example.com").await;
    assert_eq!(page.status, 403, "{page}");
    refused(&party.poll(app, &device).await, "authorization_pending");
    // Where none is named it is chosen.
    let device = begin(app, &party, &[("scope", "openid offline_access")]).await;
    let browser = Browser::new(app);
    let (at, page) = type_code(&browser, &device, "ben@example.com").await;
    assert!(page.text().contains("The acme company"), "{page}");
    let asked = browser.send(&at, &[("step", "organization"), ("organization", "acme")]).await.page();
    answer(&browser, &asked, "yes").await;
    // Removed between yes and the question: nothing comes of it.
    app.by(&ann).delete(&acme.at(&format!("members/{}", ben.id))).await;
    refused(&party.poll(app, &device).await, "invalid_grant");
    assert_eq!(app.count("select count(*) from sessions where method = 'device'").await, 0);
    // The session in which it was approved ends before the question.
    let device = begin(app, &party, &[("organization", "acme")]).await;
    let browser = Browser::new(app);
    let asked = type_code(&browser, &device, "ann@example.com").await;
    answer(&browser, &asked, "yes").await;
    browser.send("/oidc/logout", &[("state", "x")]).await.page();
    refused(&party.poll(app, &device).await, "access_denied");
    // Not every client signs people in on devices.
    let plain = RelyingParty::register(&by, json!({"name": "Plain"})).await;
    refused(&plain.form(app, "/oauth/device_authorization", &[]).await, "unauthorized_client");
    let deny = RelyingParty::register(&by, json!({"name": "Deny", "device_flow": true, "organization_usage": "deny"})).await;
    for (parameter, value, error) in [
        ("organization", "acme", "invalid_request"),
        ("scope", "admin", "invalid_scope"),
        ("audience", "https://other.example/", "invalid_target"),
    ] {
        refused(&deny.form(app, "/oauth/device_authorization", &[(parameter, value)]).await, error);
    }
    refused(&party.form(app, "/oauth/device_authorization", &[("organization", "nobody")]).await, "invalid_request");
    // A client that signs people in on devices no more: what waits is worth nothing.
    let device = begin(app, &party, &[]).await;
    by.patch(&format!("/api/platform/clients/{}", party.id), json!({"device_flow": false})).await.ok();
    let (_, page) = Browser::new(app).send("/device", &[("code", &text(&device["user_code"]))]).await.page();
    assert_eq!(page.status, 422, "{page}");
});

both!(
    t33_whoever_tries_codes_is_slowed,
    Options::default().rate_limits().set("rate_limits.sign_in_burst", 5).set("server.trusted_proxies", "127.0.0.0/8"),
    async |app| {
        let (browser, mut seen) = (Browser::new(app), Vec::new());
        browser.from("203.0.113.9");
        for n in 0..7 {
            let (_, page) =
                browser.send("/device", &[("code", &format!("AAAA-AAA{}", "23456789".chars().nth(n).unwrap()))]).await.page();
            seen.push(page.status);
        }
        assert_eq!((seen[0], seen[6]), (422, 429), "{seen:?}");
    }
);
