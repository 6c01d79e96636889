//! What leaves: webhooks, deliveries, mails, log streams.

pub mod deliveries;
pub mod log_streams;
pub mod mail_templates;
pub mod mails;
pub mod webhooks;
