//! How an erasure goes on: in batches, beside other workers and the sealing, without moving the chain. What is erased is in
//! [`super::rules`].

use app::events::audit::erasure::erase_next;
use chrono::TimeDelta;
use crypto::audit::{
    export::Line,
    verify::{Report, Verifier},
};
use domain::{Result, authorization::policy::SystemScope};
use futures::future::join_all;
use serde_json::json;
use store::events::audit::Seal;
use tenantry_tests::{Org, TestApp, User, both};

#[expect(clippy::disallowed_methods, reason = "the test does what the job does")]
const SCOPE: SystemScope = SystemScope::job("test");

/// An organization whose log has so many records, each of them of its owner's doing.
async fn with_records(app: &TestApp, owner: &User, slug: &str, records: usize) -> Org {
    let org = app.create_org(owner, slug).await;
    rename(app, owner, &org, 1..records).await;
    org
}

async fn rename(app: &TestApp, owner: &User, org: &Org, times: std::ops::Range<usize>) {
    for n in times {
        app.by(owner).patch(&org.path, json!({"name": format!("Name {n}")})).await.ok();
    }
}

async fn order(app: &TestApp, owner: &User, org: &Org) {
    app.by(owner).post(&org.at("audit-log/erase"), json!({"user_id": owner.id})).await.ok();
}

async fn next(app: &TestApp, batch: u64) -> Result<Option<u64>> {
    Box::pin(erase_next(&app.deps.store, SCOPE, app.now(), batch)).await
}

async fn erased(app: &TestApp) -> i64 {
    app.count("select count(*) from events where digest is not null").await
}

/// Leaf and chain of every numbered record.
async fn leaves(app: &TestApp) -> Vec<(i64, Option<String>, String)> {
    let rows = app.rows("select seq, leaf, hash from feed order by org_id, seq").await;
    let read = |name: &str, row: &sea_orm::QueryResult| row.try_get::<String>("", name).unwrap();
    rows.iter().map(|row| (row.try_get("", "seq").unwrap(), row.try_get("", "leaf").unwrap(), read("hash", row))).collect()
}

/// What the verifier says of an organization's sealed export.
pub(crate) async fn verified(app: &TestApp, owner: &User, org: &Org) -> Report {
    let export = app.by(owner).get(&org.at("audit-log/export?format=sealed")).await.expect(200).text();
    let mut verifier = Verifier::new(None, Vec::new());
    for (n, line) in export.lines().enumerate() {
        serde_json::from_str::<Line>(line).expect("a line of an export");
        verifier.line(n as u64 + 1, line).unwrap();
    }
    verifier.finish().unwrap()
}

both!(an_erasure_goes_on_where_it_stopped_and_ends_at_its_order, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = with_records(app, &ann, "acme", 5).await;
    order(app, &ann, &org).await;
    rename(app, &ann, &org, 10..12).await;
    assert_eq!(next(app, 2).await.unwrap(), None, "nothing is numbered yet");
    app.worker().await;
    let before = leaves(app).await;
    assert_eq!(next(app, 2).await.unwrap(), Some(2));
    assert_eq!(erased(app).await, 2, "a batch is whole, whatever becomes of the next");
    assert_eq!(next(app, 2).await.unwrap(), Some(2));
    assert_eq!(next(app, 2).await.unwrap(), Some(1));
    assert_eq!(next(app, 2).await.unwrap(), None);
    assert_eq!(erased(app).await, 5, "what came after the order stays");
    assert_eq!(leaves(app).await, before, "neither chain nor leaves moved");
    let told = "select count(*) from events where name = 'audit_log.erased'";
    assert_eq!(app.count(told).await, 1);
    assert_eq!(app.count(&format!("{told} and metadata like '%\"count\":5%'")).await, 1);
});

both!(several_workers_share_erasures_beside_the_sealing, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let orgs = [with_records(app, &ann, "acme", 30).await, with_records(app, &ann, "other", 30).await];
    // As if from before there were leaves: erasing and sealing both want to give them.
    app.execute("update events set salt = null where name like 'organization.%'").await;
    for org in &orgs {
        order(app, &ann, org).await;
    }
    app.worker().await;
    let is_under_way = |outcome: Result<Option<u64>>| match outcome {
        Ok(looked) => looked.is_some(),
        Err(e) => {
            assert_eq!(e.kind, domain::Kind::Unavailable, "{e}");
            true
        }
    };
    let workers = (0..4).map(async |_| {
        while is_under_way(next(app, 7).await) {
            let _ = Box::pin(app.deps.store.seal(SCOPE, app.now(), Seal::All)).await;
        }
    });
    join_all(workers).await;
    while is_under_way(next(app, 7).await) {}
    assert_eq!(erased(app).await, 60);
    let told = "select count(*) from events where name = 'audit_log.erased' and metadata like '%\"count\":30%'";
    assert_eq!(app.count(told).await, 2);
    app.worker().await;
    app.deps.store.seal(SCOPE, app.now(), Seal::All).await.unwrap();
    for org in &orgs {
        let report = verified(app, &ann, org).await;
        assert_eq!((report.records, report.erased), (32, 30));
    }
});

both!(organizations_take_turns, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let bob = app.sign_up("bob@example.com").await;
    let [large, small] = [with_records(app, &ann, "large", 9).await, with_records(app, &bob, "small", 2).await];
    for _ in 0..3 {
        order(app, &ann, &large).await;
    }
    app.advance(TimeDelta::seconds(1));
    order(app, &bob, &small).await;
    app.worker().await;
    let waits = "select count(*) from erasures x join organizations o on o.id = x.org_id where o.slug = 'small'";
    app.advance(TimeDelta::seconds(1));
    assert_eq!(next(app, 4).await.unwrap(), Some(4), "the first of the large one's orders was first");
    assert_eq!(app.count(waits).await, 1);
    app.advance(TimeDelta::seconds(1));
    assert_eq!(next(app, 4).await.unwrap(), Some(2));
    assert_eq!(app.count(waits).await, 0, "a small one waits for a batch of the large one, not for three orders");
});
