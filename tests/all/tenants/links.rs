//! T17: a one-time token opens what it was made for, once, as it was made.

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{PASSWORD, Response, TestApp, User, both};

use super::accept;

const NEW: &str = "another long sentence";

/// Every route that uses a token up, by the purpose it serves.
const ROUTES: &[(&str, &str)] = &[
    ("verify", "/api/auth/verify-email"),
    ("verify", "/auth/verify-email"),
    ("reset", "/api/auth/reset-password"),
    ("reset", "/auth/reset-password"),
    ("email", "/api/user/confirm-email"),
    ("email", "/auth/change-email"),
    ("inv", "/api/invitations/accept"),
    ("inv", "/api/invitations/decline"),
    ("owner", "/setup"),
    ("rt", "/api/auth/refresh"),
];

/// Sends a token to a route, together with everything that route could want.
async fn present(app: &TestApp, by: &User, route: &str, token: &str) -> Response {
    if route.starts_with("/api/") {
        let body = json!({"token": token, "refresh_token": token, "password": PASSWORD, "new_password": NEW});
        return app.by(by).post(route, body).await;
    }
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("token", token), ("email", "root@platform.example"), ("password", PASSWORD)])
        .finish();
    app.client().request(Method::POST, route).header("content-type", "application/x-www-form-urlencoded").body(form).send().await
}

#[track_caller]
fn is_refused(answer: &Response, what: &str) {
    assert!(matches!(answer.status, 400 | 401 | 404), "{what}: {answer}");
}

/// One token of every purpose. Bob (who asks) is invited, forgot his password and wants another address; Vic wants an account.
async fn every_token(app: &TestApp) -> (User, Vec<(&'static str, String)>) {
    let ann = app.sign_up("ann@example.com").await;
    let bob = app.sign_up("bob@example.com").await;
    app.create_org(&ann, "acme").await;
    let (_, invitation) = app.invite(&ann, "acme", "bob@example.com", "admin").await;
    app.client().post("/api/auth/register", json!({"email": "vic@example.com", "password": PASSWORD})).await.ok();
    app.by(&bob).patch("/api/user", json!({"email": "bob2@example.com"})).await.ok();
    app.client().post("/api/auth/forgot-password", json!({"email": "bob@example.com"})).await.ok();
    let setup = app.use_cases.owner_link().await.unwrap().expect("nobody owns the platform yet");
    app.worker().await;
    let tokens = vec![
        ("verify", app.mailed_token("vic@example.com", "verify-email")),
        ("email", app.mailed_token("bob2@example.com", "change-email")),
        ("inv", invitation),
        ("owner", setup.rsplit_once("token=").expect("a link with a token").1.to_owned()),
        ("reset", app.mailed_token("bob@example.com", "reset-password")),
        ("rt", bob.refresh.clone()),
    ];
    (bob, tokens)
}

/// Nothing that was tried used anything up: every token still does what it was made for, once.
async fn all_still_work(app: &TestApp, bob: &User, tokens: &[(&str, String)]) {
    let token = |purpose: &str| tokens.iter().find(|(name, _)| *name == purpose).unwrap().1.clone();
    let once = async |route: &str, purpose: &str| {
        let first = present(app, bob, route, &token(purpose)).await;
        assert_eq!(first.status, 200, "{purpose}: {first}");
        is_refused(&present(app, bob, route, &token(purpose)).await, "a second time");
    };
    once("/api/invitations/accept", "inv").await;
    once("/api/auth/verify-email", "verify").await;
    once("/setup", "owner").await;
    // A refresh that is repeated at once is answered the same, which is no second use.
    let refreshed = async || present(app, bob, "/api/auth/refresh", &token("rt")).await.ok();
    assert_eq!(refreshed().await, refreshed().await);
    once("/api/user/confirm-email", "email").await;
    // The address has changed, so a reset link to the old one opens nothing any more.
    is_refused(&present(app, bob, "/api/auth/reset-password", &token("reset")).await, "reset for an address of the past");
}

both!(t17_a_token_of_one_purpose_is_refused_for_every_other, async |app| {
    let (bob, tokens) = every_token(app).await;
    for (purpose, token) in &tokens {
        let random = token.split_once('_').expect("purpose_random").1;
        for (serves, route) in ROUTES {
            if serves != purpose {
                is_refused(&present(app, &bob, route, token).await, &format!("{purpose} at {route}"));
                // Not under the prefix that the route expects either.
                is_refused(
                    &present(app, &bob, route, &format!("{serves}_{random}")).await,
                    &format!("{purpose} as {serves} at {route}"),
                );
            }
        }
        app.client().bearer(token).get("/api/user").await.refused(401, "JWT_ERROR");
    }
    for (_, route) in ROUTES {
        is_refused(&present(app, &bob, route, &bob.access).await, &format!("an access token at {route}"));
    }
    all_still_work(app, &bob, &tokens).await;
});

/// The same text with one character changed.
fn flipped(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

both!(t17_a_token_with_one_character_changed_is_none, async |app| {
    let (bob, tokens) = every_token(app).await;
    for (purpose, token) in &tokens {
        for (_, route) in ROUTES.iter().filter(|(serves, _)| serves == purpose) {
            // A password is hashed before these look, so only a few places there.
            let step = if matches!(*purpose, "reset" | "owner") { 15 } else { 1 };
            for at in (0..token.len()).rev().step_by(step) {
                is_refused(
                    &present(app, &bob, route, &flipped(token, at)).await,
                    &format!("{purpose} with another character {at} at {route}"),
                );
            }
            let shouted = token.to_uppercase();
            for wrong in [
                &token[..token.len() - 1],
                &format!("{token}A"),
                &format!("{token}="),
                &format!(" {token}"),
                &format!("{token}\n"),
                &shouted,
                "",
            ] {
                is_refused(&present(app, &bob, route, wrong).await, &format!("{purpose} as {wrong:?} at {route}"));
            }
        }
    }
    all_still_work(app, &bob, &tokens).await;
});

both!(t17_claims_beside_a_token_count_for_nothing, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (bob, cy) = (app.sign_up("bob@example.com").await, app.sign_up("cy@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    // Address, role and organization are what the invitation says, not what its bearer says.
    let claims = json!({"token": token, "email": "bob@example.com", "role": "owner", "org_id": other.id, "org_slug": "other", "user_id": cy.id, "id": id});
    app.by(&cy).post("/api/invitations/accept", claims.clone()).await.refused_as(403, "FORBIDDEN", "other_address");
    app.by(&bob).post("/api/invitations/accept", claims).await.done();
    let members = app.by(&ann).get(&acme.at("members")).await.ok();
    assert_eq!(
        (&members["total"], &members["members"][1]["user"]["id"], &members["members"][1]["membership"]["role"]),
        (&json!(2), &json!(bob.id), &json!("member"))
    );
    assert_eq!(app.by(&ann).get(&other.at("members")).await.ok()["total"], 1);
    // The same for a reset: it is the account the link was mailed for.
    app.client().post("/api/auth/forgot-password", json!({"email": "bob@example.com"})).await.ok();
    app.worker().await;
    let reset: Value = json!({"token": app.mailed_token("bob@example.com", "reset-password"), "new_password": NEW, "email": "ann@example.com", "user_id": ann.id});
    app.client().post("/api/auth/reset-password", reset).await.ok();
    app.login("ann@example.com", PASSWORD).await;
    app.login("bob@example.com", NEW).await;
    accept(app, &ann, &token).await.refused(404, "NOT_FOUND");
});
