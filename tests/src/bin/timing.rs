//! T40 by the clock: does an answer take longer for an address that has an account, for an invitation that exists, for an organization
//! that is somebody's? Both sides are asked in turn, on SQLite and (under scripts/with-services.sh) on PostgreSQL; the medians may differ by
//! less than two milliseconds. That a difference is small enough to be lost in a network's noise is all that can be measured.

#![expect(clippy::print_stdout, reason = "it prints a table")]
#![expect(clippy::disallowed_methods, reason = "it asks which services there are")]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Client, Database, Options, PASSWORD, TestApp, block_on};

/// What the medians may differ by.
const BOUND: Duration = Duration::from_millis(2);

/// One question, asked about something that exists and something that does not.
struct Pair {
    what: &'static str,
    by: Client,
    method: Method,
    path: [String; 2],
    body: [Value; 2],
    samples: usize,
}

/// Quick routes are asked often; those that hash a password cannot be.
const OFTEN: usize = 2_000;
const HASHED: usize = 100;

fn post(what: &'static str, by: &Client, path: &str, known: Value, unknown: Value, samples: usize) -> Pair {
    Pair { what, by: by.clone(), method: Method::POST, path: [path.to_owned(), path.to_owned()], body: [known, unknown], samples }
}

/// Ann owns acme; a sign-up waits; Bob has nothing to do with acme; an invitation was taken back.
async fn pairs(app: &TestApp) -> Vec<Pair> {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let (id, cancelled) = app.invite(&ann, "acme", "cy@example.com", "member").await;
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}"))).await;
    let waiting = json!({"email": "waiting@example.com", "password": PASSWORD});
    app.client().post("/api/auth/register", waiting).await.ok();
    let unused = format!("inv_{}", "A".repeat(43));
    let (open, by_bob) = (app.client(), app.by(&bob));
    let email = |name: &str| json!({"email": format!("{name}@example.com")});
    let login = |name: &str, more: Value| {
        let mut body = json!({"email": format!("{name}@example.com"), "password": "a wrong sentence"});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        body
    };
    let signup = |name: &str| json!({"email": format!("{name}@example.com"), "password": PASSWORD});
    let (forgot, at) = ("/api/auth/forgot-password", json!({"org_slug": "acme"}));
    vec![
        post("forgotten password: account or none", &open, forgot, email("ann"), email("nobody"), OFTEN),
        post(
            "confirmation again: waiting or not",
            &open,
            "/api/auth/resend-verification",
            email("waiting"),
            email("nobody"),
            OFTEN,
        ),
        post(
            "invitation: taken back or never made",
            &by_bob,
            "/api/invitations/accept",
            json!({"token": cancelled}),
            json!({"token": unused}),
            OFTEN,
        ),
        post("sign-up: account or none", &open, "/api/auth/register", signup("ann"), signup("nobody"), HASHED),
        post("sign-in: account or none", &open, "/api/auth/login", login("ann", json!({})), login("nobody", json!({})), HASHED),
        post(
            "sign-in to acme: member or none",
            &open,
            "/api/auth/login",
            login("ann", at.clone()),
            login("nobody", at.clone()),
            HASHED,
        ),
        post(
            "sign-in: acme or no organization",
            &open,
            "/api/auth/login",
            login("bob", at),
            login("bob", json!({"org_slug": "nowhere"})),
            HASHED,
        ),
    ]
}

/// Asks both in turn, the first one alternating; answers the medians, known first.
async fn medians(pair: &Pair) -> [Duration; 2] {
    let mut took = [Vec::new(), Vec::new()];
    for n in 0..pair.samples {
        for side in [n % 2, 1 - n % 2] {
            let request = pair.by.request(pair.method.clone(), &pair.path[side]).json(&pair.body[side]);
            let started = Instant::now();
            request.send().await;
            took[side].push(started.elapsed());
        }
    }
    took.map(|mut all| {
        all.sort_unstable();
        all[all.len() / 2]
    })
}

async fn measure(database: Database) -> bool {
    let app = TestApp::start_with(database, Options::default()).await;
    println!("{database:?}\n{:<40} {:>8} {:>10} {:>10} {:>12}", "", "samples", "exists", "does not", "difference");
    let mut even = true;
    for pair in pairs(&app).await {
        let [known, unknown] = medians(&pair).await;
        let difference = known.abs_diff(unknown);
        even &= difference < BOUND;
        let verdict = if difference < BOUND { "" } else { "  TOO MUCH" };
        println!("{:<40} {:>8} {known:>10.2?} {unknown:>10.2?} {difference:>12.2?}{verdict}", pair.what, pair.samples);
    }
    app.finish().await;
    even
}

fn main() -> ExitCode {
    let mut even = block_on(Box::pin(measure(Database::Sqlite)));
    if std::env::var("TENANTRY_TEST_POSTGRES").is_ok() {
        even &= block_on(Box::pin(measure(Database::Postgres)));
    }
    if even { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
