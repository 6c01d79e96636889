//! Clients are told when somebody's session has ended (OpenID Connect Back-Channel Logout).

use std::collections::HashSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, PASSWORD, Receiver, RelyingParty, TestApp, both, read_token, text};
use url::form_urlencoded;

use super::application;

/// The logout tokens that came in.
async fn tokens(app: &TestApp, receiver: &Receiver) -> Vec<Value> {
    let mut read = Vec::new();
    for received in receiver.received() {
        assert_eq!(received.header("content-type"), "application/x-www-form-urlencoded");
        let fields: Vec<_> = form_urlencoded::parse(&received.body).into_owned().collect();
        let [(name, token)] = fields.as_slice() else { panic!("{fields:?}") };
        assert_eq!(name, "logout_token");
        read.push(read_token(app, &json!(token), "logout+jwt").await);
    }
    read
}

both!(a_client_is_told_when_a_session_ends, async |app| {
    let receiver = Receiver::start().await;
    let (root, party) = application(app, json!({"backchannel_logout_uri": receiver.url})).await;
    let quiet = RelyingParty::register(&app.by(&root), json!({"name": "Quiet"})).await;
    app.sign_up("ann@example.com").await;
    let discovery = app.client().get("/.well-known/openid-configuration").await.ok();
    assert_eq!(discovery["backchannel_logout_supported"], true);
    assert_eq!(discovery["backchannel_logout_session_supported"], true);
    let browser = Browser::new(app);
    let made = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    // A second time at the same client, and at one that wants to hear nothing: told once.
    for client in [&party, &quiet] {
        let asked = client.ask(&[]);
        let code = browser.open(&asked.path).await.away()["code"].clone();
        client.exchange(app, &code, &asked.verifier).await.ok();
    }
    let elsewhere = party.sign_in(app, &Browser::new(app), &[], ("ann@example.com", PASSWORD)).await;
    app.worker().await;
    assert!(receiver.received().is_empty());
    browser.send("/oidc/logout", &[("state", "x")]).await.page();
    assert_eq!(app.worker().await.logouts_told, 1);
    let told = tokens(app, &receiver).await;
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!(told.len(), 1);
    for same in ["iss", "sub", "sid", "aud"] {
        assert_eq!(told[0][same], id[same], "{same}");
    }
    assert_eq!(told[0]["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    assert_eq!(told[0]["exp"].as_i64().unwrap() - told[0]["iat"].as_i64().unwrap(), 120);
    assert_eq!(told[0]["nonce"], Value::Null);
    // It opens nothing, and passes for nothing else.
    let token = form_urlencoded::parse(&receiver.received()[0].body).next().unwrap().1.into_owned();
    app.client().bearer(&token).get("/userinfo").await.expect(401);
    app.client().bearer(&token).get("/api/user").await.refused(401, "JWT_ERROR");
    let own = party.form(app, "/oauth/introspect", &[("token", &token)]).await.ok();
    assert_eq!(own, json!({"active": false}));
    // The other browser's session goes on, and ends with the account's password.
    app.client().bearer(&text(&elsewhere["access_token"])).get("/userinfo").await.ok();
    let ann = app.login("ann@example.com", PASSWORD).await;
    let body = json!({"current_password": PASSWORD, "new_password": "another long sentence"});
    app.by(&ann).post("/api/user/change-password", body).await.ok();
    app.worker().await;
    let told = tokens(app, &receiver).await;
    let id = read_token(app, &elsewhere["id_token"], "JWT").await;
    assert_eq!((told.len(), &told[1]["sid"]), (2, &id["sid"]));
    app.worker().await;
    assert_eq!(receiver.received().len(), 2, "each once");
});

both!(a_client_that_is_away_is_told_again_by_another_token_and_at_last_no_more, async |app| {
    let receiver = Receiver::start().await;
    receiver.answers(503);
    let (root, party) = application(app, json!({"backchannel_logout_uri": receiver.url})).await;
    app.sign_up("ann@example.com").await;
    let out = async || {
        let browser = Browser::new(app);
        party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
        browser.send("/oidc/logout", &[("state", "x")]).await.page();
    };
    out().await;
    for _ in 0..7 {
        app.worker().await;
        app.advance(TimeDelta::minutes(3));
    }
    let told = tokens(app, &receiver).await;
    let names: HashSet<_> = told.iter().map(|token| text(&token["jti"])).collect();
    assert_eq!((told.len(), names.len()), (5, 5), "five attempts, each with a token of its own");
    assert_eq!(app.count("select count(*) from logouts where state = 3").await, 1);
    // One that comes back in time.
    out().await;
    app.worker().await;
    receiver.answers(204);
    app.advance(TimeDelta::seconds(30));
    assert_eq!(app.worker().await.logouts_told, 1);
    // What the client takes back counts at once.
    receiver.answers(503);
    out().await;
    app.worker().await;
    let before = receiver.received().len();
    let path = format!("/api/platform/clients/{}", party.id);
    let changed = app.by(&app.again(&root).await).patch(&path, json!({"backchannel_logout_uri": null})).await.ok();
    assert_eq!(changed["backchannel_logout_uri"], Value::Null);
    app.advance(TimeDelta::minutes(3));
    app.worker().await;
    assert_eq!(receiver.received().len(), before);
    let bad = json!({"backchannel_logout_uri": "http://app.example.com/out"});
    app.by(&app.again(&root).await).patch(&path, bad).await.invalid(&["backchannel_logout_uri"]);
    // Old ones go.
    app.advance(TimeDelta::days(400));
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from logouts").await, 0);
});
