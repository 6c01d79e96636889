//! A second factor that is set up in the middle of a sign-in, where the organization takes no mailed code for one.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Browser, Org, PASSWORD, PasskeyDevice, RelyingParty, TestApp, User, both, read_token, text};
use totp_rs::{Builder, Secret};

use super::application;

/// What the app shows whose key is on a page.
pub(crate) fn code(app: &TestApp, page: &str) -> String {
    let key = page.split_once("translate=\"no\">").expect("a key").1.split_once('<').expect("an end").0;
    let totp = Builder::new().with_secret(Secret::try_from_base32(key.replace(' ', "")).unwrap()).build().unwrap();
    totp.generate(u64::try_from(app.now().timestamp()).unwrap()).to_string()
}

fn field(page: &str, start: &str) -> String {
    let text = page.split_once(start).expect("it is there").1.split_once('"').expect("an end").0;
    text.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The recovery codes of a page.
fn codes(page: &str) -> Vec<String> {
    page.split("<li dir=\"ltr\">").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
}

/// An organization that wants a second factor on a device, and its owner, who has none.
async fn scene(app: &TestApp) -> (RelyingParty, User, Org) {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let policy = json!({"mfa": "required", "methods": ["password", "passkey"]});
    app.by(&ann).patch(&org.at("sign-in/policy"), policy).await.ok();
    (party, ann, org)
}

/// Signs in as far as the page that asks for a second factor, with the code that is mailed.
async fn before(app: &TestApp, browser: &Browser, path: &str) -> (String, String) {
    let (at, page) = browser.sign_in(path, "ann@example.com", PASSWORD).await.page();
    assert!(page.text().contains("one-time-code"), "{page}");
    app.worker().await;
    let mailed = app.mailed_code("ann@example.com");
    let (at, page) = browser.send(&at, &[("step", "second_factor"), ("code", &mailed)]).await.page();
    (at, page.text())
}

both!(who_has_no_second_factor_sets_an_app_up_and_goes_on, async |app| {
    let (party, ann, org) = scene(app).await;
    let browser = Browser::new(app);
    let asked = party.ask(&[("organization", "acme")]);
    let (at, page) = before(app, &browser, &asked.path).await;
    assert!(page.contains("value=\"app\"") && page.contains("value=\"passkey\"") && page.contains("The acme company"), "{page}");
    assert_eq!(app.count("select count(*) from totp").await, 0, "a page that is looked at sets nothing up");
    let (_, page) = browser.send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    let page = page.text();
    assert!(page.contains("<svg class=\"qr\" role=\"img\"") && page.contains("<path d=\"M4 4.5h7"), "{page}");
    let right = code(app, &page);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let (_, again) = browser.send(&at, &[("step", "enrol_code"), ("code", wrong)]).await.page();
    assert_eq!(again.status, 422, "{again}");
    assert_eq!(code(app, &again.text()), right, "the same key");
    let (_, empty) = browser.send(&at, &[("step", "enrol_code"), ("code", "")]).await.page();
    assert_eq!(empty.status, 422, "{empty}");
    assert_eq!(app.count("select count(*) from totp where confirmed_at is not null").await, 0);
    let (_, done) = browser.send(&at, &[("step", "enrol_code"), ("code", &right)]).await.page();
    assert_eq!((done.status, done.header("cache-control")), (200, "no-store"));
    let saved = codes(&done.text());
    assert_eq!(saved.len(), 10, "{done}");
    // They are shown once: what is sent or opened again goes on to the application.
    let back = browser.send(&at, &[("step", "enrol_code"), ("code", &right)]).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["acr"], &id["org_id"], &id["email"]), (&json!("2"), &json!(org.id), &json!("ann@example.com")));
    app.worker().await;
    let told = app.mails_to("ann@example.com").iter().filter(|mail| mail.subject.contains("second")).count();
    assert_eq!(told, 1, "{:?}", app.mails_to("ann@example.com").iter().map(|mail| &mail.subject).collect::<Vec<_>>());
    for name in ["user.mfa.enabled", "security.mfa.enabled"] {
        assert_eq!(app.count(&format!("select count(*) from events where name = '{name}'")).await, 1, "{name}");
    }
    // The recovery codes are those of the page.
    let asked = app.client().post("/api/auth/login", json!({"email": ann.email, "password": PASSWORD})).await.ok();
    let verify = json!({"preauth_token": asked["access_token"], "code": saved[3]});
    app.client().post("/api/auth/mfa/verify", verify).await.ok();
    // From now on the app is asked for.
    app.advance(TimeDelta::seconds(1));
    let asked = party.ask(&[("organization", "acme"), ("prompt", "login")]);
    let (_, page) = browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await.page();
    assert!(page.text().contains("authenticator app"), "{page}");
});

both!(who_has_no_second_factor_makes_a_passkey_and_uses_it, async |app| {
    let (party, _, org) = scene(app).await;
    let browser = Browser::new(app);
    let asked = party.ask(&[("organization", "acme")]);
    let (at, _) = before(app, &browser, &asked.path).await;
    let (_, page) = browser.send(&at, &[("step", "enrol"), ("answer", "passkey")]).await.page();
    let page = page.text();
    assert!(page.contains("data-passkey=\"create\""), "{page}");
    let (challenge, options) = (field(&page, "name=\"challenge\" value=\""), field(&page, "data-options=\""));
    let mut device = PasskeyDevice::at(app);
    let made = device.make(&json!({"options": serde_json::from_str::<Value>(&options).unwrap()})).to_string();
    // What is no answer makes none, and another way is open.
    let (_, failed) =
        browser.send(&at, &[("step", "enrol_passkey"), ("challenge", &challenge), ("credential", "{}")]).await.page();
    assert!(failed.text().contains("No passkey was made") && failed.text().contains("value=\"app\""), "{failed}");
    let sent = [("step", "enrol_passkey"), ("challenge", challenge.as_str()), ("credential", made.as_str())];
    let (_, used) = browser.send(&at, &sent).await.page();
    assert!(used.text().contains("No passkey was made"), "the question was used up: {used}");
    assert_eq!(app.count("select count(*) from passkeys").await, 0);
    let (_, page) = browser.send(&at, &[("step", "enrol"), ("answer", "passkey")]).await.page();
    let (challenge, options) = (field(&page.text(), "name=\"challenge\" value=\""), field(&page.text(), "data-options=\""));
    let made = device.make(&json!({"options": serde_json::from_str::<Value>(&options).unwrap()})).to_string();
    let sent = [("step", "enrol_passkey"), ("challenge", challenge.as_str()), ("credential", made.as_str())];
    let (at, page) = browser.send(&at, &sent).await.page();
    // Made is not shown: it is asked for at once.
    assert_eq!(app.count("select count(*) from passkeys").await, 1);
    assert!(page.text().contains("data-passkey=\"get\""), "{page}");
    device.counter += 1;
    let options = field(&page.text(), "data-options=\"");
    let answer = device.sign(&json!({"options": serde_json::from_str::<Value>(&options).unwrap()})).to_string();
    let back = browser.send(&at, &[("step", "passkey"), ("credential", &answer)]).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["acr"], &id["org_id"]), (&json!("phr"), &json!(org.id)));
    // Their password waits for the passkey now, and no code is mailed.
    app.worker().await;
    app.advance(TimeDelta::seconds(1));
    let mails = app.mails_to("ann@example.com").len();
    let asked = party.ask(&[("organization", "acme"), ("prompt", "login")]);
    let (at, page) = browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await.page();
    assert!(page.text().contains("ask_passkey") && !page.text().contains("one-time-code"), "{page}");
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), mails);
    let (_, page) = browser.send(&at, &[("step", "second_factor"), ("code", "123456")]).await.page();
    assert_eq!(page.status, 422, "{page}");
});

both!(t25_a_factor_is_set_up_by_who_just_said_who_they_are, async |app| {
    let (party, _, _) = scene(app).await;
    let browser = Browser::new(app);
    // Who was signed in before says it again.
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    app.advance(TimeDelta::seconds(1));
    let asked = party.ask(&[("organization", "acme")]);
    let (at, page) = browser.open(&asked.path).await.page();
    assert!(page.text().contains("name=\"email\""), "{page}");
    for sent in [("answer", "app"), ("answer", "passkey")] {
        let (_, page) = browser.send(&at, &[("step", "enrol"), sent]).await.page();
        assert!(page.text().contains("name=\"email\""), "{page}");
    }
    assert_eq!(app.count("select count(*) from totp").await, 0);
    // The password alone is not enough: whoever guessed it does not choose the factor.
    let (at, page) = browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await.page();
    let (_, again) = browser.send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    assert!(page.text().contains("one-time-code") && again.text().contains("one-time-code"), "{again}");
    assert_eq!(app.count("select count(*) from totp").await, 0);
    // Nor is one who takes too long.
    app.worker().await;
    let mailed = app.mailed_code("ann@example.com");
    let (at, page) = browser.send(&at, &[("step", "second_factor"), ("code", &mailed)]).await.page();
    assert!(page.text().contains("value=\"app\""), "{page}");
    let (_, page) = browser.send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    let page = page.text();
    app.advance(TimeDelta::minutes(10) + TimeDelta::seconds(1));
    let late = code(app, &page);
    let (_, page) = browser.send(&at, &[("step", "enrol_code"), ("code", &late)]).await.page();
    assert!(page.text().contains("current-password"), "{page}");
    assert_eq!(app.count("select count(*) from totp where confirmed_at is not null").await, 0);
    // Another browser, or another site, sets nothing up.
    let (_, stranger) = Browser::new(app).send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    assert_eq!(stranger.status, 400, "{stranger}");
    let cookies =
        format!("tn_browser={}; tn_session={}", browser.cookie("tn_browser").unwrap(), browser.cookie("tn_session").unwrap());
    for origin in [None, Some("null"), Some("https://evil.example")] {
        let request = app.client().request(Method::POST, &at).header("cookie", &cookies);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        assert_eq!(request.body("step=enrol&answer=app").send().await.status, 403, "{origin:?}");
    }
});

both!(where_nothing_can_be_set_up_no_code_is_asked_for_that_would_not_do, async |app| {
    let (_, ann, org) = scene(app).await;
    app.worker().await;
    let mails = app.mails_to("ann@example.com").len();
    let login = json!({"email": ann.email, "password": PASSWORD, "org_slug": "acme"});
    let refused = app.client().post("/api/auth/login", login).await.expect(403).json();
    assert_eq!(refused["step_up"]["methods"], json!(["totp", "recovery_code", "passkey"]), "{refused}");
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), mails);
    // Their own account is where they set it up.
    let tokens = app.client().post("/api/auth/login", json!({"email": ann.email, "password": PASSWORD})).await.ok();
    let by = app.client().bearer(&text(&tokens["access_token"]));
    by.get(&org.path).await.expect(403);
    by.post("/api/user/mfa/setup", json!({})).await.ok();
});

both!(a_password_that_does_not_count_leads_to_what_does, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let mut device = PasskeyDevice::at(app);
    device.register(&app.by(&ann), "Laptop").await;
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"methods": ["passkey"]})).await.ok();
    let browser = Browser::new(app);
    let asked = party.ask(&[("organization", "acme")]);
    let (at, page) = browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await.page();
    assert_eq!(page.status, 422, "{page}");
    assert!(page.text().contains("wants you to come another way") && page.text().contains("ask_passkey"), "{page}");
    let (_, wrong) = browser.send(&at, &[("step", "password"), ("password", "not my password")]).await.page();
    assert!(!wrong.text().contains("another way"), "told after a right password only: {wrong}");
    let (at, page) = browser.send(&at, &[("step", "ask_passkey")]).await.page();
    device.counter += 1;
    let options = field(&page.text(), "data-options=\"");
    let answer = device.sign(&json!({"options": serde_json::from_str::<Value>(&options).unwrap()})).to_string();
    let back = browser.send(&at, &[("step", "passkey"), ("credential", &answer)]).await.away();
    assert!(back.contains_key("code"), "{back:?}");
});
