//! Whoever chose the server can read what leaves through it (T20), and what it may be (T35).

use super::*;

/// A managed account of the organization with this role, whose mailbox was proven by a first link.
async fn managed(app: &TestApp, by: &User, email: &str, role: &str) {
    let (id, _) = app.invite(by, "acme", email, role).await;
    app.by(by).post_empty(&format!("/api/organizations/acme/invitations/{id}/accept")).await.done();
    forget(app, email).await;
    let token = app.mailed_token(email, "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": "a first password"})).await.ok();
    app.worker().await;
}

async fn forget(app: &TestApp, email: &str) {
    app.client().post("/api/auth/forgot-password", json!({"email": email, "org_slug": "acme"})).await.ok();
    app.worker().await;
}

/// Where the link into an account goes: through the organization's server?
async fn goes_there(app: &TestApp, server: &MailServer, email: &str) -> bool {
    let (here, there) = (app.mails_to(email).len(), server.received().len());
    app.advance(TimeDelta::minutes(10));
    forget(app, email).await;
    let ways = (app.mails_to(email).len() - here, server.received().len() - there);
    assert!(ways == (0, 1) || ways == (1, 0), "{email}: {ways:?}");
    ways == (0, 1)
}

both!(t20_a_link_into_an_account_is_not_read_by_who_holds_less, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "postmaster", &["org.settings.manage"]).await;
    app.role(&ann, "acme", "helper", &["webhooks.manage"]).await;
    let postmaster = app.member(&ann, "acme", "pat@example.com", "postmaster").await;
    let admin = app.member(&ann, "acme", "cy@example.com", "admin").await;
    for (email, role) in [("plain@acme.example", "member"), ("helper@acme.example", "helper"), ("chief@acme.example", "admin")] {
        managed(app, &ann, email, role).await;
    }
    let server = MailServer::start().await;
    for (by, reads) in [(&postmaster, [true, false, false]), (&admin, [true, true, true]), (&ann, [true, true, true])] {
        let by = app.again(by).await;
        set(app, &by, &org, server.settings()).await;
        let emails = ["plain@acme.example", "helper@acme.example", "chief@acme.example"];
        for (email, may) in emails.into_iter().zip(reads) {
            assert_eq!(goes_there(app, &server, email).await, may, "{} reads {email}", by.email);
        }
    }
    // Who only changes the sender takes nothing from whoever chose the server, nor gives themselves anything.
    let mut sender = server.settings();
    sender["password"] = Value::Null;
    let postmaster = app.again(&postmaster).await;
    set(app, &postmaster, &org, sender).await;
    assert!(goes_there(app, &server, "chief@acme.example").await);
    // An owner's account is above an admin's server.
    let ann = app.again(&ann).await;
    app.by(&ann).post(&org.at("transfer-ownership"), json!({"new_owner_email": "chief@acme.example"})).await.ok();
    let admin = app.again(&admin).await;
    set(app, &admin, &org, server.settings()).await;
    assert!(!goes_there(app, &server, "chief@acme.example").await);
});

both!(t18_the_mail_that_proves_a_mailbox_leaves_through_the_platforms_server, async |app| {
    let (ann, _, server) = equipped(app).await;
    let (id, _) = app.invite(&ann, "acme", "victim@example.com", "member").await;
    app.by(&ann).post_empty(&format!("/api/organizations/acme/invitations/{id}/accept")).await.done();
    app.worker().await;
    assert!(!goes_there(app, &server, "victim@example.com").await);
    assert!(server.received().iter().all(|handed| !handed.mail.text.contains("reset-password")));
});

/// An empty list: see `attacks::egress`.
const NONE: &str = "\u{a0}";

both!(t35_a_mail_server_is_public_or_named_by_the_operator, Options::default().set("egress.allow_networks", NONE), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "fe80::1",
        "fd00::1",
        "１２７.0.0.1",
    ] {
        app.by(&ann).post(&org.at("smtp"), with("host", json!(host))).await.invalid(&["host"]);
    }
    app.by(&ann).post(&org.at("smtp"), with("security", json!("none"))).await.invalid(&["security"]);
    // A name is judged when it is connected to.
    let server = MailServer::start().await;
    let mut named = with("host", json!("localhost"));
    (named["port"], named["security"]) = (json!(server.port), json!("tls"));
    set(app, &ann, &org, named).await;
    for _ in 0..3 {
        app.invite(&ann, "acme", &format!("p{}@example.com", app.now().timestamp()), "member").await;
        app.worker().await;
        app.advance(TimeDelta::seconds(100));
    }
    app.worker().await;
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["status"], &known["last_failure"]["reason"]), (&json!("failing"), &json!("no_address")));
    assert_eq!((server.visits(), known["last_failure"]["step"].clone()), (0, json!("resolve")));
    assert_eq!(app.mails().iter().filter(|mail| mail.to.starts_with('p')).count(), 3, "nobody waits for ever");
});
