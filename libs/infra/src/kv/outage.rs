//! Remembers that Redis is away, so that an outage is logged once and a request does not pay for finding out again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long nobody asks again after a failure.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Outage {
    started: Instant,
    away: AtomicBool,
    /// Milliseconds since `started` until which nobody asks.
    until: AtomicU64,
}

impl Outage {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), away: AtomicBool::new(false), until: AtomicU64::new(0) }
    }

    /// Whether Redis just failed, so that asking it now would only cost time.
    pub(super) fn pausing(&self) -> bool {
        self.away.load(Relaxed) && self.now() < self.until.load(Relaxed)
    }

    pub(super) fn failed(&self, error: &dyn std::fmt::Display) {
        self.until.store(self.now() + PAUSE.as_millis() as u64, Relaxed);
        if !self.away.swap(true, Relaxed) {
            tracing::warn!(%error, "Redis is away: limits are counted inside this process, workers poll");
        }
    }

    pub(super) fn succeeded(&self) {
        // Reading first keeps the line shared between the cores in the normal case.
        if self.away.load(Relaxed) && self.away.swap(false, Relaxed) {
            tracing::info!("Redis is back");
        }
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}
