//! T41: guessing at passwords is slowed wherever it comes from, and locks nobody out. Networks are made up with the header of a trusted
//! proxy; the clock that these limits go by is the test's own, on both databases.

use std::cell::Cell;

use chrono::TimeDelta;
use futures::future::{join, join_all};
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Database, Options, PASSWORD, Response, TestApp, both, run};

fn limited() -> Options {
    Options::default().rate_limits().set("server.trusted_proxies", "127.0.0.0/8").set("rate_limits.sign_in_burst", 1000)
}

async fn login(app: &TestApp, from: &str, email: &str, password: &str) -> Response {
    let request = app.client().request(Method::POST, "/api/auth/login").header("x-forwarded-for", from);
    request.json(&json!({"email": email, "password": password})).send().await
}

/// One guess from each of many networks; how many were tried at all.
async fn attack(app: &TestApp, email: &str, networks: std::ops::Range<usize>) -> usize {
    let mut tried = 0;
    for n in networks {
        let answer = login(app, &format!("203.0.{}.{}", n / 200, n % 200), email, "a guess").await;
        match answer.status {
            401 => tried += 1,
            _ => drop(wait(answer)),
        }
    }
    tried
}

/// A refusal by a limit: how long to wait.
#[track_caller]
fn wait(answer: Response) -> TimeDelta {
    let seconds: i64 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("Retry-After of {answer}"));
    assert_eq!(answer.header("ratelimit-remaining"), "0", "{answer}");
    answer.refused_as(429, "TOO_MANY_REQUESTS", "rate_limited");
    TimeDelta::seconds(seconds)
}

/// An address of Ann's: she confirmed her account, and signed in, from 127.0.0.1.
const HOME: &str = "127.0.0.1";

both!(t41_many_networks_at_one_account_are_slowed_and_its_owner_is_not, limited(), async |app| {
    app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::hours(1));
    assert_eq!(attack(app, "ann@example.com", 0..60).await, 20, "twenty at once, whoever guesses");
    // Where she signed in before, nothing is different; not even her own typing errors wait for strangers.
    login(app, HOME, "ann@example.com", "a tpying error").await.refused(401, "UNAUTHORIZED");
    login(app, HOME, "ann@example.com", PASSWORD).await.ok();
    // Where she is new, she waits once, for the documented time at most; and is then not made to wait by who came before or comes after.
    let first = wait(login(app, "198.51.100.1", "ann@example.com", PASSWORD).await);
    assert!(first <= TimeDelta::seconds(300), "{first}");
    let early = wait(login(app, "198.51.100.1", "ann@example.com", PASSWORD).await);
    assert!(early <= first, "asking again does not make it longer");
    assert_eq!(attack(app, "ann@example.com", 100..160).await, 0);
    app.advance(first);
    attack(app, "ann@example.com", 200..260).await;
    login(app, "198.51.100.1", "ann@example.com", PASSWORD).await.ok();
    login(app, "198.51.100.1", "ann@example.com", PASSWORD).await.ok();
    // Somebody else is not concerned, nor is an address that is not attacked.
    login(app, "198.51.100.2", "bob@example.com", "a guess").await.refused(401, "UNAUTHORIZED");
    // By mail there is no wait at all.
    app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("ann@example.com", "reset-password");
    let reset = app.client().request(Method::POST, "/api/auth/reset-password").header("x-forwarded-for", "198.51.100.3");
    reset.json(&json!({"token": token, "new_password": "another long sentence"})).send().await.ok();
    login(app, "198.51.100.3", "ann@example.com", "another long sentence").await.ok();
});

/// Guesses at nobody's passwords, each from another network, so many at once that the queue of passwords is full, until `over`.
async fn overload(app: &TestApp, over: &Cell<bool>, next: &Cell<usize>) {
    join_all((0..8).map(async |_| {
        while !over.get() {
            let n = next.replace(next.get() + 1);
            login(app, &format!("{}.{}.0.1", 20 + n / 200 % 60, n % 200), &format!("nobody{n}@example.com"), "a guess").await;
        }
    }))
    .await;
}

both!(t41_a_turn_that_met_an_overload_is_still_there, limited().hashing_in_earnest().set("passwords.queue", 1), async |app| {
    app.allow_5xx();
    app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::hours(1));
    attack(app, "ann@example.com", 0..60).await;
    let (mut overloads, next) = (0, Cell::new(0));
    for place in 0..100 {
        // She is new here, and waits once.
        let here = format!("198.51.100.{place}");
        app.advance(wait(login(app, &here, "ann@example.com", PASSWORD).await));
        attack(app, "ann@example.com", 100 + place * 20..120 + place * 20).await;
        let over = Cell::new(false);
        let signing_in = async {
            loop {
                let answer = login(app, &here, "ann@example.com", PASSWORD).await;
                assert!(matches!(answer.status, 200 | 503), "{answer}");
                if answer.status == 200 {
                    break over.set(true);
                }
                overloads += 1;
            }
        };
        join(overload(app, &over, &next), signing_in).await;
        if overloads > 2 {
            return;
        }
    }
    panic!("it was never full");
});

#[test]
fn t41_an_endless_attack_gets_one_guess_for_each_wait_of_each_network() {
    run(Database::Sqlite, limited(), async |app| {
        app.sign_up("ann@example.com").await;
        app.advance(TimeDelta::hours(1));
        let mut tried = 0;
        // Ten networks ask every ten seconds for half an hour: without limits 1,800 guesses.
        for _ in 0..180 {
            tried += attack(app, "ann@example.com", 0..10).await;
            app.advance(TimeDelta::seconds(10));
        }
        assert!((60..=140).contains(&tried), "{tried}");
        login(app, HOME, "ann@example.com", PASSWORD).await.ok();
        // When it is over, it is over.
        app.advance(TimeDelta::hours(1));
        login(app, "198.51.100.1", "ann@example.com", PASSWORD).await.ok();
    });
}

both!(t41_one_network_at_many_accounts_is_slowed, limited(), async |app| {
    app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::hours(1));
    login(app, "203.0.113.7", "ann@example.com", PASSWORD).await.ok();
    let mut tried = 0;
    for n in 0..80 {
        let answer = login(app, "203.0.113.7", &format!("person{n}@example.com"), "Winter2026").await;
        match answer.status {
            401 => tried += 1,
            _ => assert!(wait(answer) <= TimeDelta::seconds(10)),
        }
    }
    assert_eq!(tried, 50);
    // Ann signed in there before, and others sign in elsewhere.
    login(app, "203.0.113.7", "ann@example.com", PASSWORD).await.ok();
    login(app, "203.0.113.8", "person79@example.com", "x").await.refused(401, "UNAUTHORIZED");
    app.advance(TimeDelta::seconds(10));
    login(app, "203.0.113.7", "person79@example.com", "x").await.refused(401, "UNAUTHORIZED");
});

both!(t41_limits_treat_every_address_alike, limited(), async |app| {
    app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::hours(1));
    // T40: what an attacker sees does not depend on whether there is an account.
    let mut seen = [Vec::new(), Vec::new()];
    for (seen, (email, third)) in seen.iter_mut().zip([("ann@example.com", 1), ("nobody@example.com", 2)]) {
        for n in 0..30 {
            let answer = login(app, &format!("203.{third}.113.{n}"), email, "a guess").await;
            seen.push((answer.status, answer.header("retry-after").to_owned(), answer.json()["error"].clone()));
        }
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!((seen[0][19].0, seen[0][20].0), (401, 429));
});

both!(t41_guesses_at_the_same_moment_all_count, limited(), async |app| {
    app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::hours(1));
    let from: Vec<String> = (0..12).map(|n| format!("203.0.113.{n}")).collect();
    let answers = join_all(from.iter().map(|from| login(app, from, "ann@example.com", "a guess"))).await;
    assert!(answers.iter().all(|answer| answer.status == 401), "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    assert_eq!(attack(app, "ann@example.com", 300..340).await, 8, "the other eight of twenty");
});

both!(t41_a_signed_in_thief_cannot_guess_the_password_either, limited(), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::minutes(5));
    let change = json!({"current_password": "a guess", "new_password": "another long sentence"});
    for _ in 0..5 {
        app.by(&ann).post("/api/user/change-password", change.clone()).await.invalid(&["current_password"]);
    }
    assert!(wait(app.by(&ann).post("/api/user/change-password", change).await) <= TimeDelta::seconds(10));
    // Kept where neither a restart nor an emptied cache reaches it.
    let kept = app.rows("select id from guess_budgets where known_at is null").await;
    assert_eq!(kept.len(), 1);
});

both!(what_was_counted_is_forgotten_in_time, limited(), async |app| {
    app.sign_up("ann@example.com").await;
    attack(app, "ann@example.com", 0..30).await;
    assert!(app.count("select count(*) from guess_budgets").await > 40);
    app.advance(TimeDelta::hours(3));
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from guess_budgets").await, 1, "where Ann signed in");
    app.advance(TimeDelta::days(91));
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from guess_budgets").await, 0);
    // Nothing personal is in the names.
    login(app, "203.0.113.7", "ann@example.com", "a guess").await.refused(401, "UNAUTHORIZED");
    for row in app.rows("select id from guess_budgets").await {
        let id: String = row.try_get_by_index(0).unwrap();
        assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    }
});
