//! The race between waking and putting to sleep, and that only the holder of a lease moves a cursor.

use domain::{
    LogStreamId, OrgId,
    delivery::log_streams::verdict::{Failure, Reason},
};
use uuid::Uuid;

use super::turns::{Advance, StreamClaim, TurnEnd};
use crate::{
    Store,
    core::{
        sql,
        testing::{MAKING, SCOPE, at, commit, everywhere, now, organization},
    },
};

/// A stream that sleeps, at the beginning of its log.
async fn stream(store: &Store, org: OrgId) -> LogStreamId {
    let id = LogStreamId::new(store.ids.uuid(now()));
    let make = "insert into log_streams (org_id, id, name, name_key, provider, url, options, batch_size, enabled, created_at, updated_at)
        values ($1, $2, 'x', $3, 'Custom', 'https://logs.example.com/', '{}', 100, true, $4, $4)";
    let values = vec![org.uuid().into(), id.uuid().into(), id.to_string().into(), now().into()];
    sql::execute(&store.db, make, values).await.unwrap();
    let turn =
        "insert into stream_turns (org_id, stream_id, seq, is_on, failures, set_aside, lost) values ($1, $2, 0, true, 0, 0, 0)";
    sql::execute(&store.db, turn, vec![org.uuid().into(), id.uuid().into()]).await.unwrap();
    id
}

fn claim(store: &Store, seconds: i64) -> StreamClaim {
    let lease = store.ids.uuid(at(seconds));
    StreamClaim { due_by: at(seconds), lease, lease_until: at(seconds + 20), most: 16, most_failing: 4 }
}

async fn claimed(store: &Store, seconds: i64) -> Vec<super::turns::ClaimedStream> {
    store.claim_log_streams(SCOPE, claim(store, seconds)).await.unwrap()
}

async fn sequence(store: &Store, org: OrgId, count: usize, seconds: i64) {
    commit(store, org, count).await;
    store.sequence(SCOPE, at(seconds), 1000, MAKING).await.unwrap();
}

fn by(seq: i64) -> Advance {
    Advance { seq, room: None, taken: true, set_aside: 0, lost: 0, lease_until: at(60) }
}

#[tokio::test]
async fn the_sequencer_wakes_the_streams_of_that_log_and_no_others() {
    everywhere(async |store: &Store| {
        let (org, other) = (organization(store).await, organization(store).await);
        let (mine, _) = (stream(store, org).await, stream(store, other).await);
        assert!(claimed(store, 1).await.is_empty(), "all sleep");
        sequence(store, org, 3, 2).await;
        let [woken] = claimed(store, 2).await.try_into().expect("one stream");
        assert_eq!((woken.ticket.org, woken.ticket.stream, woken.seq), (org, mine, 0));
        assert!(claimed(store, 3).await.is_empty(), "somebody has it");
        let next = store.log_stream_records(SCOPE, woken.ticket, 0, 2).await.unwrap();
        assert_eq!(next.records.iter().map(|record| (record.org, record.seq)).collect::<Vec<_>>(), [(org, 1), (org, 2)]);
    })
    .await;
}

#[tokio::test]
async fn what_is_numbered_during_a_turn_is_not_slept_through() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        stream(store, org).await;
        sequence(store, org, 1, 1).await;
        let [turn] = claimed(store, 1).await.try_into().expect("one stream");
        assert!(store.advance_log_stream(SCOPE, at(2), turn.ticket, by(1)).await.unwrap());
        // The sequencer passes over who is awake; whoever ends the turn looks again.
        sequence(store, org, 1, 2).await;
        store.end_log_stream_turns(SCOPE, at(3), &[(turn.ticket, TurnEnd::Paused)]).await.unwrap();
        let [turn] = claimed(store, 3).await.try_into().expect("it is due again");
        assert_eq!(turn.seq, 1);
        assert!(store.advance_log_stream(SCOPE, at(4), turn.ticket, by(2)).await.unwrap());
        store.end_log_stream_turns(SCOPE, at(4), &[(turn.ticket, TurnEnd::Paused)]).await.unwrap();
        assert!(claimed(store, 99).await.is_empty(), "it sleeps");
        assert_eq!(store.sweep_log_streams(SCOPE, at(99)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn the_sweep_finds_what_slipped_through() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        stream(store, org).await;
        sequence(store, org, 1, 1).await;
        sql::execute(&store.db, "update stream_turns set due_at = null", vec![]).await.unwrap();
        assert!(claimed(store, 5).await.is_empty());
        assert_eq!(store.sweep_log_streams(SCOPE, at(6)).await.unwrap(), 1);
        assert_eq!(claimed(store, 6).await.len(), 1);
        sql::execute(&store.db, "update stream_turns set due_at = null, is_on = false", vec![]).await.unwrap();
        assert_eq!(store.sweep_log_streams(SCOPE, at(7)).await.unwrap(), 0, "not one that is off");
    })
    .await;
}

#[tokio::test]
async fn who_lost_the_lease_moves_nothing() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        stream(store, org).await;
        sequence(store, org, 5, 1).await;
        let [slow] = claimed(store, 1).await.try_into().expect("one stream");
        // Its lease ended: another has it.
        let [quick] = claimed(store, 30).await.try_into().expect("one stream");
        assert_ne!(slow.ticket.lease, quick.ticket.lease);
        assert!(!store.advance_log_stream(SCOPE, at(31), slow.ticket, by(5)).await.unwrap());
        assert!(!store.renew_log_stream(SCOPE, slow.ticket, at(99)).await.unwrap());
        let failed = TurnEnd::Failed(Failure { reason: Reason::Timeout, status: None }, at(40));
        store.end_log_stream_turns(SCOPE, at(31), &[(slow.ticket, failed)]).await.unwrap();
        assert!(store.renew_log_stream(SCOPE, quick.ticket, at(60)).await.unwrap());
        assert!(claimed(store, 59).await.is_empty(), "it was renewed");
        assert!(store.advance_log_stream(SCOPE, at(32), quick.ticket, by(3)).await.unwrap());
        let foreign = super::turns::StreamTicket { org: OrgId::new(Uuid::from_u128(1)), ..quick.ticket };
        assert!(!store.advance_log_stream(SCOPE, at(32), foreign, by(5)).await.unwrap());
        store.end_log_stream_turns(SCOPE, at(33), &[(quick.ticket, TurnEnd::Paused)]).await.unwrap();
        let [last] = claimed(store, 33).await.try_into().expect("two are left");
        assert_eq!((last.seq, last.failures), (3, 0));
    })
    .await;
}

#[tokio::test]
async fn those_that_failed_take_a_share_of_the_places() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        for _ in 0..6 {
            stream(store, org).await;
        }
        sequence(store, org, 1, 1).await;
        let turns = claimed(store, 1).await;
        let failed = TurnEnd::Failed(Failure { reason: Reason::Failing, status: Some(503) }, at(10));
        let ends: Vec<_> = turns.iter().take(4).map(|turn| (turn.ticket, failed)).collect();
        store.end_log_stream_turns(SCOPE, at(2), &ends).await.unwrap();
        let few = StreamClaim { most_failing: 1, ..claim(store, 11) };
        let again = store.claim_log_streams(SCOPE, few).await.unwrap();
        assert_eq!(again.iter().map(|turn| turn.failures).collect::<Vec<_>>(), [1], "one of the four, and nobody else is due");
        let none = StreamClaim { most_failing: 0, ..claim(store, 12) };
        assert!(store.claim_log_streams(SCOPE, none).await.unwrap().is_empty());
        let since = sql::one(&store.db, "select count(*) from stream_turns where failing_since = $1", vec![at(2).into()]).await;
        assert_eq!(since.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap(), 4);
    })
    .await;
}
