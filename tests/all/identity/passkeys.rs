//! Passkeys: added, used, removed.

mod pages;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Client, Options, PasskeyDevice, Response, TestApp, answers, both, text};

use crate::{core::shapes::has_exactly, identity::factors::enrol};

async fn begin(app: &TestApp) -> Value {
    let challenge = app.client().post_empty("/api/auth/passkeys/authenticate/start").await.ok();
    has_exactly(&challenge, &["challenge_id", "options"]);
    challenge
}

async fn finish(app: &TestApp, challenge: &Value, credential: Value, org: Option<&str>) -> Response {
    let body = json!({"challenge_id": challenge["challenge_id"], "credential": credential, "org_slug": org});
    app.client().post("/api/auth/passkeys/authenticate/finish", body).await
}

/// Signs in with a device's passkey.
async fn sign_in(app: &TestApp, device: &mut PasskeyDevice, org: Option<&str>) -> Response {
    let challenge = begin(app).await;
    device.counter += 1;
    finish(app, &challenge, device.sign(&challenge), org).await
}

#[track_caller]
fn entered(app: &TestApp, answer: Response) -> Client {
    let tokens = answer.ok();
    assert!(!text(&tokens["refresh_token"]).is_empty(), "{tokens}");
    app.client().bearer(&text(&tokens["access_token"]))
}

both!(a_passkey_is_added_and_signs_in_with_both_factors, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"mfa": "required"})).await.ok();
    let mut device = PasskeyDevice::at(app);
    let id = device.register(&app.by(&ann), "Work laptop").await;
    let listed = app.by(&ann).get("/api/auth/passkeys").await.ok();
    has_exactly(&listed[0], &["id", "name", "created_at", "last_used_at"]);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"], &listed[0]["last_used_at"]),
        (&json!(id), &json!("Work laptop"), &Value::Null)
    );
    // Both factors, where the organization demands two; no code is asked for, whoever has an app as well.
    enrol(app, &ann).await;
    let by = entered(app, sign_in(app, &mut device, Some("acme")).await);
    by.get(&org.path).await.ok();
    let session = by.get("/api/user/sessions").await.ok();
    assert_eq!(session[0]["method"], "passkey");
    // What is done with the account takes no more than that.
    by.post_empty("/api/user/mfa/backup-codes/regenerate").await.ok();
    assert_ne!(by.get("/api/auth/passkeys").await.ok()[0]["last_used_at"], Value::Null);
    app.worker().await;
    let told = |subject: &str| app.mails_to("ann@example.com").iter().filter(|mail| mail.subject == subject).count();
    assert_eq!(told("Your account has a new passkey"), 1);
    let renamed = by.patch(&format!("/api/auth/passkeys/{id}"), json!({"name": "Phone"})).await.ok();
    assert_eq!(renamed["name"], "Phone");
    by.delete(&format!("/api/auth/passkeys/{id}")).await.expect(204);
    app.worker().await;
    assert_eq!(told("A passkey of your account was removed"), 1);
    sign_in(app, &mut device, None).await.refused_as(401, "UNAUTHORIZED", "invalid_passkey");
    for (name, count) in [("user.passkey.added", 1), ("user.passkey.removed", 1)] {
        assert_eq!(app.count(&format!("select count(*) from events where name = '{name}'")).await, count, "{name}");
    }
});

both!(what_a_device_is_asked_names_nobody, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    PasskeyDevice::at(app).register(&app.by(&ann), "Laptop").await;
    let options = &begin(app).await["options"]["publicKey"];
    assert_eq!((&options["allowCredentials"], &options["userVerification"]), (&json!([]), &json!("required")), "T40");
    let made = app.by(&ann).post_empty("/api/auth/passkeys/register/start").await.ok();
    let options = &made["options"]["publicKey"];
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["excludeCredentials"].as_array().map(Vec::len), Some(1), "one that is known makes no other");
    let profile = app.by(&ann).get("/api/user").await.ok();
    assert!(!text(&profile["id"]).contains(&text(&options["user"]["id"])), "devices show it");
});

both!(an_answer_counts_once_for_what_was_asked_and_for_whom, async |app| {
    let (ann, ben) = (app.sign_up("ann@example.com").await, app.sign_up("ben@example.com").await);
    let mut device = PasskeyDevice::at(app);
    device.register(&app.by(&ann), "Laptop").await;
    let refused = |answer: Response| answer.refused_as(401, "UNAUTHORIZED", "invalid_passkey");
    // Once, and within five minutes.
    let challenge = begin(app).await;
    device.counter += 1;
    let answer = device.sign(&challenge);
    finish(app, &challenge, answer.clone(), None).await.ok();
    refused(finish(app, &challenge, answer.clone(), None).await);
    refused(finish(app, &begin(app).await, answer, None).await);
    let late = begin(app).await;
    device.counter += 1;
    app.advance(TimeDelta::minutes(5) + TimeDelta::seconds(1));
    refused(finish(app, &late, device.sign(&late), None).await);
    // Of another site, of a device that did not look who holds it, of one whose counter went back.
    let origin = std::mem::replace(&mut device.origin, "https://sso.example.net".to_owned());
    refused(sign_in(app, &mut device, None).await);
    device.origin = origin;
    device.verifies = false;
    refused(sign_in(app, &mut device, None).await);
    device.verifies = true;
    device.counter = 0;
    refused(sign_in(app, &mut device, None).await);
    device.counter = 10;
    sign_in(app, &mut device, None).await.ok();
    // A registration is no sign-in, and nobody answers what somebody else was asked.
    let again = app.by(&app.again(&ben).await);
    let asked = again.post_empty("/api/auth/passkeys/register/start").await.ok();
    refused(finish(app, &asked, device.sign(&begin(app).await), None).await);
    let mut other = PasskeyDevice::at(app);
    let body = json!({"challenge_id": asked["challenge_id"], "credential": other.make(&asked), "name": "Theirs"});
    let ann = app.by(&app.again(&ann).await);
    ann.post("/api/auth/passkeys/register/finish", body.clone()).await.refused_as(400, "BAD_REQUEST", "invalid_passkey");
    again.post("/api/auth/passkeys/register/finish", body).await.refused_as(400, "BAD_REQUEST", "invalid_passkey");
    assert_eq!(app.count("select count(*) from passkeys").await, 1);
    assert!(app.count("select count(*) from events where name = 'user.login.failed'").await >= 3, "those whose passkey is known");
});

both!(adding_and_removing_takes_a_recent_and_whole_sign_in, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let mut device = PasskeyDevice::at(app);
    let id = device.register(&app.by(&ann), "Laptop").await;
    let path = format!("/api/auth/passkeys/{id}");
    app.advance(TimeDelta::minutes(16));
    let stale = |answer: Response| answer.refused_as(403, "FORBIDDEN", "recent_sign_in_required");
    // The access token has run out with that; a renewed one is of the same sign-in.
    let renewed = app.client().post("/api/auth/refresh", json!({"refresh_token": ann.refresh})).await.ok();
    let old = app.client().bearer(&text(&renewed["access_token"]));
    stale(old.post_empty("/api/auth/passkeys/register/start").await);
    stale(old.delete(&path).await);
    old.get("/api/auth/passkeys").await.ok();
    // A password alone is half of it where there is an app.
    let (here, there) = (app.again(&ann).await, app.again(&ann).await);
    enrol(app, &here).await;
    stale(app.by(&there).post_empty("/api/auth/passkeys/register/start").await);
    stale(app.by(&there).delete(&path).await);
    let whole = entered(app, sign_in(app, &mut device, None).await);
    whole.post_empty("/api/auth/passkeys/register/start").await.ok();
    // Nobody else's.
    let ben = app.sign_up("ben@example.com").await;
    answers! {
        "another's": app.by(&ben).delete(&path) => refused(404, "NOT_FOUND"),
        "another's name": app.by(&ben).patch(&path, json!({"name": "Mine"})) => refused(404, "NOT_FOUND"),
        "no name": whole.patch(&path, json!({"name": ""})) => Invalid(&["name"]),
        "nothing": app.client().post("/api/auth/passkeys/authenticate/finish", json!({})) => Invalid(&["challenge_id", "credential"]),
    }
    sign_in(app, &mut device, Some("nowhere")).await.refused_as(403, "FORBIDDEN", "no_access");
    assert_eq!(app.by(&ben).get("/api/auth/passkeys").await.ok(), json!([]));
});

both!(the_last_thing_to_sign_in_with_stays, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (mut one, mut two) = (PasskeyDevice::at(app), PasskeyDevice::at(app));
    let first = one.register(&app.by(&ann), "Laptop").await;
    let second = two.register(&app.by(&ann), "Phone").await;
    app.execute("update users set password_hash = null").await;
    app.by(&ann).delete(&format!("/api/auth/passkeys/{first}")).await.expect(204);
    let last = format!("/api/auth/passkeys/{second}");
    app.by(&ann).delete(&last).await.refused_as(400, "BAD_REQUEST", "last_own_factor");
    entered(app, sign_in(app, &mut two, None).await);
});

both!(an_account_has_at_most_twenty, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let by = app.by(&ann);
    let spare = by.post_empty("/api/auth/passkeys/register/start").await.ok();
    for n in 0..20 {
        PasskeyDevice::at(app).register(&by, &format!("Key {n}")).await;
    }
    by.post_empty("/api/auth/passkeys/register/start").await.refused_as(400, "BAD_REQUEST", "passkey_limit");
    let body =
        json!({"challenge_id": spare["challenge_id"], "credential": PasskeyDevice::at(app).make(&spare), "name": "One more"});
    by.post("/api/auth/passkeys/register/finish", body).await.refused_as(400, "BAD_REQUEST", "passkey_limit");
    assert_eq!(app.count("select count(*) from passkeys").await, 20);
});

both!(those_who_judge_risky_sign_ins_judge_this_one, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let mut device = PasskeyDevice::at(app);
    device.register(&app.by(&ann), "Laptop").await;
    let challenge = json!({"enforcement_mode": "challenge", "low_threshold": 0, "new_device_score": 50});
    app.by(&ann).put(&org.at("risk-settings"), challenge).await.ok();
    entered(app, sign_in(app, &mut device, Some("acme")).await);
    let strict = json!({"enforcement_mode": "block", "low_threshold": 0, "medium_threshold": 1, "new_device_score": 100});
    app.by(&ann).put(&org.at("risk-settings"), strict).await.ok();
    sign_in(app, &mut device, Some("acme")).await.refused_as(403, "FORBIDDEN", "risk_blocked");
});

both!(a_server_without_a_name_offers_none, Options::default().set("server.public_url", "http://127.0.0.1:1"), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.client().post_empty("/api/auth/passkeys/authenticate/start").await.refused_as(400, "BAD_REQUEST", "passkeys_unavailable");
    app.by(&ann).post_empty("/api/auth/passkeys/register/start").await.refused_as(400, "BAD_REQUEST", "passkeys_unavailable");
});
