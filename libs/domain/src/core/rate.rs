//! How often: the generic cell rate algorithm (GCRA). One number per key says all, the moment at which its bucket is full again. A
//! request moves it one period ahead, and passes if it stays within a burst of now. All times are microseconds.

use std::{cmp::Reverse, time::Duration};

/// A rate: one request each `period` on average, up to `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests that may come at once.
    pub burst: u32,
    /// Time after which one more request is allowed; zero: no limit.
    pub period: Duration,
}

/// The answer of a rate limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether this request may pass.
    pub allowed: bool,
    /// Requests that may come at once when nothing was used.
    pub limit: u32,
    /// Requests left right now.
    pub remaining: u32,
    /// How long until a refused caller may try again; zero when allowed.
    pub retry_after: Duration,
    /// How long until the whole burst is available again.
    pub reset_after: Duration,
}

impl Limit {
    /// `count` requests each `seconds`, up to `burst` at once. A count of 0 is no limit.
    pub fn each(count: u32, seconds: u32, burst: u32) -> Self {
        let period = Duration::from_secs(u64::from(seconds)).checked_div(count).unwrap_or_default();
        Self { burst, period }
    }
    /// Whether it limits anything.
    pub fn is_none(self) -> bool {
        self.period.is_zero()
    }
    /// The period.
    pub fn micros(self) -> i64 {
        i64::try_from(self.period.as_micros()).unwrap_or(i64::MAX / 4)
    }
    /// How far ahead of now a bucket may be: all of the burst used up.
    pub fn tolerance(self) -> i64 {
        self.micros().saturating_mul(i64::from(self.burst))
    }
    /// How far ahead of now a bucket may be with what was let through too much and is paid back. What is stored further ahead was
    /// stored before the clock was set back, and is forgotten.
    pub fn deepest(self) -> i64 {
        self.tolerance().saturating_mul(2)
    }
    /// Whether one more request fits into a bucket that needs `until_full` to be full.
    pub fn fits(self, until_full: i64) -> bool {
        self.is_none() || until_full.saturating_add(self.micros()) <= self.tolerance()
    }
    /// The answer when the bucket needs `until_full` to be full, this request included if it is allowed.
    pub fn admission(self, allowed: bool, until_full: i64) -> Admission {
        let (period, tolerance) = (self.micros(), self.tolerance());
        let room = (tolerance - until_full).max(0);
        let remaining = room.checked_div(period).map_or(self.burst, |n| u32::try_from(n).unwrap_or(u32::MAX));
        let wait = if allowed { 0 } else { until_full.saturating_add(period).saturating_sub(tolerance).max(1) };
        Admission { allowed, limit: self.burst, remaining, retry_after: duration(wait), reset_after: duration(until_full) }
    }
}

impl Admission {
    /// The one of several that decides: a refusal before all, the one with the longest wait; else that with the least left.
    pub fn tightest(several: impl IntoIterator<Item = Self>) -> Option<Self> {
        several.into_iter().min_by_key(|one| (one.allowed, Reverse(one.retry_after), one.remaining))
    }
}

/// Whole seconds, rounded up: what a header says.
pub fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_used_up_and_fills_again() {
        let limit = Limit::each(2, 1, 3);
        assert_eq!((limit.micros(), limit.tolerance()), (500_000, 1_500_000));
        assert!(limit.fits(1_000_000) && !limit.fits(1_000_001));
        let refused = limit.admission(false, 1_200_000);
        assert_eq!((refused.remaining, refused.retry_after.as_millis(), refused.reset_after.as_millis()), (0, 200, 1200));
        assert_eq!(whole_seconds(refused.retry_after), 1);
        assert_eq!(limit.admission(true, 500_000).remaining, 2);
    }

    #[test]
    fn no_rate_is_no_limit_and_no_burst_is_no_entry() {
        let free = Limit::each(0, 1, 5);
        assert!(free.is_none() && free.fits(i64::MAX));
        assert!(!Limit::each(1, 1, 0).fits(0));
    }

    #[test]
    fn a_refusal_decides_before_whatever_is_left_elsewhere() {
        let limit = Limit::each(1, 1, 10);
        let (plenty, little) = (limit.admission(true, 1_000_000), limit.admission(true, 9_000_000));
        let (soon, late) = (limit.admission(false, 9_500_000), limit.admission(false, 10_000_000));
        assert_eq!(Admission::tightest([plenty, little]), Some(little));
        assert_eq!(Admission::tightest([plenty, soon, late, little]), Some(late));
        assert_eq!(Admission::tightest([]), None);
    }
}
