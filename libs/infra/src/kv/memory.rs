//! The store of a single process, and what the Redis store falls back to. Bounded: when it is full, the keys that were not used
//! for the longest time are forgotten.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{
    Clock, Result,
    core::{
        ports::{Kv, RateRequest},
        rate::Admission,
    },
};
use moka::{Expiry, policy::EvictionPolicy, sync::Cache};

use super::wake::LocalWake;

/// Keys kept; some 20 MB when full.
const MAX_KEYS: u64 = 100_000;

/// [`Kv`] in memory.
pub struct MemoryKv {
    arrivals: Cache<String, Arrival>,
    /// One decision at a time, for it may be about several keys.
    deciding: Mutex<()>,
    clock: Arc<dyn Clock>,
    wake: LocalWake,
}

#[derive(Clone, Copy)]
struct Arrival {
    at: i64,
    until_full: Duration,
}

/// A key whose bucket is full again says nothing any more. What is in it is judged by the injected clock; the cache has one of its own,
/// so it gets a margin.
struct UntilFull;

const MARGIN: Duration = Duration::from_secs(60);

impl Expiry<String, Arrival> for UntilFull {
    fn expire_after_create(&self, _: &String, value: &Arrival, _: Instant) -> Option<Duration> {
        Some(value.until_full + MARGIN)
    }
    fn expire_after_update(&self, _: &String, value: &Arrival, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(value.until_full + MARGIN)
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
        Self { arrivals: cache.build(), deciding: Mutex::default(), clock, wake: LocalWake::default() }
    }

    /// [`Kv::admit`] without its wrapping: memory cannot fail.
    pub(super) fn decide(&self, requests: &[RateRequest]) -> Vec<Admission> {
        let _alone = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().timestamp_micros();
        let before: Vec<i64> = requests.iter().map(|request| self.until_full(request, now)).collect();
        let pass = requests.iter().zip(&before).all(|(request, until_full)| request.limit.fits(*until_full));
        requests.iter().zip(before).map(|(request, before)| self.charge(request, now, before, pass)).collect()
    }

    /// How long the bucket needs, with what was unreported: charged as if all of it had come when its latest did.
    fn until_full(&self, request: &RateRequest, now: i64) -> i64 {
        let (latest, deepest) = (-request.unreported_age_micros(), request.limit.deepest());
        let stored = self.arrivals.get(&request.key).map(|arrival| arrival.at - now).filter(|ahead| *ahead <= deepest);
        let unreported = request.limit.micros().saturating_mul(i64::from(request.unreported));
        stored.unwrap_or(latest).max(latest).saturating_add(unreported).clamp(0, deepest)
    }

    fn charge(&self, request: &RateRequest, now: i64, before: i64, pass: bool) -> Admission {
        let until_full = if pass { before.saturating_add(request.limit.micros()) } else { before };
        let admission = request.limit.admission(request.limit.fits(before), until_full);
        if pass || request.unreported > 0 {
            let at = now.saturating_add(until_full);
            self.arrivals.insert(request.key.clone(), Arrival { at, until_full: admission.reset_after });
        }
        admission
    }
}

impl MemoryKv {
    /// [`Kv::give_back`].
    pub(super) fn take_off(&self, request: &RateRequest) {
        let _alone = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().timestamp_micros();
        if let Some(arrival) = self.arrivals.get(&request.key) {
            let at = arrival.at.saturating_sub(request.limit.micros());
            let until_full = Duration::from_micros(u64::try_from(at - now).unwrap_or(0));
            self.arrivals.insert(request.key.clone(), Arrival { at, until_full });
        }
    }
}

#[async_trait]
impl Kv for MemoryKv {
    async fn admit(&self, requests: &[RateRequest]) -> Result<Vec<Admission>> {
        Ok(self.decide(requests))
    }
    async fn give_back(&self, request: &RateRequest) {
        self.take_off(request);
    }
    async fn wake(&self) {
        self.wake.send();
    }
    async fn woken(&self) {
        self.wake.received().await;
    }
    async fn healthy(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use domain::core::{clock::SystemClock, rate::Limit};

    use super::*;

    #[test]
    fn the_number_of_keys_is_bounded_and_new_keys_are_always_counted() {
        let kv = MemoryKv::with_capacity(Arc::new(SystemClock), 100);
        let limit = Limit { burst: 1, period: Duration::from_secs(60) };
        for i in 0..5_000 {
            let request = [RateRequest::new(i.to_string(), limit)];
            assert!(kv.decide(&request)[0].allowed);
            assert!(!kv.decide(&request)[0].allowed, "key {i} was not stored");
        }
        kv.arrivals.run_pending_tasks();
        assert!(kv.arrivals.entry_count() <= 100);
    }
}
