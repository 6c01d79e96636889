//! What use cases need from outside, apart from the database. The adapters live in `infra`; defining the ports here keeps them
//! independent of the use cases.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use crate::{Result, Violation};

/// A rate: one request each `period` on average, up to `burst` at once (GCRA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests that may come at once.
    pub burst: u32,
    /// Time after which one more request is allowed.
    pub period: Duration,
}

/// The answer of a rate limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether this request may pass.
    pub allowed: bool,
    /// Requests left right now.
    pub remaining: u32,
    /// How long until a refused caller may try again; zero when allowed.
    pub retry_after: Duration,
    /// How long until the whole burst is available again.
    pub reset_after: Duration,
}

/// Shared, forgetful state: rate limits and wake-ups. Losing all of it may cost time, never safety; whatever must survive
/// lives in the database.
#[async_trait]
pub trait Kv: Send + Sync {
    /// Counts one request against `limit` under `key`, atomically and in one round trip.
    async fn admit(&self, key: &str, limit: Limit) -> Result<Admission>;
    /// Tells every worker that there is work. Best effort: workers poll as well.
    async fn wake(&self);
    /// Resolves at the next [`wake`](Kv::wake), of any process that shares this store.
    async fn woken(&self);
    /// Whether the store answers, for the readiness probe.
    async fn healthy(&self) -> bool;
}

/// Judges a URL that a customer gave us, before it is stored: scheme, credentials, port and every address it resolves to.
/// The client that later calls it checks again at connect time, because a name may resolve differently then.
#[async_trait]
pub trait UrlGuard: Send + Sync {
    /// `Err` names `field` and what is wrong, without telling what is behind the address.
    async fn check(&self, field: &str, url: &Url) -> std::result::Result<(), Violation>;
}
