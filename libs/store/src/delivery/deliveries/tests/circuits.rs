//! Endpoints that fail or are slow, as the claim treats them.

use domain::delivery::webhooks::circuit::Circuit;

use super::*;
use crate::delivery::deliveries::circuits;

fn fails(job: &ClaimedDelivery, second: i64) -> Outcome {
    let verdict = Verdict::Retry { status: Some(500), body: None, error: "no".to_owned(), next_at: at(second + 5) };
    Outcome { at: at(second), ..outcome(job, verdict) }
}

async fn circuit(store: &Store) -> Circuit {
    let rows =
        crate::core::sql::all(&store.db, &format!("select {} from destinations", circuits::COLUMNS), vec![]).await.unwrap();
    circuits::read(&rows[0]).unwrap().1
}

/// Eight deliveries, of which the first attempts fail until the circuit opens at second 3.
async fn opened(store: &Store) -> domain::Time {
    queued(store, 8).await;
    let four = take(store, 1).await;
    assert_eq!(settle(store, 2, &four.iter().map(|job| fails(job, 1)).collect::<Vec<_>>()).await, 4);
    let fifth = take(store, 2).await;
    assert_eq!(fifth.len(), 1, "one that fails has one row of a claim");
    settle(store, 3, &[fails(&fifth[0], 2)]).await;
    let circuit = circuit(store).await;
    assert_eq!((circuit.failures, circuit.opened, circuit.failing_since), (5, 1, Some(at(1))));
    circuit.open_until.unwrap()
}

#[tokio::test]
async fn an_open_circuit_is_not_claimed_and_probes_one_at_a_time() {
    everywhere(async |store: &Store| {
        let until = opened(store).await;
        assert!(until >= at(33) && until <= at(36), "{until}");
        assert_eq!(due_at(store).await, Some(until));
        assert!(take(store, 32).await.is_empty());
        // A new event does not open it either.
        let org = domain::OrgId::new(destinations::Entity::find().one(&store.db).await.unwrap().unwrap().org_id);
        commit(store, org, 1).await;
        sequence(store).await;
        assert_eq!(due_at(store).await, Some(until));
        let probe = take(store, 40).await;
        assert_eq!(probe.iter().map(|job| job.ticket.number).collect::<Vec<_>>(), [2], "one that was tried before");
        assert!(take(store, 41).await.is_empty(), "one at a time");
        settle(store, 42, &[fails(&probe[0], 40)]).await;
        assert!(take(store, 100).await.is_empty(), "twice as long");
        let probe = take(store, 110).await;
        settle(store, 111, &[arrived(&probe[0])]).await;
        assert_eq!(circuit(store).await, Circuit { verified_at: Some(now()), ..Circuit::default() });
        let mut numbers = Vec::new();
        for second in 112..114 {
            let jobs = take(store, second).await;
            numbers.extend(jobs.iter().map(|job| job.ticket.number));
            settle(store, second, &jobs.iter().map(arrived).collect::<Vec<_>>()).await;
        }
        assert_eq!(numbers, [1, 1, 1, 1, 2, 2, 2, 2], "what failed least goes first");
    })
    .await;
}

#[tokio::test]
async fn the_oldest_probes_although_its_own_wait_is_longer() {
    everywhere(async |store: &Store| {
        queued(store, 12).await;
        let mut first = None;
        for second in [1, 2] {
            let jobs = take(store, second).await;
            first = first.or(jobs.iter().map(|job| job.ticket.id).min());
            let late = |job: &ClaimedDelivery| {
                let verdict = Verdict::Retry { status: Some(500), body: None, error: "no".to_owned(), next_at: at(1000) };
                outcome(job, verdict)
            };
            settle(store, second, &jobs.iter().map(late).collect::<Vec<_>>()).await;
        }
        let probe = take(store, 40).await;
        assert_eq!(probe.iter().map(|job| Some(job.ticket.id)).collect::<Vec<_>>(), [first]);
        // It is refused: that is no reason to try it, or others of its kind, again before their time.
        let refused = Verdict::Retry { status: Some(404), body: None, error: "no".to_owned(), next_at: at(1000) };
        settle(store, 41, &[outcome(&probe[0], refused.clone())]).await;
        let mut numbers = Vec::new();
        for second in 42..54 {
            for job in take(store, second).await {
                numbers.push(job.ticket.number);
                settle(store, second, &[outcome(&job, refused.clone())]).await;
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2], "each once");
    })
    .await;
}

#[tokio::test]
async fn what_is_held_waits_and_counts_no_attempt() {
    everywhere(async |store: &Store| {
        queued(store, 6).await;
        let org = domain::OrgId::new(destinations::Entity::find().one(&store.db).await.unwrap().unwrap().org_id);
        let jobs = take(store, 1).await;
        let held = |job: &ClaimedDelivery| outcome(job, Verdict::Held { reason: "suspended".to_owned(), until: at(300) });
        settle(store, 2, &jobs.iter().map(held).collect::<Vec<_>>()).await;
        assert_eq!((due_at(store).await, count(store, DeliveryState::Waiting).await), (Some(at(300)), 6));
        assert!(take(store, 299).await.is_empty());
        store.bookkeep(async |tx| crate::delivery::deliveries::destinations::wake_all(&tx, org, at(100)).await).await.unwrap();
        let again = take(store, 100).await;
        assert_eq!(again.iter().map(|job| job.ticket.number).collect::<Vec<_>>(), [1; 4]);
        assert_eq!(circuit(store).await.failures, 0);
        assert!(attempts::Entity::find().one(&store.db).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_probe_whose_worker_was_killed_comes_again_with_the_end_of_its_lease() {
    everywhere(async |store: &Store| {
        opened(store).await;
        assert_eq!(take(store, 40).await.len(), 1);
        assert!(take(store, 99).await.is_empty());
        let again = take(store, 101).await;
        assert_eq!((again.len(), circuit(store).await.failures), (1, 5));
        settle(store, 103, &[arrived(&again[0])]).await;
        assert_eq!(circuit(store).await.failures, 0);
    })
    .await;
}

#[tokio::test]
async fn slow_endpoints_queue_by_themselves_and_share_their_hands() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let mut slow = HashSet::new();
        for _ in 0..20 {
            slow.insert(webhook(store, org, "user.joined").await);
        }
        commit(store, org, 3).await;
        sequence(store).await;
        crate::core::sql::execute(&store.db, "update destinations set slow = true", vec![]).await.unwrap();
        let quick = webhook(store, org, "user.joined").await;
        commit(store, org, 2).await;
        sequence(store).await;
        let most = async |second, max_slow| {
            let claim = DeliveryClaim { max_rows: 16, max_slow, ..claim(store, second) };
            store.claim_deliveries(SCOPE, claim).await.unwrap()
        };
        let jobs = most(1, 3).await;
        // Twenty have waited for longer, and still the quick one has its turn and they have three.
        assert_eq!(jobs.iter().filter(|job| job.ticket.webhook == quick && !job.slow).count(), 2);
        let held: Vec<_> = jobs.iter().filter(|job| job.slow).map(|job| job.ticket.webhook).collect();
        assert_eq!((held.len(), held.iter().collect::<HashSet<_>>().len()), (3, 3), "one of each");
        assert!(most(2, 0).await.is_empty(), "no hand is free for them");
        let next: Vec<_> = most(3, 3).await.iter().map(|job| job.ticket.webhook).collect();
        assert!(next.len() == 3 && next.iter().all(|id| slow.contains(id) && !held.contains(id)), "in turn");
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_is_slow_as_long_as_it_answers_slowly() {
    everywhere(async |store: &Store| {
        queued(store, 6).await;
        let jobs = take(store, 1).await;
        let slowly = Outcome { duration_ms: 1500, ..arrived(&jobs[0]) };
        settle(store, 2, &[slowly]).await;
        assert!(circuit(store).await.slow);
        settle(store, 3, &jobs[1..].iter().map(arrived).collect::<Vec<_>>()).await;
        assert!(!circuit(store).await.slow);
    })
    .await;
}

#[tokio::test]
async fn an_event_for_an_open_circuit_waits_for_it_where_nothing_else_waits() {
    everywhere(async |store: &Store| {
        queued(store, 5).await;
        let org = domain::OrgId::new(destinations::Entity::find().one(&store.db).await.unwrap().unwrap().org_id);
        let given_up =
            |job: &ClaimedDelivery| outcome(job, Verdict::Failed { status: Some(500), body: None, error: "no".to_owned() });
        for second in [1, 2] {
            let jobs = take(store, second).await;
            settle(store, second, &jobs.iter().map(given_up).collect::<Vec<_>>()).await;
        }
        assert_eq!(due_at(store).await, None);
        commit(store, org, 1).await;
        sequence(store).await;
        assert_eq!(due_at(store).await, circuit(store).await.open_until);
        assert!(take(store, 31).await.is_empty());
        assert_eq!(take(store, 40).await.len(), 1);
    })
    .await;
}
