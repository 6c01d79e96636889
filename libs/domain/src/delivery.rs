//! What leaves: webhooks, deliveries, mails.

pub mod mails;
pub mod webhooks;
