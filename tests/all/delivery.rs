//! What leaves: webhooks, deliveries, mails.

pub(crate) mod deliveries;
mod webhooks;
