//! The hosted page of one's own account.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Browser, Landed, PASSWORD, PasskeyDevice, Response, TestApp, both, text};

use super::flows::code_on_page;

/// What the page gives its forms.
fn token(page: &str) -> String {
    let start = ["value=\"confirm.", "value=\"passkey.", "value=\"app.", "value=\"end_others."];
    let found = start.iter().find_map(|start| page.split_once(start)).expect("a form");
    found.1.split_once('"').expect("an end").0.to_owned()
}

fn field(page: &str, start: &str) -> String {
    let text = page.split_once(start).expect("it is there").1.split_once('"').expect("an end").0;
    text.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Signs in where the page leads, and comes back to it.
async fn signed_in(browser: &Browser, email: &str) -> Response {
    let (at, page) = browser.sign_in("/account", email, PASSWORD).await.page();
    assert_eq!((at.as_str(), page.status), ("/account", 200), "{page}");
    page
}

async fn send(browser: &Browser, token: &str, step: &str, more: &[(&str, &str)]) -> Landed {
    let step = format!("{step}.{token}");
    browser.send("/account", &[&[("step", step.as_str())], more].concat()).await
}

both!(who_opens_it_signs_in_and_sees_their_own, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.sign_up("ben@example.com").await;
    let browser = Browser::new(app);
    let (at, page) = browser.open("/account").await.page();
    assert!(at.starts_with("/signin/flow_") && page.text().contains("Your account"), "{page}");
    let page = signed_in(&browser, "ann@example.com").await;
    let html = page.text();
    assert!(html.contains("ann@example.com") && !html.contains("ben@example.com"), "{page}");
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "same-origin"));
    assert!(!html.contains("<script") && html.matches("class=\"tag\"").count() == 1, "{page}");
    // The other session is one that a program has: it is ended, and is dead at once.
    let other = field(&html, "name=\"id\" value=\"");
    let (at, page) = send(&browser, &token(&html), "end", &[("id", &other)]).await.page();
    assert!(at == "/account?done=ended" && page.text().contains("Signed out there"), "{at} {page}");
    app.by(&ann).get("/api/user").await.refused(401, "UNAUTHORIZED");
    // Somebody else's is not there.
    let ben = app.again(&app.sign_up("eve@example.com").await).await;
    let sessions = app.by(&ben).get("/api/user/sessions").await.ok();
    let (_, page) = send(&browser, &token(&page.text()), "end", &[("id", &text(&sessions[0]["id"]))]).await.page();
    assert_eq!(page.status, 404, "{page}");
    app.by(&ben).get("/api/user").await.ok();
    let again = app.again(&ann).await;
    let (at, _) = send(&browser, &token(&page.text()), "end_others", &[]).await.page();
    assert_eq!(at, "/account?done=ended");
    app.by(&again).get("/api/user").await.refused(401, "UNAUTHORIZED");
    assert_eq!(browser.open("/account").await.page().1.status, 200, "this one goes on");
    // Our own client is made once, and answers nobody.
    assert_eq!(app.count("select count(*) from clients where client_id = 'tenantry-account'").await, 1);
    assert_eq!(app.count("select count(*) from codes").await, 0);
});

both!(an_app_is_set_up_renewed_and_turned_off, async |app| {
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let form = token(&signed_in(&browser, "ann@example.com").await.text());
    let (_, page) = send(&browser, &form, "app", &[]).await.page();
    let code = code_on_page(app, &page.text());
    let (_, wrong) = send(&browser, &form, "app_code", &[("code", "")]).await.page();
    assert_eq!(wrong.status, 422, "{wrong}");
    assert_eq!(code_on_page(app, &wrong.text()), code);
    let (_, codes) = send(&browser, &form, "app_code", &[("code", &code)]).await.page();
    assert_eq!(codes.text().matches("<li dir=\"ltr\">").count(), 10, "{codes}");
    assert_eq!(codes.header("cache-control"), "no-store");
    let (_, page) = browser.open("/account").await.page();
    assert!(page.text().contains("10 are left") && page.text().contains("On since"), "{page}");
    let (_, renewed) = send(&browser, &form, "codes", &[]).await.page();
    let html = renewed.text();
    let saved = html.split("<li dir=\"ltr\">").nth(1).unwrap().split_once('<').unwrap().0.to_owned();
    // T25: an old sign-in, and one without the factor, change nothing: they lead to a sign-in, and back.
    app.advance(TimeDelta::minutes(16));
    for step in ["app_off", "codes", "passkey"] {
        let (at, page) = send(&browser, &form, step, &[]).await.page();
        assert!(at.starts_with("/signin/") && page.text().contains("name=\"email\""), "{step}: {page}");
    }
    let (_, page) = browser.open("/account").await.page();
    assert!(page.text().contains("confirm first that it is you"), "{page}");
    let (at, _) = send(&browser, &form, "confirm", &[]).await.page();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "ann@example.com")]).await.page();
    let (at, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert!(page.text().contains("authenticator app"), "{page}");
    let (at, page) = browser.send(&at, &[("step", "second_factor"), ("code", &saved)]).await.page();
    assert!(at == "/account" && !page.text().contains("confirm first"), "{at} {page}");
    let (at, page) = send(&browser, &token(&page.text()), "app_off", &[]).await.page();
    assert!(at == "/account?done=app_off" && !page.text().contains("On since"), "{at} {page}");
    assert_eq!(app.count("select count(*) from totp").await + app.count("select count(*) from recovery_codes").await, 0);
});

both!(passkeys_are_added_named_and_removed, async |app| {
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let form = token(&signed_in(&browser, "ann@example.com").await.text());
    let (_, page) = send(&browser, &form, "passkey", &[]).await.page();
    let html = page.text();
    assert!(html.contains("data-passkey=\"create\"") && html.contains("name=\"name\""), "{page}");
    let (challenge, options) = (field(&html, "name=\"challenge\" value=\""), field(&html, "data-options=\""));
    let mut device = PasskeyDevice::at(app);
    let made = device.make(&json!({"options": serde_json::from_str::<Value>(&options).unwrap()})).to_string();
    let sent = [("challenge", challenge.as_str()), ("credential", made.as_str()), ("name", "Laptop <1>")];
    let (at, page) = send(&browser, &form, "passkey_made", &sent).await.page();
    assert!(at == "/account?done=passkey_added" && page.text().contains("Laptop &lt;1&gt;"), "{at} {page}");
    let (_, again) = send(&browser, &form, "passkey_made", &sent).await.page();
    assert_eq!(again.status, 400, "a question is answered once: {again}");
    let one = field(&page.text(), "href=\"/account/passkeys/");
    let (_, page) = browser.open(&format!("/account/passkeys/{one}")).await.page();
    assert!(page.text().contains("value=\"Laptop &lt;1&gt;\""), "{page}");
    let (_, bad) = send(&browser, &form, "passkey_name", &[("id", &one), ("name", " ")]).await.page();
    assert_eq!(bad.status, 422, "{bad}");
    let (_, page) = send(&browser, &form, "passkey_name", &[("id", &one), ("name", "Phone")]).await.page();
    assert!(page.text().contains("Phone") && !page.text().contains("Laptop"), "{page}");
    let (at, _) = send(&browser, &form, "passkey_remove", &[("id", &one)]).await.page();
    assert_eq!(at, "/account?done=passkey_removed");
    for gone in [one.as_str(), "nonsense"] {
        let (_, page) = browser.open(&format!("/account/passkeys/{gone}")).await.page();
        assert_eq!(page.status, 404, "{page}");
        let (_, page) = send(&browser, &form, "passkey_remove", &[("id", gone)]).await.page();
        assert_eq!(page.status, 404, "{page}");
    }
});

both!(a_form_counts_for_who_saw_it, async |app| {
    app.sign_up("ann@example.com").await;
    app.sign_up("eve@example.com").await;
    let browser = Browser::new(app);
    let form = token(&signed_in(&browser, "ann@example.com").await.text());
    let cookies = |names: &[&str]| {
        names.iter().map(|name| format!("{name}={}", browser.cookie(name).unwrap())).collect::<Vec<_>>().join("; ")
    };
    let post = async |headers: &[(&str, &str)], step: &str| {
        let request = app.client().request(Method::POST, "/account").header("content-type", "application/x-www-form-urlencoded");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(format!("step={step}")).send().await
    };
    let (both, base) = (cookies(&["tn_browser", "tn_session"]), app.client().base().to_owned());
    let end = format!("end_others.{form}");
    let before = app.count("select count(*) from sessions where revoked_at is null").await;
    for origin in [None, Some("null"), Some("https://evil.example")] {
        let headers: Vec<_> = [("cookie", both.as_str())].into_iter().chain(origin.map(|origin| ("origin", origin))).collect();
        assert_eq!(post(&headers, &end).await.status, 403, "{origin:?}");
    }
    // Without either cookie, with another page's word, or with none, nothing happens.
    for (cookie, step) in [
        (cookies(&["tn_session"]), end.as_str()),
        (cookies(&["tn_browser"]), end.as_str()),
        (both.clone(), "end_others"),
        (both.clone(), "end_others.0123"),
    ] {
        let answer = post(&[("cookie", &cookie), ("origin", &base)], step).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/account"), "{step}");
    }
    assert_eq!(app.count("select count(*) from sessions where revoked_at is null").await, before);
    // Whoever signs in in the browser meanwhile is not whom the page was shown to.
    app.advance(TimeDelta::seconds(1));
    let (at, _) = send(&browser, &form, "confirm", &[]).await.page();
    let (at, _) = browser.send(&at, &[("step", "identify"), ("email", "eve@example.com")]).await.page();
    let (at, page) = browser.send(&at, &[("step", "password"), ("password", PASSWORD)]).await.page();
    assert!(at == "/account" && page.text().contains("eve@example.com"), "{page}");
    let (at, _) = send(&browser, &form, "app", &[]).await.page();
    assert_eq!((at.as_str(), app.count("select count(*) from totp").await), ("/account", 0));
    // Nothing that a page loads begins a sign-in.
    let framed = app.client().request(Method::GET, "/account").header("sec-fetch-dest", "iframe").send().await;
    assert_eq!((framed.status, app.count("select count(*) from flows where ended_at is null").await), (400, 0), "{framed}");
    let _: &TestApp = app;
});
