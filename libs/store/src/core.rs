//! What every noun uses: connecting, the write transaction, SQL, errors, keys, retention.

pub mod backlog;
pub(crate) mod db;
pub mod dialect;
#[allow(unused_imports, reason = "some are only read by tests")]
pub(crate) mod entity;
pub mod error;
pub mod idempotency;
pub mod keys;
pub(crate) mod migrate;
pub mod reach;
pub mod retention;
pub mod session;
pub(crate) mod sql;
pub(crate) mod table;
pub(crate) mod tables;
#[cfg(test)]
pub(crate) mod testing;
pub mod write;
