//! Scheduled jobs end in time and go on when they come again: a job that never ended would be cut off in the middle of something.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::TimeDelta;
use domain::{Clock, Time};
use serde_json::json;
use tenantry_tests::{Database, TestApp, both};
use worker::Deps;

/// A clock on which a minute goes by between two looks: a machine on which every step takes so long.
struct MinutesGoBy(Time, AtomicI64);

impl Clock for MinutesGoBy {
    fn now(&self) -> Time {
        self.0 + TimeDelta::minutes(self.1.fetch_add(1, Ordering::Relaxed))
    }
}

/// Performs all jobs as a machine does that needs a minute for each step.
async fn run_slowly(app: &TestApp) {
    let clock = Arc::new(MinutesGoBy(app.now(), AtomicI64::new(0)));
    worker::run_jobs(&Deps { clock, ..app.deps.clone() }).await.unwrap();
}

/// Sent mails whose time is over.
async fn old_mails(app: &TestApp, count: u32) {
    let id = match app.database {
        Database::Sqlite => "unhex(printf('%032x', n.i))",
        Database::Postgres => "lpad(to_hex(n.i), 32, '0')::uuid",
    };
    app.execute(&format!(
        "insert into mails (id, org_id, message, state, attempts, next_at, created_at, updated_at)
         select {id}, o.id, '', 2, 1, o.created_at, o.created_at, o.created_at
         from (with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) select i from n) as n
         cross join organizations o"
    ))
    .await;
}

both!(a_long_job_stops_in_time_and_goes_on_when_it_comes_again, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    for _ in 0..12 {
        app.by(&ann).post(&acme.at("audit-log/erase"), json!({"user_id": ann.id})).await.ok();
    }
    app.worker().await;
    old_mails(app, 4000).await;
    app.advance(TimeDelta::days(31));
    let orders = async || app.count("select count(*) from erasures").await;
    let mails = async || app.count("select count(*) from mails where message = ''").await;
    let before = (orders().await, mails().await);
    run_slowly(app).await;
    let then = (orders().await, mails().await);
    assert!((1..12).contains(&then.0) && (1..4000).contains(&then.1), "{before:?}, then {then:?}");
    run_slowly(app).await;
    let later = (orders().await, mails().await);
    assert!(later.0 < then.0 && later.1 < then.1, "{then:?}, then {later:?}");
    app.run_jobs().await;
    assert_eq!((orders().await, mails().await), (0, 0));
});
