//! The store of a single process, and what the Redis store falls back to. Bounded: when it is full, the keys that were not used
//! for the longest time are forgotten.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{
    Clock, Result,
    ports::{Admission, Kv, Limit},
};
use moka::{Expiry, ops::compute::Op, policy::EvictionPolicy, sync::Cache};

use super::{gcra, wake::Bell};

/// Keys kept; some 20 MB when full.
const MAX_KEYS: u64 = 100_000;

/// [`Kv`] in memory.
pub struct MemoryKv {
    arrivals: Cache<String, Arrival>,
    clock: Arc<dyn Clock>,
    bell: Bell,
}

#[derive(Clone, Copy)]
struct Arrival {
    at: i64,
    until_full: Duration,
}

/// A key whose bucket is full again says nothing any more.
struct UntilFull;

impl Expiry<String, Arrival> for UntilFull {
    fn expire_after_create(&self, _: &String, value: &Arrival, _: Instant) -> Option<Duration> {
        Some(value.until_full)
    }
    fn expire_after_update(&self, _: &String, value: &Arrival, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(value.until_full)
    }
}

impl MemoryKv {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(clock, MAX_KEYS)
    }

    fn with_capacity(clock: Arc<dyn Clock>, keys: u64) -> Self {
        // LRU: the default policy may refuse to store a new key while it is full, which would be a way around the limit.
        let cache = Cache::builder().max_capacity(keys).eviction_policy(EvictionPolicy::lru()).expire_after(UntilFull);
        Self { arrivals: cache.build(), clock, bell: Bell::default() }
    }

    /// [`Kv::admit`] without its wrapping: memory cannot fail.
    pub(super) fn decide(&self, key: &str, limit: Limit) -> Admission {
        let now = self.clock.now().timestamp_micros();
        let mut answer = None;
        self.arrivals.entry_by_ref(key).and_compute_with(|entry| {
            let (next, admission) = gcra::decide(now, entry.map(|entry| entry.value().at), limit);
            answer = Some(admission);
            next.map_or(Op::Nop, |at| Op::Put(Arrival { at, until_full: admission.reset_after }))
        });
        answer.unwrap_or_else(|| gcra::admission(true, 0, limit))
    }
}

#[async_trait]
impl Kv for MemoryKv {
    async fn admit(&self, key: &str, limit: Limit) -> Result<Admission> {
        Ok(self.decide(key, limit))
    }
    async fn wake(&self) {
        self.bell.ring();
    }
    async fn woken(&self) {
        self.bell.rung().await;
    }
    async fn healthy(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use domain::clock::SystemClock;

    use super::*;

    #[test]
    fn the_number_of_keys_is_bounded_and_new_keys_are_always_counted() {
        let kv = MemoryKv::with_capacity(Arc::new(SystemClock), 100);
        let limit = Limit { burst: 1, period: Duration::from_secs(60) };
        for i in 0..5_000 {
            let key = i.to_string();
            assert!(kv.decide(&key, limit).allowed);
            assert!(!kv.decide(&key, limit).allowed, "key {key} was not stored");
        }
        kv.arrivals.run_pending_tasks();
        assert!(kv.arrivals.entry_count() <= 100);
    }
}
