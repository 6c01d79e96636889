//! The threads that hash, and the short queue in front of them.
//!
//! A mutex and a condition variable rather than a channel: a thread waits with a time limit, so that each can give its memory
//! back on its own, and tasks whose caller has gone can be swept out of the queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use argon2::{Block, Params};
use domain::Error;

use super::{
    HasherConfig,
    queue::{Asker, Queue},
    task::Task,
};

/// Ends its threads when dropped.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    params: Params,
    waiting: Mutex<Waiting>,
    ready: Condvar,
    idle_release: Duration,
    memory: AtomicUsize,
}

struct Waiting {
    tasks: Queue<Task>,
    closed: bool,
}

impl Pool {
    pub(super) fn start(config: HasherConfig) -> Self {
        let shared = Arc::new(Shared {
            params: config.cost.params(),
            waiting: Mutex::new(Waiting { tasks: Queue::new(config.queue), closed: false }),
            ready: Condvar::new(),
            idle_release: config.idle_release,
            memory: AtomicUsize::new(0),
        });
        for number in 0..threads(config.threads) {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(format!("argon2-{number}"));
            let work = move || {
                if config.idle_priority {
                    yield_to_others();
                }
                shared.work();
            };
            thread.spawn(work).expect("the operating system gives a thread");
        }
        Self(shared)
    }

    /// Queues `task`. If there is no place for it, it is refused at once, or one that is there in its stead.
    pub(super) fn submit(&self, asker: &Asker, task: Task) {
        let mut waiting = self.0.lock();
        if waiting.tasks.is_full(asker) {
            // Callers who hung up must not keep those out who are still there.
            waiting.tasks.retain(|waiting| !waiting.abandoned());
        }
        let refused = waiting.tasks.push(asker, task);
        drop(waiting);
        if let Some(task) = refused {
            task.refuse(Error::unavailable(1, "Too many sign-ins at this moment. Try again in a second."));
        }
        self.0.ready.notify_one();
    }

    pub(super) fn waiting(&self) -> usize {
        self.0.lock().tasks.len()
    }

    pub(super) fn memory(&self) -> usize {
        self.0.memory.load(Ordering::Relaxed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Nobody waits for an answer any more: a waiting caller holds a Hasher, and with it this pool.
        self.0.lock().closed = true;
        self.0.ready.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of one thread.
    fn work(&self) {
        let mut memory = Vec::new();
        while let Some(task) = self.next(&mut memory) {
            if task.abandoned() {
                continue;
            }
            let before = memory.len();
            // A panic must not cost the process one of its few threads; the caller sees its answer missing.
            if catch_unwind(AssertUnwindSafe(|| task.run(&self.params, &mut memory))).is_err() {
                tracing::error!("hashing a password panicked");
            }
            self.account(before, memory.len());
        }
    }

    /// The next task, waited for; `None` when the pool ends. Frees `memory` when none comes for a while.
    fn next(&self, memory: &mut Vec<Block>) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(task) = queue.tasks.pop() {
                return Some(task);
            }
            if memory.is_empty() {
                queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, waited) = self.ready.wait_timeout(queue, self.idle_release).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if waited.timed_out() && queue.tasks.len() == 0 {
                self.account(memory.len(), 0);
                *memory = Vec::new();
            }
        }
    }

    fn account(&self, before: usize, after: usize) {
        self.memory.fetch_add(after * Block::SIZE, Ordering::Relaxed);
        self.memory.fetch_sub(before * Block::SIZE, Ordering::Relaxed);
    }
}

/// One core is left for everything else, where there are several.
fn threads(wanted: usize) -> usize {
    let spare = || std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1);
    if wanted == 0 { spare().max(1) } else { wanted }
}

/// Lets every other thread of the machine go first, by SCHED_IDLE, which needs no privilege.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, thread_native_id, thread_schedule_policy,
    };

    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let asked = thread_priority::set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    // The library then also sets the niceness, which may fail without mattering: what counts is the policy we end up with.
    if thread_schedule_policy().ok() != Some(idle) {
        tracing::warn!(error = ?asked.err(), "password hashing runs at normal priority: sign-ins may slow other requests down");
    }
}

/// Elsewhere (a developer's machine) the lowest ordinary priority has to do.
#[cfg(not(target_os = "linux"))]
fn yield_to_others() {
    if let Err(error) = thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Min) {
        tracing::warn!(?error, "password hashing runs at normal priority: sign-ins may slow other requests down");
    }
}
