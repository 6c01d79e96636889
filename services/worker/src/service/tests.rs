use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{Error, Result};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{QueueSet, Slots, settle};
use crate::{
    queue::{Queue, Token},
    wake::WakeSignal,
};

/// A queue in memory. Jobs are numbers; 13 panics, 97 to 99 take too long, others take `work`.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<u128>,
    settled: BTreeMap<u128, &'static str>,
    settlings: Vec<usize>,
    released: Vec<u128>,
    claims: Vec<usize>,
    outages: u32,
    work: Duration,
    running: usize,
    most_running: usize,
}

impl Fake {
    fn with(jobs: impl Iterator<Item = u128>, work: Duration) -> Self {
        let fake = Self::default();
        fake.change(|state| (state.waiting, state.work) = (jobs.collect(), work));
        fake
    }
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
    fn settled(&self) -> usize {
        self.change(|state| state.settled.len())
    }
}

#[async_trait]
impl Queue for Fake {
    type Job = u128;
    type Outcome = (u128, &'static str);
    const NAME: &'static str = "fake";

    fn limit(&self) -> Duration {
        Duration::from_secs(3)
    }
    fn token(job: &u128) -> Token {
        Token { id: Uuid::from_u128(*job), lease: Uuid::nil() }
    }
    async fn claim(&self, most: usize) -> Result<Vec<u128>> {
        self.change(|state| {
            if state.outages > 0 {
                state.outages -= 1;
                return Err(Error::unavailable(1, "down"));
            }
            state.claims.push(most);
            let count = most.min(state.waiting.len());
            Ok(state.waiting.drain(..count).collect())
        })
    }
    async fn work(&self, job: &u128) -> (u128, &'static str) {
        assert_ne!(*job, 13, "unlucky");
        let work = self.change(|state| {
            state.running += 1;
            state.most_running = state.most_running.max(state.running);
            if (97..=99).contains(job) { Duration::from_secs(60) } else { state.work }
        });
        tokio::time::sleep(work).await;
        self.change(|state| state.running -= 1);
        (*job, "done")
    }
    fn broken(&self, job: &u128, _: &'static str) -> (u128, &'static str) {
        (*job, "broken")
    }
    async fn settle(&self, outcomes: &[(u128, &'static str)]) -> Result<()> {
        self.change(|state| {
            state.settled.extend(outcomes.iter().copied());
            state.settlings.push(outcomes.len());
        });
        Ok(())
    }
    async fn release(&self, jobs: &[&u128]) -> Result<()> {
        self.change(|state| state.released.extend(jobs.iter().copied()));
        Ok(())
    }
    fn label(outcome: &(u128, &'static str)) -> &'static str {
        outcome.1
    }
}

async fn run(fake: &Fake, concurrency: usize, wake: &WakeSignal, until: impl Future<Output = ()> + Send) {
    let mut queues = QueueSet::new(Duration::from_secs(5), Duration::from_millis(20));
    queues.add(fake.clone(), concurrency, wake);
    queues.run(until).await.unwrap();
}

async fn settled(fake: &Fake, count: usize) {
    let began = Instant::now();
    while fake.settled() < count && began.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_is_done_once_in_no_more_slots_than_there_are() {
    let fake = Fake::with(100..300, Duration::from_millis(1));
    run(&fake, 8, &WakeSignal::new(), settled(&fake, 200)).await;
    fake.change(|state| {
        assert_eq!(state.settled.len(), 200);
        assert!(state.settled.values().all(|label| *label == "done"));
        assert!(state.most_running <= 8 && state.most_running > 1, "{}", state.most_running);
        assert!(state.claims.iter().all(|most| (1..=8).contains(most)));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panics_and_endless_jobs_count_as_attempts_and_stop_nobody() {
    let fake = Fake::with([13, 99, 1, 2].into_iter(), Duration::ZERO);
    run(&fake, 2, &WakeSignal::new(), settled(&fake, 4)).await;
    fake.change(|state| assert_eq!(state.settled, BTreeMap::from([(13, "broken"), (99, "broken"), (1, "done"), (2, "done")])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_a_pause() {
    let fake = Fake::with(100..110, Duration::ZERO);
    fake.change(|state| state.outages = 3);
    run(&fake, 4, &WakeSignal::new(), settled(&fake, 10)).await;
    assert_eq!(fake.settled(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_signal_ends_the_pause() {
    let (fake, wake) = (Fake::default(), WakeSignal::new());
    let mut queues = QueueSet::new(Duration::from_secs(5), Duration::from_secs(3600));
    queues.add(fake.clone(), 4, &wake);
    let until = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        fake.change(|state| state.waiting.push_back(1));
        wake.send();
        settled(&fake, 1).await;
    };
    queues.run(until).await.unwrap();
    assert_eq!(fake.settled(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_finishes_what_runs_and_loses_nothing() {
    let fake = Fake::with(1000..2000, Duration::from_millis(100));
    let busy = async {
        while fake.change(|state| state.running) < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    run(&fake, 4, &WakeSignal::new(), busy).await;
    fake.change(|state| {
        assert_eq!(state.running, 0);
        assert!((4..1000).contains(&state.settled.len()), "what runs is finished, what waits is not begun");
        assert_eq!(state.settled.len() + state.released.len() + state.waiting.len(), 1000);
    });
}

/// Four jobs are at work, and outcomes of some come one after another: what is settled together.
async fn settlings(outcomes: u128) -> Vec<usize> {
    let (fake, slots, (done, gathered)) = (Fake::default(), Slots::new(4), mpsc::channel(1));
    (1..=4).for_each(|job| assert!(slots.take(Uuid::from_u128(job))));
    let settling = tokio::spawn(settle(fake.clone(), gathered, slots, Duration::from_secs(3600)));
    for job in 1..=outcomes {
        done.send((Uuid::from_u128(job), (job, "done"))).await.unwrap();
        while done.capacity() < 1 {
            tokio::task::yield_now().await;
        }
    }
    drop(done);
    settling.await.unwrap();
    fake.change(|state| std::mem::take(&mut state.settlings))
}

#[tokio::test]
async fn half_of_what_is_at_work_is_settled_together() {
    assert_eq!(settlings(2).await, [2]);
    // Two of four; then one of the two that are left.
    assert_eq!(settlings(3).await, [2, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_to_be_settled_for_jobs_that_take_long() {
    let fake = Fake::with([97, 98, 99, 1].into_iter(), Duration::ZERO);
    let while_the_others_work = async {
        settled(&fake, 1).await;
        fake.change(|state| assert!(state.settled.contains_key(&1) && state.running == 3));
    };
    run(&fake, 4, &WakeSignal::new(), while_the_others_work).await;
}
