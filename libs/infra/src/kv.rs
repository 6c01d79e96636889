//! The shared, forgetful store behind [`domain::core::ports::Kv`]: rate limits and wake-ups, in memory for one process or in Redis for
//! several. One contract test holds both to the same behaviour. Emptying it costs time, never safety.

mod memory;
mod outage;
mod redis;
#[cfg(test)]
mod tests;
mod wake;

use std::sync::Arc;

use domain::{Clock, core::ports::Kv};

pub use self::{memory::MemoryKv, redis::RedisKv};
use crate::config::RedisConfig;

/// The store that `cfg` asks for. An unreachable Redis is no error: the store comes up degraded and heals itself.
pub async fn connect(cfg: &RedisConfig, clock: Arc<dyn Clock>) -> Arc<dyn Kv> {
    if cfg.url.is_empty() {
        return Arc::new(MemoryKv::new(clock));
    }
    match RedisKv::connect(cfg.url.expose(), Arc::clone(&clock)).await {
        Ok(kv) => Arc::new(kv),
        // The configuration has parsed this URL already; whatever is left to go wrong must not stop the process.
        Err(error) => {
            tracing::error!(%error, "redis.url cannot be used; limits and wake-ups stay inside this process");
            Arc::new(MemoryKv::new(clock))
        }
    }
}
