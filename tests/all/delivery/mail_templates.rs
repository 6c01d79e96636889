//! Texts of an organization's own for its mails.

use serde_json::{Value, json};
use tenantry_tests::{MailServer, Org, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const SHOWN: &[&str] = &["id", "template", "language", "subject", "text", "html", "updated_at"];

fn german() -> Value {
    json!({
        "template": "invitation", "language": "de", "subject": "Einladung zu {{ organization }}",
        "text": "{{ inviter }} lädt ein: {{ link }} ({{ days }} Tage)", "html": "<p title=\"{{ organization }}\"><a href=\"{{ link }}\">Annehmen</a></p>",
    })
}

fn english() -> Value {
    json!({"template": "invitation", "language": "en", "subject": "Join us", "text": "Here: {{ link }}"})
}

async fn make(app: &TestApp, by: &User, org: &Org, body: Value) -> Value {
    let made = app.by(by).post(&org.at("mail-templates"), body).await.ok();
    has_exactly(&made, SHOWN);
    made
}

async fn equipped(app: &TestApp) -> (User, Org, MailServer) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let server = MailServer::start().await;
    app.by(&ann).post(&org.at("smtp"), server.settings()).await.ok();
    (ann, org, server)
}

async fn invited(app: &TestApp, by: &User, email: &str) {
    app.invite(by, "acme", email, "member").await;
    app.worker().await;
}

both!(texts_are_made_changed_and_deleted, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let by = app.by(&ann);
    let listed = by.get(&org.at("mail-templates")).await.ok();
    has_exactly(&listed, &["language", "templates"]);
    assert_eq!((&listed["language"], listed["templates"].as_array().unwrap().len()), (&json!("en"), 11));
    assert_eq!(
        listed["templates"][0],
        json!({"template": "invitation", "variables": ["link", "organization", "inviter", "days"], "own": []})
    );
    let made = make(app, &ann, &org, german()).await;
    let path = org.at(&format!("mail-templates/{}", text(&made["id"])));
    assert_eq!(by.get(&path).await.ok(), made);
    by.post(&org.at("mail-templates"), german()).await.refused_as(400, "DUPLICATE_CONSTRAINT", "mail_template_exists");
    let changed = by.put(&path, json!({"subject": "Hallo", "text": "{{ link }}"})).await.ok();
    assert_eq!(
        (&changed["subject"], &changed["html"], &changed["template"]),
        (&json!("Hallo"), &Value::Null, &json!("invitation"))
    );
    assert_eq!(by.put(&path, json!({"subject": "Hallo", "text": "{{ link }}"})).await.ok(), changed, "no change, not recorded");
    let own = by.get(&org.at("mail-templates")).await.ok()["templates"][0]["own"].clone();
    assert_eq!(own, json!([{"id": made["id"], "language": "de", "updated_at": "2026-11-23T09:00:00.000000Z"}]));
    by.delete(&path).await.done();
    by.get(&path).await.refused(404, "NOT_FOUND");
    by.delete(&path).await.refused(404, "NOT_FOUND");
    make(app, &ann, &org, german()).await;
    app.worker().await;
    for (action, count) in [("created", 2), ("updated", 1), ("deleted", 1)] {
        let log = by.get(&org.at(&format!("audit-log?action=organization.mail_template.{action}"))).await.ok();
        assert_eq!(log["logs"].as_array().unwrap().len(), count, "{action}");
    }
});

both!(what_is_wrong_with_a_text_is_named, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let made = make(app, &ann, &org, english()).await;
    let (path, by) = (org.at("mail-templates"), app.by(&ann));
    by.post(&path, json!({})).await.invalid(&["template", "language", "subject", "text"]);
    for (field, value) in [
        ("template", json!("nothing")),
        ("template", json!("verify_email")),
        ("language", json!("tlh")),
        ("language", json!("DE")),
        ("subject", json!("a\r\nBcc: x@y.example")),
        ("subject", json!("{{ link }}")),
        ("subject", json!("x".repeat(201))),
        ("subject", json!(" ")),
        ("text", json!("no link")),
        ("text", json!("{{ link }} {{ password }}")),
        ("text", json!("{{ link }} {{")),
        ("text", json!("x".repeat(20_001))),
        ("text", json!("{{ link }}\u{0}")),
        ("html", json!("<p>no link</p>")),
        ("html", json!("{{ link }}{% include 'x' %}{{ 7 * 7 }}")),
    ] {
        let mut body = german();
        body[field] = value;
        by.post(&path, body.clone()).await.invalid(&[field]);
        if field != "language" {
            by.post(&org.at("mail-templates/preview"), body.clone()).await.invalid(&[field]);
        }
        if !["language", "template"].contains(&field) {
            by.put(&org.at(&format!("mail-templates/{}", text(&made["id"]))), body).await.invalid(&[field]);
        }
    }
    for language in [json!("tlh"), json!(null), json!(7)] {
        by.patch(&path, json!({"language": language})).await.invalid(&["language"]);
    }
});

both!(a_text_can_be_looked_at_before, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let shown = app.by(&ann).post(&org.at("mail-templates/preview"), german()).await.ok();
    has_exactly(&shown, &["subject", "text", "html"]);
    assert_eq!(shown["subject"], "Einladung zu Acme Inc.");
    assert!(
        text(&shown["text"]).starts_with("ann@acme.example lädt ein: https://")
            && text(&shown["html"]).contains("href=\"https://")
    );
    assert_eq!(app.count("select count(*) from mail_templates").await, 0);
});

both!(mails_say_what_the_organization_says_in_the_readers_language, async |app| {
    let (ann, org, server) = equipped(app).await;
    invited(app, &ann, "a@example.com").await;
    assert!(server.last().mail.text.contains("on Tenantry"));
    make(app, &ann, &org, german()).await;
    invited(app, &ann, "b@example.com").await;
    assert!(server.last().mail.text.contains("on Tenantry"), "nobody asked for German");
    app.by(&ann).patch(&org.at("mail-templates"), json!({"language": "de"})).await.done();
    invited(app, &ann, "c@example.com").await;
    let mail = server.last().mail;
    assert!(
        mail.text.starts_with("ann@example.com lädt ein: http") && mail.text.contains("/invitations/accept/"),
        "{}",
        mail.text
    );
    assert!(mail.html.contains("title=\"The acme company\"") && !mail.html.contains("{{"), "{}", mail.html);
    assert!(mail.raw.contains("Subject: Einladung zu The acme company"), "{}", mail.raw);
    make(app, &ann, &org, english()).await;
    app.by(&ann).patch(&org.at("mail-templates"), json!({"language": "fr"})).await.done();
    invited(app, &ann, "d@example.com").await;
    assert!(server.last().mail.text.contains("on Tenantry"), "there is no French text");
});

both!(who_asks_for_a_mail_gets_it_in_their_language, async |app| {
    let (ann, org, server) = equipped(app).await;
    let (id, _) = app.invite(&ann, "acme", "max@acme.example", "member").await;
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.done();
    app.worker().await;
    app.execute("update users set email_verified_at = created_at").await;
    for (language, says) in [("de", "Neues Passwort: {{ link }}"), ("en", "New password: {{ link }}")] {
        let body = json!({"template": "reset_password", "language": language, "subject": "Hi", "text": says});
        make(app, &ann, &org, body).await;
    }
    for (header, says) in [("de-AT,de;q=0.9", "Neues Passwort: http"), ("fr", "New password: http"), ("", "New password: http")] {
        let forgot = app.client().request(reqwest::Method::POST, "/api/auth/forgot-password").header("accept-language", header);
        forgot.json(&json!({"email": "max@acme.example", "org_slug": "acme"})).send().await.ok();
        app.worker().await;
        assert!(server.last().mail.text.starts_with(says), "{header}: {}", server.last().mail.text);
    }
});

both!(the_platforms_server_carries_no_text_of_a_customers, async |app| {
    let (ann, org, server) = equipped(app).await;
    make(app, &ann, &org, english()).await;
    server.answers("MAIL", "550 5.7.1 no");
    invited(app, &ann, "bob@example.com").await;
    assert!(app.mails_to("bob@example.com")[0].text.contains("on Tenantry"));
    app.by(&ann).delete(&org.at("smtp")).await.ok();
    invited(app, &ann, "cy@example.com").await;
    assert!(app.mails_to("cy@example.com")[0].text.contains("on Tenantry"));
});

both!(t20_a_text_does_not_get_a_link_into_an_account_that_holds_more_than_its_writer, async |app| {
    let (ann, org, server) = equipped(app).await;
    app.role(&ann, "acme", "writer", &["org.settings.manage"]).await;
    let writer = app.member(&ann, "acme", "wil@example.com", "writer").await;
    let (id, _) = app.invite(&ann, "acme", "chief@acme.example", "admin").await;
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.done();
    app.execute("update users set email_verified_at = created_at").await;
    app.worker().await;
    let spy =
        json!({"template": "reset_password", "language": "en", "subject": "Hi", "text": "https://evil.example/?{{ link }}"});
    let made = make(app, &writer, &org, spy.clone()).await;
    let forget = async || {
        app.client().post("/api/auth/forgot-password", json!({"email": "chief@acme.example", "org_slug": "acme"})).await.ok();
        app.worker().await;
        server.last().mail.text
    };
    let mail = forget().await;
    assert!(mail.contains("reset-password") && !mail.contains("evil"), "{mail}");
    let by = app.by(&ann);
    by.put(&org.at(&format!("mail-templates/{}", text(&made["id"]))), json!({"subject": "Hi", "text": "Ours: {{ link }}"}))
        .await
        .ok();
    assert!(forget().await.starts_with("Ours: http"));
});

both!(who_may_write_texts, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let made = make(app, &ann, &org, english()).await;
    let path = org.at(&format!("mail-templates/{}", text(&made["id"])));
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let olga = app.sign_up("olga@example.com").await;
    let other = app.create_org(&olga, "other").await;
    for stranger in [&bob, &olga] {
        let by = app.by(stranger);
        by.get(&org.at("mail-templates")).await.refused(403, "FORBIDDEN");
        by.post(&org.at("mail-templates"), german()).await.refused(403, "FORBIDDEN");
        by.put(&path, english()).await.refused(403, "FORBIDDEN");
        by.delete(&path).await.refused(403, "FORBIDDEN");
    }
    let through_theirs = other.at(&format!("mail-templates/{}", text(&made["id"])));
    app.by(&olga).get(&through_theirs).await.refused(404, "NOT_FOUND");
    app.by(&olga).put(&through_theirs, english()).await.refused(404, "NOT_FOUND");
    app.by(&olga).delete(&through_theirs).await.refused(404, "NOT_FOUND");
});
