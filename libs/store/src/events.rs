//! What happened: the record, its order, the feed, the sealed audit log.

pub mod analytics;
pub mod audit;
pub mod feed;
pub mod record;
pub mod sequencer;
