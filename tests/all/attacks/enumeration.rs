//! Who has an account (T40): no public answer tells, whatever state an address is in.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenantry_tests::{Client, Database, Options, PASSWORD, Response, TestApp, both, run};

/// Everything that can be compared: status, headers, body, but for what differs by nature.
fn visible(answer: &Response) -> (u16, String, Value) {
    let mut body = answer.json();
    if let Some(object) = body.as_object_mut() {
        object.remove("timestamp");
    }
    let mut headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str())).collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    (answer.status, format!("{headers:?}"), body)
}

async fn ask(client: &Client, path: &str, email: &str, more: &Value) -> (u16, String, Value) {
    let mut body = more.clone();
    body["email"] = json!(email);
    visible(&client.post(path, body).await)
}

/// Addresses in every state: with an account, a waiting sign-up, a managed account, an invitation, a changed address; and without any.
async fn addresses(app: &TestApp) -> Vec<&'static str> {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    app.client().post("/api/auth/register", json!({"email": "waiting@example.com", "password": PASSWORD})).await.ok();
    let (id, _) = app.invite(&ann, "acme", "managed@example.com", "member").await;
    app.by(&ann).post_empty(&format!("/api/organizations/acme/invitations/{id}/accept")).await.done();
    app.invite(&ann, "acme", "invited@example.com", "member").await;
    let moved = app.sign_up("old@example.com").await;
    app.by(&moved).patch("/api/user", json!({"email": "new@example.com"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("new@example.com", "change-email");
    app.client().post("/api/user/confirm-email", json!({"token": token})).await.ok();
    vec![
        "ann@example.com",
        "waiting@example.com",
        "managed@example.com",
        "invited@example.com",
        "old@example.com",
        "new@example.com",
        "nobody@example.com",
    ]
}

both!(t40_every_address_gets_the_same_answer, async |app| {
    let addresses = addresses(app).await;
    for (path, more) in [
        ("/api/auth/register", json!({"password": PASSWORD})),
        ("/api/auth/forgot-password", json!({})),
        ("/api/auth/forgot-password", json!({"org_slug": "acme"})),
        ("/api/auth/forgot-password", json!({"org_slug": "no-such-org"})),
        ("/api/auth/resend-verification", json!({})),
        ("/api/auth/magic-link/request", json!({})),
        ("/api/auth/magic-link/request", json!({"org_slug": "acme"})),
        ("/api/auth/magic-link/request", json!({"org_slug": "no-such-org"})),
        ("/api/auth/login", json!({"password": "a wrong sentence"})),
        ("/api/auth/login", json!({"password": "a wrong sentence", "org_slug": "acme"})),
        ("/api/auth/login", json!({"password": "a wrong sentence", "org_slug": "no-such-org"})),
        ("/api/auth/login", json!({"password": ""})),
        ("/api/auth/lookup-email", json!({})),
    ] {
        let expected = ask(&app.client(), path, "never-seen@example.com", &more).await;
        for email in &addresses {
            assert_eq!(ask(&app.client(), path, email, &more).await, expected, "{path} {more} {email}");
        }
    }
    // Nor does the spelling of an address.
    for email in ["ANN@example.com", "ann@EXAMPLE.com", " ann@example.com "] {
        let known = ask(&app.client(), "/api/auth/forgot-password", email, &json!({})).await;
        assert_eq!(
            known,
            ask(&app.client(), "/api/auth/forgot-password", &email.replace("nn", "xx").replace("NN", "XX"), &json!({})).await
        );
    }
});

/// How many rows each table has.
async fn rows(app: &TestApp) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    for line in app.dump().await.lines() {
        *rows.entry(line.split(':').next().unwrap_or_default().to_owned()).or_default() += 1;
    }
    rows
}

// How long an answer takes tells as much as what it says. `make timing` measures that; here the work is counted, which never flakes.
both!(t40_every_address_takes_the_same_work, async |app| {
    let addresses = addresses(app).await;
    for (path, more) in [
        ("/api/auth/register", json!({"password": PASSWORD})),
        ("/api/auth/forgot-password", json!({})),
        ("/api/auth/forgot-password", json!({"org_slug": "acme"})),
        ("/api/auth/forgot-password", json!({"org_slug": "no-such-org"})),
        ("/api/auth/resend-verification", json!({})),
        ("/api/auth/login", json!({"password": "a wrong sentence"})),
    ] {
        let mut expected = None;
        for email in ["never-seen@example.com"].iter().chain(&addresses) {
            let before = rows(app).await;
            ask(&app.client(), path, email, &more).await;
            let after = rows(app).await;
            let written: Vec<_> = after.iter().map(|(table, n)| (table.clone(), n - before.get(table).unwrap_or(&0))).collect();
            let written: Vec<_> = written.into_iter().filter(|(_, n)| *n > 0).collect();
            assert!(!written.is_empty(), "{path} writes nothing");
            assert_eq!(&written, expected.get_or_insert_with(|| written.clone()), "{path} {more} {email}");
        }
    }
});

both!(t40_a_right_password_does_not_tell_which_organizations_there_are, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    app.create_org(&ann, "acme").await;
    let login = |slug: &str| json!({"password": bob.password, "org_slug": slug});
    let foreign = ask(&app.client(), "/api/auth/login", &bob.email, &login("acme")).await;
    assert_eq!(
        (foreign.0, foreign.clone()),
        (403, ask(&app.client(), "/api/auth/login", &bob.email, &login("no-such-org")).await)
    );
});

both!(t40_a_change_of_address_does_not_tell_whose_the_new_one_is, async |app| {
    let addresses = addresses(app).await;
    let bob = app.sign_up("bob@example.com").await;
    let mut expected = None;
    for email in ["never-seen@example.com"].iter().chain(&addresses) {
        let before = app.mails_to("bob@example.com").len();
        let answer = visible(&app.by(&bob).patch("/api/user", json!({"email": email})).await);
        assert_eq!(answer.2["email"], "bob@example.com");
        assert_eq!(&answer, expected.get_or_insert_with(|| answer.clone()), "{email}");
        app.worker().await;
        // The caller's own mailbox learns no more than the caller.
        let told = app.mails_to("bob@example.com").split_off(before);
        assert_eq!((told.len(), told[0].text.contains(email)), (1, true), "{email}: {told:?}");
    }
});

#[test]
fn t40_limits_do_not_tell_either() {
    // Not with Redis, which counts by its own clock: there two answers differ when a second passes between them.
    run(Database::Sqlite, Options::default().rate_limits(), async |app| {
        app.sign_up("ann@example.com").await;
        app.advance(chrono::TimeDelta::hours(1));
        for (path, more) in [
            ("/api/auth/forgot-password", json!({})),
            ("/api/auth/register", json!({"password": PASSWORD})),
            ("/api/auth/resend-verification", json!({})),
            ("/api/auth/login", json!({"password": "a wrong sentence"})),
        ] {
            let mut answers = [Vec::new(), Vec::new()];
            for (email, answers) in ["ann@example.com", "never-seen@example.com"].iter().zip(&mut answers) {
                // Enough time for the network's own budget and the addresses' to be full again.
                app.advance(chrono::TimeDelta::hours(1));
                for _ in 0..8 {
                    answers.push(ask(&app.client(), path, email, &more).await);
                }
            }
            assert_eq!(answers[0], answers[1], "{path}");
            assert_eq!(answers[0].last().map(|answer| answer.0), Some(429), "{path}: the eighth at once");
        }
    });
}
