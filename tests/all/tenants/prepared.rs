//! T24, T25: nobody prepares an account for somebody else's address, and nobody's grip on an account outlives its owner's return.

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Options, PASSWORD, Response, TestApp, both};

use super::accept;

const VICTIM: &str = "victim@example.com";
const PREPARED: &str = "the attacker's sentence";
const NEW: &str = "another long sentence";

async fn register(app: &TestApp, password: &str) -> String {
    app.client().post("/api/auth/register", json!({"email": VICTIM, "password": password})).await.ok();
    app.advance(chrono::TimeDelta::seconds(1));
    app.worker().await;
    app.mailed_token(VICTIM, "verify-email")
}

async fn confirm(app: &TestApp, token: &str, password: &str) -> Response {
    app.client().post("/api/auth/verify-email", json!({"token": token, "password": password})).await
}

async fn login(app: &TestApp, password: &str) -> Response {
    app.client().post("/api/auth/login", json!({"email": VICTIM, "password": password})).await
}

async fn accounts(app: &TestApp) -> i64 {
    app.count("select count(*) from users").await
}

both!(t24_the_link_of_anothers_sign_up_is_not_confirmed_by_the_mailboxs_owner, async |app| {
    let theirs = register(app, PREPARED).await;
    confirm(app, &theirs, PASSWORD).await.invalid(&["password"]);
    confirm(app, &theirs, "").await.refused(400, "BAD_REQUEST");
    app.client().post("/api/auth/verify-email", json!({"token": theirs})).await.invalid(&["password"]);
    app.client().post("/api/auth/verify-email", json!({"token": theirs, "password": null})).await.invalid(&["password"]);
    // Nor by the button on the page, which is all that a hurried reader presses.
    let path = app.link(VICTIM, "verify-email").replace(app.client().base(), "");
    assert!(app.client().get(&path).await.expect(200).text().contains("type=\"password\""), "the page asks for it");
    for form in
        [format!("token={theirs}"), format!("token={theirs}&password="), format!("token={theirs}&password=my+own+sentence")]
    {
        let press =
            app.client().request(Method::POST, "/auth/verify-email").header("content-type", "application/x-www-form-urlencoded");
        press.body(form).send().await.expect(400);
    }
    assert_eq!(accounts(app).await, 0);
    login(app, PREPARED).await.refused(401, "UNAUTHORIZED");
    // Signing up oneself makes an account of one's own, and ends what was prepared.
    let own = register(app, PASSWORD).await;
    confirm(app, &own, PASSWORD).await.ok();
    login(app, PASSWORD).await.ok();
    for password in [PREPARED, PASSWORD] {
        confirm(app, &theirs, password).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    }
    login(app, PREPARED).await.refused(401, "UNAUTHORIZED");
    assert_eq!(accounts(app).await, 1);
});

both!(t24_a_sign_up_in_between_changes_nothing_for_the_first, async |app| {
    let own = register(app, PASSWORD).await;
    let theirs = register(app, PREPARED).await;
    assert_ne!(own, theirs);
    confirm(app, &own, PREPARED).await.invalid(&["password"]);
    confirm(app, &own, PASSWORD).await.ok();
    login(app, PASSWORD).await.ok();
    confirm(app, &theirs, PREPARED).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    login(app, PREPARED).await.refused(401, "UNAUTHORIZED");
});

both!(t24_sending_again_does_not_exchange_the_password, async |app| {
    // Whoever asked last: a link takes the password of the sign-up it belongs to, and no other.
    let own = register(app, PASSWORD).await;
    register(app, PREPARED).await;
    app.client().post("/api/auth/resend-verification", json!({"email": VICTIM})).await.ok();
    app.advance(chrono::TimeDelta::seconds(1));
    app.worker().await;
    let again = app.mailed_token(VICTIM, "verify-email");
    let takes: Vec<bool> =
        [confirm(app, &again, "neither of them").await, confirm(app, &again, "").await].iter().map(|a| a.status == 200).collect();
    assert_eq!((takes, accounts(app).await), (vec![false, false], 0));
    confirm(app, &own, PASSWORD).await.ok();
    confirm(app, &again, PREPARED).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    login(app, PASSWORD).await.ok();
    login(app, PREPARED).await.refused(401, "UNAUTHORIZED");
});

both!(t24_the_prepared_password_opens_no_invitation, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let theirs = register(app, PREPARED).await;
    let (_, invitation) = app.invite(&ann, "acme", VICTIM, "admin").await;
    // Neither does a forgotten password make an account of a sign-up.
    let sent = app.mails_to(VICTIM).len();
    app.client().post("/api/auth/forgot-password", json!({"email": VICTIM})).await.ok();
    app.worker().await;
    assert!(app.mails_to(VICTIM)[sent..].iter().all(|mail| !mail.text.contains("reset-password")), "no account, no reset");
    confirm(app, &theirs, PASSWORD).await.invalid(&["password"]);
    let own = register(app, PASSWORD).await;
    confirm(app, &own, PASSWORD).await.ok();
    let victim = app.login(VICTIM, PASSWORD).await;
    accept(app, &victim, &invitation).await.done();
    assert_eq!(app.count("select count(*) from sessions").await, 2, "Ann's and the victim's: nobody else ever got in");
});

both!(t24_the_password_of_a_link_cannot_be_guessed, Options::default().rate_limits(), async |app| {
    let theirs = register(app, PREPARED).await;
    let mut limited = false;
    for n in 0..12 {
        let answer = confirm(app, &theirs, &format!("guess number {n}")).await;
        assert!(matches!(answer.status, 400 | 429), "{answer}");
        limited |= answer.status == 429;
    }
    assert!(limited, "twelve guesses at once are too many");
    assert_eq!(accounts(app).await, 0);
});

/// Somebody with the victim's session or password asks for an address of their own; answers the link's token.
async fn asked_for_another(app: &TestApp, access: &str) -> String {
    let asked = app.client().bearer(access).patch("/api/user", json!({"email": "attacker@example.com"})).await.ok();
    assert_eq!(asked["email"], VICTIM, "nothing has changed yet");
    app.worker().await;
    app.mailed_token("attacker@example.com", "change-email")
}

both!(t25_the_old_address_hears_of_a_wanted_change, async |app| {
    let victim = app.sign_up(VICTIM).await;
    let before = app.mails_to(VICTIM).len();
    asked_for_another(app, &victim.access).await;
    let told = &app.mails_to(VICTIM)[before..];
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].text.contains("attacker@example.com"), "{}", told[0].text);
    assert!(!told[0].raw.contains("email_"), "not the link itself");
});

both!(t25_a_reset_drops_a_pending_change_of_address, async |app| {
    let victim = app.sign_up(VICTIM).await;
    let pending = asked_for_another(app, &victim.access).await;
    app.client().post("/api/auth/forgot-password", json!({"email": VICTIM})).await.ok();
    app.worker().await;
    let reset: Value = json!({"token": app.mailed_token(VICTIM, "reset-password"), "new_password": NEW});
    app.client().post("/api/auth/reset-password", reset).await.ok();
    app.client().post("/api/user/confirm-email", json!({"token": pending})).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    // The session that asked is over, too, so it cannot ask again.
    app.by(&victim).patch("/api/user", json!({"email": "attacker@example.com"})).await.refused(401, "UNAUTHORIZED");
    assert_eq!(app.login(VICTIM, NEW).await.id, victim.id);
});

both!(t25_a_changed_password_drops_a_pending_change_of_address, async |app| {
    let victim = app.sign_up(VICTIM).await;
    let thief = app.again(&victim).await;
    let pending = asked_for_another(app, &thief.access).await;
    app.by(&victim).post("/api/user/change-password", json!({"current_password": PASSWORD, "new_password": NEW})).await.ok();
    app.client().post("/api/user/confirm-email", json!({"token": pending})).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    app.by(&thief).patch("/api/user", json!({"email": "attacker@example.com"})).await.refused(401, "UNAUTHORIZED");
    assert_eq!(app.login(VICTIM, NEW).await.id, victim.id);
});

both!(t25_only_the_newest_wanted_address_counts, async |app| {
    let victim = app.sign_up(VICTIM).await;
    let first = asked_for_another(app, &victim.access).await;
    app.by(&victim).patch("/api/user", json!({"email": "mine@example.com"})).await.ok();
    app.worker().await;
    app.client().post("/api/user/confirm-email", json!({"token": first})).await.refused_as(400, "BAD_REQUEST", "link_invalid");
    let reset_link = async |address: &str| {
        app.client().post("/api/auth/forgot-password", json!({"email": address})).await.ok();
        app.worker().await;
    };
    reset_link(VICTIM).await;
    let old = app.mailed_token(VICTIM, "reset-password");
    app.client()
        .post("/api/user/confirm-email", json!({"token": app.mailed_token("mine@example.com", "change-email")}))
        .await
        .ok();
    // A link in the mailbox that was given up opens nothing any more.
    app.client().post("/api/auth/reset-password", json!({"token": old, "new_password": NEW})).await.refused(400, "BAD_REQUEST");
    assert_eq!(app.login("mine@example.com", PASSWORD).await.id, victim.id);
});
