//! T41: whoever floods sign-in from many networks keeps nobody from signing in, and an overload is held against nobody. Networks are made up
//! with the header of a trusted proxy. Nothing depends on how fast the machine is: who gets a place in the queue does not.

use std::cell::Cell;

use futures::future::{join, join_all};
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Database, Options, PASSWORD, Response, TestApp, both, run};

fn limited() -> Options {
    Options::default()
        .hashing_in_earnest()
        .rate_limits()
        .set("server.trusted_proxies", "127.0.0.0/8")
        .set("rate_limits.sign_in_burst", 1000)
}

async fn login(app: &TestApp, from: &str, email: &str, password: &str) -> Response {
    let request = app.client().request(Method::POST, "/api/auth/login").header("x-forwarded-for", from);
    request.json(&json!({"email": email, "password": password})).send().await
}

async fn refresh(app: &TestApp, from: &str) -> u16 {
    let request = app.client().request(Method::POST, "/api/auth/refresh").header("x-forwarded-for", from);
    request.json(&json!({"refresh_token": "rt_nonsense"})).send().await.status
}

/// So many connections that guess, each time from another network, until `over`; counts how often one was told that there is no place.
async fn flood(app: &TestApp, connections: usize, from: impl Fn(usize) -> String, over: &Cell<bool>, refused: &Cell<usize>) {
    let next = Cell::new(0);
    join_all((0..connections).map(async |_| {
        while !over.get() {
            next.set(next.get() + 1);
            let n = next.get();
            let status = login(app, &from(n), &format!("nobody{n}@example.com"), "a guess").await.status;
            refused.set(refused.get() + usize::from(status == 503));
        }
    }))
    .await;
}

async fn full(refused: &Cell<usize>, times: usize) {
    let before = refused.get();
    for _ in 0..60_000 {
        if refused.get() >= before + times {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the flood never filled the queue");
}

both!(t41_a_flood_from_one_range_keeps_nobody_of_others_from_signing_in, limited().set("passwords.queue", 32), async |app| {
    app.allow_5xx();
    // Each account once in a moment: guesses at one password go one after another, and who waits long is told to come again.
    let people: Vec<_> = (0..9).map(|n| format!("somebody{n}@example.com")).collect();
    for email in &people {
        app.sign_up(email).await;
    }
    let (over, refused) = (Cell::new(false), Cell::new(0));
    // All of one IPv6 /48, which has 65,536 networks.
    let flood = flood(app, 40, |n| format!("2001:db8:1:{:x}::1", n % 65_536), &over, &refused);
    let meanwhile = async {
        full(&refused, 1).await;
        for n in 0..15 {
            login(app, &format!("198.51.100.{n}"), &people[n % 9], PASSWORD).await.ok();
        }
        full(&refused, 1).await;
        let calls = (0..9).map(async |n| login(app, &format!("2001:db8:ffff:{n}::1"), &people[n], PASSWORD).await);
        join_all(calls).await.into_iter().for_each(|answer| drop(answer.ok()));
        over.set(true);
    };
    join(flood, meanwhile).await;
});

both!(t41_where_people_signed_in_before_no_number_of_ranges_keeps_them_out, limited().set("passwords.queue", 8), async |app| {
    app.allow_5xx();
    app.sign_up("ann@example.com").await;
    login(app, "192.0.2.1", "ann@example.com", PASSWORD).await.ok();
    let (over, refused) = (Cell::new(false), Cell::new(0));
    // Each of another /16.
    let flood = flood(app, 40, |n| format!("{}.{}.0.1", 20 + n / 200 % 60, n % 200), &over, &refused);
    let meanwhile = async {
        for _ in 0..5 {
            full(&refused, 1).await;
            login(app, "192.0.2.1", "ann@example.com", PASSWORD).await.ok();
        }
        over.set(true);
    };
    join(flood, meanwhile).await;
});

both!(t41_right_passwords_are_no_guesses, limited(), async |app| {
    app.sign_up("ann@example.com").await;
    for _ in 0..12 {
        login(app, "198.51.100.1", "ann@example.com", PASSWORD).await.ok();
    }
    let at_once = join_all((0..12).map(|_| login(app, "198.51.100.1", "ann@example.com", PASSWORD))).await;
    at_once.into_iter().for_each(|answer| drop(answer.ok()));
    // And wrong ones are, also those of one moment, beside right ones.
    let mixed = (0..40).map(|n| login(app, "198.51.100.1", "ann@example.com", if n % 8 == 0 { PASSWORD } else { "a guess" }));
    let looked_at = join_all(mixed).await.iter().filter(|answer| answer.status == 401).count();
    assert!((1..=5).contains(&looked_at), "{looked_at} guesses were looked at");
});

both!(t41_an_overload_is_held_against_nobody, limited().set("passwords.queue", 1), async |app| {
    app.allow_5xx();
    app.sign_up("ann@example.com").await;
    let (over, refused) = (Cell::new(false), Cell::new(0));
    let flood = flood(app, 12, |n| format!("{}.{}.0.1", 20 + n / 200 % 60, n % 200), &over, &refused);
    let meanwhile = async {
        let mut overloads = 0;
        for _ in 0..5_000 {
            let answer = login(app, "198.51.100.1", "ann@example.com", PASSWORD).await;
            assert!(matches!(answer.status, 200 | 503), "{answer}");
            overloads += usize::from(answer.status == 503);
            if overloads > 8 {
                break;
            }
        }
        over.set(true);
        assert!(overloads > 8, "it was never full");
    };
    join(flood, meanwhile).await;
    login(app, "198.51.100.1", "ann@example.com", PASSWORD).await.ok();
});

#[test]
fn a_range_has_a_budget_however_many_networks_it_has() {
    let options = Options::default().rate_limits().set("server.trusted_proxies", "127.0.0.0/8");
    run(Database::Sqlite, options.set("rate_limits.sign_in_burst", 2), async |app| {
        let served = async |from: &dyn Fn(usize) -> String, calls: usize| {
            let mut served = 0;
            for n in 0..calls {
                served += usize::from(refresh(app, &from(n)).await == 401);
            }
            served
        };
        assert_eq!(served(&|n| format!("2001:db8:1:{:x}::1", n << 8), 40).await, 32, "an IPv6 /48");
        assert_eq!(served(&|n| format!("2001:db8:2:{n:x}::1"), 40).await, 8, "a /56 of another");
        assert_eq!(served(&|n| format!("2001:db8:2:100:{n:x}::1"), 40).await, 2, "a /64 of it");
        assert_eq!(served(&|n| format!("203.0.113.{n}"), 40).await, 32, "an IPv4 /24");
        assert_eq!(served(&|n| format!("203.1.{}.{}", n / 40, n % 40), 600).await, 480, "others of a /16, 15 of them");
    });
}
