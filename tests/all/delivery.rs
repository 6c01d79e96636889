//! What leaves: webhooks, deliveries, mails, log streams.

pub(crate) mod deliveries;
mod log_streams;
mod mail_templates;
mod webhooks;
