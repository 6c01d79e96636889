use domain::{Clock, GrantId, Kind, SessionId, UserId, core::clock::SystemClock};
use futures::future::join_all;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::*;
use crate::core::db::Doubt;

fn anybody() -> FactsRequest {
    let who = SessionCredential {
        user: UserId::new(Uuid::nil()),
        session: SessionId::new(Uuid::nil()),
        grant: GrantId::new(Uuid::nil()),
        from: None,
    };
    FactsRequest { who, slug: "acme".parse().unwrap(), now: SystemClock.now() }
}

#[tokio::test]
async fn an_outage_is_told_to_everybody_who_asked() {
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(50));
    // Nothing listens on port 1.
    let pool = pool.connect_lazy("postgres://postgres@127.0.0.1:1/none").unwrap();
    let db = Db::new(pool.into(), None, Doubt::default());
    let batches = Arc::new(Batches::default());
    let answers = join_all((0..20).map(|_| batches.read(&db, anybody()))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|e| e.kind == Kind::Unavailable)));
    assert_eq!(batches.queue(shard()).waiting.len(), 0);
}

#[tokio::test]
async fn a_runner_that_is_cut_off_leaves_nobody_waiting() {
    let batches = Arc::new(Batches::default());
    let (answer, answered) = oneshot::channel();
    batches.queue(0).waiting.push_back((anybody(), answer));
    batches.queue(0).in_flight = 1;
    drop(Runner { batches: batches.clone(), shard: 0, ended: false });
    assert!(answered.await.is_err());
    assert_eq!(batches.queue(0).in_flight, 0);
}

#[test]
fn a_batch_is_one_statement_without_a_parameter_left_over() {
    assert!(!MANY.contains("$6") && MANY.matches('$').count() == 5, "{MANY}");
}
