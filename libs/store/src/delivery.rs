//! What leaves: webhooks, deliveries, mails.

pub mod deliveries;
pub mod mails;
pub mod webhooks;
