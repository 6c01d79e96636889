//! Codes and refresh tokens, and what becomes of stolen ones.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{
    AskedFor, Browser, Database, Options, PASSWORD, RelyingParty, Response, TestApp, both, read_token, run, text,
};

use super::application;

async fn code(browser: &Browser, asked: &AskedFor) -> String {
    browser.open(&asked.path).await.away()["code"].clone()
}

#[track_caller]
fn refused(answer: &Response, error: &str) {
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{answer}");
}

async fn lives(app: &TestApp, tokens: &Value) -> bool {
    app.client().bearer(&text(&tokens["access_token"])).get("/userinfo").await.status == 200
}

both!(t28_a_code_works_once_for_its_client_and_its_verifier, async |app| {
    let (root, party) =
        application(app, json!({"redirect_uris": ["https://app.example.com/callback", "https://app.example.com/other"]})).await;
    let other = RelyingParty::register(&app.by(&root), json!({"name": "Other"})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;

    // Twice: what came of it ends.
    let asked = party.ask(&[]);
    let twice = code(&browser, &asked).await;
    let made = party.exchange(app, &twice, &asked.verifier).await.ok();
    assert!(lives(app, &made).await);
    refused(&party.exchange(app, &twice, &asked.verifier).await, "invalid_grant");
    assert!(!lives(app, &made).await, "two hold the code");
    refused(&party.refresh(app, &text(&made["refresh_token"])).await, "invalid_grant");

    // Whatever is wrong uses it up.
    let long = "x".repeat(129);
    for (what, client, verifier, redirect_uri) in [
        ("another client", &other, None, None),
        ("a wrong verifier", &party, Some("0000000000000000000000000000000000000000000"), None),
        ("a verifier that is too long", &party, Some(long.as_str()), None),
        ("no verifier", &party, Some(""), None),
        ("another redirect URI of the client", &party, None, Some("https://app.example.com/other")),
    ] {
        let asked = party.ask(&[]);
        let code = code(&browser, &asked).await;
        let client = RelyingParty { redirect_uri: redirect_uri.unwrap_or(&party.redirect_uri).to_owned(), ..client.clone() };
        refused(&client.exchange(app, &code, verifier.unwrap_or(&asked.verifier)).await, "invalid_grant");
        refused(&party.exchange(app, &code, &asked.verifier).await, "invalid_grant");
        assert!(!what.is_empty());
    }
    let asked = party.ask(&[]);
    let late = code(&browser, &asked).await;
    app.advance(TimeDelta::seconds(61));
    refused(&party.exchange(app, &late, &asked.verifier).await, "invalid_grant");
    for nonsense in ["code_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x"] {
        refused(&party.exchange(app, nonsense, &asked.verifier).await, "invalid_grant");
    }
});

both!(a_client_that_keeps_a_secret_keeps_its_refresh_token, async |app| {
    let (root, party) = application(app, json!({})).await;
    let other = RelyingParty::register(&app.by(&root), json!({"name": "Other"})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let first = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let token = text(&first["refresh_token"]);
    let id = read_token(app, &first["id_token"], "JWT").await;
    for _ in 0..3 {
        app.advance(TimeDelta::minutes(20));
        let again = party.refresh(app, &token).await.ok();
        assert_eq!((&again["refresh_token"], &again["scope"]), (&Value::Null, &first["scope"]), "a lost answer strands nobody");
        let claims = read_token(app, &again["id_token"], "JWT").await;
        for same in ["sub", "sid", "auth_time", "email"] {
            assert_eq!(claims[same], id[same], "{same}");
        }
        assert_eq!(claims["nonce"], Value::Null);
    }
    let less = party
        .form(app, "/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", "openid admin")])
        .await;
    assert_eq!(less.ok()["scope"], "openid");
    // Our own API takes none of it, nor is ours taken here.
    app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await.refused(401, "UNAUTHORIZED");
    let native = app.login("ann@example.com", PASSWORD).await;
    refused(&party.refresh(app, &native.refresh).await, "invalid_grant");
    app.client().post("/api/auth/refresh", json!({"refresh_token": native.refresh})).await.ok();
    // Another client's hands end it (T28).
    refused(&other.refresh(app, &token).await, "invalid_grant");
    refused(&party.refresh(app, &token).await, "invalid_grant");
});

both!(a_client_without_a_secret_gets_another_refresh_token_each_time, async |app| {
    let settings = json!({"auth_method": "none", "application_type": "native", "redirect_uris": ["http://127.0.0.1/callback"]});
    let (_, party) = application(app, settings).await;
    assert_eq!(party.secret, None);
    app.sign_up("ann@example.com").await;
    let party = RelyingParty { redirect_uri: "http://127.0.0.1:49152/callback".to_owned(), ..party };
    let first = party.sign_in(app, &Browser::new(app), &[], ("ann@example.com", PASSWORD)).await;
    let second = party.refresh(app, &text(&first["refresh_token"])).await.ok();
    let third = party.refresh(app, &text(&second["refresh_token"])).await.ok();
    assert!(lives(app, &third).await);
    if app.database == Database::Sqlite {
        // An answer that was lost, or another tab: the same again, for some seconds.
        let again = party.refresh(app, &text(&second["refresh_token"])).await.ok();
        assert_eq!(again["refresh_token"], third["refresh_token"]);
        app.advance(TimeDelta::seconds(11));
        refused(&party.refresh(app, &text(&second["refresh_token"])).await, "invalid_grant");
        assert!(!lives(app, &third).await, "one that came back ends its family");
        refused(&party.refresh(app, &text(&third["refresh_token"])).await, "invalid_grant");
    }
    let own = party.form(app, "/oauth/token", &[("grant_type", "client_credentials")]).await;
    refused(&own, "unauthorized_client");
});

both!(tokens_for_an_api_are_granted_in_the_name_of_people, async |app| {
    let (root, party) = application(app, json!({})).await;
    let by = app.by(&root);
    let api =
        json!({"audience": "https://api.example.com/", "name": "Orders", "scopes": ["read:orders", "write:orders", "admin"]});
    by.post("/api/platform/resource-servers", api).await.ok();
    let grant = |subject: &str, scopes: Value| json!({"client": party.id, "audience": "https://api.example.com/", "scopes": scopes, "subject_type": subject});
    by.post("/api/platform/client-grants", grant("client", json!(["admin"]))).await.ok();
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let audience = ("audience", "https://api.example.com/");
    let back = browser.open(&party.ask(&[audience]).path).await.away();
    assert_eq!(back["error"], "invalid_target", "what a client may do by itself, it may not do in the name of people");
    let granted = by.post("/api/platform/client-grants", grant("user", json!(["read:orders", "write:orders"]))).await.ok();
    let scope = ("scope", "openid read:orders admin");
    let made = party.sign_in(app, &browser, &[audience, scope], ("ann@example.com", PASSWORD)).await;
    assert_eq!(made["scope"], "openid read:orders");
    let claims = read_token(app, &made["access_token"], "at+jwt").await;
    assert_eq!(claims["aud"], json!(["https://api.example.com/", format!("{}/userinfo", app.client().base())]));
    let asked = party.ask(&[audience, ("scope", "openid read:orders offline_access")]);
    let back = browser.open(&asked.path).await.away();
    let made = party.exchange(app, &back["code"], &asked.verifier).await.ok();
    let refresh = text(&made["refresh_token"]);
    let path = format!("/api/platform/client-grants/{}", text(&granted["id"]));
    by.patch(&path, json!({"scopes": ["write:orders"]})).await.ok();
    assert_eq!(party.refresh(app, &refresh).await.ok()["scope"], "openid offline_access", "what was taken back is gone");
    by.delete(&path).await;
    refused(&party.refresh(app, &refresh).await, "invalid_grant");
    let back = browser.open(&party.ask(&[("scope", "admin")]).path).await.away();
    assert_eq!(back["error"], "invalid_scope");
});

both!(what_a_token_is_worth_is_told_to_who_has_to_do_with_it, async |app| {
    let (root, party) = application(app, json!({})).await;
    let by = app.by(&root);
    let other = RelyingParty::register(&by, json!({"name": "Other"})).await;
    let api = RelyingParty::register(&by, json!({"name": "The API itself"})).await;
    let audience = "https://api.example.com/";
    let server = json!({"audience": audience, "name": "Orders", "scopes": ["read:orders"]});
    by.post("/api/platform/resource-servers", server).await.ok();
    for (client, subject) in [(&party, "user"), (&api, "client")] {
        let grant = json!({"client": client.id, "audience": audience, "scopes": ["read:orders"], "subject_type": subject});
        by.post("/api/platform/client-grants", grant).await.ok();
    }
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let asked = [("audience", audience), ("scope", "openid read:orders"), ("organization", "acme")];
    let made = party.sign_in(app, &Browser::new(app), &asked, ("ann@example.com", PASSWORD)).await;
    let token = text(&made["access_token"]);
    let seen = async |client: &RelyingParty| client.form(app, "/oauth/introspect", &[("token", &token)]).await.ok();
    for client in [&party, &api] {
        let told = seen(client).await;
        assert_eq!(
            (&told["active"], &told["org_id"], &told["scope"]),
            (&json!(true), &json!(acme.id), &json!("openid read:orders"))
        );
    }
    assert_eq!(seen(&other).await, json!({"active": false}));
    app.client().bearer(&acme.access).patch(&acme.at("sign-in/policy"), json!({"networks": ["203.0.113.0/24"]})).await;
    assert_eq!(seen(&party).await["active"], json!(true), "a policy that keeps its author out is not taken");
    app.by(&root).post(&format!("/api/platform/organizations/{}/suspend", acme.id), json!({"reason": "unpaid"})).await.ok();
    assert_eq!(seen(&api).await, json!({"active": false}));
    assert!(!lives(app, &made).await, "nor is anything told of them");
});

both!(a_client_revokes_its_own_tokens_only, async |app| {
    let (root, party) = application(app, json!({})).await;
    let other = RelyingParty::register(&app.by(&root), json!({"name": "Other"})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let made = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let (access, refresh) = (text(&made["access_token"]), text(&made["refresh_token"]));
    for token in [access.as_str(), &refresh, "rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "nonsense"] {
        other.form(app, "/oauth/revoke", &[("token", token)]).await.expect(200);
    }
    assert!(lives(app, &made).await);
    party.form(app, "/oauth/revoke", &[("token", &refresh)]).await.expect(200);
    assert!(!lives(app, &made).await);
    refused(&party.refresh(app, &refresh).await, "invalid_grant");
    let again = browser.open(&party.ask(&[]).path).await.away();
    assert!(again.contains_key("code"), "the person is signed in still");
    // A client that is deleted has nothing any more.
    let asked = party.ask(&[]);
    let code = code(&browser, &asked).await;
    let made = party.exchange(app, &code, &asked.verifier).await.ok();
    app.by(&root).delete(&format!("/api/platform/clients/{}", party.id)).await;
    assert!(!lives(app, &made).await);
});

#[test]
fn a_renewal_that_is_repeated_is_judged_like_the_first() {
    run(Database::Sqlite, Options::default(), async |app| {
        let (root, party) = application(app, json!({"auth_method": "none"})).await;
        let ann = app.sign_up("ann@example.com").await;
        let acme = app.create_org(&ann, "acme").await;
        let named = [("organization", "acme")];
        let first = party.sign_in(app, &Browser::new(app), &named, ("ann@example.com", PASSWORD)).await;
        party.refresh(app, &text(&first["refresh_token"])).await.ok();
        let suspend = format!("/api/platform/organizations/{}/suspend", acme.id);
        app.by(&root).post(&suspend, json!({"reason": "unpaid"})).await.ok();
        refused(&party.refresh(app, &text(&first["refresh_token"])).await, "invalid_grant");
    });
}

both!(who_asks_for_what_was_not_granted_loses_nothing, async |app| {
    let (_, party) = application(app, json!({"auth_method": "none"})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let made = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let token = text(&made["refresh_token"]);
    for (name, value, error) in
        [("scope", "read:nothing", "invalid_scope"), ("audience", "https://other.example/", "invalid_target")]
    {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), (name, value)];
        refused(&party.form(app, "/oauth/token", &pairs).await, error);
    }
    app.advance(TimeDelta::seconds(11));
    let again = party.refresh(app, &token).await.ok();
    // Nor is it an alarm that somebody has signed out.
    browser.send("/oidc/logout", &[("state", "x")]).await.page();
    refused(&party.refresh(app, &text(&again["refresh_token"])).await, "invalid_grant");
    assert_eq!(app.count("select count(*) from events where name = 'security.refresh_token.reused'").await, 0);
});

both!(every_client_of_a_session_keeps_what_it_uses, async |app| {
    let (root, party) = application(app, json!({})).await;
    let other = RelyingParty::register(&app.by(&root), json!({"name": "Other"})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let one = party.sign_in(app, &browser, &[], ("ann@example.com", PASSWORD)).await;
    let asked = other.ask(&[]);
    let two = other.exchange(app, &code(&browser, &asked).await, &asked.verifier).await.ok();
    for _ in 0..3 {
        app.advance(TimeDelta::days(20));
        for (client, made) in [(&party, &one), (&other, &two)] {
            client.refresh(app, &text(&made["refresh_token"])).await.ok();
        }
    }
});
