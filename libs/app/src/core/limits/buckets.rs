//! Counting signed-in callers without asking the shared store at every request.
//!
//! Each process keeps a bucket (GCRA) for each account and organization that it serves, and lets requests through on **credit**: it
//! counts them in its own bucket and reports them to the store together, with the request that uses the credit up. The store answers how
//! full the bucket is with what all processes reported, and that is what this process counts on from. The credit is a quarter of
//! what is left, at most [`MAX_CREDIT`]: far from the limit one request in fifty asks, near it every one does.
//!
//! **How far it is off.** What a process has let through and not yet reported is less than its credit, so `n` processes together can let
//! through at most `n` * [`MAX_CREDIT`] requests more than the limit says, once: reported requests are charged whatever the store
//! answers, so whatever was too much is paid back before anything else passes. One process alone is exact. A request that this
//! process refuses is not reported: a flood costs the store nothing.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    OrgId, Result, SessionId, Time,
    authorization::principal::PrincipalId,
    core::{
        ports::{Kv, RateRequest},
        rate::{Admission, Limit},
    },
};
use moka::{policy::EvictionPolicy, sync::Cache};
use uuid::Uuid;

use super::Group;

/// Requests under one bucket that a process lets through before it reports them.
const MAX_CREDIT: u32 = 50;
/// Buckets that a process keeps; those that were not used for the longest time are forgotten.
const MAX_BUCKETS: u64 = 100_000;

/// Whose budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Principal(PrincipalId),
    Organization(OrgId),
    /// An OAuth client that has shown who it is.
    Client(Uuid),
    /// What a client does in somebody's session.
    Session(SessionId),
}

/// A request to be counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) whose: Whose,
    pub(super) group: Group,
    pub(super) limit: Limit,
}

impl Wanted {
    /// Random identifiers: nothing personal.
    fn key(&self) -> String {
        match self.whose {
            Whose::Principal(id) => format!("{}:{id}", self.group.as_str()),
            Whose::Organization(org) => format!("{}:{org}", self.group.as_str()),
            Whose::Client(client) => format!("client:{client}"),
            Whose::Session(session) => format!("userinfo:{session}"),
        }
    }
}

/// What this process knows of one budget.
struct Bucket {
    /// When it is full again, by this process's clock, with everything that is known here.
    full_at: i64,
    /// Requests let through that the store has not answered about yet.
    unreported: u32,
    /// When the latest of them came.
    latest: i64,
    /// Those of them that are being reported right now.
    reporting: u32,
    /// How many may be unreported.
    credit: u32,
}

impl Bucket {
    fn new(limit: Limit) -> Self {
        Self { full_at: i64::MIN, unreported: 0, latest: 0, reporting: 0, credit: credit(limit.burst) }
    }
    /// How long it needs. What a clock that was ahead left is forgotten.
    fn until_full(&self, now: i64, limit: Limit) -> i64 {
        let ahead = self.full_at.saturating_sub(now);
        if ahead > limit.deepest() { 0 } else { ahead.max(0) }
    }
    fn admission(&self, now: i64, limit: Limit) -> Admission {
        let until_full = self.until_full(now, limit);
        limit.admission(limit.fits(until_full), until_full)
    }
    fn spend(&mut self, now: i64, limit: Limit) -> Admission {
        let until_full = self.until_full(now, limit) + limit.micros();
        self.full_at = now + until_full;
        self.unreported += 1;
        self.latest = now;
        limit.admission(true, until_full)
    }
    fn reported(&mut self, now: i64, limit: Limit, answer: Admission) {
        let known = i64::try_from(answer.reset_after.as_micros()).unwrap_or(i64::MAX / 4);
        let unreported = limit.micros().saturating_mul(i64::from(self.unreported));
        self.full_at = now.saturating_add(known).saturating_add(unreported);
        self.credit = credit(answer.remaining);
    }
}

fn credit(remaining: u32) -> u32 {
    (remaining / 4).clamp(1, MAX_CREDIT)
}

#[derive(Clone)]
pub(super) struct Buckets(Cache<(Whose, Group), Arc<Mutex<Bucket>>>);

impl Buckets {
    pub(super) fn new() -> Self {
        // LRU: the default policy may refuse to keep a new key while it is full, which would be a way around the limit.
        Self(Cache::builder().max_capacity(MAX_BUCKETS).eviction_policy(EvictionPolicy::lru()).build())
    }

    /// Decides on one request under several budgets: all must allow it. The answer is the tightest one's.
    pub(super) async fn admit(&self, kv: &dyn Kv, now: Time, wanted: &[Wanted]) -> Result<Option<Admission>> {
        let now = now.timestamp_micros();
        let buckets: Vec<_> = wanted.iter().map(|w| self.bucket(w)).collect();
        match locally(&buckets, now, wanted) {
            Some(admission) => Ok(admission),
            None => report(kv, &buckets, now, wanted).await,
        }
    }

    fn bucket(&self, wanted: &Wanted) -> Arc<Mutex<Bucket>> {
        let key = (wanted.whose, wanted.group);
        match self.0.get(&key) {
            Some(bucket) => bucket,
            None => self.0.get_with(key, || Arc::new(Mutex::new(Bucket::new(wanted.limit)))),
        }
    }
}

fn hold(bucket: &Mutex<Bucket>) -> MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The decision as far as this process can make it alone: `None` if the store must be asked.
fn locally(buckets: &[Arc<Mutex<Bucket>>], now: i64, wanted: &[Wanted]) -> Option<Option<Admission>> {
    // Everybody takes them in the same order, the account's first.
    let mut held: Vec<_> = buckets.iter().map(|bucket| hold(bucket)).collect();
    let views = || held.iter().zip(wanted).map(|(bucket, w)| bucket.admission(now, w.limit));
    if views().any(|admission| !admission.allowed) {
        return Some(Admission::tightest(views()));
    }
    if held.iter().any(|bucket| bucket.unreported >= bucket.credit) {
        return None;
    }
    Some(Admission::tightest(held.iter_mut().zip(wanted).map(|(bucket, w)| bucket.spend(now, w.limit))))
}

/// What is being reported of one bucket. Settled when it is dropped: if the caller went away meanwhile, it was reported all the
/// same.
struct Report<'a> {
    bucket: &'a Mutex<Bucket>,
    unreported: u32,
    latest: i64,
}

impl<'a> Report<'a> {
    fn of(bucket: &'a Mutex<Bucket>) -> Self {
        let mut held = hold(bucket);
        let unreported = held.unreported - held.reporting;
        held.reporting = held.unreported;
        Self { bucket, unreported, latest: held.latest }
    }
    fn request(&self, now: i64, wanted: &Wanted) -> RateRequest {
        let ago = if self.unreported > 0 { u64::try_from(now - self.latest).unwrap_or(0) } else { 0 };
        RateRequest {
            key: wanted.key(),
            limit: wanted.limit,
            unreported: self.unreported,
            unreported_age: Duration::from_micros(ago),
        }
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        let mut held = hold(self.bucket);
        held.unreported -= self.unreported;
        held.reporting -= self.unreported;
    }
}

/// Reports what was let through, and asks about this request: all budgets in one round trip.
async fn report(kv: &dyn Kv, buckets: &[Arc<Mutex<Bucket>>], now: i64, wanted: &[Wanted]) -> Result<Option<Admission>> {
    let reports: Vec<_> = buckets.iter().map(|bucket| Report::of(bucket)).collect();
    let requests = reports.iter().zip(wanted).map(|(report, w)| report.request(now, w));
    let answers = kv.admit(&requests.collect::<Vec<_>>()).await?;
    drop(reports);
    for ((bucket, w), answer) in buckets.iter().zip(wanted).zip(&answers) {
        hold(bucket).reported(now, w.limit, *answer);
    }
    Ok(Admission::tightest(answers))
}

#[cfg(test)]
mod tests;
