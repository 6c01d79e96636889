//! Rate limits (T41): sign-in routes by network, guesses by account and network, mails by address; and nobody is locked out
//! by somebody else. To the second where the test moves the clock that counts; Redis counts with its own, so there only what holds
//! however slow the machine is.

use chrono::TimeDelta;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Database, Options, PASSWORD, Response, TestApp, both, run};

/// Limits on, behind a proxy, so that a test can come from anywhere.
fn limited() -> Options {
    Options::default().rate_limits().set("server.trusted_proxies", "127.0.0.0/8")
}

async fn post(app: &TestApp, from: &str, path: &str, body: Value) -> Response {
    app.client().request(Method::POST, path).header("x-forwarded-for", from).json(&body).send().await
}

/// A refusal that says when to come back.
#[track_caller]
fn later(answer: Response, at_most: u32) {
    let seconds: u32 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("Retry-After of {answer}"));
    assert!((1..=at_most).contains(&seconds), "{seconds} seconds: {answer}");
    answer.refused_as(429, "TOO_MANY_REQUESTS", "rate_limited");
}

#[test]
fn the_twenty_first_sign_in_call_of_a_network_waits() {
    run(Database::Sqlite, limited(), async |app| {
        let call = async |from: &str| post(app, from, "/api/auth/refresh", json!({"refresh_token": "rt_nonsense"})).await;
        for _ in 0..20 {
            call("203.0.113.7").await.refused(401, "UNAUTHORIZED");
        }
        later(call("203.0.113.7").await, 1);
        // All sign-in routes count together; and what is not JSON, or not even a request we take, counts too.
        for (path, body) in [
            ("/api/auth/login", json!({"email": "ann@example.com", "password": "x"})),
            ("/api/auth/register", json!({"email": "ann@example.com", "password": PASSWORD})),
            ("/api/auth/forgot-password", json!({"email": "ann@example.com"})),
            ("/api/auth/reset-password", json!({"token": "x", "new_password": PASSWORD})),
            ("/api/auth/verify-email", json!({"token": "x", "password": "x"})),
            ("/api/user/confirm-email", json!({"token": "x"})),
            ("/api/invitations/decline", json!({"token": "x"})),
        ] {
            later(post(app, "203.0.113.7", path, body).await, 1);
        }
        assert_eq!(app.count("select count(*) from one_time_links").await, 0, "a refused call does nothing");
        // Others go on: another address, an IPv6 network; but not a neighbour in the same /64.
        for from in ["203.0.113.8", "2001:db8:1:1::1"] {
            for _ in 0..20 {
                call(from).await.refused(401, "UNAUTHORIZED");
            }
        }
        later(call("2001:db8:1:1:ffff::2").await, 1);
        call("2001:db8:1:2::1").await.refused(401, "UNAUTHORIZED");
        // What is no sign-in is not limited by it.
        app.client().get("/health").await.ok();
        app.client().get("/.well-known/jwks.json").await.ok();
        // One a second comes back, and no more than that.
        app.advance(TimeDelta::seconds(2));
        for _ in 0..2 {
            call("203.0.113.7").await.refused(401, "UNAUTHORIZED");
        }
        later(call("203.0.113.7").await, 1);
    });
}

both!(a_flood_from_one_network_is_stopped_and_others_go_on, limited(), async |app| {
    app.sign_up("ann@example.com").await;
    let refresh = async |from: &str| post(app, from, "/api/auth/refresh", json!({"refresh_token": "rt_nonsense"})).await;
    let answers = join_all((0..60).map(|_| refresh("203.0.113.7"))).await;
    let (limited, served): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 429);
    assert!(served.len() >= 20 && limited.len() >= 20, "{} served, {} not", served.len(), limited.len());
    served.into_iter().for_each(|answer| drop(answer.refused(401, "UNAUTHORIZED")));
    limited.into_iter().for_each(|answer| later(answer, 1));
    // Guesses at Ann's password from a third network; then Ann, from her own.
    let guess = async |n: usize| {
        post(app, "203.0.113.9", "/api/auth/login", json!({"email": "ann@example.com", "password": format!("guess {n}")})).await
    };
    let guesses = join_all((0..12).map(guess)).await;
    assert!(guesses.iter().filter(|answer| answer.status == 429).count() >= 4, "five at once, and one each ten seconds");
    post(app, "203.0.113.8", "/api/auth/login", json!({"email": "ann@example.com", "password": PASSWORD})).await.ok();
});

both!(a_made_up_forwarded_address_buys_nothing, Options::default().rate_limits(), async |app| {
    let made_up: Vec<String> = (0..60).map(|n| format!("203.0.113.{n}")).collect();
    let answers =
        join_all(made_up.iter().map(|from| post(app, from, "/api/auth/refresh", json!({"refresh_token": "rt_x"})))).await;
    assert!(answers.iter().filter(|answer| answer.status == 429).count() >= 20);
});

#[test]
fn t41_guessing_an_account_is_slowed_where_it_comes_from() {
    run(Database::Sqlite, limited(), async |app| {
        app.sign_up("ann@example.com").await;
        app.sign_up("bob@example.com").await;
        app.advance(TimeDelta::hours(1));
        let login = async |from: &str, email: &str, password: &str| {
            post(app, from, "/api/auth/login", json!({"email": email, "password": password})).await
        };
        for n in 0..5 {
            login("203.0.113.7", "ann@example.com", &format!("guess number {n}")).await.refused(401, "UNAUTHORIZED");
        }
        // The right password does not help the guesser now, nor another spelling of the address or another organization.
        for email in ["ann@example.com", "Ann@Example.com", " ann@example.com"] {
            later(login("203.0.113.7", email, PASSWORD).await, 10);
        }
        later(
            post(app, "203.0.113.7", "/api/auth/login", json!({"email": "ann@example.com", "password": "x", "org_slug": "acme"}))
                .await,
            10,
        );
        // Ann signs in from where she is, and others from where the guesser is.
        login("198.51.100.1", "ann@example.com", PASSWORD).await.ok();
        login("203.0.113.7", "bob@example.com", PASSWORD).await.ok();
        // Six guesses a minute from then on.
        app.advance(TimeDelta::seconds(10));
        login("203.0.113.7", "ann@example.com", "another guess").await.refused(401, "UNAUTHORIZED");
        later(login("203.0.113.7", "ann@example.com", "another guess").await, 10);
        app.advance(TimeDelta::minutes(5));
        login("203.0.113.7", "ann@example.com", PASSWORD).await.ok();
    });
}

#[test]
fn mails_to_one_address_are_few_wherever_they_are_asked_for() {
    run(Database::Sqlite, limited(), async |app| {
        app.sign_up("ann@example.com").await;
        app.advance(TimeDelta::hours(1));
        let before = app.mails_to("ann@example.com").len();
        let paths = ["/api/auth/forgot-password", "/api/auth/register", "/api/auth/resend-verification"];
        let mut sent = 0;
        for n in 0..12 {
            let body = json!({"email": "ann@example.com", "password": PASSWORD});
            let answer = post(app, &format!("203.0.113.{n}"), paths[n % 3], body).await;
            if answer.status == 200 { sent += 1 } else { later(answer, 300) }
        }
        app.worker().await;
        assert_eq!(sent, 3);
        assert!(app.mails_to("ann@example.com").len() - before <= 3);
        // Invitations and changes of address are mails, too.
        let bob = app.sign_up("bob@example.com").await;
        app.create_org(&bob, "acme").await;
        later(
            app.by(&bob).post("/api/organizations/acme/invitations", json!({"email": "ann@example.com", "role": "member"})).await,
            300,
        );
        later(app.by(&bob).patch("/api/user", json!({"email": "ann@example.com"})).await, 300);
    });
}
