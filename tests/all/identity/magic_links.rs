//! Links that sign somebody in who asked our API for one.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Options, PASSWORD, PasskeyDevice, Response, TestApp, both, text};

use super::factors::enrol;

/// Asks for a link; answers the token in the mail.
async fn asked(app: &TestApp, email: &str, org: Option<&str>) -> String {
    app.client().post("/api/auth/magic-link/request", json!({"email": email, "org_slug": org})).await.ok();
    app.worker().await;
    app.mailed_token(email, "magic-link")
}

async fn verify(app: &TestApp, token: &str) -> Response {
    app.client().get(&format!("/api/auth/magic-link/verify?token={token}")).await
}

fn mails(app: &TestApp, email: &str) -> usize {
    app.mails_to(email).iter().filter(|mail| mail.text.contains("/magic-link?token=")).count()
}

both!(a_link_signs_in_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let token = asked(app, "ann@example.com", None).await;
    // The mailed address is a page, however often it is opened (T38).
    let page = app.client().get(&format!("/magic-link?token={token}")).await;
    assert!(page.status == 200 && page.text().contains(&token), "{page}");
    assert_eq!(app.client().get("/magic-link?token=magic_nothing").await.status, 400);
    let tokens = verify(app, &token).await.ok();
    let by = app.client().bearer(&text(&tokens["access_token"]));
    assert_eq!(by.get("/api/user").await.ok()["id"], json!(ann.id));
    app.client().post("/api/auth/refresh", json!({"refresh_token": tokens["refresh_token"]})).await.ok();
    verify(app, &token).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
    // Into an organization.
    let token = asked(app, "ann@example.com", Some("acme")).await;
    let tokens = verify(app, &token).await.ok();
    assert_eq!(app.client().bearer(&text(&tokens["access_token"])).get("/api/user").await.ok()["org"], json!("acme"));
    assert_eq!(app.count("select count(*) from sessions where method = 'mail'").await, 2);
    let log = app.client().bearer(&org.access).get(&org.at("audit-log?action=user.login.success")).await.ok();
    assert!(log.to_string().contains("mail"), "{log}");
});

both!(what_is_no_link_opens_nothing, async |app| {
    app.sign_up("ann@example.com").await;
    let first = asked(app, "ann@example.com", None).await;
    let second = asked(app, "ann@example.com", None).await;
    verify(app, &first).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
    app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    let other = app.mailed_token("ann@example.com", "reset-password");
    for token in ["magic_", "nothing", &other, &second.replace("magic_", "reset_")] {
        verify(app, token).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
    }
    app.client().get("/api/auth/magic-link/verify").await.invalid(&["token"]);
    // T17: a token of this kind is none of another.
    let reset = json!({"token": second, "new_password": "another long sentence"});
    app.client().post("/api/auth/reset-password", reset).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    app.advance(TimeDelta::minutes(10));
    verify(app, &second).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
    let moved = asked(app, "ann@example.com", None).await;
    app.execute("update users set email = 'ann@new.example' where email = 'ann@example.com'").await;
    verify(app, &moved).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
    let closed = asked(app, "ann@new.example", None).await;
    app.execute("update users set deleted_at = created_at").await;
    verify(app, &closed).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
    app.client().post("/api/auth/magic-link/request", json!({"email": "not an address"})).await.invalid(&["email"]);
});

both!(t40_whether_a_mail_goes_out_is_not_told, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"methods": ["password"]})).await.ok();
    let before = app.count("select count(*) from one_time_links").await;
    let mut told = Vec::new();
    for (email, org) in [
        ("ann@example.com", None),
        ("nobody@example.com", None),
        ("ann@example.com", Some("acme")),
        ("ann@example.com", Some("nowhere")),
    ] {
        let answer = app.client().post("/api/auth/magic-link/request", json!({"email": email, "org_slug": org})).await;
        told.push((answer.status, answer.text()));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    assert_eq!(app.count("select count(*) from one_time_links").await - before, 4, "the same work");
    app.worker().await;
    assert_eq!((mails(app, "ann@example.com"), mails(app, "nobody@example.com")), (1, 0));
});

both!(mails_are_limited, Options::default().rate_limits(), async |app| {
    let ask = async || app.client().post("/api/auth/magic-link/request", json!({"email": "nobody@example.com"})).await;
    for _ in 0..3 {
        ask().await.ok();
    }
    ask().await.refused(429, "TOO_MANY_REQUESTS");
});

both!(the_organization_and_its_policy_are_asked_when_it_is_used, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.sign_up("carl@example.com").await;
    let token = asked(app, "carl@example.com", Some("acme")).await;
    verify(app, &token).await.refused_as(403, "FORBIDDEN", "no_access");
    verify(app, &token).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
    let token = asked(app, "ann@example.com", Some("acme")).await;
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"methods": ["password", "passkey"]})).await.ok();
    let refused = verify(app, &token).await;
    refused.refused_as(403, "FORBIDDEN", "step_up_required");
    app.by(&ann)
        .patch(&org.at("sign-in/policy"), json!({"methods": ["password", "passkey", "mail"], "mfa": "required"}))
        .await
        .ok();
    // Nobody has a second factor, and a second mail is none.
    let token = asked(app, "ann@example.com", Some("acme")).await;
    let refused = verify(app, &token).await;
    assert_eq!(refused.json()["step_up"]["methods"], json!(["totp", "recovery_code", "passkey"]), "{refused}");
    refused.refused_as(403, "FORBIDDEN", "step_up_required");
    PasskeyDevice::at(app).register(&app.by(&ann), "Laptop").await;
    let token = asked(app, "ann@example.com", Some("acme")).await;
    verify(app, &token).await.refused_as(403, "FORBIDDEN", "step_up_required");
    app.execute("update organizations set status = 'suspended'").await;
    let token = asked(app, "ann@example.com", Some("acme")).await;
    verify(app, &token).await.refused_as(403, "FORBIDDEN", "no_access");
});

both!(an_app_is_asked_for_as_behind_a_password, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = enrol(app, &ann).await;
    let token = asked(app, "ann@example.com", None).await;
    let waits = verify(app, &token).await.ok();
    assert_eq!((&waits["refresh_token"], &waits["expires_in"]), (&json!(""), &json!(300)), "{waits}");
    app.client().bearer(&text(&waits["access_token"])).get("/api/user").await.expect(401);
    let answer = async |code: &str| {
        app.client().post("/api/auth/mfa/verify", json!({"preauth_token": waits["access_token"], "code": code})).await
    };
    answer(&authenticator.wrong(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    let tokens = answer(&authenticator.code(app)).await.ok();
    app.client().bearer(&text(&tokens["access_token"])).get("/api/user").await.ok();
    verify(app, &token).await.refused_as(401, "UNAUTHORIZED", "invalid_link");
});

both!(t24_a_link_proves_the_mailbox, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.execute("update users set email_verified_at = null where email = 'ann@example.com'").await;
    let token = asked(app, "ann@example.com", None).await;
    verify(app, &token).await.ok();
    app.by(&ann).get("/api/user").await.refused(401, "UNAUTHORIZED");
    let login = json!({"email": "ann@example.com", "password": PASSWORD});
    app.client().post("/api/auth/login", login).await.refused_as(401, "UNAUTHORIZED", "invalid_credentials");
});

both!(t12_a_managed_account_is_opened_at_its_organization_only, async |app| {
    let (ann, mallory) = (app.sign_up("ann@example.com").await, app.sign_up("mallory@example.com").await);
    app.create_org(&ann, "acme").await;
    app.create_org(&mallory, "evil").await;
    let (id, _) = app.invite(&mallory, "evil", "ann@example.com", "admin").await;
    app.by(&mallory).post_empty(&format!("/api/organizations/evil/invitations/{id}/accept")).await.done();
    let signed_in = async |org| -> Value {
        let token = asked(app, "ann@example.com", org).await;
        let tokens = verify(app, &token).await.ok();
        app.client().bearer(&text(&tokens["access_token"])).get("/api/user").await.ok()["id"].clone()
    };
    assert_eq!(signed_in(None).await, json!(ann.id));
    assert_eq!(signed_in(Some("acme")).await, json!(ann.id));
    assert_ne!(signed_in(Some("evil")).await, json!(ann.id), "the account that evil manages");
});
