//! A queue as apalis wants it: our own claim behind its `Backend`.
//!
//! What apalis must not be given: an error (it would end the worker, so an outage is a pause), a task twice at once (so what is in
//! flight here is passed over), and more tasks than it has concurrency slots for (they would wait while their lease runs, so a claim asks
//! for free slots only).

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    layers::Identity,
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use domain::Result;
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    queue::{Queue, failed},
    wake::WakeSubscription,
};

/// The concurrency slots of one queue in this process: a job takes one when it is claimed and gives it back when it is settled.
#[derive(Clone)]
pub(crate) struct Slots {
    taken: Arc<Mutex<HashSet<Uuid>>>,
    freed: Arc<Notify>,
    all: usize,
}

impl Slots {
    pub(crate) fn new(all: usize) -> Self {
        Self { taken: Arc::default(), freed: Arc::default(), all }
    }
    /// Jobs that are at work, or done and not settled yet.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
    fn free(&self) -> usize {
        self.all.saturating_sub(self.taken())
    }
    /// `false` if that job is here already.
    pub(crate) fn take(&self, id: Uuid) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }
    pub(crate) fn give_back(&self, ids: impl Iterator<Item = Uuid>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        ids.for_each(|id| {
            taken.remove(&id);
        });
        self.freed.notify_one();
    }
}

/// The backend.
pub(crate) struct Claims<Q: Queue> {
    queue: Q,
    slots: Slots,
    wake: WakeSubscription,
    poll: Duration,
    ready: VecDeque<Q::Job>,
    claiming: Option<BoxFuture<'static, Result<Vec<Q::Job>>>>,
    pause: Option<BoxFuture<'static, ()>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl<Q: Queue> Claims<Q> {
    pub(crate) fn new(queue: Q, slots: Slots, wake: WakeSubscription, poll: Duration) -> Self {
        Self { queue, slots, wake, poll, ready: VecDeque::new(), claiming: None, pause: None, closing: None }
    }

    /// Until there may be something to do: a wake signal, a slot that became free, or time.
    fn wait(&mut self) {
        let (mut wake, freed, poll) = (self.wake.clone(), self.slots.freed.clone(), self.poll);
        self.pause = Some(Box::pin(async move {
            tokio::select! { () = wake.received() => {}, () = freed.notified() => {}, () = tokio::time::sleep(poll) => {} }
        }));
    }

    /// Begins a claim, if there is room.
    fn begin(&mut self) {
        let (queue, free) = (self.queue.clone(), self.slots.free());
        if free == 0 {
            return self.wait();
        }
        self.wake.clear();
        self.claiming = Some(Box::pin(async move { queue.claim(free).await }));
    }

    fn claimed(&mut self, jobs: Result<Vec<Q::Job>>) {
        match jobs {
            Ok(jobs) => self.ready.extend(jobs.into_iter().filter(|job| self.slots.take(Q::token(job).id))),
            Err(error) => failed(Q::NAME, "claim", &error),
        }
        if self.ready.is_empty() {
            self.wait();
        }
    }
}

impl<Q: Queue> Backend for Claims<Q> {
    type Task = Task<Arc<Q::Job>>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        loop {
            if let Some(job) = self.ready.pop_front() {
                let token = Q::token(&job);
                // With the lease in it, a row that comes back is another task.
                let id = TaskId::from_string(format!("{}:{}", token.lease, token.id));
                return Poll::Ready(Some(Ok(TaskBuilder::new(Arc::new(job)).task_id(id).build())));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.poll_unpin(cx));
                self.pause = None;
            }
            match &mut self.claiming {
                None => self.begin(),
                Some(claim) => {
                    let jobs = ready!(claim.poll_unpin(cx));
                    self.claiming = None;
                    self.claimed(jobs);
                }
            }
        }
    }

    /// What was claimed and not started goes back at once, instead of waiting for its lease to end.
    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if let Some(claim) = &mut self.claiming {
            let jobs = ready!(claim.poll_unpin(cx));
            self.claiming = None;
            self.claimed(jobs);
        }
        if self.closing.is_none() {
            let (queue, jobs): (_, Vec<_>) = (self.queue.clone(), self.ready.drain(..).collect());
            self.closing = Some(Box::pin(async move { release(&queue, &jobs).await }));
        }
        match &mut self.closing {
            Some(closing) => closing.poll_unpin(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}

async fn release<Q: Queue>(queue: &Q, jobs: &[Q::Job]) {
    if jobs.is_empty() {
        return;
    }
    let jobs: Vec<_> = jobs.iter().collect();
    if let Err(error) = queue.release(&jobs).await {
        failed(Q::NAME, "release", &error);
    }
}

impl<Q: Queue> BackendConfig for Claims<Q> {
    type Args = Arc<Q::Job>;
    type Id = Uuid;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }
    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
