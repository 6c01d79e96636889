//! Wake-ups between processes: Redis' publish and subscribe, behind a background task each. A wake is received in its own process at
//! once and is announced to the others at most every 10 ms, however many transactions commit in between.

use std::{
    hash::BuildHasher,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use redis::{Client, RedisResult, aio::ConnectionManager};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::kv::wake::LocalWake;

const CHANNEL: &str = "tenantry:wake";
/// At most one announcement in this time.
const PACE: Duration = Duration::from_millis(10);
/// A silent connection may be a dead one: after this time it is made anew.
const QUIET: Duration = Duration::from_secs(60);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

pub(super) struct WakeChannel {
    local: Arc<LocalWake>,
    announce: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl WakeChannel {
    pub(super) fn open(client: Client, connection: ConnectionManager) -> Self {
        let (local, announce) = (Arc::new(LocalWake::default()), Arc::new(Notify::new()));
        // Tells this process's own announcements from others'; it need not be unguessable.
        let me = std::hash::RandomState::new().hash_one(std::process::id());
        let tasks = [
            tokio::spawn(publish(connection, Arc::clone(&announce), me)),
            tokio::spawn(subscribe(client, Arc::clone(&local), me)),
        ];
        Self { local, announce, tasks }
    }

    pub(super) fn send(&self) {
        self.local.send();
        self.announce.notify_one();
    }

    pub(super) async fn received(&self) {
        self.local.received().await;
    }
}

impl Drop for WakeChannel {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn publish(mut connection: ConnectionManager, announce: Arc<Notify>, me: u64) {
    loop {
        announce.notified().await;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(CHANNEL).arg(me);
        // Best effort: who misses it, polls.
        let _ = super::bounded(publish.query_async::<i64>(&mut connection)).await;
        sleep(PACE).await;
    }
}

/// Listens for ever; after a broken connection it waits longer each time, and sends one wake here, since some may have been missed.
async fn subscribe(client: Client, local: Arc<LocalWake>, me: u64) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let started = Instant::now();
        if let Err(error) = listen(&client, &local, me).await {
            tracing::debug!(%error, "not listening for wake-ups");
        }
        backoff = if started.elapsed() > LAST_BACKOFF { FIRST_BACKOFF } else { (backoff * 2).min(LAST_BACKOFF) };
        sleep(backoff).await;
    }
}

async fn listen(client: &Client, local: &LocalWake, me: u64) -> RedisResult<()> {
    let mut subscription = super::bounded(client.get_async_pubsub()).await?;
    super::bounded(subscription.subscribe(CHANNEL)).await?;
    local.send();
    let mut messages = subscription.into_on_message();
    while let Ok(Some(message)) = timeout(QUIET, messages.next()).await {
        if message.get_payload::<u64>().ok() != Some(me) {
            local.send();
        }
    }
    Ok(())
}
