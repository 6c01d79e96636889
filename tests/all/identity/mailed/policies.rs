//! What organizations make of who comes by a mail, and of whom more is asked.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Browser, Options, PASSWORD, PasskeyDevice, RelyingParty, TestApp, User, both};

use super::{asked, at_password, learned};
use crate::identity::{factors::enrol, flows::application};

/// Ann, who owns acme, where these rules hold.
async fn scene(app: &TestApp, policy: serde_json::Value) -> (RelyingParty, User, tenantry_tests::Org) {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.by(&ann).patch(&org.at("sign-in/policy"), policy).await.ok();
    (party, ann, org)
}

both!(where_mails_do_not_count_none_is_offered_or_sent, async |app| {
    let (party, ann, org) = scene(app, json!({"methods": ["password", "passkey"]})).await;
    let browser = Browser::new(app);
    let request = party.ask(&[("organization", "acme")]);
    for email in ["ann@example.com", "nobody@example.com"] {
        let (at, page) = at_password(&browser, &request.path, email).await;
        assert!(!page.text().contains("ask_mail"), "{page}");
        let (_, page) = browser.send(&at, &[("step", "ask_mail")]).await.page();
        assert!(page.text().contains("current-password"), "{page}");
    }
    assert_eq!(app.count("select count(*) from mail_codes").await, 0);
    // At the platform it counts; in the organization that is not enough.
    let outside = party.ask(&[]);
    let at = asked(app, &browser, &outside.path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.away();
    let (at, page) = browser.open(&party.ask(&[("organization", "acme")]).path).await.page();
    assert!(at.starts_with("/signin/") && page.status == 200, "{page}");
    // A policy that changes while the mail is on its way counts.
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"methods": ["password", "mail"]})).await.ok();
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[("organization", "acme")]).path, "ann@example.com").await;
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"methods": ["password"]})).await.ok();
    let code = app.mailed_sign_in_code("ann@example.com");
    let (at, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert!(page.status == 422 && page.text().contains("current-password"), "another way is asked for: {page}");
    assert!(browser.cookie("tn_session").is_none());
    browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
});

both!(an_app_is_asked_for_behind_a_mail_and_no_second_mail, async |app| {
    let (party, ann, _) = scene(app, json!({"mfa": "required"})).await;
    let authenticator = enrol(app, &ann).await;
    for organization in [None, Some(("organization", "acme"))] {
        app.advance(TimeDelta::seconds(30));
        let browser = Browser::new(app);
        let request = party.ask(organization.as_slice());
        let at = asked(app, &browser, &request.path, "ann@example.com").await;
        let code = app.mailed_sign_in_code("ann@example.com");
        let mails = app.mails_to("ann@example.com").len();
        let (at, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
        assert!(page.text().contains("authenticator app") && browser.cookie("tn_session").is_none(), "{page}");
        app.worker().await;
        assert_eq!(app.mails_to("ann@example.com").len(), mails, "nothing more is mailed");
        let (_, page) = browser.send(&at, &[("step", "second_factor"), ("code", &authenticator.wrong(app))]).await.page();
        assert_eq!(page.status, 422, "{page}");
        let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
        assert!(page.text().contains("authenticator app"), "the mail is used up: {page}");
        let back = browser.send(&at, &[("step", "second_factor"), ("code", &authenticator.code(app))]).await.away();
        let id = learned(app, &party, &back, &request.verifier).await;
        assert_eq!((&id["acr"], &id["amr"]), (&json!("2"), &json!(["otp", "mfa"])));
    }
});

both!(
    t41_guesses_behind_a_mail_do_not_end_the_password,
    Options::default().rate_limits().set("rate_limits.sign_in_burst", 1000),
    async |app| {
        let (party, ann, _) = scene(app, json!({})).await;
        let authenticator = enrol(app, &ann).await;
        let browser = Browser::new(app);
        let at = asked(app, &browser, &party.ask(&[]).path, "ann@example.com").await;
        let code = app.mailed_sign_in_code("ann@example.com");
        let (at, _) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
        // One sign-in for all of them, instead of a mail for every five.
        app.execute("update waiting_sign_ins set expires_at = (select max(expires_at) from sessions)").await;
        let mut guesses = 0;
        for _ in 0..55 {
            let (_, page) = browser.send(&at, &[("step", "second_factor"), ("code", &authenticator.wrong(app))]).await.page();
            guesses += i32::from(page.status == 422);
            app.advance(TimeDelta::minutes(1));
        }
        assert!((50..=52).contains(&guesses), "{guesses}");
        let (_, page) = browser.send(&at, &[("step", "second_factor"), ("code", &authenticator.code(app))]).await.page();
        assert_eq!(page.status, 429, "not even the right one: {page}");
        // Whoever knows the password is made to wait by none of it.
        let signed_in = app.client().post("/api/auth/login", json!({"email": ann.email, "password": PASSWORD})).await.ok();
        let verify = json!({"preauth_token": signed_in["access_token"], "code": authenticator.code(app)});
        app.client().post("/api/auth/mfa/verify", verify).await.ok();
    }
);

both!(who_has_no_second_factor_sets_one_up_behind_a_mail, async |app| {
    let (party, _, org) = scene(app, json!({"mfa": "required"})).await;
    let browser = Browser::new(app);
    let request = party.ask(&[("organization", "acme")]);
    let at = asked(app, &browser, &request.path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let mails = app.mails_to("ann@example.com").len();
    let (at, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert!(page.text().contains("value=\"app\"") && page.text().contains("value=\"passkey\""), "{page}");
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), mails, "a second mail would show nothing");
    assert_eq!(
        browser.open(&party.ask(&[("organization", "acme"), ("prompt", "none")]).path).await.away()["error"],
        "login_required"
    );
    let (_, page) = browser.send(&at, &[("step", "enrol"), ("answer", "app")]).await.page();
    let shown = crate::identity::flows::code_on_page(app, &page.text());
    browser.send(&at, &[("step", "enrol_code"), ("code", &shown)]).await.page();
    let back = browser.open(&at).await.away();
    let id = learned(app, &party, &back, &request.verifier).await;
    assert_eq!((&id["acr"], &id["org_id"]), (&json!("2"), &json!(org.id)));
});

both!(a_passkey_is_asked_for_behind_a_mail_and_no_second_mail, async |app| {
    let (party, ann, _) = scene(app, json!({"mfa": "required"})).await;
    PasskeyDevice::at(app).register(&app.by(&ann), "Laptop").await;
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[("organization", "acme")]).path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert!(page.text().contains("ask_passkey") && !page.text().contains("one-time-code"), "{page}");
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").iter().filter(|mail| mail.subject.contains("code")).count(), 1);
});

both!(a_risky_sign_in_by_a_mail_has_shown_what_a_mailed_code_would, async |app| {
    let (party, ann, org) = scene(app, json!({})).await;
    let careful = json!({"enforcement_mode": "challenge", "new_device_score": 60, "low_threshold": 30, "medium_threshold": 90});
    app.by(&ann).put(&org.at("risk-settings"), careful).await.ok();
    let browser = Browser::new(app);
    let request = party.ask(&[("organization", "acme")]);
    let at = asked(app, &browser, &request.path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.away();
    assert_eq!(app.count("select count(*) from risk_events where action = 'challenge_mfa' and provider = 'mail'").await, 1);
});
