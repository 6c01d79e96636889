//! A token is exchanged for one for another organization (RFC 8693).

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, Org, PASSWORD, RelyingParty, Response, TestApp, User, both, read_token, text};

use super::application;

#[track_caller]
fn refused(answer: &Response, error: &str) {
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{answer}");
}

/// Ben, who is a member of two organizations and signed in to the first.
async fn signed_in(app: &TestApp, party: &RelyingParty) -> (User, [Org; 2], Value) {
    let ann = app.sign_up("ann@example.com").await;
    let orgs = [app.create_org(&ann, "acme").await, app.create_org(&ann, "beta").await];
    let ben = app.sign_up("ben@example.com").await;
    for slug in ["acme", "beta"] {
        app.invite_and_join(&ann, slug, &ben, "member").await;
    }
    let made = party.sign_in(app, &Browser::new(app), &[("organization", "acme")], ("ben@example.com", PASSWORD)).await;
    (ann, orgs, made)
}

both!(somebody_goes_to_another_organization_in_the_same_session, async |app| {
    let (_, party) = application(app, json!({"organization_usage": "require"})).await;
    let (ann, [acme, beta], first) = signed_in(app, &party).await;
    let token = text(&first["access_token"]);
    let before = read_token(app, &first["access_token"], "at+jwt").await;
    for named in ["beta", beta.id.as_str()] {
        let made = party.switch(app, &token, named, &[]).await.ok();
        assert_eq!(made["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        assert_eq!((&made["token_type"], &made["scope"]), (&json!("Bearer"), &first["scope"]));
        let after = read_token(app, &made["access_token"], "at+jwt").await;
        assert_eq!((&after["org_id"], &after["sid"], &after["sub"]), (&json!(beta.id), &before["sid"], &before["sub"]));
        assert_ne!(after["gid"], before["gid"], "a grant of its own");
        let id = read_token(app, &made["id_token"], "JWT").await;
        assert_eq!(id["org_id"], json!(beta.id));
        assert_eq!(app.client().bearer(&text(&made["access_token"])).get("/userinfo").await.ok()["org_id"], json!(beta.id));
        let renewed = party.refresh(app, &text(&made["refresh_token"])).await.ok();
        assert_eq!(read_token(app, &renewed["access_token"], "at+jwt").await["org_id"], json!(beta.id));
        // The first one goes on, and so does what it renews.
        assert_eq!(app.client().bearer(&token).get("/userinfo").await.ok()["org_id"], json!(acme.id));
    }
    app.worker().await;
    let log = app.client().bearer(&beta.access).get(&beta.at("audit-log")).await.ok();
    let entered = log["logs"].as_array().unwrap().iter().filter(|one| one["action"] == "user.client_authorized").count();
    assert_eq!(entered, 2, "{log}");
    // Who is removed there has nothing there any more, and everything here.
    let there = party.switch(app, &token, "beta", &[]).await.ok();
    let ben = text(&before["sub"]).replace("auth0|", "usr_");
    app.by(&ann).delete(&beta.at(&format!("members/{ben}"))).await;
    app.client().bearer(&text(&there["access_token"])).get("/userinfo").await.expect(401);
    refused(&party.switch(app, &token, "beta", &[]).await, "invalid_target");
    app.client().bearer(&token).get("/userinfo").await.ok();
});

both!(nobody_gets_more_by_it, async |app| {
    let (root, party) = application(app, json!({"organization_usage": "require"})).await;
    let by = app.by(&root);
    let other = RelyingParty::register(&by, json!({"name": "Other"})).await;
    let none = RelyingParty::register(&by, json!({"name": "None", "organization_usage": "deny"})).await;
    let (ann, [_, beta], first) = signed_in(app, &party).await;
    app.create_org(&ann, "gamma").await;
    let token = text(&first["access_token"]);
    let kind = "subject_token_type";
    for (what, organization, more, error) in [
        ("no member", "gamma", &[][..], "invalid_target"),
        ("nobody's", "nobody", &[], "invalid_target"),
        ("the platform's", "org_00000000000000000000000000000000", &[], "invalid_target"),
        ("none", "", &[], "invalid_request"),
        ("another API", "beta", &[("audience", "https://api.example.com/")], "invalid_target"),
        ("more", "beta", &[("scope", "admin")], "invalid_scope"),
        ("a refresh token", "beta", &[(kind, "urn:ietf:params:oauth:token-type:refresh_token")], "invalid_request"),
        ("without its kind", "beta", &[(kind, "")], "invalid_request"),
        ("for another kind", "beta", &[("requested_token_type", "urn:ietf:params:oauth:token-type:jwt")], "invalid_request"),
        ("for somebody else", "beta", &[("actor_token", "x")], "invalid_request"),
        ("nonsense", "beta", &[("subject_token", "x")], "invalid_request"),
        ("an ID token", "beta", &[("subject_token", first["id_token"].as_str().unwrap())], "invalid_request"),
        ("a refresh token for one", "beta", &[("subject_token", first["refresh_token"].as_str().unwrap())], "invalid_request"),
        ("one of our own API", "beta", &[("subject_token", ann.access.as_str())], "invalid_request"),
    ] {
        let answer = party.switch(app, &token, organization, more).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{what}: {answer}");
    }
    refused(&other.switch(app, &token, "beta", &[]).await, "invalid_request");
    let fewer = party.switch(app, &token, "beta", &[("scope", "openid admin")]).await.ok();
    assert_eq!((&fewer["scope"], &fewer["refresh_token"]), (&json!("openid"), &Value::Null));
    let again = party.switch(app, &text(&fewer["access_token"]), "acme", &[("scope", "openid email")]).await.ok();
    assert_eq!(again["scope"], "openid", "it does not grow again");
    let alone = none.sign_in(app, &Browser::new(app), &[], ("ben@example.com", PASSWORD)).await;
    refused(&none.switch(app, &text(&alone["access_token"]), "beta", &[]).await, "invalid_target");
    // The policy of the organization that is entered decides.
    app.client().bearer(&beta.access).patch(&beta.at("sign-in/policy"), json!({"max_age_seconds": 300})).await.ok();
    app.advance(TimeDelta::seconds(400));
    let answer = party.switch(app, &token, "beta", &[]).await;
    refused(&answer, "invalid_target");
    assert!(text(&answer.json()["error_description"]).starts_with("step_up_required"), "{answer}");
    party.refresh(app, &text(&first["refresh_token"])).await.ok();
    // Nor does an ended session lead anywhere.
    app.advance(TimeDelta::minutes(10));
    refused(&party.switch(app, &token, "acme", &[]).await, "invalid_request");
});
