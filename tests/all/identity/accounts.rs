//! One's own account: forgotten and changed passwords, another address.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{PASSWORD, Response, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const NEW: &str = "another long sentence";

async fn login(app: &TestApp, email: &str, password: &str) -> Response {
    app.client().post("/api/auth/login", json!({"email": email, "password": password})).await
}

async fn forgotten(app: &TestApp, email: &str) -> String {
    app.client().post("/api/auth/forgot-password", json!({"email": email})).await.ok();
    app.worker().await;
    app.mailed_token(email, "reset-password")
}

async fn reset(app: &TestApp, token: &str, password: &str) -> Response {
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": password})).await
}

both!(a_profile_shows_the_account_and_the_context, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let profile = app.by(&ann).get("/api/user").await.ok();
    let expected = json!({"id": ann.id, "email": "ann@example.com", "org": "", "service": "", "is_platform_owner": false});
    assert_eq!(profile, expected);
    assert_eq!(app.by(&ann).patch("/api/user", json!({})).await.ok(), expected, "nothing to change");
    app.by(&ann).patch("/api/user", json!({"email": "no address"})).await.invalid(&["email"]);
});

both!(a_forgotten_password_is_set_by_the_mailbox_and_ends_every_session, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let token = forgotten(app, "ann@example.com").await;
    reset(app, &token, "short").await.invalid(&["new_password"]);
    has_exactly(&reset(app, &token, NEW).await.ok(), &["message"]);
    reset(app, &token, NEW).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    app.by(&ann).get("/api/user").await.refused(401, "UNAUTHORIZED");
    app.client().post("/api/auth/refresh", json!({"refresh_token": ann.refresh})).await.refused(401, "UNAUTHORIZED");
    login(app, "ann@example.com", PASSWORD).await.refused(401, "UNAUTHORIZED");
    login(app, "ann@example.com", NEW).await.ok();
    app.worker().await;
    let subjects: Vec<_> = app.mails_to("ann@example.com").into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects.len(), 3, "confirm, reset, was changed: {subjects:?}");
});

both!(a_new_password_that_is_tried_first_is_refused_wherever_one_is_set, async |app| {
    let refused = |answer: Response, field: &str| {
        let problem = answer.invalid(&[field]);
        assert!(problem.to_string().contains("too_common"), "{problem}");
    };
    for tried_first in ["Password1", "qwertyuiop", "annabel.archer1"] {
        let body = json!({"email": "annabel.archer@example.com", "password": tried_first});
        refused(app.client().post("/api/auth/register", body).await, "password");
    }
    let ann = app.sign_up("annabel.archer@example.com").await;
    let token = forgotten(app, "annabel.archer@example.com").await;
    for tried_first in ["Password1", "annabel.archer1"] {
        let change = json!({"current_password": PASSWORD, "new_password": tried_first});
        refused(app.by(&ann).post("/api/user/change-password", change).await, "new_password");
        refused(reset(app, &token, tried_first).await, "new_password");
    }
    // Nothing happened: the session, the link and the password from before are as they were.
    app.by(&ann).get("/api/user").await.ok();
    login(app, "annabel.archer@example.com", PASSWORD).await.ok();
    reset(app, &token, NEW).await.ok();
    app.worker().await;
    login(app, "annabel.archer@example.com", NEW).await.ok();
});

both!(a_reset_link_works_for_an_hour_and_until_another_was_used, async |app| {
    app.sign_up("ann@example.com").await;
    let late = forgotten(app, "ann@example.com").await;
    app.advance(TimeDelta::minutes(60));
    reset(app, &late, NEW).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    let one = forgotten(app, "ann@example.com").await;
    app.advance(TimeDelta::minutes(1));
    let two = forgotten(app, "ann@example.com").await;
    reset(app, &one, NEW).await.ok();
    reset(app, &two, PASSWORD).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    for wrong in ["", "reset_", "reset_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "verify_x"] {
        reset(app, wrong, PASSWORD).await.refused(400, "BAD_REQUEST");
    }
    login(app, "ann@example.com", NEW).await.ok();
});

both!(changing_a_password_takes_the_old_one_and_ends_the_other_sessions, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let other = app.again(&ann).await;
    let change = async |body: Value| app.by(&ann).post("/api/user/change-password", body).await;
    change(json!({})).await.invalid(&["current_password", "new_password"]);
    change(json!({"current_password": "wrong", "new_password": NEW})).await.invalid(&["current_password"]);
    change(json!({"current_password": PASSWORD, "new_password": "short"})).await.invalid(&["new_password"]);
    let token = forgotten(app, "ann@example.com").await;
    has_exactly(&change(json!({"current_password": PASSWORD, "new_password": NEW})).await.ok(), &["message"]);
    app.by(&ann).get("/api/user").await.ok();
    app.by(&other).get("/api/user").await.refused(401, "UNAUTHORIZED");
    login(app, "ann@example.com", PASSWORD).await.refused(401, "UNAUTHORIZED");
    login(app, "ann@example.com", NEW).await.ok();
    reset(app, &token, "an older link's password").await.refused_as(400, "BAD_REQUEST", "link_invalid");
});

both!(another_address_counts_once_its_mailbox_is_proven, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.sign_up("bob@example.com").await;
    let reset_link = forgotten(app, "ann@example.com").await;
    let profile = app.by(&ann).patch("/api/user", json!({"email": "Ann2@Example.com"})).await.ok();
    assert_eq!(profile["email"], "ann@example.com", "still the old one");
    app.worker().await;
    let token = app.mailed_token("ann2@example.com", "change-email");
    let path = app.link("ann2@example.com", "change-email").replace(app.client().base(), "");
    app.client().get(&path).await.expect(200);
    assert_eq!(app.by(&ann).get("/api/user").await.ok()["email"], "ann@example.com", "T38: a look changes nothing");
    has_exactly(&app.client().post("/api/user/confirm-email", json!({"token": token})).await.ok(), &["message"]);
    app.client().post("/api/user/confirm-email", json!({"token": token})).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    assert_eq!(app.by(&ann).get("/api/user").await.ok()["email"], "ann2@example.com");
    login(app, "ann@example.com", PASSWORD).await.refused(401, "UNAUTHORIZED");
    login(app, "ann2@example.com", PASSWORD).await.ok();
    app.worker().await;
    assert!(app.mails_to("ann@example.com").last().unwrap().text.contains("ann2@example.com"), "the old address is told");
    reset(app, &reset_link, NEW).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    // A taken address: the same answer, and a mail to its owner instead of a link.
    app.by(&ann).patch("/api/user", json!({"email": "bob@example.com"})).await.ok();
    app.worker().await;
    assert!(!app.mails_to("bob@example.com").last().unwrap().text.contains("change-email"));
});

both!(an_address_that_was_taken_meanwhile_stays_whose_it_is, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.by(&ann).patch("/api/user", json!({"email": "new@example.com"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("new@example.com", "change-email");
    let new = app.sign_up("new@example.com").await;
    app.client().post("/api/user/confirm-email", json!({"token": token})).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    assert_eq!(app.by(&new).get("/api/user").await.ok()["id"], json!(new.id));
    assert_eq!(app.by(&ann).get("/api/user").await.ok()["email"], "ann@example.com");
});

both!(an_invitation_follows_the_address_and_not_the_account, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    app.create_org(&ann, "acme").await;
    let (_, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.by(&bob).patch("/api/user", json!({"email": "bob2@example.com"})).await.ok();
    app.worker().await;
    app.client()
        .post("/api/user/confirm-email", json!({"token": app.mailed_token("bob2@example.com", "change-email")}))
        .await
        .ok();
    app.by(&bob).post("/api/invitations/accept", json!({"token": token})).await.refused_as(403, "FORBIDDEN", "other_address");
    assert_eq!(text(&app.by(&bob).get("/api/user").await.ok()["email"]), "bob2@example.com");
});

both!(another_address_needs_a_fresh_sign_in_or_the_password, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let change = async |user: &User, body: Value| app.by(user).patch("/api/user", body).await;
    change(&ann, json!({"email": "new@example.com", "password": "not mine"})).await.invalid(&["password"]);
    app.advance(TimeDelta::minutes(14));
    let tokens = app.client().post("/api/auth/refresh", json!({"refresh_token": ann.refresh})).await.ok();
    app.advance(TimeDelta::minutes(2));
    // Renewing tokens is no sign-in: whoever found them could do it.
    let late = User { access: text(&tokens["access_token"]), ..ann.clone() };
    change(&late, json!({"email": "new@example.com"})).await.refused_as(403, "FORBIDDEN", "recent_sign_in_required");
    change(&late, json!({"email": "new@example.com", "password": "not mine"})).await.invalid(&["password"]);
    change(&late, json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    assert!(app.mails_to("new@example.com").is_empty());
    change(&late, json!({"email": "new@example.com", "password": PASSWORD})).await.ok();
    change(&app.again(&ann).await, json!({"email": "new@example.com"})).await.ok();
    app.worker().await;
    assert_eq!(app.mails_to("new@example.com").len(), 2);
});

both!(a_password_is_the_same_however_its_letters_were_typed, async |app| {
    let (composed, decomposed) = ("un mot de passé très long", "un mot de passe\u{301} tre\u{300}s\u{a0}long");
    let ann = app.sign_up("ann@example.com").await;
    let change = json!({"current_password": PASSWORD, "new_password": composed});
    app.by(&ann).post("/api/user/change-password", change).await.ok();
    login(app, "ann@example.com", decomposed).await.ok();
    login(app, "ann@example.com", "un mot de passe tres long").await.refused(401, "UNAUTHORIZED");
    let change = json!({"current_password": decomposed, "new_password": "ＷＩＤＥ ＷＩＤＥ"});
    app.by(&ann).post("/api/user/change-password", change).await.ok();
    login(app, "ann@example.com", "WIDE WIDE").await.refused(401, "UNAUTHORIZED");
});

both!(an_address_with_an_international_domain_has_two_spellings, async |app| {
    let ann = app.sign_up("ann@xn--mller-kva.example").await;
    let profile = app.by(&ann).get("/api/user").await.ok();
    assert_eq!(profile["email"], "ann@müller.example", "shown as people write it");
    for spelling in ["Ann@MÜLLER.example", "ann@mu\u{308}ller.example", "ann@xn--mller-kva.example"] {
        login(app, spelling, PASSWORD).await.ok();
    }
    let bob = app.sign_up("bob@example.com").await;
    app.create_org(&bob, "acme").await;
    let (_, token) = app.invite(&bob, "acme", "ann@müller.example", "member").await;
    app.by(&ann).post("/api/invitations/accept", json!({"token": token})).await.done();
    app.worker().await;
    let mail = app.mails_to("ann@xn--mller-kva.example").pop().expect("an invitation");
    assert!(mail.raw.contains("xn--mller-kva"), "servers know it in ASCII");
    assert_eq!(app.count("select count(*) from users where email = 'ann@xn--mller-kva.example'").await, 1);
    app.client()
        .post("/api/auth/register", json!({"email": "müller@example.com", "password": PASSWORD}))
        .await
        .invalid(&["email"]);
});
