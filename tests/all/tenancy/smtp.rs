//! An organization's own mail server: setting it, and its mails leaving through it.

mod failing;
mod trial;
mod trust;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{MailServer, Options, Org, SMTP_PASSWORD, TestApp, User, both, text};

use crate::core::shapes::{has, has_exactly};

const SETTINGS: &[&str] = &["host", "port", "username", "from_email", "configured", "security"];
const MORE: &[&str] = &["from_name", "status", "failing_since", "next_try_at", "last_failure", "last_sent_at", "updated_at"];

/// An organization whose mails leave through its own server.
async fn equipped(app: &TestApp) -> (User, Org, MailServer) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let server = MailServer::start().await;
    set(app, &ann, &org, server.settings()).await;
    (ann, org, server)
}

async fn set(app: &TestApp, by: &User, org: &Org, settings: Value) {
    let answer = app.by(by).post(&org.at("smtp"), settings).await.ok();
    has_exactly(&answer, &["message"]);
}

async fn shown(app: &TestApp, by: &User, org: &Org) -> Value {
    let by = app.again(by).await;
    let answer = app.by(&by).get(&org.at("smtp")).await.ok();
    has(&answer, SETTINGS, MORE);
    assert!(!answer.to_string().contains(SMTP_PASSWORD));
    answer
}

/// What the log says about an action, newest first.
async fn recorded(app: &TestApp, by: &User, org: &Org, action: &str) -> Vec<Value> {
    app.worker().await;
    let by = app.again(by).await;
    let log = app.by(&by).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
    log["logs"].as_array().unwrap().iter().map(|entry| entry["metadata"].clone()).collect()
}

/// With one field of fine settings replaced.
fn with(field: &str, value: Value) -> Value {
    let mut settings = json!({
        "host": "smtp.example.com", "port": 587, "username": "acme", "password": "secret", "from_email": "no-reply@acme.example",
    });
    settings[field] = value;
    settings
}

both!(settings_are_set_shown_without_the_password_and_deleted, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let by = app.by(&ann);
    let unset = json!({
        "host": "", "port": 587, "username": "", "from_email": "", "configured": false, "security": "starttls",
    });
    assert_eq!(by.get(&org.at("smtp")).await.ok(), unset);
    set(app, &ann, &org, with("host", json!("SMTP.Example.com."))).await;
    let known = shown(app, &ann, &org).await;
    for (name, value) in [
        ("host", json!("smtp.example.com")),
        ("port", json!(587)),
        ("username", json!("acme")),
        ("from_email", json!("no-reply@acme.example")),
        ("configured", json!(true)),
        ("security", json!("starttls")),
        ("status", json!("untried")),
    ] {
        assert_eq!(known[name], value, "{name}");
    }
    set(app, &ann, &org, with("port", json!(465))).await;
    assert_eq!(shown(app, &ann, &org).await["security"], "tls", "what is usual there");
    let configured = &recorded(app, &ann, &org, "organization.smtp.configured").await;
    assert_eq!(configured.len(), 2);
    assert_eq!((&configured[0]["host"], &configured[0]["port"]), (&json!("smtp.example.com"), &json!(465)));
    assert!(!configured[0].to_string().contains("secret"));
    has_exactly(&by.delete(&org.at("smtp")).await.ok(), &["message"]);
    assert_eq!(by.get(&org.at("smtp")).await.ok(), unset);
    by.delete(&org.at("smtp")).await.ok();
    assert_eq!(recorded(app, &ann, &org, "organization.smtp.removed").await.len(), 1, "what changes nothing is no event");
});

both!(who_may_not_change_settings_may_not_see_the_server_either, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "postmaster", &["org.settings.manage"]).await;
    let postmaster = app.member(&ann, "acme", "pat@example.com", "postmaster").await;
    let admin = app.member(&ann, "acme", "cy@example.com", "admin").await;
    let member = app.member(&ann, "acme", "bob@example.com", "member").await;
    let olga = app.sign_up("olga@example.com").await;
    app.create_org(&olga, "other").await;
    for may in [&ann, &admin, &postmaster, &root] {
        set(app, may, &org, with("port", json!(587))).await;
        app.by(may).get(&org.at("smtp")).await.ok();
        app.by(may).delete(&org.at("smtp")).await.ok();
    }
    for may_not in [&member, &olga] {
        let by = app.by(may_not);
        by.post(&org.at("smtp"), with("port", json!(587))).await.refused(403, "FORBIDDEN");
        by.get(&org.at("smtp")).await.refused(403, "FORBIDDEN");
        by.delete(&org.at("smtp")).await.refused(403, "FORBIDDEN");
    }
    for nobody in [app.client().get(&org.at("smtp")).await, app.client().delete(&org.at("smtp")).await] {
        nobody.refused(401, "UNAUTHORIZED");
    }
});

both!(each_field_that_is_wrong_is_named, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let by = app.by(&ann);
    let wrong = by.post(&org.at("smtp"), json!({})).await;
    wrong.invalid(&["host", "port", "username", "from_email"]);
    for (field, values) in [
        ("host", vec![json!("http://smtp.example.com"), json!("a b"), json!("a:25"), json!(7), json!("x".repeat(300))]),
        ("port", vec![json!(0), json!(65_536), json!(-1), json!("587"), json!(1.5)]),
        ("username", vec![json!("a\nb"), json!("x".repeat(400)), json!([])]),
        ("password", vec![json!("a\u{0}b"), json!("a\r\nQUIT"), json!("x".repeat(1100)), json!("")]),
        ("from_email", vec![json!("acme"), json!("a@b.example\r\nBcc: x@y.example"), json!("A <a@b.example>")]),
        ("from_name", vec![json!("Acme\r\nBcc: x@y.example"), json!("x".repeat(101))]),
        ("security", vec![json!("ssl"), json!(true)]),
    ] {
        for value in values {
            by.post(&org.at("smtp"), with(field, value)).await.invalid(&[field]);
        }
    }
    let mut without = with("username", json!(""));
    by.post(&org.at("smtp"), without.clone()).await.invalid(&["username"]);
    without["password"] = Value::Null;
    set(app, &ann, &org, without).await;
});

both!(mails_leave_through_the_organizations_server_and_nobody_elses, async |app| {
    let (ann, org, server) = equipped(app).await;
    let olga = app.sign_up("olga@example.com").await;
    app.create_org(&olga, "other").await;
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.invite(&olga, "other", "dan@example.com", "member").await;
    app.worker().await;
    let handed = server.last();
    assert_eq!((handed.from.as_str(), handed.to.as_str()), ("no-reply@acme.example", "bob@example.com"));
    assert_eq!((handed.user.as_deref(), server.received().len()), (Some("acme"), 1));
    assert!(handed.mail.raw.contains("From: \"Acme mail\" <no-reply@acme.example>"), "{}", handed.mail.raw);
    assert!(handed.mail.subject.contains("acme") && handed.mail.text.contains("/invitations/accept/"));
    assert!(app.mails_to("bob@example.com").is_empty() && app.mails_to("dan@example.com").len() == 1);
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["status"], &known["last_sent_at"]), (&json!("working"), &json!("2026-11-23T09:00:00.000000Z")));
    app.by(&ann).delete(&org.at("smtp")).await.ok();
    app.invite(&ann, "acme", "eve@example.com", "member").await;
    app.worker().await;
    assert_eq!((server.received().len(), app.mails_to("eve@example.com").len()), (1, 1));
});

both!(more_mails_at_once_than_an_organization_may_send_come_later, async |app| {
    let (ann, _, server) = equipped(app).await;
    for n in 0..7 {
        app.invite(&ann, "acme", &format!("p{n}@example.com"), "member").await;
    }
    for _ in 0..4 {
        app.worker().await;
        app.advance(TimeDelta::seconds(1));
    }
    assert_eq!((server.received().len(), app.count("select count(*) from mails where state = 0").await), (7, 0));
    assert_eq!(app.count("select count(*) from mails where attempts > 1").await, 0, "waiting for a place is no attempt");
});

both!(a_password_stays_with_the_server_that_it_is_for, async |app| {
    let (ann, org, server) = equipped(app).await;
    let thief = MailServer::start().await;
    let mut settings = server.settings();
    settings["password"] = Value::Null;
    for (field, value) in
        [("host", json!("localhost")), ("port", json!(thief.port)), ("username", json!("other")), ("security", json!("tls"))]
    {
        let mut elsewhere = settings.clone();
        elsewhere[field] = value;
        app.by(&ann).post(&org.at("smtp"), elsewhere).await.invalid(&["password"]);
    }
    settings["from_email"] = json!("hello@acme.example");
    set(app, &ann, &org, settings).await;
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    let handed = server.last();
    assert_eq!((handed.from.as_str(), handed.user.as_deref()), ("hello@acme.example", Some("acme")));
    assert_eq!(thief.visits(), 0);
});
