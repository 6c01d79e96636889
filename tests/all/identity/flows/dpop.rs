//! Tokens that are bound to a key (RFC 9449).

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, KeyHolder, PASSWORD, RelyingParty, Response, TestApp, both, read_token, text};

use super::application;

#[track_caller]
fn refused(answer: &Response, error: &str) {
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{answer}");
}

/// Exchanges a fresh code of Ann's.
async fn exchange(
    app: &TestApp,
    party: &RelyingParty,
    browser: &Browser,
    changes: &[(&str, &str)],
    proof: Option<&str>,
) -> Response {
    let asked = party.ask(changes);
    let landed = match browser.cookie("tn_session") {
        Some(_) => browser.open(&asked.path).await,
        None => browser.sign_in(&asked.path, "ann@example.com", PASSWORD).await,
    };
    let code = landed.away()["code"].clone();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", party.redirect_uri.as_str()),
        ("code_verifier", &asked.verifier),
    ];
    party.prove(app, "/oauth/token", &pairs, proof).await
}

async fn refresh(app: &TestApp, party: &RelyingParty, token: &Value, proof: Option<&str>) -> Response {
    party.prove(app, "/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", &text(token))], proof).await
}

/// Userinfo by a scheme, with a proof.
async fn userinfo(app: &TestApp, scheme: &str, token: &Value, proof: Option<&str>) -> Response {
    let request = app.client().request(reqwest::Method::GET, "/userinfo");
    let request = request.header("authorization", &format!("{scheme} {}", text(token)));
    match proof {
        Some(proof) => request.header("dpop", proof).send().await,
        None => request.send().await,
    }
}

#[track_caller]
fn challenged(answer: &Response, challenge: &str) {
    let told = answer.header("www-authenticate");
    assert!(answer.status == 401 && told.starts_with(challenge), "{told}: {answer}");
}

both!(a_bound_token_is_nothing_without_its_key, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let (browser, ours, theirs) = (Browser::new(app), KeyHolder::default(), KeyHolder::default());
    let made = exchange(app, &party, &browser, &[], Some(&ours.at_token(app))).await.ok();
    assert_eq!(made["token_type"], "DPoP");
    let token = &made["access_token"];
    assert_eq!(read_token(app, token, "at+jwt").await["cnf"], json!({"jkt": ours.thumbprint()}));
    let used = ours.at_userinfo(app, &text(token));
    let info = userinfo(app, "DPoP", token, Some(&used)).await.ok();
    assert_eq!(info["email"], "ann@example.com");

    challenged(&userinfo(app, "Bearer", token, None).await, "Bearer error=\"invalid_token\"");
    challenged(
        &userinfo(app, "Bearer", token, Some(&ours.at_userinfo(app, &text(token)))).await,
        "Bearer error=\"invalid_token\"",
    );
    challenged(&userinfo(app, "DPoP", token, None).await, "DPoP error=\"invalid_token\"");
    challenged(&userinfo(app, "DPoP", token, Some(&theirs.at_userinfo(app, &text(token)))).await, "DPoP error=\"invalid_token\"");
    challenged(&userinfo(app, "DPoP", token, Some(&used)).await, "DPoP error=\"invalid_dpop_proof\", algs=\"");
    let of_another = ours.at_userinfo(app, "another token");
    challenged(&userinfo(app, "DPoP", token, Some(&of_another)).await, "DPoP error=\"invalid_dpop_proof\"");
    // One that is not bound stays as it was.
    let free = exchange(app, &party, &browser, &[], None).await.ok();
    assert_eq!(free["token_type"], "Bearer");
    userinfo(app, "Bearer", &free["access_token"], None).await.ok();
    let proof = ours.at_userinfo(app, &text(&free["access_token"]));
    challenged(&userinfo(app, "DPoP", &free["access_token"], Some(&proof)).await, "DPoP error=\"invalid_token\"");

    // What an API asks of us says so, too.
    let looked = party.form(app, "/oauth/introspect", &[("token", &text(token))]).await.ok();
    assert_eq!((&looked["token_type"], &looked["cnf"]), (&json!("DPoP"), &json!({"jkt": ours.thumbprint()})));
    let metadata = app.client().get("/.well-known/openid-configuration").await.ok();
    assert!(metadata["dpop_signing_alg_values_supported"].as_array().unwrap().contains(&json!("ES256")), "{metadata}");
});

both!(a_proof_is_for_one_request_and_counts_once, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let (browser, ours) = (Browser::new(app), KeyHolder::default());
    let made = exchange(app, &party, &browser, &[], None).await.ok();
    let proof = ours.at_token(app);
    refresh(app, &party, &made["refresh_token"], Some(&proof)).await.ok();
    refused(&refresh(app, &party, &made["refresh_token"], Some(&proof)).await, "invalid_dpop_proof");
    let with = |name: &str, value: Value| {
        let mut claims = ours.claims(app, ("POST", "/oauth/token"), None);
        claims[name] = value;
        ours.sign(&claims)
    };
    let now = app.now().timestamp();
    for proof in [
        with("htu", json!("https://evil.example/oauth/token")),
        with("htu", json!(format!("{}/userinfo", app.client().base()))),
        with("htm", json!("GET")),
        with("iat", json!(now - 61)),
        with("iat", json!(now + 61)),
        with("iat", json!("now")),
        with("jti", json!("")),
        with("jti", Value::Null),
        "no.proof.at-all".to_owned(),
        "x".repeat(9000),
    ] {
        refused(&refresh(app, &party, &made["refresh_token"], Some(&proof)).await, "invalid_dpop_proof");
    }
    // Two are none.
    let request =
        app.client().request(reqwest::Method::POST, "/oauth/token").header("content-type", "application/x-www-form-urlencoded");
    let two = request.header("dpop", &ours.at_token(app)).another_header("dpop", &ours.at_token(app));
    refused(
        &two.body("grant_type=client_credentials&client_id=x&client_secret=cs_x".to_owned()).send().await,
        "invalid_dpop_proof",
    );
    // Those that were used are forgotten once they would not count any more.
    app.advance(TimeDelta::minutes(5));
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from seen").await, 0);
});

both!(what_renews_a_client_without_a_secret_is_bound_as_well, async |app| {
    let (root, party) = application(app, json!({"auth_method": "none"})).await;
    app.sign_up("ann@example.com").await;
    let (browser, ours, theirs) = (Browser::new(app), KeyHolder::default(), KeyHolder::default());
    let made = exchange(app, &party, &browser, &[], Some(&ours.at_token(app))).await.ok();
    refused(&refresh(app, &party, &made["refresh_token"], None).await, "invalid_grant");
    refused(&refresh(app, &party, &made["refresh_token"], Some(&theirs.at_token(app))).await, "invalid_grant");
    let renewed = refresh(app, &party, &made["refresh_token"], Some(&ours.at_token(app))).await.ok();
    assert_eq!(renewed["token_type"], "DPoP", "and whoever tried has ended nothing");
    // A lost answer is repeated to its holder, and to nobody else.
    refused(&refresh(app, &party, &made["refresh_token"], Some(&theirs.at_token(app))).await, "invalid_grant");
    let again = refresh(app, &party, &made["refresh_token"], Some(&ours.at_token(app))).await.ok();
    assert_eq!(again["refresh_token"], renewed["refresh_token"]);

    // A client that keeps a secret shows who it is by that, and may take another key.
    let kept = RelyingParty::register(&app.by(&root), json!({"name": "Brightwater"})).await;
    let made = exchange(app, &kept, &browser, &[], Some(&ours.at_token(app))).await.ok();
    let renewed = refresh(app, &kept, &made["refresh_token"], Some(&theirs.at_token(app))).await.ok();
    assert_eq!(read_token(app, &renewed["access_token"], "at+jwt").await["cnf"]["jkt"], json!(theirs.thumbprint()));
    let free = refresh(app, &kept, &made["refresh_token"], None).await.ok();
    assert_eq!(free["token_type"], "Bearer");
});

both!(a_code_may_be_bound_to_a_key, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let (browser, ours, theirs) = (Browser::new(app), KeyHolder::default(), KeyHolder::default());
    exchange(app, &party, &browser, &[], None).await.ok();
    let (jkt, bad) = (ours.thumbprint(), "short");
    let bound: &[(&str, &str)] = &[("dpop_jkt", &jkt)];
    exchange(app, &party, &browser, bound, Some(&ours.at_token(app))).await.ok();
    refused(&exchange(app, &party, &browser, bound, Some(&theirs.at_token(app))).await, "invalid_grant");
    refused(&exchange(app, &party, &browser, bound, None).await, "invalid_grant");
    let told = browser.open(&party.ask(&[("dpop_jkt", bad)]).path).await.away();
    assert_eq!(told["error"], "invalid_request");

    // A request that is pushed with a proof is bound by it (RFC 9449, 10.1).
    let push = async |changes: &[(&str, &str)]| {
        let asked = party.ask(changes);
        let pairs: Vec<_> = asked.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let pairs: Vec<_> = pairs.into_iter().filter(|(name, _)| *name != "client_id").collect();
        let proof = ours.sign(&ours.claims(app, ("POST", "/oauth/par"), None));
        (party.prove(app, "/oauth/par", &pairs, Some(&proof)).await, asked.verifier)
    };
    refused(&push(&[("dpop_jkt", &theirs.thumbprint())]).await.0, "invalid_dpop_proof");
    for (holder, error) in [(&theirs, Some("invalid_grant")), (&ours, None)] {
        let (pushed, verifier) = push(&[]).await;
        let uri = text(&pushed.expect(201).json()["request_uri"]);
        let path = format!("/authorize?client_id={}&request_uri={uri}", party.client_id);
        let code = browser.open(&path).await.away()["code"].clone();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", party.redirect_uri.as_str()),
            ("code_verifier", &verifier),
        ];
        let answer = party.prove(app, "/oauth/token", &pairs, Some(&holder.at_token(app))).await;
        match error {
            Some(error) => refused(&answer, error),
            None => assert_eq!(answer.ok()["token_type"], "DPoP"),
        }
    }
});

both!(what_a_bound_token_is_exchanged_for_is_bound_to_its_key, async |app| {
    let (root, party) = application(app, json!({"organization_usage": "allow"})).await;
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let (browser, ours, theirs) = (Browser::new(app), KeyHolder::default(), KeyHolder::default());
    let made = exchange(app, &party, &browser, &[], Some(&ours.at_token(app))).await.ok();
    let switch = async |proof: Option<&str>| {
        let token = text(&made["access_token"]);
        let pairs = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("organization", "acme"),
        ];
        party.prove(app, "/oauth/token", &pairs, proof).await
    };
    refused(&switch(None).await, "invalid_request");
    refused(&switch(Some(&theirs.at_token(app))).await, "invalid_request");
    let there = switch(Some(&ours.at_token(app))).await.ok();
    assert_eq!(read_token(app, &there["access_token"], "at+jwt").await["cnf"]["jkt"], json!(ours.thumbprint()));

    // A client without a secret may begin with it here, and what renews the new token is bound as with a code.
    let installed = RelyingParty::register(&app.by(&root), json!({"name": "Installed", "auth_method": "none"})).await;
    let free = exchange(app, &installed, &browser, &[], None).await.ok();
    let token = text(&free["access_token"]);
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("organization", "acme"),
    ];
    let bound = installed.prove(app, "/oauth/token", &pairs, Some(&ours.at_token(app))).await.ok();
    refused(&refresh(app, &installed, &bound["refresh_token"], None).await, "invalid_grant");
    refresh(app, &installed, &bound["refresh_token"], Some(&ours.at_token(app))).await.ok();
});
