//! What is claimed, worked and settled: from the database, or by the clock.

pub(crate) mod log_streams;
pub(crate) mod logouts;
pub(crate) mod mails;
pub(crate) mod schedules;
pub(crate) mod webhooks;
