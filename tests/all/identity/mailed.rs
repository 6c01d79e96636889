//! Signing in by what is mailed: the code, the link, and who is asked for more.

mod people;
mod policies;

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Browser, Options, PASSWORD, RelyingParty, Response, TestApp, both, read_token};

use super::flows::application;

/// A sign-in as far as the page that asks for the password.
pub(crate) async fn at_password(browser: &Browser, path: &str, email: &str) -> (String, Response) {
    let (at, _) = browser.open(path).await.page();
    browser.send(&at, &[("step", "identify"), ("email", email)]).await.page()
}

/// As far as the page that asks for the mailed code.
pub(crate) async fn asked(app: &TestApp, browser: &Browser, path: &str, email: &str) -> String {
    let (at, page) = at_password(browser, path, email).await;
    assert!(page.text().contains("value=\"ask_mail\""), "{page}");
    let (at, page) = browser.send(&at, &[("step", "ask_mail")]).await.page();
    assert!(page.text().contains("one-time-code") && page.text().contains("value=\"mail_code.0\""), "{page}");
    app.worker().await;
    at
}

/// Another code of eight digits.
fn wrong(code: &str) -> String {
    if code == "12345678" { "12345679".to_owned() } else { "12345678".to_owned() }
}

/// What an application learns of a sign-in.
async fn learned(
    app: &TestApp,
    party: &RelyingParty,
    back: &std::collections::BTreeMap<String, String>,
    verifier: &str,
) -> serde_json::Value {
    let made = party.exchange(app, &back["code"], verifier).await.ok();
    read_token(app, &made["id_token"], "JWT").await
}

both!(a_mailed_code_stands_in_for_a_password, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let request = party.ask(&[]);
    let at = asked(app, &browser, &request.path, "ann@example.com").await;
    let first = app.mailed_sign_in_code("ann@example.com");
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", "")]).await.page();
    assert_eq!(page.status, 422, "{page}");
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &wrong(&first))]).await.page();
    assert!(page.status == 422 && page.text().contains("aria-invalid"), "{page}");
    assert!(browser.cookie("tn_session").is_none(), "nobody is in yet");
    // Another mail takes the place of the first.
    browser.send(&at, &[("step", "ask_mail")]).await.page();
    app.worker().await;
    let code = app.mailed_sign_in_code("ann@example.com");
    assert_ne!(first, code);
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &first)]).await.page();
    assert_eq!(page.status, 422, "{page}");
    // In another browser it is no code of anything.
    let (_, page) = Browser::new(app).send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert_eq!(page.status, 400, "{page}");
    let typed = format!(" {} {} ", &code[..4], &code[4..]);
    let back = browser.send(&at, &[("step", "mail_code.0"), ("code", &typed)]).await.away();
    let id = learned(app, &party, &back, &request.verifier).await;
    assert_eq!((&id["acr"], &id["amr"], &id["email"]), (&json!("1"), &json!(["otp"]), &json!("ann@example.com")));
    assert_eq!(app.count("select count(*) from sessions where method = 'mail'").await, 1);
    assert_eq!(app.count("select count(*) from mail_codes").await, 0, "it is used up");
    let failed = "select count(*) from events where name = 'user.login.failed'";
    assert_eq!(app.count(failed).await, 2, "wrong codes are recorded");
    // It is an account's own sign-in, like a password.
    let sessions = app.by(&ann).get("/api/user/sessions").await.ok();
    assert_eq!(sessions.as_array().unwrap().len(), 2, "{sessions}");
});

both!(a_mailed_code_runs_out_and_can_be_done_without, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let request = party.ask(&[]);
    let at = asked(app, &browser, &request.path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let link = app.link("ann@example.com", "signin-link");
    let path = link.strip_prefix(app.client().base()).expect("T36: a link of ours").to_owned();
    app.advance(TimeDelta::minutes(10));
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert!(page.status == 200 && page.text().contains("current-password"), "back at the password: {page}");
    assert_eq!(browser.open(&path).await.page().1.status, 400);
    // Whoever remembers the password goes back to it, and the code opens nothing any more.
    let (at, _) = browser.send(&at, &[("step", "ask_mail")]).await.page();
    app.worker().await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let (at, page) = browser.send(&at, &[("step", "leave_mail")]).await.page();
    assert!(page.text().contains("current-password"), "{page}");
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert!(page.text().contains("current-password"), "{page}");
    browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.away();
});

both!(t40_an_address_that_nobody_has_is_answered_alike, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let mut told = Vec::new();
    for email in ["ann@example.com", "nobody@example.com"] {
        let browser = Browser::new(app);
        let at = asked(app, &browser, &party.ask(&[]).path, email).await;
        let (_, shown) = browser.open(&at).await.page();
        let (_, bad) = browser.send(&at, &[("step", "mail_code.0"), ("code", "00000000")]).await.page();
        let plain = |page: &Response| page.text().replace(email, "").replace(&at, "");
        told.push((shown.status, plain(&shown), bad.status, plain(&bad)));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(app.count("select count(*) from mail_codes").await, 2, "the same work");
    assert!(app.mails_to("nobody@example.com").is_empty());
    assert_eq!(app.count("select count(*) from events where name = 'user.login.failed'").await, 2);
});

both!(
    t41_five_codes_are_tried_and_three_mails_are_sent,
    Options::default().rate_limits().set("rate_limits.sign_in_burst", 1000),
    async |app| {
        let (_, party) = application(app, json!({})).await;
        app.sign_up("ann@example.com").await;
        // Her sign-up was a mail as well.
        let browser = Browser::new(app);
        let request = party.ask(&[]);
        let at = asked(app, &browser, &request.path, "ann@example.com").await;
        let code = app.mailed_sign_in_code("ann@example.com");
        for _ in 0..5 {
            browser.send(&at, &[("step", "mail_code.0"), ("code", &wrong(&code))]).await.page();
        }
        let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
        assert_eq!(page.status, 422, "not even the right one: {page}");
        browser.send(&at, &[("step", "ask_mail")]).await.page();
        app.worker().await;
        let code = app.mailed_sign_in_code("ann@example.com");
        let (_, page) = browser.send(&at, &[("step", "ask_mail")]).await.page();
        assert!(page.status == 429 && !page.header("retry-after").is_empty(), "{page}");
        // Nor in another sign-in, and as many for an address that nobody has.
        let other = Browser::new(app);
        let (there, _) = at_password(&other, &party.ask(&[]).path, "ann@example.com").await;
        assert_eq!(other.send(&there, &[("step", "ask_mail")]).await.page().1.status, 429);
        let nobody = Browser::new(app);
        let (there, _) = at_password(&nobody, &party.ask(&[]).path, "nobody@example.com").await;
        for expected in [200, 200, 200, 429] {
            assert_eq!(nobody.send(&there, &[("step", "ask_mail")]).await.page().1.status, expected);
        }
        app.worker().await;
        let mails = app.mails_to("ann@example.com");
        assert_eq!(mails.iter().filter(|mail| mail.text.contains("signin-link")).count(), 2);
        // The last one still opens what it was for.
        browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.away();
    }
);

both!(the_link_leads_back_to_where_it_was_asked_for, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let request = party.ask(&[]);
    let at = asked(app, &browser, &request.path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let link = app.link("ann@example.com", "signin-link");
    let path = link.strip_prefix(app.client().base()).expect("T36: a link of ours").to_owned();
    // U22, T38: opened by a scanner, on a phone, and here: nothing changes.
    let before = app.dump().await;
    let elsewhere = Browser::new(app);
    let (_, shown) = elsewhere.open(&path).await.page();
    let page = shown.text();
    assert!(page.contains(&code) && page.contains("127.0.0.1") && page.contains("Ledgerline"), "{page}");
    assert!(!page.contains("<form") && elsewhere.cookie("tn_session").is_none(), "{page}");
    assert_eq!(shown.header("cache-control"), "no-store");
    let (_, here) = browser.open(&path).await.page();
    let page = here.text();
    assert!(page.contains(&format!("action=\"{at}\"")) && page.contains("value=\"mail_code.0\""), "{page}");
    assert_eq!(app.dump().await, before);
    // Not from another site's form.
    let (_, foreign) = browser.post_from("https://evil.example", &at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert_eq!(foreign.status, 403, "{foreign}");
    let back = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.away();
    let id = learned(app, &party, &back, &request.verifier).await;
    assert_eq!(id["email"], "ann@example.com");
    for (who, path) in [
        (&browser, path.as_str()),
        (&elsewhere, path.as_str()),
        (&browser, "/signin-link?token=ml_nothing"),
        (&browser, "/signin-link"),
    ] {
        assert_eq!(who.open(path).await.page().1.status, 400, "{path}");
    }
});

both!(a_code_is_for_the_address_that_was_typed, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    app.sign_up("ben@example.com").await;
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[]).path, "ann@example.com").await;
    let anns = app.mailed_sign_in_code("ann@example.com");
    let link = app.link("ann@example.com", "signin-link");
    let (at, page) = browser.send(&at, &[("step", "identify"), ("email", "ben@example.com")]).await.page();
    assert!(page.text().contains("current-password"), "{page}");
    assert_eq!(browser.open(link.strip_prefix(app.client().base()).unwrap()).await.page().1.status, 400);
    browser.send(&at, &[("step", "ask_mail")]).await.page();
    app.worker().await;
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &anns)]).await.page();
    assert_eq!(page.status, 422, "{page}");
    let bens = app.mailed_sign_in_code("ben@example.com");
    // A code of one sign-in is none of another.
    let other = Browser::new(app);
    let there = asked(app, &other, &party.ask(&[]).path, "ann@example.com").await;
    let (_, page) = other.send(&there, &[("step", "mail_code.0"), ("code", &bens)]).await.page();
    assert_eq!(page.status, 422, "{page}");
    browser.send(&at, &[("step", "mail_code.0"), ("code", &bens)]).await.away();
});
