//! Everything together: the sequencer's loop, the queues under apalis, and one task for each queue that gathers what became of its
//! jobs and settles it in batches.

use std::{future::Future, sync::Arc, time::Duration};

use apalis::layers::WorkerBuilderExt;
use apalis_core::{monitor::Monitor, worker::builder::WorkerBuilder};
use domain::{Error, Kind, Result, core::ports::Kv};
use store::Store;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use crate::{
    Deps,
    backend::{Claims, Slots},
    queue::{Queue, attempt, failed},
    queues::{log_streams::LogStreams, logouts::Logouts, mails::Mails, schedules::Schedules, webhooks::Webhooks},
    sequencer,
    wake::WakeSignal,
};

/// Outcomes that are settled together.
const GATHERED: usize = 256;

/// Works until `shutdown` resolves; then finishes what is in flight, for at most `settings.shutdown`, and gives back what is claimed
/// and not started. Whatever is cut off comes again when its lease ends.
pub async fn run(deps: Deps, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
    let deps = Arc::new(deps);
    let (commits, deliveries) = (WakeSignal::new(), WakeSignal::new());
    let tasks = Tasks(vec![
        tokio::spawn(relay_and_wake(deps.clone(), commits.clone())),
        tokio::spawn(listen(deps.clone(), commits.clone())),
        tokio::spawn(sequencer::run(deps.clone(), commits.clone(), deliveries.clone())),
    ]);
    let (slots, poll) = (deps.settings.concurrency, deps.settings.poll);
    let mut queues = QueueSet::new(deps.settings.shutdown, poll);
    queues.add(Webhooks::new(deps.clone(), slots), slots, &deliveries);
    queues.add(Mails::new(deps.clone(), slots), slots, &commits);
    queues.add(Logouts::new(deps.clone()), slots, &commits);
    let (streams, gather) = (deps.settings.log_streams.concurrency, deps.settings.log_streams.gather);
    // A record that waits for others is not woken for.
    queues.add_polled(LogStreams::new(deps.clone()), streams, &deliveries, gather.max(Duration::from_millis(50)));
    queues.add(Schedules::new(deps.clone()), Schedules::SLOTS, &WakeSignal::new());
    let outcome = queues.run(shutdown).await;
    drop(tasks);
    outcome
}

/// Background tasks that end with their owner.
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// The queues, each with its own apalis worker and its own task that settles.
struct QueueSet {
    monitor: Monitor,
    settling: Vec<JoinHandle<()>>,
    poll: Duration,
}

impl QueueSet {
    fn new(shutdown: Duration, poll: Duration) -> Self {
        Self { monitor: Monitor::new().shutdown_timeout(shutdown).should_restart(|_, _| true), settling: Vec::new(), poll }
    }

    /// Adds a queue, with `concurrency` jobs at once.
    fn add<Q: Queue>(&mut self, queue: Q, concurrency: usize, wake: &WakeSignal) {
        self.add_polled(queue, concurrency, wake, self.poll);
    }

    /// The same for a queue that looks more often by itself.
    fn add_polled<Q: Queue>(&mut self, queue: Q, concurrency: usize, wake: &WakeSignal, most: Duration) {
        let (slots, (outcomes, gathered)) = (Slots::new(concurrency), mpsc::channel(GATHERED));
        self.settling.push(tokio::spawn(settle(queue.clone(), gathered, slots.clone(), GATHERING)));
        let (wake, poll) = (wake.clone(), self.poll.min(most));
        self.monitor = std::mem::take(&mut self.monitor).register(move |run| {
            let (handler, outcomes) = (queue.clone(), outcomes.clone());
            WorkerBuilder::new(format!("{}-{run}", Q::NAME))
                .backend(Claims::new(queue.clone(), slots.clone(), wake.subscribe(), poll))
                .concurrency(concurrency)
                .build(move |job: Arc<Q::Job>| {
                    let (queue, outcomes) = (handler.clone(), outcomes.clone());
                    async move {
                        let outcome = attempt(&queue, &job).await;
                        // Nobody receives any more when the shutdown took too long: the lease will end.
                        let _ = outcomes.send((Q::token(&job).id, outcome)).await;
                    }
                })
        });
    }

    async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let signal = async {
            shutdown.await;
            tracing::info!("the worker stops: it finishes what is in flight");
            Ok(())
        };
        self.monitor.run_with_signal(signal).await.map_err(|error| Error::internal(error.to_string()))?;
        // The last outcomes: their senders went with the monitor.
        let settled = futures::future::join_all(self.settling);
        if tokio::time::timeout(LAST, settled).await.is_err() {
            tracing::warn!("the last outcomes were not settled in time; those jobs come again");
        }
        Ok(())
    }
}

/// What the settling of the last outcomes gets at shutdown.
const LAST: Duration = Duration::from_secs(5);

/// How long an outcome waits for those of other jobs that are still at work: what a settling costs is mostly that there is one.
const GATHERING: Duration = Duration::from_millis(5);

/// Settles what comes in: half of what is at work together, so that one half is worked on while the other is settled and the next
/// claimed; less where that is not there after `gathering`.
async fn settle<Q: Queue>(queue: Q, mut gathered: mpsc::Receiver<(Uuid, Q::Outcome)>, slots: Slots, gathering: Duration) {
    let mut batch = Vec::new();
    while gathered.recv_many(&mut batch, GATHERED).await > 0 {
        let until = Instant::now() + gathering;
        while batch.len() < slots.taken().div_ceil(2)
            && let Ok(1..) = timeout_at(until, gathered.recv_many(&mut batch, GATHERED)).await
        {}
        let (ids, outcomes): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        write(&queue, outcomes).await;
        slots.give_back(ids.into_iter());
    }
}

/// Patience with an outage of the database; after that the leases have ended and the jobs come again.
const TRIES: u32 = 30;

async fn write<Q: Queue>(queue: &Q, outcomes: Vec<Q::Outcome>) {
    for _ in 0..TRIES {
        match queue.settle(&outcomes).await {
            Ok(()) => return,
            Err(error) if error.kind == Kind::Unavailable => {
                failed(Q::NAME, "settle", &error);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => {
                failed(Q::NAME, "settle", &error);
                return singly(queue, &outcomes).await;
            }
        }
    }
}

/// One outcome that cannot be written must not take the others along.
async fn singly<Q: Queue>(queue: &Q, outcomes: &[Q::Outcome]) {
    for outcome in outcomes {
        if let Err(error) = queue.settle(std::slice::from_ref(outcome)).await {
            failed(Q::NAME, "settle", &error);
        }
    }
}

/// Tells the workers of other processes about this process's commits, at most once each 10 ms. For an API process without a worker
/// of its own; [`run`] does it as well. Only one of the two may run in a process. Never resolves.
pub async fn relay(store: &Store, kv: &dyn Kv) {
    loop {
        store.committed().await;
        kv.wake().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The same, and waking this process first: the way over a shared store is longer, and may be gone.
async fn relay_and_wake(deps: Arc<Deps>, commits: WakeSignal) {
    loop {
        deps.store.committed().await;
        commits.send();
        deps.kv.wake().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Hears of commits elsewhere.
async fn listen(deps: Arc<Deps>, commits: WakeSignal) {
    loop {
        deps.kv.woken().await;
        commits.send();
    }
}

#[cfg(test)]
mod tests;
