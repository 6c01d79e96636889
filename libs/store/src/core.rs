//! What every noun uses: connecting, the write transaction, SQL, errors, keys, retention.

pub mod dialect;
pub(crate) mod entity;
pub mod error;
pub mod idempotency;
pub mod keys;
pub mod retention;
pub(crate) mod sql;
#[cfg(test)]
pub(crate) mod testing;
pub mod write;
