//! A code that is asked for: always a way in, once, and nothing for whoever does not read the mailbox.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;
use sha2::Digest;
use tenantry_tests::{Options, PASSWORD, both};

use super::*;

both!(the_mailed_code_is_the_way_in, async |app| {
    let (ann, org) = founded(app).await;
    set(app, &org, challenging()).await;
    let preauth = asked(&enter(app, None).await);
    // What answers the password opens nothing.
    app.client().bearer(&preauth).get("/api/user").await.refused(401, "JWT_ERROR");
    app.client().bearer(&preauth).get(&org.path).await.refused(401, "JWT_ERROR");
    app.client().post("/api/auth/refresh", json!({"refresh_token": preauth})).await.refused(401, "UNAUTHORIZED");
    app.worker().await;
    let code = app.mailed_code("ann@example.com");
    let spelled = format!(" {}-{} ", &code[..3], &code[3..]);
    let answer = verify(app, &preauth, &spelled).await;
    let device = device_of(&answer).expect("the device is trusted from now on");
    let token = entered(&answer);
    let by = app.client().bearer(&token);
    assert_eq!(by.get("/api/user").await.ok()["id"], json!(ann.id));
    by.get(&org.path).await.ok();
    verify(app, &preauth, &code).await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    let events = judged(app, &org).await;
    assert_eq!((events.len(), &events[0]["risk_action"], &events[0]["signed_in"]), (1, &json!("challenge_mfa"), &json!(true)));
    assert_eq!(logged(app, &org, "user.login.success").await, 1);
    // Known now: nobody asks again.
    entered(&enter(app, Some(&device)).await);
    assert_eq!(judged(app, &org).await[0]["risk_factors"], json!(["trusted_device"]));
});

both!(asking_again_mails_nothing_and_gives_no_more_tries, async |app| {
    let (_, org) = founded(app).await;
    set(app, &org, challenging()).await;
    let first = asked(&enter(app, None).await);
    app.worker().await;
    let mails = app.mails_to("ann@example.com").len();
    let second = asked(&enter(app, None).await);
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), mails);
    let code = app.mailed_code("ann@example.com");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for n in 0..5 {
        let preauth = if n % 2 == 0 { &first } else { &second };
        verify(app, preauth, wrong).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    }
    let answer = verify(app, &first, &code).await;
    assert_eq!(answer.header("retry-after"), "600");
    answer.refused(429, "TOO_MANY_REQUESTS");
    assert_eq!(logged(app, &org, "user.login.failed").await, 5);
    // It passes by itself.
    app.advance(TimeDelta::minutes(10));
    let third = asked(&enter(app, None).await);
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), mails + 1);
    entered(&verify(app, &third, &app.mailed_code("ann@example.com")).await);
});

both!(a_mail_that_is_slow_still_fits, async |app| {
    let (_, org) = founded(app).await;
    set(app, &org, challenging()).await;
    let first = asked(&enter(app, None).await);
    app.worker().await;
    let code = app.mailed_code("ann@example.com");
    app.advance(TimeDelta::seconds(301));
    verify(app, &first, &code).await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    let second = asked(&enter(app, None).await);
    entered(&verify(app, &second, &code).await);
});

both!(a_code_is_worth_nothing_for_another_account_or_another_password, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.member(&ann, "acme", "bob@example.com", "member").await;
    set(app, &org, challenging()).await;
    let by_ann = asked(&enter(app, None).await);
    let by_bob = asked(&sign_in(app, "bob@example.com", Some("acme"), None, None).await);
    app.worker().await;
    let (anns, bobs) = (app.mailed_code("ann@example.com"), app.mailed_code("bob@example.com"));
    if anns != bobs {
        verify(app, &by_ann, &bobs).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    }
    let change = json!({"current_password": PASSWORD, "new_password": "another long sentence"});
    app.by(&ann).post("/api/user/change-password", change).await.ok();
    verify(app, &by_ann, &anns).await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    // Whoever was removed meanwhile has nothing to come back to.
    let bob = app.client().bearer(&org.access).get(&org.at("members")).await.ok();
    let bob = bob["members"].as_array().unwrap().iter().find(|m| m["user"]["email"] == "bob@example.com").unwrap()["user"]["id"]
        .clone();
    app.client().bearer(&org.access).post_empty(&org.at(&format!("members/{}", text(&bob)))).await.expect(200);
    verify(app, &by_bob, &bobs).await.refused_as(403, "FORBIDDEN", "no_access");
});

both!(of_many_who_send_the_code_at_once_one_gets_in, async |app| {
    let (_, org) = founded(app).await;
    set(app, &org, challenging()).await;
    let preauth = asked(&enter(app, None).await);
    app.worker().await;
    let code = app.mailed_code("ann@example.com");
    let answers = join_all((0..12).map(|_| verify(app, &preauth, &code))).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    answers
        .into_iter()
        .filter(|answer| answer.status != 200)
        .for_each(|lost| lost.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token"));
    // However many guess at once: five tries.
    app.advance(TimeDelta::minutes(11));
    let preauth = asked(&enter(app, None).await);
    let answers = join_all((0..30).map(|n| verify(app, &preauth, if n % 2 == 0 { "wrong" } else { "nonsense" }))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 5);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 25);
});

both!(what_is_no_token_of_ours_is_refused_alike, async |app| {
    let (ann, org) = founded(app).await;
    for body in [json!({}), json!({"preauth_token": 1, "code": 2}), json!({"preauth_token": "x\0", "code": "\0"})] {
        app.client().post("/api/auth/mfa/verify", body).await.invalid(&["preauth_token", "code"]);
    }
    // An access token is none, nor is a token with something changed.
    set(app, &org, challenging()).await;
    let preauth = asked(&enter(app, None).await);
    let cut = preauth[..preauth.len() - 4].to_owned();
    for token in [&ann.access, &org.refresh, &cut, &"x.y.z".to_owned(), &"x".repeat(8192)] {
        verify(app, token, "123456").await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    }
    verify(app, &"x".repeat(8193), "123456").await.invalid(&["preauth_token"]);
});

both!(no_organization_keeps_people_out_of_what_is_not_its_own, async |app| {
    let (_, org) = founded(app).await;
    let eve = app.sign_up("eve@example.com").await;
    let strict = app.create_org(&eve, "strict").await;
    set(app, &strict, blocking()).await;
    // Whose member one is not has no say.
    let cookie = device_of(&enter(app, None).await);
    assert!(cookie.is_some());
    let ann = app.login("ann@example.com", PASSWORD).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &strict).await;
    app.invite_and_join(&eve, "strict", &ann, "member").await;
    // It blocks who wants in there; elsewhere, where the session reaches it as well, it lets a code do.
    sign_in(app, "ann@example.com", Some("strict"), None, None).await.refused_as(403, "FORBIDDEN", "risk_blocked");
    let preauth = asked(&sign_in(app, "ann@example.com", None, None, None).await);
    app.worker().await;
    let answer = verify(app, &preauth, &app.mailed_code("ann@example.com")).await;
    entered(&answer);
    let device = device_of(&answer).unwrap();
    // Known there now.
    entered(&sign_in(app, "ann@example.com", Some("strict"), Some(&device), None).await);
    entered(&sign_in(app, "ann@example.com", None, Some(&device), None).await);
    let eve = app.client().bearer(&strict.access);
    let events = eve.get(&strict.at("risk-events")).await.ok();
    let actions: Vec<_> = events.as_array().unwrap().iter().map(|e| e["risk_action"].clone()).collect();
    assert_eq!(actions, [json!("allow"), json!("challenge_mfa"), json!("block")]);
    assert_eq!(judged(app, &org).await.len(), 1, "the other organization learns nothing of it");
});

both!(an_owner_whom_the_rule_blocks_gets_back_in, async |app| {
    let (_, org) = founded(app).await;
    set(app, &org, blocking()).await;
    enter(app, None).await.refused_as(403, "FORBIDDEN", "risk_blocked");
    let preauth = asked(&sign_in(app, "ann@example.com", None, None, None).await);
    app.worker().await;
    let token = entered(&verify(app, &preauth, &app.mailed_code("ann@example.com")).await);
    app.client().bearer(&token).post_empty(&org.at("risk-settings/reset")).await.ok();
    entered(&enter(app, None).await);
});

both!(a_wrong_password_tells_nothing_of_the_risk, async |app| {
    let (_, org) = founded(app).await;
    let wrong = json!({"email": "ann@example.com", "password": "wrong wrong wrong", "org_slug": "acme"});
    let answered = async || {
        let mut answer = app.client().post("/api/auth/login", wrong.clone()).await.refused(401, "UNAUTHORIZED");
        answer.as_object_mut().unwrap().remove("timestamp");
        answer
    };
    let before = answered().await;
    set(app, &org, blocking()).await;
    assert_eq!(answered().await, before);
    assert!(judged(app, &org).await.is_empty());
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), 1, "the one of the sign-up");
});

both!(t42_code_and_device_are_nowhere_else, Options::default().set("metrics.token", "metrics"), async |app| {
    let (ann, org) = founded(app).await;
    set(app, &org, challenging()).await;
    let preauth = asked(&enter(app, None).await);
    app.worker().await;
    let code = app.mailed_code("ann@example.com");
    let with_code = app.dump().await;
    let answer = verify(app, &preauth, &code).await;
    let device = device_of(&answer).unwrap();
    entered(&enter(app, Some(&device)).await);
    app.worker().await;
    let by = app.client().bearer(&org.access);
    let mut places = vec![with_code.clone(), app.dump().await];
    for path in ["audit-log?limit=100", "events?limit=100", "risk-events", "audit-log/export?format=ndjson"] {
        places.push(by.get(&org.at(path)).await.expect(200).text());
    }
    places.push(by.get(&org.at(&format!("users/{}", ann.id))).await.text());
    places.push(app.client().bearer("metrics").get("/metrics").await.text());
    for place in places {
        assert!(!place.contains(&device) && !place.contains(&preauth), "{place}");
        // Six digits are in a moment or an id by chance, but not between quotes or spaces.
        for around in ['"', '\'', ' ', '>'] {
            assert!(!place.contains(&format!("{around}{code}{around}")), "{place}");
        }
    }
    assert!(!with_code.contains(&hex::encode(sha2::Sha256::digest(code.as_bytes()))), "a plain hash of six digits is no secret");
});
