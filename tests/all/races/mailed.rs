//! Signing in by a mail: one code that is sent by many at once, and more wrong ones than may be tried.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Browser, both};

use super::{events, sound, tally, watched};
use crate::identity::{flows::application, mailed::asked};

both!(a_mailed_code_signs_in_once, async |app| {
    let crowd = watched(app).await;
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[]).path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let before = (app.count("select count(*) from sessions").await, events(app, "user.login.success").await);
    // Without what the page had seen: each counts.
    let form = [("step", "mail_code"), ("code", code.as_str())];
    let answers = join_all((0..crowd).map(|_| browser.request(Method::POST, &at, Some(&form)))).await;
    // Who comes later finds the code used, or the sign-in where it went.
    let [_, _, over] = tally(&answers, [303, 422, 400]);
    assert_eq!(over, 0);
    assert_eq!(answers.iter().filter(|answer| answer.header("set-cookie").contains("tn_session=")).count(), 1);
    assert_eq!(app.count("select count(*) from sessions").await - before.0, 1);
    assert_eq!(events(app, "user.login.success").await - before.1, 1);
    sound(app).await;
});

both!(t41_of_many_wrong_codes_at_once_five_are_looked_at, async |app| {
    let crowd = watched(app).await;
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[]).path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    let form = [("step", "mail_code"), ("code", wrong)];
    let answers = join_all((0..crowd).map(|_| browser.request(Method::POST, &at, Some(&form)))).await;
    assert_eq!(tally(&answers, [422]), [crowd]);
    assert_eq!(app.count("select count(*) from mail_codes where tries = 0").await, 1);
    let form = [("step", "mail_code"), ("code", code.as_str())];
    assert_eq!(browser.request(Method::POST, &at, Some(&form)).await.status, 422);
    sound(app).await;
});

both!(a_link_signs_in_one_of_many, async |app| {
    let crowd = watched(app).await;
    app.sign_up("ann@example.com").await;
    app.client().post("/api/auth/magic-link/request", json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    let path = format!("/api/auth/magic-link/verify?token={}", app.mailed_token("ann@example.com", "magic-link"));
    let before = app.count("select count(*) from sessions").await;
    let client = app.client();
    let answers = join_all((0..crowd).map(|_| client.get(&path))).await;
    assert_eq!(tally(&answers, [200, 401]), [1, crowd - 1]);
    assert_eq!(app.count("select count(*) from sessions").await - before, 1);
    sound(app).await;
});
