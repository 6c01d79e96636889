//! The circuit breaker of an endpoint: how its latest attempts went, and what follows for the next ones. Pure; the store keeps it.
//!
//! After [`Breaker::after_failures`] signs in a row that the endpoint is down, the circuit opens: nothing is sent until a time, so no attempt
//! of any delivery is used up on it. Then one delivery at a time probes (half-open); another such sign opens the circuit for twice as
//! long, a success closes it at once. An answer that refuses one event (a 404, say) comes from an endpoint that is up: it says nothing
//! about the next event, so it neither opens the circuit nor closes it.
//!
//! All that holds for an endpoint which has answered 2xx once. Before, it may be somebody's who never asked for events: any answer but a
//! 2xx counts as a sign that it is down, and one delivery is in flight at a time.

use chrono::TimeDelta;

use crate::Time;

/// When circuits open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Signs in a row that the endpoint is down; 0: never.
    pub after_failures: i64,
    /// How long it is open the first time; doubles with every probe that fails.
    pub first: TimeDelta,
}

/// It is never open for longer, apart from the jitter: an endpoint that was repaired is found within this time.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// An endpoint that takes this long to answer is slow: workers give such endpoints only a share of their concurrency slots.
const SLOW: TimeDelta = TimeDelta::seconds(1);

/// What an attempt says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It works: the event arrived.
    Arrived,
    /// It answers, and does not want this event.
    Refused,
    /// It is down or overloaded: no connection, no answer in time, 429 or 5xx.
    Down,
    /// Nothing was sent.
    Unsent,
}

impl Sign {
    /// Of an attempt that did not arrive, by the answer's status; `None`: there was no answer.
    pub const fn of_failure(status: Option<u16>) -> Self {
        match status {
            None | Some(429 | 500..) => Self::Down,
            Some(_) => Self::Refused,
        }
    }
}

/// Which delivery probes an endpoint whose circuit was open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The oldest that failed before.
    OldestFailed,
    /// One that failed least, or was never tried.
    LeastFailed,
}

/// An attempt that was made.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// What it says.
    pub sign: Sign,
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub took: TimeDelta,
    /// Before this nothing may be sent, whatever is due: the endpoint asked for it (`Retry-After`), or its organization is suspended.
    pub not_before: Option<Time>,
}

/// How an endpoint has been answering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    /// Signs that it is down since the last success; before the first, everything that did not arrive.
    pub failures: i64,
    /// The first attempt since the last success; none of them arrived.
    pub failing_since: Option<Time>,
    /// From the first to the last of them, refusals included. Time in which nothing was tried after the last failure does not count.
    pub failing_seconds: i64,
    /// How often the circuit opened since the last success.
    pub opened: i32,
    /// Until when nothing is sent. In the past: the next delivery is a probe.
    pub open_until: Option<Time>,
    /// Whether the last answer took long, or there was none.
    pub slow: bool,
    /// When it first answered 2xx at its present URL.
    pub verified_at: Option<Time>,
}

impl Circuit {
    /// What it is after more attempts, in the order in which they ended. `jitter` in 0..1 spreads the probes of endpoints that failed
    /// together.
    #[must_use]
    pub fn after(self, tried: &[Tried], breaker: Breaker, now: Time, jitter: f64) -> Self {
        let next = tried.iter().fold(self, |circuit, one| circuit.count(one));
        let refusals_count = next.verified_at.is_none();
        let failed = tried.iter().any(|one| one.sign == Sign::Down || (refusals_count && one.sign == Sign::Refused));
        let enough = failed && breaker.after_failures > 0 && next.failures >= breaker.after_failures;
        // What was in flight when it opened is no probe.
        let next = if enough && !next.is_open(now) { next.open(breaker.first, now, jitter) } else { next };
        // What arrived later than the wish takes it back.
        let last = tried.iter().rposition(|one| one.sign == Sign::Arrived).map_or(0, |arrived| arrived + 1);
        let asked = tried[last..].iter().filter_map(|one| one.not_before).filter(|until| *until > now).max();
        Self { open_until: next.open_until.max(asked), ..next }
    }

    fn count(self, tried: &Tried) -> Self {
        let took_long = tried.took >= SLOW;
        match tried.sign {
            Sign::Unsent => self,
            Sign::Arrived => Self { slow: took_long, verified_at: self.verified_at.or(Some(tried.at)), ..Self::default() },
            Sign::Refused if self.verified_at.is_none() => Self { failures: self.failures + 1, ..self.fail(tried.at, took_long) },
            Sign::Refused => self.fail(tried.at, took_long),
            Sign::Down => Self { failures: self.failures + 1, ..self.fail(tried.at, true) },
        }
    }

    fn fail(self, at: Time, slow: bool) -> Self {
        let since = self.failing_since.unwrap_or(at);
        let seconds = (at - since).num_seconds().max(self.failing_seconds);
        Self { failing_since: Some(since), failing_seconds: seconds, slow, ..self }
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

    /// Whether it opened and no delivery has arrived since: what is sent is a probe.
    pub const fn probes(&self) -> bool {
        self.opened > 0
    }

    /// How many of its deliveries may be in flight where a healthy endpoint may have `usual`.
    pub const fn room(&self, usual: u64) -> u64 {
        if self.probes() || self.verified_at.is_none() { 1 } else { usual }
    }

    /// Which delivery probes.
    pub const fn probe(&self) -> Probe {
        // One that refuses what it does not know needs another event, one that fails each for the first time needs the same again.
        if self.verified_at.is_none() && self.opened % 2 == 0 { Probe::LeastFailed } else { Probe::OldestFailed }
    }
}

#[cfg(test)]
mod tests;
