//! Who waits for which organization's feed in this process: one task looks for all of them, so that a thousand waiting readers cost
//! the database one small question at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Error, OrgId, Result, authorization::policy::SystemScope, core::ports::Kv};
use store::Store;
use tokio::{sync::watch, time::Instant};

#[expect(clippy::disallowed_methods, reason = "this is the job")]
const SCOPE: SystemScope = SystemScope::job("feed");
/// Readers of one organization that may wait in one process.
const READERS: usize = 100;
/// Between two looks when no commit was announced.
const IDLE_INTERVAL: Duration = Duration::from_millis(250);
/// Between two looks just after a commit somewhere: its event gets its number in the next moments.
const AFTER_COMMIT_INTERVAL: Duration = Duration::from_millis(15);
/// How long after a commit the shorter interval holds.
const AFTER_COMMIT_WINDOW: Duration = Duration::from_millis(300);

#[derive(Default)]
struct Readers {
    by_org: HashMap<OrgId, watch::Sender<i64>>,
    looking: bool,
}

/// The waiting readers. Cheap to clone.
#[derive(Clone, Default)]
pub struct Watch(Arc<Mutex<Readers>>);

/// One waiting reader.
pub struct Follower(watch::Receiver<i64>);

impl Follower {
    /// Resolves when the feed has come further than `seq`.
    pub async fn moved_past(&mut self, seq: i64) {
        if self.0.wait_for(|head| *head > seq).await.is_err() {
            // Nobody looks any more: whoever waits still decides again every few seconds, and reads then.
            std::future::pending::<()>().await;
        }
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Readers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn follow(&self, org: OrgId, store: &Store, kv: &Arc<dyn Kv>) -> Result<Follower> {
        let mut readers = self.lock();
        let sender = readers.by_org.entry(org).or_insert_with(|| watch::Sender::new(0));
        if sender.receiver_count() >= READERS {
            return Err(Error::rate_limited(5));
        }
        let follower = Follower(sender.subscribe());
        if !std::mem::replace(&mut readers.looking, true) {
            tokio::spawn(Looking(self.clone()).run(store.clone(), kv.clone()));
        }
        Ok(follower)
    }

    /// The organizations that somebody still waits for.
    fn waited_for(&self) -> Vec<OrgId> {
        let mut readers = self.lock();
        readers.by_org.retain(|_, sender| sender.receiver_count() > 0);
        readers.by_org.keys().copied().collect()
    }

    fn tell(&self, heads: &HashMap<OrgId, i64>) {
        for (org, sender) in &self.lock().by_org {
            if let Some(head) = heads.get(org) {
                sender.send_if_modified(|known| std::mem::replace(known, *head) != *head);
            }
        }
    }
}

/// The task. It asks nothing while nobody waits; should it end with the runtime it was born in, the next reader begins another.
struct Looking(Watch);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.lock().looking = false;
    }
}

impl Looking {
    async fn run(self, store: Store, kv: Arc<dyn Kv>) {
        let (mut seen, mut fast_until) = (None, Instant::now());
        loop {
            match self.look(&store, seen).await {
                Ok(passes) => seen = passes,
                Err(error) => tracing::debug!(%error, "the feeds cannot be looked at; looking again"),
            }
            let pause = if Instant::now() < fast_until { AFTER_COMMIT_INTERVAL } else { IDLE_INTERVAL };
            tokio::select! {
                () = kv.woken() => {
                    fast_until = Instant::now() + AFTER_COMMIT_WINDOW;
                    tokio::time::sleep(AFTER_COMMIT_INTERVAL).await;
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Tells the readers, if the sequencer's counter is not what was `seen`. Answers what it is now.
    async fn look(&self, store: &Store, seen: Option<i64>) -> Result<Option<i64>> {
        if self.0.waited_for().is_empty() {
            return Ok(seen);
        }
        let passes = Some(store.sequencer_passes(SCOPE).await?);
        if passes != seen {
            // Listed after the counter was read: whoever comes later reads the feed later, and finds what the counter stands for.
            self.0.tell(&store.feed_heads(SCOPE, &self.0.waited_for()).await?);
        }
        Ok(passes)
    }
}
