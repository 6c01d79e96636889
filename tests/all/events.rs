//! What happened: the record, its order, the feed, the sealed audit log.

mod analytics;
pub(crate) mod audit;
mod feed;
mod record;
