//! A passkey on the pages of a sign-in.

use serde_json::{Value, json};
use tenantry_tests::{Browser, PASSWORD, PasskeyDevice, both, read_token};

use crate::identity::flows::application;

/// What a page asks the device.
fn asked(html: &str) -> Value {
    let text = html.split_once("data-options=\"").expect("a question").1.split_once('"').expect("an end").0;
    let text = text.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    json!({"options": serde_json::from_str::<Value>(&text).expect("JSON")})
}

both!(a_passkey_stands_in_for_address_password_and_code, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let mut device = PasskeyDevice::at(app);
    device.register(&app.by(&ann), "Laptop").await;
    let browser = Browser::new(app);
    let request = party.ask(&[]);
    let (at, page) = browser.open(&request.path).await.page();
    assert!(page.text().contains("value=\"ask_passkey\"") && !page.text().contains("<script"), "{page}");
    let (at, page) = browser.send(&at, &[("step", "ask_passkey")]).await.page();
    assert!(page.text().contains("/signin/assets/passkey-"), "{page}");
    // What is no answer is told, and another way is open.
    let (_, wrong) = browser.send(&at, &[("step", "passkey.0"), ("credential", "{}")]).await.page();
    assert_eq!(wrong.status, 422, "{wrong}");
    let (at, page) = browser.send(&at, &[("step", "ask_passkey")]).await.page();
    let answer = device.sign(&asked(&page.text())).to_string();
    // Another browser has nothing to say here.
    let (_, stranger) = Browser::new(app).send(&at, &[("step", "passkey.0"), ("credential", &answer)]).await.page();
    assert_eq!(stranger.status, 400, "{stranger}");
    device.counter += 1;
    let answer = device.sign(&asked(&page.text())).to_string();
    let back = browser.send(&at, &[("step", "passkey.0"), ("credential", &answer)]).await.away();
    let made = party.exchange(app, &back["code"], &request.verifier).await.ok();
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id["acr"], &id["amr"], &id["email"]), (&json!("phr"), &json!(["pop", "mfa"]), &json!("ann@example.com")));
});

both!(a_passkey_confirms_a_password_where_a_second_factor_is_asked_for, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let mut device = PasskeyDevice::at(app);
    let browser = Browser::new(app);
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"mfa": "required"})).await.ok();
    let request = party.ask(&[("organization", "acme")]);
    let (_, page) = browser.sign_in(&request.path, "ann@example.com", PASSWORD).await.page();
    assert!(page.text().contains("one-time-code") && !page.text().contains("ask_passkey"), "she has none: {page}");
    device.register(&app.by(&ann), "Laptop").await;
    let request = party.ask(&[("organization", "acme")]);
    let (at, page) = browser.sign_in(&request.path, "ann@example.com", PASSWORD).await.page();
    assert!(page.text().contains("one-time-code") && page.text().contains("ask_passkey"), "{page}");
    let (at, _) = browser.send(&at, &[("step", "ask_passkey")]).await.page();
    let (at, page) = browser.send(&at, &[("step", "leave_passkey")]).await.page();
    assert!(page.text().contains("one-time-code"), "back where it was: {page}");
    let (at, page) = browser.send(&at, &[("step", "ask_passkey")]).await.page();
    device.counter += 1;
    let answer = device.sign(&asked(&page.text())).to_string();
    let back = browser.send(&at, &[("step", "passkey"), ("credential", &answer)]).await.away();
    let made = party.exchange(app, &back["code"], &request.verifier).await.ok();
    assert_eq!(read_token(app, &made["id_token"], "JWT").await["org_id"], json!(org.id));
});
