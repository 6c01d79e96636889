//! Many at once: sixty requests over HTTP that want the same thing (fewer on SQLite, which has one writer). What must hold is checked
//! by the database itself at every commit (see [`invariants`]), and once more from outside at the end, whoever won. Both databases,
//! because each serializes in its own way. A 5xx, and so a commit that was refused, fails every one of these (see `TestApp::finish`).

mod access;
mod codes;
mod control;
mod enrolling;
mod invariants;
mod invitations;
mod limits;
mod mailed;
mod ownership;
mod passkeys;
mod removal;
mod roles;
mod saml;
mod seats;
mod upstream;

use tenantry_tests::{Database, Response, TestApp};

/// How many answered each status, in the order of `statuses`; an answer with another status fails.
#[track_caller]
fn tally<const N: usize>(answers: &[Response], statuses: [u16; N]) -> [usize; N] {
    answers.iter().for_each(|answer| assert!(statuses.contains(&answer.status), "{answer}"));
    statuses.map(|status| answers.iter().filter(|answer| answer.status == status).count())
}

/// Has the database check every commit from now on. Answers how many callers a race has there; a multiple of twelve.
async fn watched(app: &TestApp) -> usize {
    invariants::install(app).await;
    match app.database {
        Database::Postgres => 60,
        Database::Sqlite => 24,
    }
}

/// Nothing is broken now, and on PostgreSQL, commits were really looked at.
async fn sound(app: &TestApp) {
    unbroken(app).await;
    if app.database == Database::Postgres {
        assert!(app.count("select last_value from checked").await > 1, "no commit was checked");
    }
}

/// Nothing is broken now.
async fn unbroken(app: &TestApp) {
    let broken = app.rows(&invariants::broken()).await;
    let broken: Vec<String> = broken.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

async fn events(app: &TestApp, name: &str) -> i64 {
    app.count(&format!("select count(*) from events where name = '{name}'")).await
}
