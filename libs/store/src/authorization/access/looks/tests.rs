use domain::{Clock, GrantId, Kind, SessionId, UserId, core::clock::SystemClock};
use futures::future::join_all;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::*;

fn anybody() -> Look {
    let who =
        Credential { user: UserId::new(Uuid::nil()), session: SessionId::new(Uuid::nil()), grant: GrantId::new(Uuid::nil()) };
    Look { who, slug: "acme".parse().unwrap(), now: SystemClock.now() }
}

#[tokio::test]
async fn an_outage_is_told_to_everybody_who_asked() {
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(50));
    // Nothing listens on port 1.
    let pool = pool.connect_lazy("postgres://postgres@127.0.0.1:1/none").unwrap();
    let looks = Arc::new(Looks::default());
    let answers = join_all((0..20).map(|_| looks.look(&pool, anybody()))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|e| e.kind == Kind::Unavailable)));
    assert_eq!(looks.queue(shard()).waiting.len(), 0);
}

#[tokio::test]
async fn a_lane_that_is_cut_off_leaves_nobody_waiting() {
    let looks = Arc::new(Looks::default());
    let (answer, answered) = oneshot::channel();
    looks.queue(0).waiting.push_back((anybody(), answer));
    looks.queue(0).on_their_way = 1;
    drop(Lane { looks: looks.clone(), shard: 0, ended: false });
    assert!(answered.await.is_err());
    assert_eq!(looks.queue(0).on_their_way, 0);
}

#[test]
fn many_looks_are_one_statement_without_a_parameter_left_over() {
    assert!(!MANY.contains("$6") && MANY.matches('$').count() == 5, "{}", *MANY);
}
