//! The generic cell rate algorithm: one number per key, the moment at which the bucket would be full again ("theoretical arrival
//! time"). A request moves it one period ahead and passes if it stays within a burst of now. All times are microseconds.

use std::time::Duration;

use domain::ports::{Admission, Limit};

/// One decision: the new arrival time (`None`: refused, nothing changes) and the answer.
pub(super) fn decide(now: i64, stored: Option<i64>, limit: Limit) -> (Option<i64>, Admission) {
    let period = micros(limit.period);
    let tolerance = period.saturating_mul(i64::from(limit.burst));
    // A moment further away than a bucket is deep was stored before the clock was set back: forgotten, or it would refuse until then.
    let stored = stored.filter(|stored| *stored <= now.saturating_add(tolerance));
    let arrival = stored.map_or(now, |stored| stored.max(now));
    let next = arrival.saturating_add(period);
    let allowed = next - now <= tolerance || period == 0;
    (allowed.then_some(next), admission(allowed, if allowed { next - now } else { arrival - now }, limit))
}

/// The answer when the bucket needs `until_full` microseconds to be full.
pub(super) fn admission(allowed: bool, until_full: i64, limit: Limit) -> Admission {
    let period = micros(limit.period);
    let tolerance = period.saturating_mul(i64::from(limit.burst));
    let room = (tolerance - until_full).max(0);
    let remaining = if period == 0 { limit.burst } else { u32::try_from(room / period).unwrap_or(u32::MAX) };
    let wait = if allowed { 0 } else { (until_full + period - tolerance).max(1) };
    let duration = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    Admission { allowed, remaining, retry_after: duration(wait), reset_after: duration(until_full) }
}

/// A period as whole microseconds.
pub(super) fn micros(period: Duration) -> i64 {
    i64::try_from(period.as_micros()).unwrap_or(i64::MAX / 4)
}
