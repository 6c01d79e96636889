//! The threads that judge responses: what they do is slow, partly in C, and asked for by anybody, so it has few threads of its own, a short
//! queue, and an answer when that is full.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use domain::{Error, Result};
use tokio::sync::oneshot;

const MOST_THREADS: usize = 4;
const LONGEST_QUEUE: usize = 64;

type Task = Box<dyn FnOnce() + Send>;

/// Ends its threads when dropped, after what they are at.
pub(super) struct Pool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

#[derive(Default)]
struct Waiting {
    tasks: VecDeque<Task>,
    is_closed: bool,
}

impl Pool {
    /// With a thread for each core, four at most.
    pub(super) fn start() -> std::io::Result<Self> {
        Self::with(std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS)))
    }

    fn with(threads: usize) -> std::io::Result<Self> {
        let pool = Self(Arc::default());
        for number in 0..threads {
            let shared = pool.0.clone();
            std::thread::Builder::new().name(format!("saml-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads. `Unavailable`: too much waits already. `Internal`: it panicked.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let task = move || {
            // Who has gone does not keep others waiting.
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        };
        {
            let mut waiting = self.0.lock();
            if waiting.tasks.len() >= LONGEST_QUEUE {
                return Err(Error::unavailable(1, "Too many sign-ins at this moment. Try again in a second."));
            }
            waiting.tasks.push_back(Box::new(task));
        }
        self.0.ready.notify_one();
        answered.await.map_err(|_| Error::internal("judging a SAML message panicked"))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.ready.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            // A panic must not cost the process one of its few threads; who asked sees the answer missing.
            if catch_unwind(AssertUnwindSafe(task)).is_err() {
                tracing::error!("judging a SAML message panicked");
            }
        }
    }

    fn next(&self) -> Option<Task> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_closed {
                return None;
            }
            if let Some(task) = waiting.tasks.pop_front() {
                return Some(task);
            }
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use domain::Kind;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_is_answered_at_once_and_works_on_afterwards() {
        let pool = Arc::new(Pool::with(1).unwrap());
        let (release, hold) = mpsc::channel::<()>();
        let (begin, begun) = oneshot::channel();
        let spawn = |work: Task| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run(work).await })
        };
        let first = spawn(Box::new(move || {
            begin.send(()).unwrap();
            hold.recv().unwrap();
        }));
        begun.await.unwrap();
        let waiting: Vec<_> = (0..LONGEST_QUEUE).map(|_| spawn(Box::new(|| {}))).collect();
        while pool.0.lock().tasks.len() < LONGEST_QUEUE {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| ()).await.unwrap_err().kind, Kind::Unavailable);
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        assert_eq!(pool.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_costs_no_thread() {
        let pool = Pool::with(1).unwrap();
        let panicked = pool.run(|| -> u8 { panic!("on purpose") }).await;
        assert_eq!(panicked.unwrap_err().kind, Kind::Internal);
        assert_eq!(pool.run(|| 7).await.unwrap(), 7);
    }
}
