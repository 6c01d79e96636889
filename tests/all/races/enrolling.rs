//! A second factor that is set up in a sign-in: one code of an app that is sent by many at once.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Browser, PASSWORD, both};

use super::{sound, tally, watched};
use crate::identity::flows::{application, code_on_page};

both!(recovery_codes_are_shown_once, async |app| {
    let crowd = watched(app).await;
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"mfa": "required", "methods": ["password"]})).await.ok();
    let browser = Browser::new(app);
    let asked = party.ask(&[("organization", "acme")]);
    let (at, _) = browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await.page();
    app.worker().await;
    let mailed = app.mailed_code("ann@example.com");
    let (at, page) = browser.send(&at, &[("step", "second_factor"), ("code", &mailed)]).await.page();
    assert!(page.text().contains("value=\"app\"") && !page.text().contains("value=\"passkey\""), "{page}");
    let (_, page) = browser.send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    let code = code_on_page(app, &page.text());
    let sent = [("step", "enrol_code"), ("code", code.as_str())];
    let answers = join_all((0..crowd).map(|_| browser.request(Method::POST, &at, Some(&sent)))).await;
    assert_eq!(tally(&answers, [200, 303]), [1, crowd - 1], "who comes later goes on");
    assert_eq!(app.count("select count(*) from recovery_codes").await, 10);
    assert_eq!(app.count("select count(*) from events where name = 'user.mfa.enabled'").await, 1);
    sound(app).await;
});
