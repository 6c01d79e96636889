//! Who waits for a hot row waits without a connection, and whoever hangs up has left: the others find the database as if nobody else were there.
//! The row is held by the test itself, so nothing here depends on how fast the machine is.

use std::time::Duration;

use futures::future::{join, join_all};
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Database, Org, Response, TestApp, User, both, run};

use crate::delivery::deliveries::{Hooked, hooked};

/// Waits for what is going to be so, however slow the machine is.
async fn until(what: &str, so: impl AsyncFn() -> bool) {
    for _ in 0..6_000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to be so: {what}");
}

impl Held<'_> {
    async fn released(self) {
        self.0.execute("rollback").await;
    }
    /// How many transactions wait for it in the database. SQLite's writers wait in a queue of ours.
    async fn waiting(&self) -> i64 {
        self.0
            .count("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
            .await
    }
}

/// Rows that the test has locked.
struct Held<'a>(&'a TestApp);

async fn hold<'a>(app: &'a TestApp, rows: &str) -> Held<'a> {
    app.execute(if app.database == Database::Sqlite { "begin immediate" } else { "begin" }).await;
    app.execute(rows).await;
    Held(app)
}

fn rename(app: &TestApp, who: &User, org: &Org, n: usize) -> impl Future<Output = Response> + use<> {
    let by = app.by(who);
    let path = org.path.clone();
    async move { by.patch(&path, json!({"name": format!("Renamed {n}")})).await }
}

/// An address that is changed over and over: what is an account's own.
fn change(app: &TestApp, who: &User, n: usize) -> impl Future<Output = Response> + use<> {
    let (by, address) = (app.by(who), format!("{n}.{}", who.email));
    async move { by.patch("/api/user", json!({"email": address})).await }
}

/// Whoever waited was served in the end, or told to come again.
fn all_answered(answers: &[Response]) {
    for answer in answers {
        let told_when = !answer.header("retry-after").is_empty();
        assert!(answer.status == 200 || (matches!(answer.status, 429 | 503) && told_when), "{answer}");
    }
    assert!(answers.iter().any(|answer| answer.status == 200), "somebody was served");
}

/// What somebody else does meanwhile; signing in is a write, for which SQLite has only one writer.
async fn others_are_served(app: &TestApp, bob: &User, other: &Org) {
    for _ in 0..3 {
        app.by(bob).get("/api/user").await.ok();
        app.by(bob).get(&other.path).await.ok();
        app.client().get("/health/ready").await.ok();
        if app.database == Database::Postgres {
            app.login(&bob.email, &bob.password).await;
            app.client().post("/api/auth/refresh", json!({"refresh_token": "rt_nonsense"})).await;
        }
    }
}

both!(a_hundred_writes_of_each_of_five_accounts_leave_the_others_their_connections, async |app| {
    app.allow_5xx();
    let mut five = Vec::new();
    for n in 0..5 {
        five.push(app.sign_up(&format!("ann{n}@example.com")).await);
    }
    let bob = app.sign_up("bob@example.com").await;
    let other = app.create_org(&bob, "other").await;
    let held = hold(app, "update users set updated_at = updated_at where email like 'ann%'").await;
    let writes = join_all(five.iter().flat_map(|who| (0..100).map(|n| change(app, who, n))).collect::<Vec<_>>());
    let meanwhile = async {
        // On a slow machine the first are told to come again before the last have come.
        until("far more wait than there are connections", async || app.use_cases.writes_in_progress() >= 60).await;
        if app.database == Database::Postgres {
            until("some are at work", async || held.waiting().await >= 1).await;
        }
        others_are_served(app, &bob, &other).await;
        if app.database == Database::Postgres {
            assert!(held.waiting().await <= 5, "one of each account");
        }
        held.released().await;
    };
    let (answers, ()) = join(writes, meanwhile).await;
    all_answered(&answers);
    assert_eq!(app.use_cases.writes_in_progress(), 0);
});

both!(an_organizations_hot_row_leaves_the_others_their_connections, async |app| {
    app.allow_5xx();
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let other = app.create_org(&bob, "other").await;
    let held = hold(app, "update organizations set name = name where slug = 'acme'").await;
    let writes = join_all((0..100).map(|n| rename(app, &ann, &acme, n)).collect::<Vec<_>>());
    let meanwhile = async {
        until("far more wait than there are connections", async || app.use_cases.writes_in_progress() >= 60).await;
        if app.database == Database::Postgres {
            until("some are at work", async || held.waiting().await >= 1).await;
            // Not only reads: what others write has its places, too.
            app.by(&bob).patch(&other.path, json!({"name": "Still other"})).await.ok();
        }
        others_are_served(app, &bob, &other).await;
        if app.database == Database::Postgres {
            assert!(held.waiting().await <= 4, "a few of the account");
        }
        held.released().await;
    };
    let (answers, ()) = join(writes, meanwhile).await;
    all_answered(&answers);
});

both!(others_do_not_wait_behind_a_burst, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let other = app.create_org(&bob, "other").await;
    app.worker().await;
    let held = hold(app, "update organizations set name = name").await;
    let burst = join_all((0..30).map(|n| rename(app, &ann, &acme, n)).collect::<Vec<_>>());
    let then = async {
        until("the burst waits", async || app.use_cases.writes_in_progress() == 30).await;
        let last = rename(app, &bob, &other, 0);
        let release = async {
            until("somebody else comes after it", async || app.use_cases.writes_in_progress() == 31).await;
            held.released().await;
        };
        join(last, release).await.0.ok();
    };
    let (answers, ()) = join(burst, then).await;
    answers.into_iter().for_each(|answer| drop(answer.ok()));
    let before = app
        .count("select count(*) from outbox where pos < (select max(o.pos) from outbox o join organizations g on g.id = o.org_id where g.slug = 'other')")
        .await;
    assert!(before <= 12, "{before} of thirty came before them");
});

both!(who_hangs_up_has_left_the_queue_and_changed_nothing, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let held = hold(app, "update organizations set name = name where slug = 'acme'").await;
    let calls: Vec<_> = (0..30).map(|n| tokio::spawn(rename(app, &ann, &acme, n))).collect();
    until("all wait", async || app.use_cases.writes_in_progress() == 30).await;
    if app.database == Database::Postgres {
        until("some are at work", async || held.waiting().await >= 1).await;
    }
    calls.iter().for_each(|call| call.abort());
    // What the database is at occupies its connection, and its place, until it is done.
    until("they have left", async || app.use_cases.writes_in_progress() <= 4).await;
    held.released().await;
    until("everything is free again", async || app.use_cases.writes_in_progress() == 0).await;
    let renamed = async || app.count("select count(*) from organizations where name like 'Renamed %'").await;
    assert_eq!(renamed().await, 0, "nobody waited for the answer");
    rename(app, &ann, &acme, 100).await.ok();
    assert_eq!(renamed().await, 1);
});

/// What goes through many rows.
fn long_reads(org: &Org, hook: &str) -> Vec<String> {
    let audit = ["export", "?action=organization.updated", "?page=100&target_type=user", "?target_id=x", "/checkpoints?page=100"];
    let audit = audit.map(|rest| org.at(&format!("audit-log{}{rest}", if rest == "export" { "/" } else { "" })));
    let deliveries = ["?delivered=false", "?event_type=user.left", "?page=100"];
    let deliveries = deliveries.map(|rest| format!("{hook}/deliveries{rest}"));
    audit.into_iter().chain(deliveries).chain([org.at("invitations?status=pending"), org.at("invitations?page=100")]).collect()
}

#[test]
fn heavy_reads_of_an_organization_are_two_at_once() {
    run(Database::Postgres, tenantry_tests::Options::default(), async |app| {
        app.allow_5xx();
        let Hooked { ann, org: acme, path: hook, .. } = hooked(app, &["user.invited"]).await;
        let bob = app.sign_up("bob@example.com").await;
        let other = app.create_org(&bob, "other").await;
        let held = hold(app, "lock table events, deliveries, invitations, checkpoints in access exclusive mode").await;
        let paths: Vec<_> = long_reads(&acme, &hook).into_iter().flat_map(|path| [path.clone(), path]).collect();
        let reads = join_all(paths.iter().map(|path| app.by(&ann).request(Method::GET, path).send()));
        let meanwhile = async {
            until("all wait", async || app.use_cases.heavy_reads_in_progress() == 20).await;
            until("some are at work", async || held.waiting().await >= 1).await;
            app.by(&bob).get("/api/user").await.ok();
            app.by(&bob).get(&other.path).await.ok();
            app.client().get("/health/ready").await.ok();
            assert!(held.waiting().await <= 2, "two of the organization");
            held.released().await;
        };
        let (answers, ()) = join(reads, meanwhile).await;
        all_answered(&answers);
    });
}

#[test]
fn usual_pages_do_not_wait_behind_heavy_reads() {
    // The usual pages may take their time on a slow machine: what is held meanwhile waits.
    let patient =
        tenantry_tests::Options::default().set("database.lock_timeout_seconds", 60).set("database.statement_timeout_seconds", 90);
    run(Database::Postgres, patient, async |app| {
        let Hooked { ann, org: acme, path: hook, .. } = hooked(app, &["user.invited"]).await;
        // Once counted, the total of a filter that an index answers is known.
        let known = acme.at("audit-log?action=organization.created");
        app.by(&ann).get(&known).await.ok();
        let held = hold(app, "lock table checkpoints in access exclusive mode").await;
        let deep = acme.at("audit-log/checkpoints?page=100");
        let heavy = join_all((0..6).map(|_| app.by(&ann).request(Method::GET, &deep).send()));
        let meanwhile = async {
            until("two are at work", async || held.waiting().await == 2).await;
            let usual = [
                acme.at("audit-log?page=100"),
                acme.at("members"),
                acme.at("invitations"),
                acme.at("events?after=0"),
                known.clone(),
            ];
            for path in usual.iter().chain([&format!("{hook}/deliveries")]) {
                app.by(&ann).get(path).await.ok();
            }
            held.released().await;
        };
        let (answers, ()) = join(heavy, meanwhile).await;
        answers.into_iter().for_each(|answer| drop(answer.ok()));
    });
}
