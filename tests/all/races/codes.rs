//! Sign-ins in a browser: a flow that is finished, a code that is exchanged and a token that is renewed by many at once.

use std::collections::HashSet;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Browser, Database, Options, PASSWORD, RelyingParty, both, run, text};

use super::{events, sound, tally, watched};

both!(a_flow_is_finished_and_a_code_exchanged_once, async |app| {
    let crowd = watched(app).await;
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let asked = party.ask(&[]);
    let (at, _) = browser.open(&asked.path).await.page();
    // Meanwhile somebody signs in in another tab: whatever asks next finishes the flow.
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let before = app.count("select count(*) from codes").await;
    let finished = join_all((0..crowd).map(|_| browser.request(Method::GET, &at, None))).await;
    assert_eq!(tally(&finished, [302, 400]), [1, crowd - 1]);
    assert_eq!(app.count("select count(*) from codes").await - before, 1);
    let away = finished.iter().find(|answer| answer.status == 302).unwrap().header("location").to_owned();
    let code = url::Url::parse(&away).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let exchanged = join_all((0..crowd).map(|_| party.exchange(app, &code, &asked.verifier))).await;
    assert_eq!(tally(&exchanged, [200, 400])[0], 1);
    assert_eq!(events(app, "security.code.reused").await, 1, "ended once");
    let made = exchanged.into_iter().find(|answer| answer.status == 200).unwrap().ok();
    app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.expect(401);
    sound(app).await;
});

#[test]
fn a_refresh_token_of_a_client_without_a_secret_is_exchanged_once() {
    // As long as can be: the machine may be slow.
    let patient = || Options::default().set("tokens.refresh_race_seconds", 60);
    for database in [Database::Sqlite, Database::Postgres] {
        run(database, patient(), async |app| {
            let crowd = watched(app).await;
            let root = app.platform_owner().await;
            let party = RelyingParty::register(&app.by(&root), json!({"auth_method": "none"})).await;
            app.sign_up("ann@example.com").await;
            let made = party.sign_in(app, &Browser::new(app), &[], ("ann@example.com", PASSWORD)).await;
            let token = text(&made["refresh_token"]);
            let renewed = join_all((0..crowd).map(|_| party.refresh(app, &token))).await;
            // From one place in one moment these are one renewal, and everybody is answered it.
            assert_eq!(tally(&renewed, [200]), [crowd]);
            let tokens: HashSet<String> = renewed.into_iter().map(|answer| text(&answer.ok()["refresh_token"])).collect();
            assert_eq!((tokens.len(), app.count("select count(*) from spent_refresh_tokens").await), (1, 1));
            party.refresh(app, tokens.iter().next().unwrap()).await.ok();
            sound(app).await;
        });
    }
}

both!(a_password_that_is_sent_many_times_makes_one_session, async |app| {
    let crowd = watched(app).await / 6;
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({})).await;
    app.sign_up("ann@example.com").await;
    let before = app.count("select count(*) from sessions").await;
    let browser = Browser::new(app);
    let (at, _) = browser.open(&party.ask(&[]).path).await.page();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    let form = [("step", "password.0"), ("password", PASSWORD)];
    let sent = join_all((0..crowd).map(|_| browser.request(Method::POST, &at, Some(&form)))).await;
    assert_eq!(tally(&sent, [303]), [crowd]);
    assert_eq!(app.count("select count(*) from sessions").await - before, 1, "somebody pressed the button twice");
    assert!(browser.open(&at).await.away().contains_key("code"));
    sound(app).await;
});

both!(what_is_exchanged_while_somebody_is_removed_ends_with_them, async |app| {
    let crowd = watched(app).await;
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let beta = app.create_org(&ann, "beta").await;
    let ben = app.sign_up("ben@example.com").await;
    for slug in ["acme", "beta"] {
        app.invite_and_join(&ann, slug, &ben, "member").await;
    }
    let made = party.sign_in(app, &Browser::new(app), &[("organization", "acme")], ("ben@example.com", PASSWORD)).await;
    let token = text(&made["access_token"]);
    let by = app.by(&ann);
    let path = beta.at(&format!("members/{}", ben.id));
    let (exchanged, _) = futures::join!(join_all((0..crowd).map(|_| party.switch(app, &token, "beta", &[]))), by.delete(&path));
    tally(&exchanged, [200, 400]);
    for answer in exchanged.into_iter().filter(|answer| answer.status == 200) {
        app.client().bearer(&text(&answer.ok()["access_token"])).get("/userinfo").await.expect(401);
    }
    sound(app).await;
});

both!(a_client_has_a_hundred_grants_of_a_session_however_many_it_exchanges, async |app| {
    let crowd = watched(app).await;
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let first = party.sign_in(app, &Browser::new(app), &[("organization", "acme")], ("ann@example.com", PASSWORD)).await;
    let mut tokens = vec![text(&first["access_token"])];
    while tokens.len() < 95 {
        let made = party.switch(app, &tokens[0], "acme", &[]).await.ok();
        tokens.push(text(&made["access_token"]));
    }
    let exchanged = join_all(tokens[..crowd].iter().map(|token| party.switch(app, token, "acme", &[]))).await;
    assert_eq!(tally(&exchanged, [200, 400]), [5, crowd - 5]);
    let refused = exchanged.iter().find(|answer| answer.status == 400).expect("one that found no room").json();
    assert_eq!(refused["error"], "invalid_request", "{refused}");
    sound(app).await;
});

both!(a_device_is_answered_and_let_in_once, async |app| {
    let crowd = watched(app).await;
    let root = app.platform_owner().await;
    let party = RelyingParty::register(&app.by(&root), json!({"device_flow": true})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let device = party.form(app, "/oauth/device_authorization", &[]).await.ok();
    // Typed in many browsers at once: one has it.
    let code = [("code", device["user_code"].as_str().unwrap())];
    let browsers: Vec<_> = (0..crowd / 6).map(|_| Browser::new(app)).collect();
    let typed = join_all(browsers.iter().map(|browser| browser.request(Method::POST, "/device", Some(&code)))).await;
    assert_eq!(tally(&typed, [303, 422]), [1, browsers.len() - 1]);
    // Yes and no and questions at once: one answer counts, and one question is let in at most.
    let device = party.form(app, "/oauth/device_authorization", &[]).await.ok();
    let code = [("code", device["user_code"].as_str().unwrap())];
    let to = browser.request(Method::POST, "/device", Some(&code)).await.expect(303).header("location").to_owned();
    let to = format!("{to}/device");
    let sessions = app.count("select count(*) from sessions").await;
    let answers = join_all((0..crowd).map(|n| {
        let form = [("step", "device.0"), ("answer", if n % 2 == 0 { "yes" } else { "no" })];
        let (browser, to) = (&browser, &to);
        async move { browser.request(Method::POST, to, Some(&form)).await }
    }));
    let questions = join_all((0..crowd).map(|_| party.poll(app, &device)));
    let (answered, asked) = futures::join!(answers, questions);
    assert_eq!(tally(&answered, [200, 400])[0], 1);
    let said_yes = answered.iter().any(|answer| answer.status == 200 && answer.text().contains("signed in"));
    let mut let_in: Vec<_> = asked.into_iter().filter(|answer| answer.status == 200).collect();
    if said_yes && let_in.is_empty() {
        let_in.push(party.poll(app, &device).await.expect(200));
    }
    assert_eq!(let_in.len(), usize::from(said_yes));
    let made = app.count("select count(*) from sessions where method = 'device'").await;
    assert_eq!((app.count("select count(*) from sessions").await - sessions, made), (made, i64::from(said_yes)));
    sound(app).await;
});
