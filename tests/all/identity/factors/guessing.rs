//! T41: guesses at second factors are counted for the account, wherever they come from; and end the password that they came with.

use tenantry_tests::Options;

use super::*;

fn limited() -> Options {
    Options::default().rate_limits().set("rate_limits.sign_in_burst", 1000).set("rate_limits.account_writes_burst", 1000)
}

both!(t41_wrong_codes_are_counted_over_all_sign_ins_and_sessions, limited(), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = enrol(app, &ann).await;
    let wrong = authenticator.wrong(app);
    let verify = async |code: &str| app.by(&ann).post("/api/user/mfa/verify", json!({"code": code})).await;
    for _ in 0..5 {
        answer(app, &asked(app, "ann@example.com").await, &wrong).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    }
    // Not even the right one is looked at, nor a recovery code, at a new sign-in.
    let waiting = asked(app, "ann@example.com").await;
    let refused = answer(app, &waiting, &authenticator.code(app)).await;
    assert_eq!(refused.header("retry-after"), "60");
    refused.refused_as(429, "TOO_MANY_REQUESTS", "rate_limited");
    answer(app, &waiting, &authenticator.recovery[0]).await.refused(429, "TOO_MANY_REQUESTS");
    // Sessions have a count of their own, all together: who has one, and not the password, makes nobody wait who signs in.
    for _ in 0..5 {
        verify(&wrong).await.invalid(&["code"]);
    }
    verify(&authenticator.code(app)).await.refused(429, "TOO_MANY_REQUESTS");
    app.advance(TimeDelta::seconds(60));
    verify(&wrong).await.invalid(&["code"]);
    verify(&authenticator.code(app)).await.refused(429, "TOO_MANY_REQUESTS");
    entered(app, answer(app, &waiting, &authenticator.code(app)).await);
});

both!(t41_after_fifty_in_a_day_the_session_ends_and_the_password_stays, limited(), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = enrol(app, &ann).await;
    let (mut refresh, mut guesses) = (ann.refresh.clone(), 0);
    loop {
        let renewed = app.client().post("/api/auth/refresh", json!({"refresh_token": refresh})).await;
        if renewed.status == 401 {
            break;
        }
        let tokens = renewed.ok();
        refresh = text(&tokens["refresh_token"]);
        let by = app.client().bearer(&text(&tokens["access_token"]));
        by.post("/api/user/mfa/verify", json!({"code": authenticator.wrong(app)})).await.invalid(&["code"]);
        guesses += 1;
        assert!(guesses < 60, "the session still works");
        app.advance(TimeDelta::seconds(60));
    }
    assert!((50..=52).contains(&guesses), "{guesses}");
    entered(app, answer(app, &asked(app, "ann@example.com").await, &authenticator.code(app)).await);
});

both!(t41_an_app_that_is_not_confirmed_cannot_be_guessed_at, limited(), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = set_up(&app.by(&ann)).await;
    let verify = async |code: &str| app.by(&ann).post("/api/user/mfa/verify", json!({"code": code})).await;
    for _ in 0..5 {
        verify(&authenticator.wrong(app)).await.invalid(&["code"]);
    }
    verify(&authenticator.code(app)).await.refused(429, "TOO_MANY_REQUESTS");
    app.advance(TimeDelta::minutes(16));
    let tokens = app.client().post("/api/auth/refresh", json!({"refresh_token": ann.refresh})).await.ok();
    let by = app.client().bearer(&text(&tokens["access_token"]));
    let late = by.post("/api/user/mfa/verify", json!({"code": authenticator.code(app)})).await;
    late.refused_as(400, "BAD_REQUEST", "mfa_not_enabled");
});

both!(t41_after_fifty_in_a_day_the_password_counts_as_known_to_others, limited(), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = enrol(app, &ann).await;
    let mut guesses = 0;
    let ended = loop {
        let waits = login(app, "ann@example.com", None).await;
        if waits.status == 401 {
            break waits;
        }
        let preauth = text(&waits.ok()["access_token"]);
        answer(app, &preauth, &authenticator.wrong(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
        guesses += 1;
        assert!(guesses < 60, "the password still works");
        app.advance(TimeDelta::seconds(60));
    };
    // Some came back meanwhile: one each 29 minutes.
    assert!((50..=52).contains(&guesses), "{guesses}");
    ended.refused_as(401, "UNAUTHORIZED", "invalid_credentials");
    app.worker().await;
    assert!(subjects(app, "ann@example.com").contains(&"Your password works no more".to_owned()));
    // Her sessions go on, and whoever reads her mails sets a new one.
    let renewed = app.client().post("/api/auth/refresh", json!({"refresh_token": ann.refresh})).await.ok();
    app.client().bearer(&text(&renewed["access_token"])).get("/api/user").await.ok();
    app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    let reset = json!({"token": app.mailed_token("ann@example.com", "reset-password"), "new_password": "another long sentence"});
    app.client().post("/api/auth/reset-password", reset).await.ok();
    let login = json!({"email": "ann@example.com", "password": "another long sentence"});
    let waiting = text(&app.client().post("/api/auth/login", login.clone()).await.ok()["access_token"]);
    app.advance(TimeDelta::seconds(60));
    // One wrong code more does not end the new one.
    answer(app, &waiting, &authenticator.wrong(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    let waiting = text(&app.client().post("/api/auth/login", login).await.ok()["access_token"]);
    app.advance(TimeDelta::seconds(60));
    entered(app, answer(app, &waiting, &authenticator.code(app)).await);
});
