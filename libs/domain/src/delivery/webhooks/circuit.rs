//! The circuit breaker of an endpoint: how its latest attempts went, and what follows for the next ones. Pure; the store keeps it.
//!
//! After [`Breaker::after_failures`] failures in a row the circuit opens: nothing is sent until a time, so no attempt of any delivery is used up on
//! an endpoint that is down. Then one delivery at a time probes (half-open); a failure opens the circuit for twice as long, a success
//! closes it at once.

use chrono::TimeDelta;

use crate::Time;

/// When circuits open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row; 0: never.
    pub after_failures: i64,
    /// How long it is open the first time; doubles with every probe that fails.
    pub first: TimeDelta,
}

/// It is never open for longer, apart from the jitter: an endpoint that was repaired is found within this time.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// An endpoint that takes this long to answer is slow: workers give such endpoints only a share of their concurrency slots.
const SLOW: TimeDelta = TimeDelta::seconds(1);

/// An attempt that was made.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// Whether it arrived.
    pub arrived: bool,
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub took: TimeDelta,
}

/// How an endpoint has been answering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    /// Failures since the last success.
    pub failures: i64,
    /// The first of them.
    pub failing_since: Option<Time>,
    /// From the first to the last of them. Time in which nothing was tried after the last failure does not count.
    pub failing_seconds: i64,
    /// How often the circuit opened since the last success.
    pub opened: i32,
    /// Until when nothing is sent. In the past: the next delivery is a probe.
    pub open_until: Option<Time>,
    /// Whether the last answer took long, or there was none.
    pub slow: bool,
}

impl Circuit {
    /// What it is after more attempts, in the order in which they ended. `jitter` in 0..1 spreads the probes of endpoints that failed
    /// together.
    #[must_use]
    pub fn after(self, tried: &[Tried], breaker: Breaker, now: Time, jitter: f64) -> Self {
        let next = tried.iter().fold(self, |circuit, one| circuit.count(one));
        let enough = breaker.after_failures > 0 && next.failures >= breaker.after_failures;
        // What was in flight when it opened is no probe.
        if enough && !next.is_open(now) { next.open(breaker.first, now, jitter) } else { next }
    }

    fn count(self, tried: &Tried) -> Self {
        if tried.arrived {
            return Self { slow: tried.took >= SLOW, ..Self::default() };
        }
        let since = self.failing_since.unwrap_or(tried.at);
        let seconds = (tried.at - since).num_seconds().max(self.failing_seconds);
        Self { failures: self.failures + 1, failing_since: Some(since), failing_seconds: seconds, slow: true, ..self }
    }

    fn open(self, first: TimeDelta, now: Time, jitter: f64) -> Self {
        let doublings = u32::try_from(self.opened).unwrap_or(0).min(20);
        let wait = first.num_milliseconds().saturating_mul(1 << doublings).min(LONGEST.num_milliseconds());
        let until = now + TimeDelta::milliseconds(crate::core::clock::stretched(wait, jitter));
        Self { opened: self.opened.saturating_add(1), open_until: Some(until), ..self }
    }

    fn is_open(&self, now: Time) -> bool {
        self.open_until.is_some_and(|until| until > now)
    }

    /// How many of its deliveries may be in flight where a healthy endpoint may have `usual`.
    pub const fn room(&self, usual: u64) -> u64 {
        if self.opened > 0 { 1 } else { usual }
    }
}

#[cfg(test)]
mod tests;
