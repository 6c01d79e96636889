//! What is done by the clock.

pub(crate) mod schedules;
