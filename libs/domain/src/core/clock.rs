//! Time and randomness are parameters, so that a test can move the clock and repeat a run.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

/// A moment in UTC, in whole microseconds: what both databases keep exactly.
pub type Time = DateTime<Utc>;

/// Where "now" comes from.
pub trait Clock: Send + Sync {
    /// Now, cut to microseconds.
    fn now(&self) -> Time;
}

/// Where identifiers and secrets come from. The production implementation is `crypto::OsRandom`.
pub trait IdGen: Send + Sync {
    /// A new UUIDv7 for the moment `now`: later calls of one process sort later.
    fn uuid(&self, now: Time) -> Uuid;
    /// 32 bytes nobody can guess.
    fn secret(&self) -> [u8; 32];
}

/// A number in 0..1 out of random bytes.
pub fn fraction(random: [u8; 32]) -> f64 {
    let [a, b, c, d, ..] = random;
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

/// A wait in milliseconds with up to a tenth more, by `jitter` in 0..1: what failed together does not come back together.
pub fn stretched(milliseconds: i64, jitter: f64) -> i64 {
    milliseconds + (milliseconds as f64 * 0.1 * jitter.clamp(0.0, 1.0)) as i64
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may read the machine's clock")]
    fn now(&self) -> Time {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock that stands still until it is moved. For tests.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Time>>);

impl ManualClock {
    /// Starts at `at`.
    pub fn at(at: Time) -> Self {
        Self(Arc::new(Mutex::new(at.trunc_subsecs(6))))
    }
    /// Moves forward (or, with a negative `by`, back).
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
